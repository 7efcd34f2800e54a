"""What a model reads of every sample."""

from typing import Any

import pytest
import torch
from torch import nn

from components import tasks
from components.models.pixels import PixelScaling
from components.records.training import Reads
from components.training.finetuning import FinetuningNetwork
from components.training.measure_reads import what_is_read
from tests.objectives.small_batches import REGIONS, SMALL, RegionReader
from tests.training.small_run import as_streamed, model, network

PATCHES = (SMALL.image_size // SMALL.patch_size) ** 2


def tuned(name: str, kind: str) -> FinetuningNetwork:
    task = tasks.load(kind)
    arm: Any = model(name)
    return FinetuningNetwork(arm, PixelScaling(), task.head(arm, 5), task)


def batch() -> dict[str, torch.Tensor]:
    found = as_streamed(0) | {"targets": torch.zeros(16, dtype=torch.long)}
    second = {"pixels_second": found["pixels"]}
    return found | second | {"distractors": torch.tensor([1, 2, 5])}


@pytest.mark.parametrize(
    ("name", "kind", "tokens", "texts", "forwards"),
    [
        ("vilt", "vqa", PATCHES, 0.25, 1),
        ("mmbt", "vqa", SMALL.image_tokens, 0.25, 1),
        ("image_only", "vqa", PATCHES, None, 1),  # its grid has as many cells
        ("text_only", "vqa", 0, 0.25, 1),
        ("vilt", "pair_statements", PATCHES, 0.25, 2),
        ("vilt", "retrieval", PATCHES, 0.25, 4),
        # Two towers read each picture and each text once, and never both at a time.
        ("clip", "retrieval", PATCHES, 0.25, 1),
    ],
)
def test_of_fine_tuning(name: str, kind: str, tokens: float, texts: float | None, forwards: float) -> None:
    ours = tuned(name, kind)
    found = what_is_read(ours, batch(), 0.25)
    assert found == Reads(visual_tokens=tokens, truncated_texts=texts, forwards=forwards)
    assert "encode" not in ours.model.__dict__
    assert ours.training


def test_of_pretraining_passes_are_summed_or_drawn() -> None:
    summed, drawn = network("vilt"), network("uniter")
    assert what_is_read(summed, as_streamed(0), 0.0).forwards == len(summed.pretraining.passes)
    assert drawn.pretraining.drawn
    assert what_is_read(drawn, as_streamed(0), 0.0).forwards == pytest.approx(1)
    assert what_is_read(network("clip"), as_streamed(0), 0.0).visual_tokens == PATCHES


def test_padding_is_no_visual_token() -> None:
    reader = RegionReader()
    ours = FinetuningNetwork(reader, PixelScaling(), nn.Linear(SMALL.width, 5), tasks.load("vqa"))
    reader.readout = lambda states, batch, kind: states.pooled
    # Every second picture has one region less.
    assert what_is_read(ours, batch(), 0.0).visual_tokens == REGIONS - 0.5
