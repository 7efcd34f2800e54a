"""The oracle against a slow one that shares no code with it."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.data.scenes import oracle
from components.data.scenes.oracle import Fact, Pattern, Thing
from components.data.scenes.world import true_of

patterns = st.builds(Pattern, st.integers(0, 6), st.integers(0, 15), st.integers(0, 2))
nothing, no_pattern = st.just(0), st.just(Pattern())
relation, operator = st.integers(1, 4), st.integers(1, 5)
facts = st.one_of(  # kind, A, relation, B, second relation, C, operator, number
    st.tuples(st.just(1), patterns, nothing, no_pattern, nothing, no_pattern, operator, st.integers(0, 4)),
    st.tuples(st.just(2), patterns, relation, patterns, st.integers(0, 4), patterns, nothing, nothing),
    st.tuples(st.just(3), patterns, nothing, patterns, nothing, no_pattern, operator, nothing),
    st.tuples(st.just(4), patterns, nothing, no_pattern, nothing, no_pattern, operator, st.integers(0, 18)),
).map(Fact._make)
things = st.builds(
    Thing, st.integers(1, 6), st.integers(1, 14), st.integers(1, 2), st.integers(0, 3), st.integers(0, 3)
)
scenes = st.lists(things, min_size=1, max_size=4, unique_by=lambda thing: (thing.column, thing.row))


def slow_holds(text: list[Fact], scene: list[Thing]) -> bool:
    """Loops and comparisons, straight from the description of the layout."""
    if not text:
        return False

    def chosen(pattern: Pattern) -> list[Thing]:
        found = []
        for thing in scene:
            if pattern[0] != 0 and thing[0] != pattern[0]:
                continue
            if pattern[1] == 15 and thing[1] < 5:
                continue
            if pattern[1] not in (0, 15) and thing[1] != pattern[1]:
                continue
            if pattern[2] != 0 and thing[2] != pattern[2]:
                continue
            found.append(thing)
        return found

    def compare(left: int, operator: int, right: int) -> bool:
        return eval(f"{left} {['==', '>=', '<=', '>', '<'][operator - 1]} {right}")

    def stands(first: Thing, relation: int, second: Thing) -> bool:
        steps = [second[3] - first[3], first[3] - second[3], second[4] - first[4], first[4] - second[4]]
        return steps[relation - 1] > 0

    for fact in text:
        if fact[0] == 1:
            true = compare(len(chosen(fact[1])), fact[6], fact[7])
        elif fact[0] == 2:
            true = False
            for a in chosen(fact[1]):
                for b in chosen(fact[3]):
                    for c in chosen(fact[5]) if fact[4] else [None]:
                        if stands(a, fact[2], b) and (c is None or stands(b, fact[4], c)):
                            true = True
        elif fact[0] == 3:
            true = compare(len(chosen(fact[1])), fact[6], len(chosen(fact[3])))
        else:
            true = compare(sum(thing[1] - 5 for thing in chosen(fact[1]) if thing[1] >= 5), fact[6], fact[7])
        if not true:
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(facts, max_size=4), min_size=1, max_size=6),
    st.lists(scenes, min_size=1, max_size=6),
    st.sampled_from([0, -1]),
)
def test_agrees_with_the_slow_oracle(texts: list[list[Fact]], worlds: list[list[Thing]], fill: int) -> None:
    rows = oracle.pad([oracle.encode_facts(text) for text in texts] + [[1] * 70])[:-1]  # wider than needed
    objects = oracle.pad([oracle.encode_scene(scene) for scene in worlds])
    for index, text in enumerate(texts):
        rows[index, len(text) * oracle.FACT_WIDTH :] = fill
    for index, scene in enumerate(worlds):
        objects[index, len(scene) * oracle.OBJECT_WIDTH :] = fill
    got = oracle.holds(rows, objects)
    assert got.dtype == bool
    assert got.tolist() == [[slow_holds(text, scene) for scene in worlds] for text in texts]


@settings(max_examples=150, deadline=None)
@given(facts, scenes)
def test_the_drawing_code_sees_the_same_truth(fact: Fact, scene: list[Thing]) -> None:
    assert true_of(fact, tuple(scene)) == slow_holds([fact], scene)


@given(st.lists(facts, max_size=4), scenes)
def test_rows_can_be_read_back(text: list[Fact], scene: list[Thing]) -> None:
    assert oracle.decode_facts([*oracle.encode_facts(text), *[-1] * oracle.FACT_WIDTH]) == text
    assert oracle.decode_scene([*oracle.encode_scene(scene), *[0] * oracle.OBJECT_WIDTH]) == scene


def test_nothing_holds_where_nothing_is_said() -> None:
    objects = oracle.pad([oracle.encode_scene([Thing(1, 1, 1, 0, 0)])])
    assert oracle.holds(np.zeros((3, 0), dtype=np.int16), objects).tolist() == [[False]] * 3
    assert oracle.holds(np.full((3, 14), -1, dtype=np.int16), objects).tolist() == [[False]] * 3


def test_wrong_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="blocks of 14 and 5"):
        oracle.holds(np.zeros((1, 13), dtype=np.int16), np.zeros((1, 5), dtype=np.int16))


@pytest.mark.parametrize("size", [2, 64])
def test_a_larger_batch_takes_no_more_calls(size: int) -> None:
    """What numpy does in one call for few texts and scenes it does in one for many: no loop of Python is among them."""
    assert calls_of_a_batch(size) == calls_of_a_batch(8)


def calls_of_a_batch(size: int) -> int:
    """How many functions are called, of Python and of C, to judge so many texts by as many scenes."""
    stream = np.random.default_rng(0)
    text = [Fact(2, Pattern(1, 2), 1, Pattern(3), 3, Pattern(0, 15)), Fact(1, Pattern(2), operator=2, number=1)] * 2
    rows = oracle.pad([oracle.encode_facts(text)] * size)
    objects = np.stack([stream.integers(1, high, (size, 4)) for high in (7, 15, 3, 4, 4)], axis=-1)
    flat = objects.reshape(size, 20).astype(np.int16)
    events: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: events.append(event))
    try:
        oracle.holds(rows, flat)
    finally:
        sys.setprofile(before)
    return events.count("call") + events.count("c_call")
