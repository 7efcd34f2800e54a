"""Run one child process in its own group: pump its lines, keep its time limit, end all of it, say why it failed.

Knows nothing of Prefect. `supervise` blocks the calling thread until every process of the group has gone, so that a
retry never races an orphan of the attempt before.
"""

import io
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from infra.processes import end_group, identity

GRACE_SECONDS = 30.0
DRAIN_SECONDS = 60.0
TOLD_TO_STOP = 143
USER_MISTAKE = 2
ERROR_LINES = 40

# Exit codes of a process that was lost rather than one that decided to fail: SIGKILL (also the kernel's answer to
# memory running out), SIGBUS, SIGSEGV and SIGABRT, as DVC reports them (negative) and as shells do (128 + n).
LOST = frozenset({-9, -7, -11, -6, 137, 135, 139, 134})
# A device that failed under the process, or a lock held by someone else for a moment.
_PASSING = ("CUDA error", "CUDA out of memory", "cudaError", "CUBLAS_STATUS", "NCCL", "is busy, it is being blocked by")
_EXITED_WITH = re.compile(r"failed to run: .*, exited with (-?\d+)$")
_PROGRESS = re.compile(r"::progress +(\d+(?:\.\d*)?)(?: +(.*))?$")
_TRACEBACK = "Traceback (most recent call last)"
# What DVC tells a person who will use git by hand; noise in the log of a stage.
_CHATTER = (
    "To track the changes with git",
    "\tgit add",
    "To enable auto staging",
    "\tdvc config core.autostage",
    "Use `dvc push`",
    "Data and pipelines are up to date",
    "Updating lock file",
    "Generating lock file",
)
_UNCHANGED = re.compile(r"Stage '.*' (didn't change, skipping|is cached - skipping run, checking out outputs)$")


@dataclass(frozen=True)
class Exit:
    """How a supervised process ended, and what it last said.

    `errors` are the lines of its last message, which began with "error: " or, where it `raised`, followed a traceback:
    up to `ERROR_LINES` of them; `unsaid` says how many more there are, and where.
    """

    code: int
    errors: tuple[str, ...] = ()
    unsaid: str = ""
    raised: bool = False
    tail: tuple[str, ...] = ()
    unchanged: bool = False
    out_of_time: bool = False
    stopped: bool = False

    @property
    def sentence(self) -> str:
        """Why it failed, in its own words where it has said so: one line, or a line for each thing that is wrong."""
        if self.errors:
            said = "\n".join([*self.errors, self.unsaid] if self.unsaid else self.errors)
            return f"exit code {self.code}: {said}" if self.raised else said
        last = next((line.strip() for line in reversed(self.tail) if line.strip()), "it printed nothing")
        return f"exit code {self.code}: {last}"

    @property
    def lost(self) -> bool:
        """Whether trying once more can help: the process was lost, it did not decide to fail."""
        if self.code in (0, USER_MISTAKE, TOLD_TO_STOP, -15) or self.out_of_time or self.stopped:
            return False
        return self.code in LOST or any(mark in line for line in self.tail for mark in _PASSING)


@dataclass
class Listener:
    """What hears a supervised process: every line for a person, and every step of its progress."""

    line: Callable[[str], None] = lambda text: None
    progress: Callable[[float, str], None] = lambda percent, message: None


@dataclass
class _Message:
    """The last message of a process: it begins after "error: " or a traceback, and goes on to the end of the output."""

    lines: list[str] = field(default_factory=list)
    unsaid: int = 0
    raised: bool = False
    _begins: bool = False
    _in_traceback: bool = False

    def take(self, line: str) -> None:
        """Hear the next line of the output that is not empty."""
        begins = line.startswith("error: ")
        # Another message takes the place of one that was not the last word; several in a row belong together.
        if (begins and not self._begins) or line.startswith(_TRACEBACK):
            self.lines, self.unsaid, self.raised = [], 0, not begins
            self._in_traceback = not begins
        self._begins = begins
        if self._in_traceback:
            if line.startswith((" ", _TRACEBACK)):
                return
            self._in_traceback = False
        elif not begins and not self.lines:
            return
        if len(self.lines) < ERROR_LINES:
            self.lines.append(line.removeprefix("error: ").rstrip())
        else:
            self.unsaid += 1


