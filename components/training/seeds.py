"""Seeds of the replicates: everything random in a run is derived from the study's seed, the replicate and a purpose."""

import hashlib

import torch


def derive(seed: int, *purpose: object) -> int:
    """A seed of 63 bits for a purpose, independent of all others."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_torch(seed: int, *purpose: object) -> None:
    """Seed torch's generators (dropout, initialisation) for a purpose."""
    torch.manual_seed(derive(seed, *purpose))
