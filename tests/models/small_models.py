"""Small batches, shared by the tests of models, objectives and tasks."""

import torch
from torch import Tensor

from tests.small_configurations import SMALL

CLS, SEP = 2, 3


def texts(lengths: list[int], width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Token ids (B, width), [CLS] first and [SEP] last of each row's tokens, and their mask."""
    generator = torch.Generator().manual_seed(seed)
    ends = torch.tensor(lengths)
    mask = (torch.arange(width) < ends[:, None]).long()
    input_ids = torch.randint(5, SMALL.vocabulary_size, (len(lengths), width), generator=generator) * mask
    input_ids[:, 0] = CLS
    input_ids[torch.arange(len(lengths)), ends - 1] = SEP
    return input_ids, mask


def pictures(count: int, seed: int = 0) -> Tensor:
    """Pixels (B, 3, 32, 32)."""
    return torch.randn(count, 3, SMALL.image_size, SMALL.image_size, generator=torch.Generator().manual_seed(seed))
