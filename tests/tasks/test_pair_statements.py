"""Statements about two pictures: each is read with the text, and both readouts decide."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.models import architectures
from components.models.states import Batch, States
from components.tasks.pair_statements import PairStatements, views
from tests.small_configurations import small

CONFIGURATION = small(
    width=16, layers=1, feed_forward=32, image_tokens=4, projection=12, vocabulary_size=30, max_length=8, image_size=16
)


class Recorder(nn.Module):
    """Tells which pixels were read with which text."""

    pooled_size = 2

    def encode(self, batch: Batch) -> States:
        pooled = torch.stack([batch["input_ids"][:, 0].float(), batch["pixels"][:, 0, 0, 0]], dim=1)
        return States(text=None, image=None, pooled=pooled)

    def readout(self, states: States, batch: Batch, kind: str) -> Tensor:
        return states.pooled


def test_both_pictures_are_read_with_the_text() -> None:
    batch = {
        "input_ids": torch.tensor([[4], [5]]),
        "pixels": torch.tensor([1.0, 2.0])[:, None, None, None].expand(2, 3, 2, 2),
        "pixels_second": torch.tensor([7.0, 8.0])[:, None, None, None].expand(2, 3, 2, 2),
    }
    model: Any = Recorder()
    assert PairStatements().scores(model, nn.Identity(), batch).tolist() == [[4, 1, 4, 7], [5, 2, 5, 8]]


def test_regions_are_seen_under_their_names() -> None:
    batch = {
        "input_ids": torch.zeros(1, 2),
        "region_boxes": torch.zeros(1, 3, 4),
        "region_boxes_second": torch.ones(1, 3, 4),
    }
    first, second = views(batch)
    assert set(first) == set(second) == {"input_ids", "region_boxes"}
    assert first["region_boxes"].sum() == 0
    assert second["region_boxes"].sum() == 12


@pytest.mark.parametrize("name", ["vilt", "clip", "mmbt", "late_fusion", "text_only", "image_only"])
def test_every_architecture_tells_the_sides_apart(name: str) -> None:
    torch.manual_seed(0)
    model = architectures.load(name)(replace(CONFIGURATION)).eval()
    task = PairStatements()
    head = task.head(model, 2)
    generator = torch.Generator().manual_seed(1)
    one, other = (torch.randn(3, 3, 16, 16, generator=generator) for _ in range(2))
    texts = {"input_ids": torch.tensor([[2, 7, 3]] * 3), "attention_mask": torch.ones(3, 3, dtype=torch.int64)}
    scores = task.scores(model, head, texts | {"pixels": one, "pixels_second": other})
    turned = task.scores(model, head, texts | {"pixels": other, "pixels_second": one})
    assert scores.shape == (3, 2)
    assert torch.allclose(scores, turned) == (name == "text_only")


def test_the_head_normalises_before_gelu() -> None:
    kinds = [type(part).__name__ for part in PairStatements().head(Recorder(), 2)]  # type: ignore[arg-type]
    assert kinds == ["Linear", "LayerNorm", "GELU", "Linear"]
