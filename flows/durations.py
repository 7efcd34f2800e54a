"""How long stages took before: for the order of work and for the time left. Never an input of anything."""

import json
import os
import threading
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from flows.graph import Plan

# Where nothing has ever been timed, what wants a GPU is thought to take this much longer than the rest.
_UNKNOWN = {"cpu": 5.0, "gpu": 60.0}


class Durations:
    """Seconds per stage of one workspace, kept in its sidecar folder."""

    def __init__(self, workspace: Path) -> None:
        self._path = workspace / ".ceteris" / "durations.json"
        self._lock = threading.Lock()
        try:
            self._known: dict[str, float] = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            self._known = {}

    def estimate(self, plan: Plan) -> dict[str, float]:
        """Seconds by stage: its own last time, else the mean of its matrix, else of its slot, else it is left out."""
        with self._lock:
            known = dict(self._known)
        groups: defaultdict[str, list[float]] = defaultdict(list)
        for address in known.keys() & plan.stages.keys():
            groups[plan.stages[address].name].append(known[address])
            groups[f"slot {plan.stages[address].slot}"].append(known[address])
        result = {}
        for stage in plan.stages.values():
            if stage.address in known:
                result[stage.address] = known[stage.address]
            elif kin := groups[stage.name] or groups[f"slot {stage.slot}"]:
                result[stage.address] = fmean(kin)
        return result

    def ranking(self, plan: Plan) -> dict[str, float]:
        """The same for every stage, guessed where nothing is known: enough to say which chain is long."""
        guesses = {stage.address: _UNKNOWN[stage.slot] for stage in plan.stages.values()}
        return guesses | self.estimate(plan)

    def record(self, address: str, seconds: float) -> None:
        """Remember how long a stage that ran to its end took."""
        with self._lock:
            self._known[address] = round(seconds, 1)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(".new")
            beside.write_text(json.dumps(self._known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            os.replace(beside, self._path)
