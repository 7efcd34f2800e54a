"""Weights as safetensors files with a digest."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from components.files.atomic import atomic_file


def save_weights(state: Mapping[str, Tensor], path: Path) -> str:
    """Write a state dict atomically and return its digest. Tied tensors are stored once per name."""
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(state.items())}
    with atomic_file(path) as beside:
        save_file(tensors, beside)
    return digest_of(tensors)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict."""
    return load_file(path)


def digest_of(state: Mapping[str, Tensor]) -> str:
    """sha256 over names, shapes, types and bytes, in the order of names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name}{tuple(plain.shape)}{plain.dtype}".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
