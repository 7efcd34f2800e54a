"""A small configuration and small batches for the tests of pretraining losses."""

import torch
from torch import Tensor

from components.models.configuration import ModelConfiguration

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
MASK = 4


def batch(count: int, seed: int = 0) -> dict[str, Tensor]:
    """`count` pairs of texts of 3 to 9 tokens and pictures, with what every loss asks for."""
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randint(3, 10, (count,), generator=generator)
    mask = (torch.arange(9) < ends[:, None]).long()
    input_ids = torch.randint(5, 60, (count, 9), generator=generator) * mask
    input_ids[:, 0] = 2
    input_ids[torch.arange(count), ends - 1] = 3
    labels = torch.full_like(input_ids, -100)
    labels[:, 1] = input_ids[:, 1]
    labels[0, :] = -100
    masked = input_ids.where(labels == -100, MASK)
    return {
        "input_ids": input_ids,
        "attention_mask": mask,
        "pixels": torch.randn(count, 3, 32, 32, generator=generator),
        "masked_input_ids": masked,
        "mlm_labels": labels,
        "itm_image_rows": torch.arange(count).roll(1),
        "itm_labels": torch.arange(count) % 2,
        "truth": torch.eye(count, dtype=torch.bool),
    }
