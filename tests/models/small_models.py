"""A small configuration and small batches, shared by the tests of models, objectives and tasks."""

from dataclasses import replace

import torch
from torch import Tensor

from components.models.configuration import ModelConfiguration

CLS, SEP = 2, 3
SMALL = ModelConfiguration(
    width=32,
    layers=2,
    heads=2,
    feed_forward=64,
    dropout=0.0,
    patch_size=8,
    stem_widths=(8, 16),
    image_tokens=3,
    projection=24,
    text_encoder="tiny",
    grid_encoder="tiny",
    patch_encoder="tiny",
    vocabulary_size=60,
    max_length=16,
    image_size=32,
    pad_token_id=0,
)


def small(**changes: object) -> ModelConfiguration:
    """The small configuration with changes."""
    return replace(SMALL, **changes)


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
