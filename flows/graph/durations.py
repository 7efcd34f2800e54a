"""How long stages took before: for the order of work and for the time left. Never an input of anything."""

import json
import threading
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from components.files.json_files import write_json
from flows.graph.dvc_graph import Plan, Slot

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
        """Seconds by stage: its own last time, else the mean of its matrix, else what the slowest matrix of its slot takes.

        The mean of all would make a first run look short: many stages take seconds, and they are not the ones to come.
        """
        with self._lock:
            known = dict(self._known)
        timed: defaultdict[Slot, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for address in known.keys() & plan.stages.keys():
            timed[plan.stages[address].slot][plan.stages[address].name].append(known[address])
        matrices = {slot: {name: fmean(seconds) for name, seconds in named.items()} for slot, named in timed.items()}
        slowest = {slot: max(means.values()) for slot, means in matrices.items()}
        result = {}
        for stage in plan.stages.values():
            if stage.address in known:
                result[stage.address] = known[stage.address]
            elif stage.slot in matrices:
                result[stage.address] = matrices[stage.slot].get(stage.name, slowest[stage.slot])
        return result

    def ranking(self, plan: Plan) -> dict[str, float]:
        """The same for every stage, guessed where nothing is known: enough to say which chain is long."""
        guesses = {stage.address: _UNKNOWN[stage.slot] for stage in plan.stages.values()}
        return guesses | self.estimate(plan)

    def record(self, address: str, seconds: float) -> None:
        """Remember how long a stage that ran to its end took."""
        with self._lock:
            self._known[address] = round(seconds, 1)
            write_json(self._path, self._known)
