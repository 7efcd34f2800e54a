"""The learning rate is a function of samples."""

import itertools

import pytest

from components.study.budget import Budget
from components.study.schedule import learning_rate_factor


def budget(batch_size: int) -> Budget:
    return Budget(
        samples=6400, batch_size=batch_size, learning_rate=1e-3, warmup=0.1, weight_decay=0.0, gradient_clip=1.0
    )


def test_halving_the_batch_leaves_the_rate_at_equal_samples() -> None:
    for samples in range(1280, 6400, 320):
        assert learning_rate_factor(samples, budget(64)) == learning_rate_factor(samples, budget(32))


def test_it_rises_peaks_at_the_end_of_the_warm_up_and_falls_to_zero() -> None:
    factors = [learning_rate_factor(samples, budget(64)) for samples in range(0, 6401, 64)]
    assert factors[0] > 0
    assert factors.index(max(factors)) == 10
    assert max(factors) == pytest.approx(1.0)
    assert factors[-1] == pytest.approx(0.0, abs=1e-12)
    assert all(a <= b for a, b in itertools.pairwise(factors[:11]))
    assert all(a >= b for a, b in itertools.pairwise(factors[10:]))
