"""The spool: files to which stages append the events of their runs, for the tracker to read.

A stage only appends lines to a file of its own, so no server, database or network can delay or end a training. The tracker
(`flows/tracking/tracker.py`) tails the files. See docs/formats.md, "The sidecar", for the events.
"""

import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Status = Literal["finished", "failed", "killed"]
Event = dict[str, Any]

SECONDS_BETWEEN_WRITES = 1.0
POINTS_BETWEEN_WRITES = 200
_START = {"time", "stage", "arguments", "host", "pid", "commit", "scratch_key"}
# A process on another host cannot be looked up, so it counts as alive until its file has not grown for this long.
SECONDS_OF_SILENCE_ELSEWHERE = 900.0
# A start event is written within moments of the process's start; clocks tick coarsely.
CLOCK_TOLERANCE_SECONDS = 2.0


class Spool:
    """Appends the events of one run of one stage to `folder/STAGE/UTC-PID.jsonl`.

    Every write ends with a whole line, so a kill at any moment leaves at most one unfinished last line, which readers ignore.
    A full disk delays events and never raises. Not thread-safe: only one training loop writes.

    Args:
        folder: the spool folder (`.ceteris/spool`), or None for a spool that discards all events.
        stage: the address of the stage in the graph, e.g. `finetune@clip-vqa-0`.
    """

    def __init__(self, folder: Path | None, stage: str) -> None:
        self.folder = folder
        self.stage = stage
        self.path: Path | None = None
        self._descriptor: int | None = None
        self._pending = bytearray()
        self._points = 0
        self._written_at = -math.inf
        self._started = time.monotonic()
        self._complained = False

    def start(self, arguments: Mapping[str, Any], scratch_key: str = "") -> None:
        """Open the file and write the start event, with the stage's arguments and the key of its scratch folder."""
        self._started = time.monotonic()
        if self.folder is None:
            return
        now = datetime.now(UTC)
        self.path = self.folder / self.stage / f"{now:%Y%m%dT%H%M%S%fZ}-{os.getpid()}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._write(
            {
                "event": "start",
                "time": now.timestamp(),
                "stage": self.stage,
                "arguments": dict(arguments),
                "host": platform.node(),
                "pid": os.getpid(),
                "commit": _commit(self.folder.parent.parent),
                "scratch_key": scratch_key,
            }
        )

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Write the configuration of the run."""
        self._write({"event": "parameters", "values": dict(values)})

    def dataset(self, name: str, digest: str, samples: int, context: str) -> None:
        """Write a data set that the run reads; `context` is its use, such as 'train'."""
        self._write({"event": "dataset", "name": name, "digest": digest, "samples": samples, "context": context})

    def metrics(self, prefix: str, samples: int, values: Mapping[str, float]) -> None:
        """Write a point of the learning curves after `samples` samples. This is cheap: points are written about once a second."""
        if self._descriptor is None:
            return
        numbers = {name: _number(value) for name, value in values.items()}
        event = {"event": "metrics", "time": time.time(), "prefix": prefix, "samples": samples, "values": numbers}
        self._pending += _line(event)
        self._points += 1
        if self._points >= POINTS_BETWEEN_WRITES or time.monotonic() - self._written_at >= SECONDS_BETWEEN_WRITES:
            self.flush()

    def resumed(self, samples: int) -> None:
        """Write that the run continues from a checkpoint taken after `samples` samples."""
        self._write({"event": "resumed", "samples": samples})

    def trained(self, prefix: str, steps: int, seconds: float) -> None:
        """Write how many steps this process has trained, and how many seconds its loop took."""
        event = {"event": "trained", "time": time.time(), "prefix": prefix, "steps": steps, "seconds": seconds}
        self._write(event)

    def artifact(self, path: Path | str) -> None:
        """Write that a file or folder, relative to the working folder, is to be kept with the run."""
        self._write({"event": "artifact", "path": str(path)})

    def end(self, status: Status, loop_cpu_seconds: float = 0.0, message: str = "") -> None:
        """Write how the run ended and what it cost, and close the file."""
        costs = {"seconds": time.monotonic() - self._started, "loop_cpu_seconds": loop_cpu_seconds, **_process_costs()}
        self._write({"event": "end", "status": status, **costs, "message": message})
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def flush(self) -> None:
        """Hand all pending events to the operating system.

        It is called with every checkpoint, so a kill loses no point before the last checkpoint.
        """
        self._points = 0
        self._written_at = time.monotonic()
        try:
            while self._pending and self._descriptor is not None:
                # Bytes stay pending until written. After a full disk the rest of a line is written first, so the file stays
                # readable.
                del self._pending[: os.write(self._descriptor, self._pending)]
        except OSError as error:
            if not self._complained:
                print(f"tracking is delayed, {self.path} cannot be written: {error}", file=sys.stderr)
            self._complained = True

    def _write(self, event: Event) -> None:
        if self._descriptor is not None:
            self._pending += _line(event)
            self.flush()


@dataclass
class SpoolRun:
    """One run of one stage, read from its file."""

    stage: str
    path: Path
    offset: int = 0

    def events(self) -> Iterator[Event]:
        """The events after `offset`, which is moved forward; an unfinished last line is left for later."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self.offset += len(line)
                try:
                    event = json.loads(line)
                except ValueError:  # a power failure can leave a line of zeros
                    continue
                if isinstance(event, dict):
                    yield event

    def begun(self) -> Event | None:
        """The start event, or None if there is none (yet)."""
        return next(
            (event for event in SpoolRun(self.stage, self.path).events() if event.get("event") == "start"), None
        )

    @property
    def alive(self) -> bool:
        """Whether the process that writes this file still runs.

        Read this property before the last events: a process that is dead and wrote no `end` event was killed.
        """
        start = self.begun()
        if start is None or start["host"] != platform.node():
            return time.time() - self.path.stat().st_mtime < (
                SECONDS_OF_SILENCE_ELSEWHERE if start else CLOCK_TOLERANCE_SECONDS
            )
        return is_alive(start["pid"], start["time"])


def runs(folder: Path) -> list[SpoolRun]:
    """All runs in a spool folder, the oldest first."""
    files = folder.glob("*/*.jsonl")
    return [SpoolRun(path.parent.name, path) for path in sorted(files, key=lambda path: (path.name, path.parent.name))]


def is_alive(pid: int, seen_at: float) -> bool:
    """Whether the process that had this pid at that time still runs. Pids are reused, so the start time is compared."""
    import psutil  # only the tracker needs it, not the stages

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= seen_at + CLOCK_TOLERANCE_SECONDS
    except psutil.Error:
        return False


def _line(event: Event) -> bytes:
    return json.dumps(event, default=str, separators=(",", ":")).encode() + b"\n"


def _number(value: float) -> float | str:
    """A number for JSON. Values that are not finite become 'nan', 'inf' or '-inf', which `float` reads."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def _process_costs() -> dict[str, float]:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "cpu_seconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "peak_memory_bytes": own.ru_maxrss * unit,
    }


def _commit(root: Path) -> str:
    """The commit of a working folder. A workspace has it in `study.json`, because the clone may be at a later commit."""
    try:
        return str(json.loads((root / "study.json").read_text(encoding="utf-8"))["commit"])
    except (OSError, ValueError, KeyError):
        pass
    try:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
