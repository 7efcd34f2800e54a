"""Atomic writes: whoever reads a file or folder sees it whole, as it was before or as it is afterwards.

What is being written lies beside its place under a name that begins with a dot and ends in `.part`. A process that is killed may
leave it there: `is_leftover` tells it from content, and .dvcignore keeps it out of every hash.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_END = ".part"


@contextmanager
def atomic_file(path: Path, durable: bool = False) -> Iterator[Path]:
    """A path to write to; the file there takes the place of `path` when the block ends, and is removed if it raises.

    Every writer has a path of its own, so several may replace one file at once: the last one stays.

    Args:
        durable: also flush it to the disk first, so that not even a loss of power leaves a torn file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Cut, for a name that is nearly as long as the file system allows must not become too long.
    beside = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}{_END}")
    try:
        yield beside
        if durable:
            with beside.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it takes the place of `path`, as a whole, when the block ends, and is removed if it raises.

    A folder that is already at `path` is set aside first: for a moment there is none, but never a mixture. Should the process be
    killed in that moment, the next writer puts it back before it begins. One process at a time may write a folder; what an
    earlier one left unfinished is removed.
    """
    beside, former = (path.with_name(f".{path.name}{end}{_END}") for end in ("", ".former"))
    _put_back(former, path)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        if path.exists():
            os.replace(path, former)
        os.replace(beside, path)
    except BaseException:
        _put_back(former, path)
        shutil.rmtree(beside, ignore_errors=True)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _put_back(former: Path, path: Path) -> None:
    """The folder that was set aside returns to its place, or goes where there is a new one."""
    if former.exists() and not path.exists():
        os.replace(former, path)
    shutil.rmtree(former, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; its folder is made if need be."""
    with atomic_file(path) as beside:
        beside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a file of UTF-8 text, whole or not at all; its folder is made if need be."""
    with atomic_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def is_leftover(path: Path) -> bool:
    """Whether a file or folder is one that a killed process did not finish."""
    return path.name.startswith(".") and path.name.endswith(_END)
