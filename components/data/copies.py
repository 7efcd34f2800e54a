"""Copies of a user's files that share nothing with them: what is written to one is never seen in the other."""

import errno
import fcntl
import shutil
import sys
from pathlib import Path

from components.errors import CeterisError

# ioctl of Linux (linux/fs.h): the blocks are shared until either file is written to, so the copy costs no space.
_FICLONE = 0x40049409
_FULL = (errno.ENOSPC, errno.EDQUOT)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's content, times and mode; links are followed. An existing target is overwritten.

    Raises:
        CeterisError: the disk is full, or its quota is used up; nothing is left at the target.
        OSError: it cannot be read or written.
    """
    try:
        if not _clone(source, target):
            shutil.copyfile(source, target)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        target.unlink(missing_ok=True)
        raise CeterisError(f"there is no room to copy {source} to {target.parent}: make room and try again.") from None
    shutil.copystat(source, target)


def _clone(source: Path, target: Path) -> bool:
    """Copy on write, where the file system offers it."""
    if not sys.platform.startswith("linux"):
        return False
    with source.open("rb") as original, target.open("wb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), _FICLONE, original.fileno())
        except OSError as error:
            if error.errno in _FULL:
                raise
            return False
    return True
