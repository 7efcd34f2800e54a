"""What was loaded is told from what is fresh, and a scale that is not the rule's is found."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from components.models.architectures import ARCHITECTURES, load
from components.models.configuration import Axes
from components.models.heads import MATCHING, WORD_TRANSFORM, keep
from components.objectives.mlm import MaskedLanguageModelling
from components.training.beginnings import FreshWeights, strays
from tests.objectives.small_batches import SMALL


def test_what_was_loaded_is_told_by_part() -> None:
    model, head = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 4)), nn.Linear(4, 2)
    fresh = FreshWeights(None)
    fresh.note("model", model)
    fresh.note("head", head)
    with torch.no_grad():
        model[0].weight.add_(1)
    found = fresh.beginnings({"model": model, "head": head})
    assert found.loaded == {"model": 24 / 58, "head": 0.0}
    assert (found.scale, found.measured, found.strays) == (None, 0, [])


@pytest.mark.parametrize("name", sorted({*ARCHITECTURES} - {"controlled"}))
def test_fresh_architectures_have_the_scale_of_the_common_rule(name: str) -> None:
    torch.manual_seed(5)
    model: Any = load(name)(SMALL)
    fresh = FreshWeights("common", model.ZEROS)
    fresh.note("model", model)
    fresh.note("head", model.head(7))
    found = fresh.beginnings({})
    assert found.strays == []
    assert found.measured > 5


@pytest.mark.parametrize("scale", ["common", "bert"])
def test_controlled_arms_have_the_scale_of_their_axis(scale: Any) -> None:
    axes = Axes("single_stream", "sum_5", "product", "words", "post", scale)
    model: Any = load("controlled")(replace(SMALL, axes=axes))
    for rule in ("common", "bert"):
        fresh = FreshWeights(rule)
        fresh.note("model", model)
        assert bool(fresh.beginnings({}).strays) == (rule != scale)


def test_vlberts_masked_features_that_do_not_begin_at_zero_are_found() -> None:
    model: Any = load("vlbert")(SMALL)
    nn.init.normal_(model.visual_embedding.hidden_features.weight, std=0.5)
    fresh = FreshWeights("common", model.ZEROS)
    fresh.note("model", model)
    (found,) = fresh.beginnings({}).strays
    assert found.startswith("model.visual_embedding.hidden_features.weight: ")
    assert found.endswith(" instead of 0")


def test_a_scale_is_judged_by_the_size_of_the_tensor() -> None:
    generator = torch.Generator().manual_seed(0)
    assert not strays(torch.randn(10, 10, generator=generator) * 0.55, 0.5)
    assert strays(torch.randn(300, 300, generator=generator) * 0.55, 0.5)


def test_a_ranking_head_begins_as_the_matching_head() -> None:
    head, matching = nn.Linear(4, 1), nn.Linear(4, 2)
    assert keep(head, MATCHING, {"itm.head.weight": matching.weight, "itm.head.bias": matching.bias})
    assert torch.equal(head.weight[0], matching.weight[1])
    assert torch.equal(head.bias[0], matching.bias[1])
    before = head.weight.clone()
    assert not keep(head, MATCHING, {"mlm.bias": torch.zeros(3)})
    assert torch.equal(head.weight, before)


def test_vlberts_answers_begin_behind_the_transform_of_the_word_head() -> None:
    model: Any = load("vlbert")(SMALL)
    words = MaskedLanguageModelling(model, SMALL)
    heads = {f"mlm.{name}": tensor for name, tensor in words.state_dict().items()}
    head = model.head(5)
    assert keep(head, model.KEEPS["vqa"], heads)
    assert model.KEEPS["vqa"] is WORD_TRANSFORM
    states = torch.randn(3, model.pooled_size)
    hidden = nn.functional.gelu(words.transform(states))
    torch.testing.assert_close(head(states), head[-1](words.norm(hidden)))


def test_a_word_head_is_continued() -> None:
    model: Any = load("visualbert")(SMALL)
    first, second = (MaskedLanguageModelling(model, SMALL) for _ in range(2))
    nn.init.normal_(first.bias)
    second.begin({f"mlm.{name}": tensor for name, tensor in first.state_dict().items()})
    states = torch.randn(3, 32)
    assert torch.equal(first.logits(model, states), second.logits(model, states))
    with pytest.raises(RuntimeError):
        second.begin({"mlm.bias": first.bias})
