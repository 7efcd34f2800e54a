"""Which targets become classes."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.sources.answers import choose_classes

TARGETS = st.lists(st.none() | st.sampled_from("abcdefghij"), max_size=40)


def test_by_default_every_target_is_a_class() -> None:
    assert choose_classes(["b", "a", None, "b", "c"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("fewest", "most", "classes"),
    [(2, None, ["a", "b", "c"]), (3, None, ["a"]), (1, 2, ["a", "b"]), (2, 1, ["a"]), (4, None, [])],
)
def test_limits_by_rows_and_by_number(fewest: int, most: int | None, classes: list[str]) -> None:
    # b and c are as frequent as one another: the alphabet decides.
    assert choose_classes(["c", "b", "d", "a", "c", "a", "b", "a"], fewest, most) == classes


@given(
    targets=TARGETS, fewest=st.integers(1, 4), most=st.none() | st.integers(1, 6), mix=st.randoms(use_true_random=False)
)
def test_no_left_out_target_is_more_frequent(targets: list[str | None], fewest: int, most: int | None, mix) -> None:
    classes = choose_classes(targets, fewest, most)
    mixed = list(targets)
    mix.shuffle(mixed)
    assert choose_classes(mixed, fewest, most) == classes == sorted(set(classes))
    counts = Counter(target for target in targets if target is not None)
    assert all(counts[target] >= fewest for target in classes)
    assert most is None or len(classes) <= most
    others = [count for target, count in counts.items() if target not in classes and count >= fewest]
    assert not others or (len(classes) == most and max(others) <= min(counts[target] for target in classes))
