"""Targets that only a computer can tell apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.sources.look_alikes import counterparts, look_alikes, visible

NFD = {word: unicodedata.normalize("NFD", word) for word in ("Café", "が", "가", "Å", "é")}


def grouped(*targets: str) -> list[set[str]]:
    return [set(alike.counts) for alike in look_alikes(dict.fromkeys(targets, 1))]


@pytest.mark.parametrize(
    "alike",
    [
        ("cat", "Cat", "CAT"),
        ("cat", " cat", "cat ", "cat\u00a0", "cat\t"),
        ("ice cream", "ice  cream", "ice\u00a0cream", "icecream", "ice_cream"),
        ("Café", NFD["Café"]),
        ("が", NFD["が"]),
        ("가", NFD["가"]),
        ("Å", NFD["Å"], "\u212b"),
        ("cat", "cat\u200b", "\ufeffcat", "c\u00adat", "cat\u2060"),
        ("\u2764", "\u2764\ufe0f"),
        ("Ａ１", "A1"),
        ("it's", "it\u2019s", "it`s"),
        ('"x"', "\u201cx\u201d", "\u201ex\u201c"),
        ("t-shirt", "t\u2013shirt", "t\u2011shirt"),
        ("STRASSE", "Straße"),
        ("1", "1.0", "01", "1.", "1,0", "1e0", "+1"),
        ("0.5", ".5", "0,50"),
        ("-3", "\u22123", "-3.0"),
        ("true", "True", "yes"),
    ],
)
def test_what_looks_alike_is_one_group(alike: tuple[str, ...]) -> None:
    assert grouped(*alike, "another", "17") == [set(alike)]


@pytest.mark.parametrize(
    "different",
    [
        ("cat", "cats"),
        ("か", "が"),
        ("resume", "résumé"),
        ("1", "-1"),
        ("1", "10"),
        ("1 1", "11"),
        ("1,000", "1"),
        ("1.5", "15"),
        ("yes", "1", "2"),
        ("y", "t", "1"),
        ("i", "ı"),
    ],
)
def test_what_is_different_stays_apart(different: tuple[str, ...]) -> None:
    assert grouped(*different) == []


def test_truth_values_meet_numbers_only_where_these_are_0_and_1() -> None:
    assert grouped("1", "1.0", "True", "0", "false") == [{"1", "1.0", "True"}, {"0", "false"}]
    assert grouped("1", "1.0", "True", "0", "2", "false") == [{"1", "1.0"}]


def test_groups_are_shown_with_rows_so_that_the_difference_is_seen() -> None:
    counts = {"cat\u200b": 3, "cat": 10, NFD["Café"]: 1, "Café": 4, "dog": 9}
    assert list(map(str, look_alikes(counts))) == [
        r"'cat' (10 rows) and 'cat\u200b' (3 rows)",
        r"'Café' (4 rows) and 'Cafe\u0301' (1 row)",
    ]
    assert str(look_alikes({"a": 1, "A": 1, "a ": 1})[0]) == "'A' (1 row), 'a' (1 row) and 'a ' (1 row)"


@given(pair=st.lists(st.text(max_size=20), min_size=2, max_size=2, unique=True))
def test_two_targets_of_one_group_never_show_alike(pair: list[str]) -> None:
    for alike in look_alikes(dict.fromkeys(pair, 1)):
        shown = [visible(target) for target in alike.counts]
        assert len(set(shown)) == len(shown)
        # Nor in the other normal form, as a terminal or an editor may have it.
        assert len({unicodedata.normalize("NFC", one) for one in shown}) == len(shown)
        assert all("\n" not in one for one in shown)


@given(counts=st.dictionaries(st.text(max_size=6), st.integers(1, 9), max_size=12))
def test_every_target_is_in_one_group_at_most(counts: dict[str, int]) -> None:
    found = look_alikes(counts)
    members = [target for alike in found for target in alike.counts]
    assert len(set(members)) == len(members)
    assert all(len(alike.counts) > 1 and alike.counts.items() <= counts.items() for alike in found)


def test_long_targets_are_shortened() -> None:
    assert visible("x" * 500) == f"'{'x' * 60}...'"
    assert visible("it's") == '"it\'s"'


def test_counterparts_are_known_targets_that_look_like_those_asked() -> None:
    assert counterparts(["Cat", "bird", "1.0"], ["cat", "dog", "1", "2"]) == {"Cat": "cat", "1.0": "1"}
    assert counterparts([], ["a"]) == {}
