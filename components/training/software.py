"""What a run is computed with, as far as it can change the numbers."""

from typing import Any

import torch


def software(precision: str, device: torch.device) -> dict[str, Any]:
    """Of this process: precision, threads, kind of accelerator, whether kernels are deterministic, version of torch.

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
