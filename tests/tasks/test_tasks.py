"""The tasks that choose among answers: loss and metric against their formulas."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from components.catalogue import ACCURACY
from components.tasks import TASKS, load

CHOOSING = [kind for kind in TASKS if kind not in ("grounding", "retrieval")]


@pytest.mark.parametrize("kind", CHOOSING)
@given(
    rows=st.lists(
        st.tuples(st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=3, unique=True), st.integers(-1, 2)),
        min_size=1,
        max_size=6,
    )
)
def test_loss_and_metric(kind: str, rows: list[tuple[list[float], int]]) -> None:
    task = load(kind)
    logits = torch.tensor([scores for scores, _ in rows])
    batch = {"targets": torch.tensor([target for _, target in rows])}
    known = [(scores, target) for scores, target in rows if target >= 0]
    expected = [math.log(sum(math.exp(one - scores[target]) for one in scores)) for scores, target in known]
    assert task.loss(logits, batch).item() == pytest.approx(sum(expected) / max(len(known), 1), abs=1e-4)
    right = [float(target >= 0 and scores[target] == max(scores)) for scores, target in rows]
    correct = task.correct(logits, batch)
    assert correct.dtype == torch.float32
    assert correct.tolist() == right
    assert TASKS[kind].metric == ACCURACY


def test_every_kind_says_what_it_needs() -> None:
    assert all(load(kind).kind == kind for kind in TASKS)


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no kind of task 'guessing'; known are vqa, .*classification"):
        load("guessing")
