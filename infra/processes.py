"""Processes: who is still the one that was recorded, and how a whole group is ended without leaving anything behind."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_PROC = Path("/proc")
_LINUX = (_PROC / "self" / "stat").is_file()


def identity(pid: int) -> str | None:
    """A text that no other process of this machine ever has, or None when there is no such live process.

    A pid alone is recycled; on Linux the kernel's start time in ticks and the boot make it unique (the wall clock may
    be set in between, so it is not used).
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
    """Live processes of a process group; zombies nobody reaps do not count."""
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
    """Signal a whole process group; one that has gone is no error."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def end_group(group: int, grace: float) -> None:
    """SIGTERM to the whole group, then SIGKILL to whatever is left after `grace` seconds."""
    signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(members(group)):
        if time.monotonic() >= deadline:
            signal_group(group, signal.SIGKILL)
            return
        time.sleep(0.05)
