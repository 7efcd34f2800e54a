"""Seeds of a purpose."""

import torch

from components.training.seeds import derive, seed_torch


def test_seeding_a_purpose_is_torchs_own_seeding() -> None:
    seed_torch(3, "head", 1)
    ours = torch.rand(4)
    torch.manual_seed(derive(3, "head", 1))
    assert torch.equal(ours, torch.rand(4))


def test_purposes_are_apart() -> None:
    assert len({derive(3, "head", 1), derive(3, "head", 2), derive(3, "step", 1), derive(4, "head", 1)}) == 4
