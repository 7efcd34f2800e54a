"""Sets up a training process: what it is silent about, the memory it keeps, and what it computes with."""

import ctypes
import logging
import sys
import warnings
from typing import Any

import torch

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def quieten() -> None:
    """Silence advice that says nothing about the study: adverts, device listings, loader hints."""
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.seed", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for pattern in (
        ".*does not have many workers.*",
        ".*LeafSpec.*",
        ".*GPU available but not used.*",
        ".*IterableDataset.*has `__len__` defined.*",
        ".*Checkpoint directory.*exists and is not empty.*",
        ".*resuming from a checkpoint that ended before the epoch ended.*",
    ):
        warnings.filterwarnings("ignore", pattern)


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


def software(precision: str, device: torch.device) -> dict[str, Any]:
    """What this process computes with, as far as it can change the numbers.

    Precision, threads, kind of accelerator, whether kernels are deterministic, version of torch.

    Args:
        precision: as the trainer names it.
        device: where the network is.
    """
    return {
        "precision": precision,
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        # A subclass of str, which a checkpoint of plain values could not hold.
        "torch": str(torch.__version__),
    }
