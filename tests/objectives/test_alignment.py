"""Word-region alignment, against the published algorithm written as a loop."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import Tensor

from components.models.passes import Pass
from components.models.states import States
from components.objectives.alignment import Alignment, transport_distance, transport_plan, words
from components.objectives.inputs import as_seen
from tests.objectives.small_batches import SMALL, RegionReader, batch


def ipot(cost: np.ndarray, beta: float = 0.5, iterations: int = 50) -> np.ndarray:
    """Xie et al. (2019), algorithm 1, for uniform marginals, one number at a time; rows are y and columns x."""
    n, m = cost.shape
    sigma = np.ones(m) / m
    plan = np.ones((n, m))
    kernel = np.exp(-cost / beta)
    for _ in range(iterations):
        proposal = kernel * plan
        delta = np.array([1 / (n * sum(proposal[i, j] * sigma[j] for j in range(m))) for i in range(n)])
        sigma = np.array([1 / (m * sum(proposal[i, j] * delta[i] for i in range(n))) for j in range(m)])
        plan = np.array([[delta[i] * proposal[i, j] * sigma[j] for j in range(m)] for i in range(n)])
    return plan


def cosine_cost(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 1 - (x / np.linalg.norm(x, axis=1)[:, None]) @ (y / np.linalg.norm(y, axis=1)[:, None]).T


def example(seed: int, count: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    text = torch.randn(count, 6, 8, generator=generator)
    image = torch.randn(count, 5, 8, generator=generator)
    text_real, image_real = (torch.rand(count, size, generator=generator) < 0.7 for size in (6, 5))
    text_real[:, 2], image_real[:, 1] = True, True
    return text, image, text_real, image_real


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999))
def test_distances_equal_the_published_algorithm(seed: int) -> None:
    text, image, text_real, image_real = example(seed)
    found = transport_distance(text, image, text_real, image_real)
    for row in range(3):
        cost = cosine_cost(text[row][text_real[row]].double().numpy(), image[row][image_real[row]].double().numpy())
        expected = (ipot(cost.T).T * cost).sum()
        assert found[row].item() == pytest.approx(expected, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999))
def test_plans_share_the_mass_and_leave_padding_alone(seed: int) -> None:
    text, image, text_real, image_real = example(seed)
    cost = 1 - torch.cosine_similarity(text[:, :, None], image[:, None], dim=-1)
    plan = transport_plan(cost, text_real, image_real, iterations=2000)
    assert (plan >= 0).all()
    assert not plan[~(text_real[:, :, None] & image_real[:, None])].any()
    for sums, real in ((plan.sum(dim=2), text_real), (plan.sum(dim=1), image_real)):
        torch.testing.assert_close(sums, real / real.sum(dim=1, keepdim=True), atol=2e-4, rtol=0)
    # The sums over visual tokens are exact after the paper's 50 iterations too.
    plan = transport_plan(cost, text_real, image_real)
    torch.testing.assert_close(plan.sum(dim=2), text_real / text_real.sum(dim=1, keepdim=True), atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_with_many_iterations_it_is_the_optimal_transport_of_linear_programming(seed: int) -> None:
    text, image, _, _ = example(seed, count=1)
    cost = cosine_cost(text[0].double().numpy(), image[0].double().numpy())
    marginals = [np.kron(np.eye(6), np.ones(5)), np.kron(np.ones(6), np.eye(5))]
    optimum = linprog(cost.ravel(), A_eq=np.vstack(marginals), b_eq=np.r_[np.full(6, 1 / 6), np.full(5, 1 / 5)]).fun
    everyone = [torch.ones(1, size, dtype=torch.bool) for size in (6, 5)]
    plan = transport_plan(torch.from_numpy(cost)[None], *everyone, iterations=3000)
    assert (plan[0].numpy() * cost).sum() == pytest.approx(optimum, abs=1e-3)


def test_identical_sequences_are_no_distance_apart() -> None:
    text, _, _, _ = example(0)
    everyone = torch.ones(3, 6, dtype=torch.bool)
    shuffled = text[:, torch.randperm(6, generator=torch.Generator().manual_seed(0))]
    assert transport_distance(text, shuffled, everyone, everyone).abs().max() < 1e-3
    assert transport_distance(text, -text, everyone, everyone).min() > 0.1


def test_a_text_without_words_and_a_picture_without_regions_cost_nothing() -> None:
    text, image, text_real, image_real = example(1)
    text.requires_grad_(True)
    text_real[0], image_real[1] = False, False
    distances = transport_distance(text, image, text_real, image_real)
    assert distances[:2].tolist() == [0.0, 0.0]
    assert distances[2] > 0
    distances.sum().backward()
    assert text.grad is not None
    assert text.grad.isfinite().all()


def test_the_first_and_the_last_token_are_no_words() -> None:
    mask = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    assert words(mask).int().tolist() == [[0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 1, 1, 1, 0]]


@pytest.mark.parametrize("masked", [True, False])
def test_the_loss_adds_matching_and_subtracts_mismatched_pairs(masked: bool) -> None:
    torch.manual_seed(0)
    model = RegionReader(masked)
    seen = as_seen(batch(6), Pass(losses=(), mismatched="images"))
    states = model.encode(seen)
    assert states.text is not None
    assert states.image is not None
    loss, metrics = Alignment(model, SMALL)(model, states, seen)
    distances = []
    for row in range(6):
        length = int(seen["attention_mask"][row].sum())
        real = seen["region_real"][row] if masked else slice(None)
        text, image = (
            one.detach().double().numpy() for one in (states.text[row, 1 : length - 1], states.image[row, real])
        )
        cost = cosine_cost(text, image)
        distances.append((ipot(cost.T).T * cost).sum())
    matches = seen["pair_matches"].bool().tolist()
    signed = [one if match else -one for one, match in zip(distances, matches, strict=True)]
    assert loss.item() == pytest.approx(sum(signed) / 6, abs=1e-5)
    matching = [one for one, match in zip(distances, matches, strict=True) if match]
    assert metrics["matching"].item() == pytest.approx(np.mean(matching), abs=1e-5)
    assert not any(one.requires_grad for one in metrics.values())
    loss.backward()
    assert model.region_projection.weight.grad is not None
    assert model.region_projection.weight.grad.abs().sum() > 0


def test_it_runs_in_single_precision_under_autocast() -> None:
    seen = as_seen(batch(4), Pass(losses=()))
    text, image = torch.randn(4, 9, 32), torch.randn(4, 5, 32)
    objective = Alignment(None, SMALL)
    expected, _ = objective(None, States(text, image, text[:, 0]), seen)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = objective(None, States(text, image, text[:, 0]), seen)
    assert found.dtype == torch.float32
    assert found.item() == expected.item()
