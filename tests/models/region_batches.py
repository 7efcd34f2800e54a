"""Batches of texts, pictures and regions for architectures of every kind. Only for tests."""

import torch
from torch import Tensor

from components.models.architecture import Architecture
from components.models.architectures import load
from components.models.configuration import Axes, ModelConfiguration
from tests.models.small_models import pictures, texts
from tests.small_configurations import small

FEATURES, CLASSES, ATTRIBUTES = 6, 5, 4
AXES = Axes("single_stream", "sum_5", "product", "words_matching_regions", "post", "common")
FAMILY = ("visualbert", "vilbert", "lxmert", "uniter", "vlbert", "pixelbert", "controlled")
READS_REGIONS = tuple(name for name in FAMILY if name != "pixelbert")


def configured(**changes: object) -> ModelConfiguration:
    """The small configuration with regions, and with axes for a controlled arm."""
    regions = {"region_features": FEATURES, "object_classes": CLASSES, "object_attributes": ATTRIBUTES, "axes": AXES}
    return small(**{**regions, **changes})


def build(name: str, **changes: object) -> Architecture:
    """An architecture with the same weights every time."""
    torch.manual_seed(0)
    return load(name)(configured(**changes))


def regions(counts: list[int], width: int, seed: int = 0) -> dict[str, Tensor]:
    """`counts` real regions of `width` in each picture; what is padded has numbers too."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(len(counts), width, 2, 2, generator=generator).sort(dim=2).values
    return {
        "region_features": torch.randn(len(counts), width, FEATURES, generator=generator),
        "region_boxes": corners.flatten(2),
        "region_real": torch.arange(width) < torch.tensor(counts)[:, None],
    }


def batch(lengths: list[int], counts: list[int] | None = None, seed: int = 0, image_seed: int = 0) -> dict[str, Tensor]:
    """One pair for each length; four regions in each picture unless `counts` says otherwise."""
    counts = [4] * len(lengths) if counts is None else counts
    input_ids, mask = texts(lengths, max(lengths), seed)
    return {
        "input_ids": input_ids,
        "attention_mask": mask,
        "pixels": pictures(len(lengths), image_seed),
        **regions(counts, max(4, *counts), image_seed),
    }