@dataclass
class _Output:
    """Understands the lines of one process."""

    listener: Listener
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    message: _Message = field(default_factory=_Message)
    unchanged: bool = False
    command_exit: int | None = None

    def take(self, raw: str, log: IO[str]) -> None:
        line = raw.rstrip("\r\n").split("\r")[-1]
        if match := _PROGRESS.match(line):
            self.listener.progress(min(float(match[1]), 100.0), (match[2] or "").strip())
            return
        log.write(line + "\n")
        log.flush()
        self.unchanged |= bool(_UNCHANGED.match(line))
        if match := _EXITED_WITH.search(line):
            self.command_exit = int(match[1])
            return
        if not line.strip() or line.startswith(_CHATTER):
            return
        self.message.take(line)
        self.tail.append(line)
        self.listener.line(line)


def _pump(pipe: BinaryIO, lines: "queue.SimpleQueue[str | None]") -> None:
    """Runs in a thread of its own, which owns the pipe: closing it under a blocked reader would hang."""
    # Lines end with a newline only: what a progress bar draws over itself with carriage returns is one line.
    with io.TextIOWrapper(pipe, encoding="utf-8", errors="replace", newline="\n") as stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def supervise(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    listener: Listener,
    stop: threading.Event,
    limit_seconds: float = float("inf"),
    append: bool = False,
) -> Exit:
    """Run `command` in its own session and block until every process of its group has gone.

    The listener is called in the calling thread. `stop` ends the group (SIGTERM, `GRACE_SECONDS`, SIGKILL), and so does
    the time limit. All output but progress goes to the file `log`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    output = _Output(listener)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    deadline = time.monotonic() + limit_seconds
    process = subprocess.Popen(
        command,
        cwd=cwd,
        # Read as UTF-8 below, whatever the terminal is.
        env={**environment, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "CETERIS_PARENT": str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    stopped = out_of_time = False
    try:
        with log.open("a" if append else "w", encoding="utf-8") as file:
            silent = False
            # Until the leader has gone, not until its output ends: one that died may leave children on the pipe.
            while identity(process.pid) is not None and not (stopped or out_of_time):
                if silent:
                    time.sleep(0.02)
                else:
                    silent = _take(lines, output, file)
                stopped, out_of_time = stop.is_set(), time.monotonic() > deadline
            # The leader is reaped last: until then nothing else can be given the number of its group.
            end_group(process.pid, GRACE_SECONDS)
            process.wait()
            # Its output ends with it, unless something that has left the group still holds the pipe.
            end = time.monotonic() + DRAIN_SECONDS
            while not silent and time.monotonic() < end:
                silent = _take(lines, output, file)
    finally:
        if process.returncode is None:
            end_group(process.pid, 0.0)
            process.wait()
    lost = process.returncode < 0  # DVC itself, whatever its command has said
    code = process.returncode if lost or output.command_exit is None else output.command_exit
    message, place = output.message, log.relative_to(cwd) if log.is_relative_to(cwd) else log
    return Exit(
        code,
        tuple(message.lines),
        f"... {message.unsaid} more lines in {place}" if message.unsaid else "",
        message.raised,
        tuple(output.tail),
        output.unchanged,
        out_of_time,
        stopped,
    )


def _take(lines: "queue.SimpleQueue[str | None]", output: _Output, log: IO[str]) -> bool:
    """Handle some of what has been read, waiting a moment for the first line; True at the end of the output."""
    wait = 0.1
    for _ in range(1000):
        try:
            raw = lines.get(timeout=wait)
        except queue.Empty:
            return False
        if raw is None:
            return True
        output.take(raw, log)
        wait = 0.0
    return False


def stage_command(address: str) -> list[str]:
    """Run one stage through DVC, waiting for its lock: without, a finished training can fail to be recorded."""
    return [sys.executable, "-m", "flows.stages.stage_process", "--wait-for-lock", "repro", "--single-item", address]
