"""Earlier durations of stages, for the order of work and the estimate of time left. They affect no result."""

import json
import threading
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from components.files.json_files import write_json
from flows.graph.dvc_graph import Plan, Slot

# Guesses in seconds for stages without any known duration: GPU stages are assumed to take longer.
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
        """Seconds by stage, the first of these that is known:

        1. its own last duration;
        2. the mean of its matrix;
        3. the mean of the slowest matrix with the same slot.

        A mean over all stages would be too short in a first run: the stages that have finished take seconds, the later ones
        take longer.
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
        """`estimate` for every stage, with guesses where nothing is known. It is only used to rank chains of stages."""
        guesses = {stage.address: _UNKNOWN[stage.slot] for stage in plan.stages.values()}
        return guesses | self.estimate(plan)

    def record(self, address: str, seconds: float) -> None:
        """Store the duration of a stage that ran to its end."""
        with self._lock:
            self._known[address] = round(seconds, 1)
            write_json(self._path, self._known)
