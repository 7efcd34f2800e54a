"""Weights as safetensors files with a digest."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def save_weights(state: Mapping[str, Tensor], path: Path) -> str:
    """Write a state dict atomically and return its digest. Tied tensors are stored once per name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(state.items())}
    beside = path.with_name(path.name + ".part")
    save_file(tensors, beside)
    os.replace(beside, path)
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
