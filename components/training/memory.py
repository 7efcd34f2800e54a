"""Memory that a training process gives back and asks for again, step after step."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Have the C library keep what is freed, for the next tensor of that size.

    By default glibc returns large blocks to the kernel, which has to clear every page of them again one step later: at base
    size on a CPU gradients alone are hundreds of megabytes. What is kept is returned when the process ends. Elsewhere than on
    Linux with glibc this does nothing.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, -1)
