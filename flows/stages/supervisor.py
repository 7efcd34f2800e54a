"""Supervise one child process in its own group: read its output, enforce its time limit, end its group, explain failures.

Independent of Prefect. `supervise` blocks the calling thread until every process of the group is gone, so that a retry never
runs beside an orphan of the attempt before.
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

# Exit codes of a process that was killed or crashed, instead of failing by itself: SIGKILL (also when memory runs out),
# SIGBUS, SIGSEGV and SIGABRT, as DVC reports them (negative) and as shells do (128 + n).
LOST = frozenset({-9, -7, -11, -6, 137, 135, 139, 134})
# Messages of temporary failures: of a device, or of a lock that another process holds for a moment.
_PASSING = ("CUDA error", "CUDA out of memory", "cudaError", "CUBLAS_STATUS", "NCCL", "is busy, it is being blocked by")
_EXITED_WITH = re.compile(r"failed to run: .*, exited with (-?\d+)$")
_PROGRESS = re.compile(r"::progress +(\d+(?:\.\d*)?)(?: +(.*))?$")
_TRACEBACK = "Traceback (most recent call last)"
# Lines that DVC prints for people who use git by hand; they are left out of what is shown.
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
    """How a supervised process ended, and its last output.

    Attributes:
        code: the exit code.
        errors: the lines of its last error message, at most `ERROR_LINES`. The message began with "error: " or, if `raised`,
            followed a traceback.
        unsaid: how many more lines there are, and in which file; empty if there are none.
        raised: whether the message followed a traceback.
        tail: the last lines of output.
        unchanged: whether DVC found the stage unchanged.
        out_of_time: whether it was ended at its time limit.
        stopped: whether it was ended because of `stop`.
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
        """Why it failed: its error message (one line, or one for each problem), otherwise its last line of output."""
        if self.errors:
            said = "\n".join([*self.errors, self.unsaid] if self.unsaid else self.errors)
            return f"exit code {self.code}: {said}" if self.raised else said
        last = next((line.strip() for line in reversed(self.tail) if line.strip()), "it printed nothing")
        return f"exit code {self.code}: {last}"

    @property
    def lost(self) -> bool:
        """Whether a retry can help, because the process was killed, crashed or met a temporary failure."""
        if self.code in (0, USER_MISTAKE, TOLD_TO_STOP, -15) or self.out_of_time or self.stopped:
            return False
        return self.code in LOST or any(mark in line for line in self.tail for mark in _PASSING)


@dataclass
class Listener:
    """Callbacks for the output of a supervised process: every line for people, and every progress report."""

    line: Callable[[str], None] = lambda text: None
    progress: Callable[[float, str], None] = lambda percent, message: None


@dataclass
class _Message:
    """Collects the last error message of a process, from "error: " or the end of a traceback to the end of its output."""

    lines: list[str] = field(default_factory=list)
    unsaid: int = 0
    raised: bool = False
    _begins: bool = False
    _in_traceback: bool = False

    def take(self, line: str) -> None:
        """Read the next line of output that is not empty."""
        begins = line.startswith("error: ")
        # A later message replaces an earlier one. Consecutive "error: " lines are one message.
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
    """Parses the output lines of one process."""

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
    """Put the lines of a pipe into a queue, then None.

    It runs in a thread of its own. Only this thread closes the pipe, because closing it while a reader is blocked would hang.
    """
    # Only a newline ends a line, so a progress bar that redraws itself with carriage returns is one line.
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
    """Run `command` in its own session and block until every process of its group is gone.

    The listener is called in the calling thread. `stop` and the time limit end the group (SIGTERM, `GRACE_SECONDS`, SIGKILL).
    All output except progress reports is written to the file `log`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    output = _Output(listener)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    deadline = time.monotonic() + limit_seconds
    process = subprocess.Popen(
        command,
        cwd=cwd,
        # The output is read as UTF-8 below, whatever the terminal's encoding is.
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
            # Loop until the leader is gone, not until its output ends: children of a dead leader may keep the pipe open.
            while identity(process.pid) is not None and not (stopped or out_of_time):
                if silent:
                    time.sleep(0.02)
                else:
                    silent = _take(lines, output, file)
                stopped, out_of_time = stop.is_set(), time.monotonic() > deadline
            # The leader is reaped last, because until then its group's number cannot be reused.
            end_group(process.pid, GRACE_SECONDS)
            process.wait()
            # Its output ends now, unless a process that left the group still holds the pipe.
            end = time.monotonic() + DRAIN_SECONDS
            while not silent and time.monotonic() < end:
                silent = _take(lines, output, file)
    finally:
        if process.returncode is None:
            end_group(process.pid, 0.0)
            process.wait()
    lost = process.returncode < 0  # DVC itself was killed; then the exit code of its command does not count
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
    """Handle up to 1,000 lines, waiting a moment for the first one; True at the end of the output."""
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
    """The command that runs one stage through DVC. It waits for DVC's lock; otherwise a finished training may not be recorded."""
    return [sys.executable, "-m", "flows.stages.stage_process", "--wait-for-lock", "repro", "--single-item", address]
