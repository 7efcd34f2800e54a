"""File locks: what only one process may do at a time.

A lock is the operating system's, held on a file that stays. It ends with the process that holds it, whatever killed it, and a
program that this process starts does not inherit it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from components.errors import CeterisError


@contextmanager
def locked(path: Path, timeout: float = -1) -> Iterator[None]:
    """Wait for a lock and hold it inside the block.

    Args:
        timeout: seconds to wait; by default as long as it takes.

    Raises:
        TimeoutError: another process has held it all the while.
    """
    lock = _lock(path)
    try:
        lock.acquire(timeout)
    except Timeout:
        raise TimeoutError(f"{path} is held by another process") from None
    try:
        yield
    finally:
        lock.release()


def try_lock(path: Path) -> FileLock | None:
    """A lock that is held until its `release`, by any thread; None where somebody else holds it."""
    lock = _lock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


def is_locked(path: Path) -> bool:
    """Whether somebody, this process included, holds the lock at a path."""
    if not path.is_file():
        return False
    lock = try_lock(path)
    if lock is not None:
        lock.release()
    return lock is None


@contextmanager
def only_one(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock inside the block, or say at once who holds it: `{pid}` in `refusal` becomes that process.

    Raises:
        CeterisError: with `refusal`, when another process holds it.
    """
    lock = try_lock(path)
    if lock is None:
        raise CeterisError(refusal.format(pid=path.read_text(encoding="utf-8").strip() or "unknown"))
    try:
        path.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        lock.release()


def _lock(path: Path) -> FileLock:
    """Not a lock of a thread: whoever waits for a stage gives its slot back, which another thread took.

    Without `fallback_to_soft`, because the mere existence of a file, on which filelock falls back where the file system has no
    locks, would outlive a holder that is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, thread_local=False, fallback_to_soft=False)
