"""Identify processes beyond their pid, and end whole process groups without leaving any process behind."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_PROC = Path("/proc")
_LINUX = (_PROC / "self" / "stat").is_file()


def identity(pid: int) -> str | None:
    """A text that identifies a live process among all processes of this machine; None if there is no such live process.

    A pid alone is not enough, because pids are recycled. On Linux the boot id and the kernel's start time in ticks make it
    unique. The wall clock is not used, because it may be changed in between.
    """
    if _LINUX:
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            return None
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot[:8]}-{fields[19]}"
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(round(process.create_time()))
    except psutil.Error:
        return None


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat after the command name: state, parent, group, session, ..., start time (19)."""
    try:
        return (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def members(group: int) -> Iterator[int]:
    """Live processes of a process group; zombies do not count."""
    for pid in psutil.pids():
        if _LINUX:
            fields = _stat(pid)
            if fields and int(fields[2]) == group and fields[0] not in "ZX":
                yield pid
        else:
            try:
                if os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                    yield pid
            except (ProcessLookupError, PermissionError, psutil.Error):
                continue


def signal_group(group: int, number: int) -> None:
    """Signal a whole process group; it is no error if the group is gone."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def end_group(group: int, grace: float) -> None:
    """Send SIGTERM to the whole group, then SIGKILL to what is left after `grace` seconds."""
    signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(members(group)):
        if time.monotonic() >= deadline:
            signal_group(group, signal.SIGKILL)
            return
        time.sleep(0.05)
