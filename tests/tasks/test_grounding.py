"""Pointing: loss and measure against a plain count over tokens, places of tokens, and what cannot be pointed at."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from components.models.states import Batch, States
from components.tasks.grounding import Grounding, token_centres
from tests.models.region_batches import batch, build

BOX = st.tuples(*[st.floats(0, 1, width=32)] * 4).map(
    lambda ends: (min(ends[0], ends[2]), min(ends[1], ends[3]), max(ends[0], ends[2]), max(ends[1], ends[3]))
)
SCORE = st.one_of(st.floats(-5, 5, width=32), st.just(-math.inf))
ROW = st.tuples(
    BOX, st.lists(st.tuples(BOX, SCORE), min_size=4, max_size=4).filter(lambda row: any(s > -9 for _, s in row))
)


@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_loss_and_measure(rows: list) -> None:
    losses, hits = [], []
    for target, tokens in rows:
        # In single precision, as boxes are held: half of the smallest number is nothing there.
        centres = [((torch.tensor(box[:2]) + torch.tensor(box[2:])) / 2).tolist() for box, _ in tokens]
        inside = [
            score > -math.inf and target[0] <= x <= target[2] and target[1] <= y <= target[3]
            for (x, y), (_, score) in zip(centres, tokens, strict=True)
        ]
        weights = [math.exp(score) for _, score in tokens]
        if any(inside):
            right = sum(weight for weight, good in zip(weights, inside, strict=True) if good)
            losses.append(-math.log(right / sum(weights)))
        hits.append(float(inside[max(range(4), key=lambda k: tokens[k][1])]))
    batch = {
        "target_boxes": torch.tensor([target for target, _ in rows]),
        "region_boxes": torch.tensor([[box for box, _ in tokens] for _, tokens in rows]),
    }
    scores = torch.tensor([[score for _, score in tokens] for _, tokens in rows], requires_grad=True)
    loss = Grounding().loss(scores, batch)
    assert loss.item() == pytest.approx(sum(losses) / max(1, len(losses)), abs=1e-4)
    assert Grounding().correct(scores.detach(), batch).tolist() == hits
    loss.backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_tiles_are_read_row_by_row() -> None:
    centres = token_centres({}, 4)
    assert centres.tolist() == [[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]]
    with pytest.raises(ValueError, match="6 visual tokens without boxes tile no square"):
        token_centres({}, 6)


def test_a_sample_without_an_object_is_wrong_and_teaches_nothing() -> None:
    batch = {"target_boxes": torch.full((2, 4), -1.0)}
    scores = torch.zeros(2, 4, requires_grad=True)
    loss = Grounding().loss(scores, batch)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert scores.grad.abs().sum() == 0
    assert Grounding().correct(scores, batch).tolist() == [0, 0]


class Tokens(nn.Module):
    """Hands on what it is told; its visual tokens are wider than its readout."""

    pooled_size = 3
    image_width = 5

    def __init__(self, image: Tensor | None, real: Tensor | None) -> None:
        super().__init__()
        self.states = States(text=None, image=image, pooled=torch.zeros(2, 3), image_real=real)

    def encode(self, batch: Batch) -> States:
        return self.states


def test_padding_is_never_chosen_and_blind_models_are_refused() -> None:
    image = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    real = torch.tensor([[True, True, False, False], [False, True, True, True]])
    model = Tokens(image, real)
    head = Grounding().head(model, 4)  # type: ignore[arg-type]
    scores = Grounding().scores(model, head, {})  # type: ignore[arg-type]
    assert torch.equal(scores.isfinite(), real)
    assert torch.allclose(scores[real], head(image[real]).squeeze(-1))
    with pytest.raises(ValueError, match="Tokens has no visual tokens"):
        Grounding().scores(Tokens(None, None), head, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["vilbert", "vlbert", "controlled"])
def test_regions_alone_are_pointed_at_by_one_layer(name: str) -> None:
    """These read the whole picture before the regions."""
    model, shown = build(name).eval(), batch([6, 4], [4, 3])
    assert model.visual_embedding.picture_first
    head = Grounding().head(model, 0)
    assert type(head) is nn.Linear
    with torch.no_grad():
        scores = Grounding().scores(model, head, shown)
        expected = head(model.encode(shown).image).squeeze(-1)
    assert scores.shape == shown["region_real"].shape
    assert torch.equal(scores.isfinite(), shown["region_real"])
    assert torch.equal(scores[shown["region_real"]], expected[shown["region_real"]])
