"""Seeds of the replicates: everything random in a run is derived from the study's seed, the replicate and a purpose."""

import hashlib

import torch


def derive(seed: int, *purpose: object) -> int:
    """A seed of 63 bits for a purpose, independent of all others."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_torch(seed: int, *purpose: object) -> None:
    """Seed torch's generators (dropout, initialisation) for a purpose.

    The same as `torch.manual_seed`, which on machines without a GPU records a stack trace for every kind of device that
    is not there: a millisecond at every step.
    """
    number = derive(seed, *purpose)
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(number)
