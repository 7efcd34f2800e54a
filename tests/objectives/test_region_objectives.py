"""Losses on masked regions, each against its formula in double precision."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.models.passes import Pass, RegionMasking
from components.models.states import States
from components.objectives import load
from components.objectives.inputs import as_seen
from tests.objectives.small_batches import ATTRIBUTES, CLASSES, FEATURES, REGIONS, SMALL, RegionReader, batch

MASKING = Pass(losses=(), regions=RegionMasking(zeroed=0.9))
REGION_LOSSES = (
    "region_features",
    "region_features_smooth",
    "region_classes",
    "region_attributes",
    "region_divergence",
    "region_divergence_mean",
    "region_distribution",
)


class Untied(nn.Module):
    """A model that does not say how features enter it, and whose visual states are wider."""

    image_width = 48


def case(name: str, model: Any, width: int = 32, image_real: bool = True) -> tuple[Any, States, dict[str, Tensor]]:
    """An objective with weights that are no multiples of anything, states and a batch in which regions are asked for."""
    torch.manual_seed(0)
    objective: Any = load(name)(model, SMALL)  # type: ignore[call-arg]
    for parameter in objective.parameters():
        nn.init.normal_(parameter, std=0.3)
    seen = as_seen(batch(4), MASKING)
    image = torch.randn(4, REGIONS, width, requires_grad=True)
    return objective, States(None, image, image[:, 0], seen["region_real"] if image_real else None), seen


def transformed(layers: Any, state: Tensor) -> list[float]:
    """Linear, GELU and LayerNorm of one state, in double precision."""
    linear, _, norm = layers
    weight, bias = linear.weight.detach().double(), linear.bias.detach().double()
    hidden = [float(x) / 2 * (1 + math.erf(float(x) / math.sqrt(2))) for x in weight @ state.detach().double() + bias]
    mean = sum(hidden) / len(hidden)
    deviation = math.sqrt(sum((x - mean) ** 2 for x in hidden) / len(hidden) + 1e-12)
    scale, shift = norm.weight.tolist(), norm.bias.tolist()
    return [(x - mean) / deviation * a + b for x, a, b in zip(hidden, scale, shift, strict=True)]


def predictions(layers: Any, weight: Tensor, bias: Tensor, states: States, seen: dict[str, Tensor]) -> dict[Any, Any]:
    """What the head says of every region that is asked for, by (row, region)."""
    assert states.image is not None
    said = {}
    for row, region in (seen["region_asked"] & seen["region_real"]).nonzero().tolist():
        hidden = torch.tensor(transformed(layers, states.image[row, region]), dtype=torch.float64)
        said[row, region] = (weight.detach().double() @ hidden + bias.detach().double()).tolist()
    assert 4 <= len(said) < 4 * REGIONS
    return said


@pytest.mark.parametrize("tied", [True, False])
def test_feature_regression_is_the_mean_squared_error(tied: bool) -> None:
    model: Any = RegionReader() if tied else Untied()
    objective, states, seen = case("region_features", model, 32 if tied else 48)
    loss, metrics = objective(model, states, seen)
    weight = model.region_projection.weight.T if tied else objective.weight
    said = predictions(objective.transform, weight, objective.bias, states, seen)
    squares = [
        (x - y) ** 2
        for place, row in said.items()
        for x, y in zip(row, seen["region_targets"][place].tolist(), strict=True)
    ]
    assert loss.item() == pytest.approx(sum(squares) / len(squares), abs=1e-5)
    assert len(squares) == len(said) * FEATURES
    assert metrics == {}
    loss.backward()
    # The weights are the model's own where it offers them: the loss reaches them, and the head holds no copy.
    assert (model.region_projection.weight.grad.abs().sum() > 0) if tied else (objective.weight.grad.abs().sum() > 0)
    assert ("weight" in dict(objective.named_parameters())) != tied


def test_smooth_regression_is_the_mean_of_hubers_loss() -> None:
    objective, states, seen = case("region_features_smooth", None)
    loss, _ = objective(None, states, seen)
    *layers, linear = objective.head
    said = predictions(layers, linear.weight, linear.bias, states, seen)
    errors = [
        abs(x - y)
        for place, row in said.items()
        for x, y in zip(row, seen["region_targets"][place].tolist(), strict=True)
    ]
    assert min(errors) < 1 < max(errors)
    expected = sum(x**2 / 2 if x < 1 else x - 0.5 for x in errors) / len(errors)
    assert loss.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("name", "kinds"), [("region_classes", CLASSES), ("region_attributes", ATTRIBUTES)])
def test_labels_are_the_likeliest_kinds_weighted_by_confidence(name: str, kinds: int) -> None:
    objective, states, seen = case(name, None)
    # Nothing likelier than background, or "none", is still named by its likeliest kind.
    seen[name][..., -1] = 2.0
    loss, metrics = objective(None, states, seen)
    *layers, linear = objective.head
    assert linear.out_features == kinds - 1
    said = predictions(layers, linear.weight, linear.bias, states, seen)
    total, right = 0.0, 0
    for place, logits in said.items():
        probabilities = seen[name][place].tolist()[:-1]
        label = probabilities.index(max(probabilities))
        total += max(probabilities) * (math.log(sum(math.exp(x) for x in logits)) - logits[label])
        right += logits.index(max(logits)) == label
    assert loss.item() == pytest.approx(total / len(said), abs=1e-5)
    assert metrics["accuracy"].item() == pytest.approx(right / len(said))


def test_divergence_is_that_of_the_front_end_from_the_model() -> None:
    objective, states, seen = case("region_divergence", None)
    seen["region_classes"][0, 0] = torch.tensor([0.0, 1.0, 0.0, 0.0])  # no probability may make it infinite
    loss, metrics = objective(None, states, seen)
    *layers, linear = objective.head
    assert linear.out_features == CLASSES
    said = predictions(layers, linear.weight, linear.bias, states, seen)
    total, right = 0.0, 0
    for place, logits in said.items():
        wanted = seen["region_classes"][place].tolist()
        norm = math.log(sum(math.exp(x) for x in logits))
        total += sum(p * (math.log(p) - (x - norm)) for p, x in zip(wanted, logits, strict=True) if p > 0)
        right += logits.index(max(logits)) == wanted.index(max(wanted))
    assert loss.item() == pytest.approx(total / len(said), abs=1e-5)
    assert metrics["accuracy"].item() == pytest.approx(right / len(said))


def test_the_mean_divergence_is_as_many_times_smaller_as_there_are_classes() -> None:
    objective, states, seen = case("region_divergence", None)
    mean, _, _ = case("region_divergence_mean", None)
    torch.testing.assert_close(mean(None, states, seen)[0] * CLASSES, objective(None, states, seen)[0])


def test_soft_labels_have_the_gradient_of_the_divergence_under_a_head_without_a_norm() -> None:
    objective, states, seen = case("region_distribution", None)
    assert [type(layer).__name__ for layer in objective.head] == ["Linear", "GELU", "Linear"]
    divergence, _, _ = case("region_divergence", None)
    divergence.head = objective.head
    assert states.image is not None
    found = []
    for loss in (objective, divergence):
        states.image.grad = None
        loss(None, states, seen)[0].backward()
        found.append(states.image.grad)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("name", REGION_LOSSES)
def test_padding_is_never_asked_for_and_a_missing_mask_means_that_all_tokens_are_real(name: str) -> None:
    model = RegionReader()
    objective, states, seen = case(name, model)
    seen["region_asked"][:] = True  # the padding too
    loss, _ = objective(model, states, seen)
    assert loss.item() == objective(model, states._replace(image_real=None), seen)[0].item()
    assert states.image is not None
    elsewhere = states.image.detach().clone()
    elsewhere[~seen["region_real"]] += 9.0
    assert loss.item() == objective(model, states._replace(image=elsewhere), seen)[0].item()
    fewer = seen["region_real"].clone()
    fewer[:, 1] = False
    assert loss.item() != objective(model, states._replace(image_real=fewer), seen)[0].item()


@pytest.mark.parametrize("name", REGION_LOSSES)
def test_nothing_asked_is_zero_and_not_undefined(name: str) -> None:
    model = RegionReader()
    objective, states, seen = case(name, model)
    seen["region_asked"][:] = False
    loss, metrics = objective(model, states, seen)
    assert loss.item() == 0.0
    assert all(one.item() == 0.0 for one in metrics.values())
    loss.backward()
    assert states.image is not None
    assert states.image.grad is not None
    assert not states.image.grad.any()


@pytest.mark.parametrize("name", REGION_LOSSES)
def test_visual_tokens_that_are_not_the_regions_are_refused(name: str) -> None:
    objective, states, seen = case(name, RegionReader())
    assert states.image is not None
    with pytest.raises(ValueError, match=r"one visual state for each of \(4, 5\) regions, not \(4, 4, 32\)"):
        objective(RegionReader(), states._replace(image=states.image[:, :-1]), seen)


@pytest.mark.parametrize("name", REGION_LOSSES)
def test_a_front_end_that_knows_nothing_is_refused(name: str) -> None:
    ignorant = replace(SMALL, region_features=0, object_classes=1, object_attributes=1)
    with pytest.raises(ValueError, match="needs a visual front end"):
        load(name)(RegionReader(), ignorant)  # type: ignore[call-arg]
