"""Retrieval: what is scored, with what, and the loss, against loops over pairs."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.models.states import Batch, States
from components.tasks.retrieval import TO_IMAGE, TO_TEXT, Retrieval

K = Retrieval.pool


class Joint(nn.Module):
    """Its readout tells which text was read with which picture."""

    pooled_size = 2

    def encode(self, batch: Batch) -> States:
        pooled = torch.stack([batch["input_ids"][:, 0].float(), batch["pixels"][:, 0, 0, 0]], dim=1)
        return States(text=None, image=None, pooled=pooled)

    def readout(self, states: States, batch: Batch, kind: str) -> Tensor:
        assert kind == "retrieval"
        return states.pooled

    def pair_head(self) -> nn.Module:
        return Product()


class Product(nn.Module):
    def forward(self, pooled: Tensor) -> Tensor:
        return torch.sin(pooled[:, :1] * 1.7 + pooled[:, 1:] ** 2 * 0.3)


class Towers(Joint):
    """Two towers."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(200.0)))

    def embed_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        angles = input_ids[:, 0].float()
        return torch.stack([angles.cos(), angles.sin()], dim=1)

    def embed_image(self, pixels: Tensor) -> Tensor:
        angles = pixels[:, 0, 0, 0] * 1.1
        return torch.stack([angles.cos(), angles.sin()], dim=1)


def batch_of(pools: int, distractors: list[int] | None = None) -> dict[str, Tensor]:
    count = pools * K
    batch = {
        "input_ids": torch.arange(count)[:, None],
        "attention_mask": torch.ones(count, 1, dtype=torch.int64),
        "pixels": torch.arange(count).float()[:, None, None, None].expand(-1, 3, 2, 2) / 3,
        "targets": torch.arange(count) % K,
    }
    return batch if distractors is None else {**batch, "distractors": torch.tensor(distractors)}


def score(model: Any, text: int, picture: int) -> float:
    if isinstance(model, Towers):
        return 100 * math.cos(text - picture / 3 * 1.1)
    return math.sin(text * 1.7 + (picture / 3) ** 2 * 0.3)


@pytest.mark.parametrize("kind", [Joint, Towers])
@pytest.mark.parametrize("distractors", [None, [3, 7, 1]])
def test_pairs_are_scored_within_their_pool(kind: type[nn.Module], distractors: list[int] | None) -> None:
    task, model, batch = Retrieval(), kind(), batch_of(3, distractors)
    scores = task.scores(model, task.head(model, K), batch)  # type: ignore[arg-type]
    assert scores.shape == (3 * K, 2, K)
    steps = range(K) if distractors is None else [0, *distractors]
    losses = []
    for sample in range(3 * K):
        first, own = sample - sample % K, sample % K
        to_image = {(own + step) % K: score(model, sample, first + (own + step) % K) for step in steps}
        to_text = {(own - step) % K: score(model, first + (own - step) % K, sample) for step in steps}
        for direction, expected in enumerate((to_image, to_text)):
            found = {k: value.item() for k, value in enumerate(scores[sample, direction]) if value.isfinite()}
            assert found == pytest.approx(expected, abs=2e-3)
            losses.append(math.log(sum(math.exp(one - expected[own]) for one in expected.values())))
            hit = max(expected, key=expected.__getitem__) == own
            assert task.correct(scores, batch)[sample, direction].item() == hit
    assert task.loss(scores, batch).item() == pytest.approx(sum(losses) / len(losses), abs=2e-3)


def test_gradients_are_finite_where_pairs_are_left_out() -> None:
    task, model, batch = Retrieval(), Towers(), batch_of(2, [2, 5, 6])
    scores = task.scores(model, nn.Identity(), batch)  # type: ignore[arg-type]
    task.loss(scores, batch).backward()
    assert model.logit_scale.grad is not None
    assert model.logit_scale.grad.isfinite()


def test_towers_have_no_head_and_predictions_have_directions() -> None:
    assert not list(Retrieval().head(Towers(), K).parameters())  # type: ignore[arg-type]
    assert Retrieval.questions == (TO_IMAGE, TO_TEXT) == ("text to image", "image to text")
