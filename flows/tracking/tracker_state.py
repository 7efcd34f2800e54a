"""The state of the tracker: which study runs there are, and how much of each spool file MLflow has received.

It is one small file, `.ceteris/tracker.json`, which is replaced atomically. It is written before a run is created in MLflow
and after points were accepted there. A step that is killed in between is repeated, and repeating it changes nothing.
"""

import dataclasses
import json
import os
import platform
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from components.files.atomic import write_text
from components.files.locks import locked
from components.tracking.spool import SpoolRun, is_alive


@dataclass
class StudyRun:
    """One run of a study: the parent of the runs of its stages."""

    key: str
    started: float
    cached: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)  # cached stages that have been linked
    host: str = ""
    pid: int | None = None  # of the tracker; None for stages that ran without one
    run: str | None = None
    status: str | None = None
    ended: float | None = None
    done: bool = False

    @classmethod
    def begin(cls, started: float, cached: list[str], tracked: bool) -> "StudyRun":
        """A study run that began at `started`; `tracked` says whether this process tracks it."""
        pid = os.getpid() if tracked else None
        return cls(uuid.uuid4().hex, started, cached, host=platform.node(), pid=pid)

    @property
    def abandoned(self) -> bool:
        """Whether its tracker died without recording an end."""
        if self.status is not None or self.pid is None or self.host != platform.node():
            return False
        return not is_alive(self.pid, self.started)


@dataclass
class StageRun:
    """One attempt of one stage, which has one spool file."""

    parent: str
    started: float
    scratch_key: str = ""
    run: str | None = None
    offset: int = 0
    status: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    inputs: str | None = None
    tagged: bool = False  # whether its tags from dvc.lock were delivered
    prefixes: list[str] = field(default_factory=list)  # learning curves that this attempt has started or continued
    done: bool = False


@dataclass
class Cursor:
    """The whole state. Runs that are done stay in it, so that a store that was emptied can be filled again."""

    studies: dict[str, StudyRun] = field(default_factory=dict)
    stages: dict[str, StageRun] = field(default_factory=dict)  # by STAGE/FILE

    def forget_runs(self) -> None:
        """Forget all MLflow runs, so that everything is delivered again: the store was emptied or replaced."""
        for study in self.studies.values():
            study.run, study.done, study.linked = None, False, []
        for stage in self.stages.values():
            stage.run, stage.offset, stage.done, stage.tagged, stage.prefixes = None, 0, False, False, []

    def stages_of(self, study: StudyRun) -> dict[str, StageRun]:
        """The attempts that belong to one study run, in the order in which they began."""
        own = {name: stage for name, stage in self.stages.items() if stage.parent == study.key}
        return dict(sorted(own.items(), key=lambda item: (item[1].started, item[0])))

    def made(self, address: str, inputs: str | None) -> StageRun | None:
        """The last attempt that finished a stage from these inputs; None if there is none."""
        finished = [
            stage
            for name, stage in self.stages.items()
            if name.rpartition("/")[0] == address
            and stage.status == "FINISHED"
            and stage.run
            and stage.inputs == inputs
        ]
        return max(finished, key=lambda stage: stage.started, default=None)


def spool_name(run: SpoolRun) -> str:
    """The name of a spool file in the cursor."""
    return f"{run.stage}/{run.path.name}"


def load(sidecar: Path) -> Cursor:
    """Read the cursor of a sidecar folder; an empty one if there is none."""
    path = sidecar / "tracker.json"
    if not path.is_file():
        return Cursor()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # damaged by a power failure: everything is delivered again, to new runs
        return Cursor()
    return Cursor(
        {key: StudyRun(**value) for key, value in content["studies"].items()},
        {key: StageRun(**value) for key, value in content["stages"].items()},
    )


def save(sidecar: Path, cursor: Cursor) -> None:
    """Write the cursor, atomically, if it has changed."""
    path, text = sidecar / "tracker.json", json.dumps(dataclasses.asdict(cursor)) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    write_text(path, text)


def exclusive(sidecar: Path, timeout: float = 60.0) -> AbstractContextManager[None]:
    """Hold the lock under which one process reads the cursor, calls MLflow and writes the cursor.

    Raises:
        TimeoutError: another process has held the lock for all of `timeout` seconds.
    """
    return locked(sidecar / "tracker.lock", timeout)
