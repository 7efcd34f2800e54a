"""Counter-based streams: pure functions of their key and position."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from components.data.streams import Order, Stream


@given(seed=st.integers(0, 2**63 - 1), position=st.integers(0, 2**40), purpose=st.sampled_from(["masks", "negatives"]))
def test_a_position_gives_the_same_draws_whatever_came_before(seed: int, position: int, purpose: str) -> None:
    stream = Stream(seed, "pairs", purpose)
    stream.at(position + 1).random(100)
    assert np.array_equal(stream.at(position).random(5), Stream(seed, "pairs", purpose).at(position).random(5))


def test_seed_source_purpose_and_position_each_change_the_draws() -> None:
    keys = [(1, "a", "x", 0), (2, "a", "x", 0), (1, "b", "x", 0), (1, "a", "y", 0), (1, "a", "x", 1)]
    draws = {Stream(seed, source, purpose).at(position).random() for seed, source, purpose, position in keys}
    assert len(draws) == len(keys)


def test_neighbouring_positions_are_uniform_together() -> None:
    stream = Stream(3, "pairs", "masks")
    draws = np.array([stream.at(position).random() for position in range(4000)])
    assert chisquare(np.histogram(draws, bins=20, range=(0, 1))[0]).pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.05


@given(count=st.integers(1, 200), epoch=st.integers(0, 5), seed=st.integers(0, 1000))
def test_every_epoch_holds_every_item_once(count: int, epoch: int, seed: int) -> None:
    positions = np.arange(epoch * count, (epoch + 1) * count)
    assert sorted(Order(seed, "pairs", count).at(positions)) == list(range(count))


@given(begin=st.integers(0, 500), length=st.integers(1, 80), count=st.integers(1, 60))
def test_order_does_not_depend_on_how_it_is_cut_into_batches(begin: int, length: int, count: int) -> None:
    order = Order(7, "pairs", count)
    positions = np.arange(begin, begin + length)
    assert np.array_equal(order.at(positions), np.concatenate([order.at(positions[i : i + 1]) for i in range(length)]))


def test_an_empty_order_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Order(0, "pairs", 0)
