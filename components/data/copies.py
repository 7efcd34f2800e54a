"""Copy a user's files so that a later change to the original or to the copy never shows in the other."""

import errno
import fcntl
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from components.errors import CeterisError

# ioctl of Linux (linux/fs.h): the blocks are shared until either file is written to, so the copy costs no space.
_FICLONE = 0x40049409
_CHUNK = 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's content, times and mode; links are followed. An existing target is overwritten.

    Raises:
        CeterisError: the disk is full, or its quota is used up; nothing is left at the target.
        OSError: it cannot be read or written.
    """
    try:
        with source.open("rb") as original, target.open("wb") as copy:
            if not _clone(original, copy):
                shutil.copyfileobj(original, copy, _CHUNK)
                copy.flush()
            state = os.fstat(original.fileno())
            os.fchmod(copy.fileno(), stat.S_IMODE(state.st_mode))
            os.utime(copy.fileno(), ns=(state.st_atime_ns, state.st_mtime_ns))
    except OSError as error:
        if error.errno not in _FULL:
            raise
        target.unlink(missing_ok=True)
        raise CeterisError(f"there is no room to copy {source} to {target.parent}: make room and try again.") from None


def _clone(original: BinaryIO, copy: BinaryIO) -> bool:
    """Copy by sharing blocks until one file is written to; False where the file system cannot do that."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        fcntl.ioctl(copy.fileno(), _FICLONE, original.fileno())
    except OSError as error:
        if error.errno in _FULL:
            raise
        return False
    return True
