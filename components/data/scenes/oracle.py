"""The truth oracle: is a text true of a scene?

It needs numpy only, because training uses it: negatives have to be false, and contrastive losses and recall have to know
every true pair.

Layout. A scene is a row of int16, `OBJECT_WIDTH` = 5 numbers for each object:

    colour, shape, size, column, row

Colours are 1..6, shapes 1..4 (drawn) and 5..14 (the digits 0..9), sizes 1..2; columns count from the left and rows from
the top. The meaning of a text is a row of int16, `FACT_WIDTH` = 14 numbers for each fact:

    kind, A (colour, shape, size), relation, B (colour, shape, size), second relation, C (colour, shape, size),
    operator, number

A pattern (A, B, C) matches the objects that agree with it wherever it is not 0; `ANY_DIGIT` stands for the ten digits.
The kinds of facts, in which #A is the number of objects that match A:

    COUNT       #A `operator` number
    RELATION    some A stands in `relation` to some B and, if there is a second relation, this B stands in it to some C
    COMPARISON  #A `operator` #B
    SUM         the sum over all digits that match A `operator` number

A text is true if all of its facts are. A text without facts is true of nothing. Rows are padded at their end with `FILL` =
0. A block is padding if its first number (kind or colour) is below 1, so -1 works as well.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FILL = 0
OBJECT_WIDTH = 5
FACT_WIDTH = 14

COLOUR_CODES = 6
DRAWN_CODES = 4
FIRST_DIGIT = 5
SHAPE_CODES = 14
ANY_DIGIT = 15
SIZE_CODES = 2

COUNT, RELATION, COMPARISON, SUM = 1, 2, 3, 4
LEFT_OF, RIGHT_OF, ABOVE, BELOW = 1, 2, 3, 4
EQUAL, AT_LEAST, AT_MOST, MORE, FEWER = 1, 2, 3, 4, 5


class Pattern(NamedTuple):
    """What an object looks like; 0 leaves an attribute open."""

    colour: int = 0
    shape: int = 0
    size: int = 0


class Thing(NamedTuple):
    """An object of a scene: what it looks like and the cell in which it stands."""

    colour: int
    shape: int
    size: int
    column: int
    row: int


class Fact(NamedTuple):
    """One fact that a text states; the module's docstring describes the kinds."""

    kind: int
    a: Pattern = Pattern()
    relation: int = 0
    b: Pattern = Pattern()
    second_relation: int = 0
    c: Pattern = Pattern()
    operator: int = 0
    number: int = 0


def encode_facts(facts: Iterable[Fact]) -> tuple[int, ...]:
    """The facts of one text as one flat row."""
    return tuple(
        number
        for kind, a, relation, b, second, c, operator, value in facts
        for number in (kind, *a, relation, *b, second, *c, operator, value)
    )


def decode_facts(row: Sequence[int]) -> list[Fact]:
    """The facts of one row, padding left out."""
    blocks = (tuple(int(n) for n in row[start : start + FACT_WIDTH]) for start in range(0, len(row), FACT_WIDTH))
    return [
        Fact(n[0], Pattern(*n[1:4]), n[4], Pattern(*n[5:8]), n[8], Pattern(*n[9:12]), n[12], n[13])
        for n in blocks
        if n[0] > 0
    ]


def encode_scene(things: Iterable[Thing]) -> tuple[int, ...]:
    """The objects of one scene as one flat row."""
    return tuple(number for thing in things for number in thing)


def decode_scene(row: Sequence[int]) -> list[Thing]:
    """The objects of one row, padding left out."""
    blocks = (tuple(int(n) for n in row[start : start + OBJECT_WIDTH]) for start in range(0, len(row), OBJECT_WIDTH))
    return [Thing(*n) for n in blocks if n[0] > 0]


def pad(rows: Sequence[Sequence[int]]) -> NDArray[np.int16]:
    """Rows of different lengths as one array, padded at the end with `FILL`."""
    array = np.full((len(rows), max(map(len, rows), default=0)), FILL, dtype=np.int16)
    for index, row in enumerate(rows):
        array[index, : len(row)] = row
    return array


def holds(facts: NDArray[np.int16], objects: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Which texts are true of which scenes.

    Args:
        facts: (C, F), one padded row of facts for each text.
        objects: (S, O), one padded row of objects for each scene.

    Returns:
        (C, S) bool.

    Raises:
        ValueError: F or O is no multiple of `FACT_WIDTH` or `OBJECT_WIDTH`.
    """
    texts, scenes = len(facts), len(objects)
    if facts.shape[1] % FACT_WIDTH or objects.shape[1] % OBJECT_WIDTH:
        raise ValueError(
            f"facts has {facts.shape[1]} columns and objects {objects.shape[1]}; "
            f"they come in blocks of {FACT_WIDTH} and {OBJECT_WIDTH}: pad with oracle.pad"
        )
    blocks = facts.reshape(texts, -1, FACT_WIDTH).astype(np.int64)
    rows = blocks.reshape(-1, FACT_WIDTH)
    kinds = rows[:, 0]
    world = _World(objects.reshape(scenes, -1, OBJECT_WIDTH).astype(np.int64))
    true = np.ones((len(rows), scenes), dtype=bool)
    for kind, judge in ((COUNT, _count), (RELATION, _relation), (COMPARISON, _comparison), (SUM, _sum)):
        chosen = np.flatnonzero(kinds == kind)
        if len(chosen):
            true[chosen] = judge(rows[chosen], world)
    says_something: NDArray[np.bool_] = np.any(blocks[:, :, :1] > 0, axis=1)  # (C, 1)
    return np.all(true.reshape(texts, -1, scenes), axis=1) & says_something


# Objects and patterns as bit sets: a pattern matches objects in which all of its bits are set. Bit 0: there is an object.
_COLOUR_BITS = np.array([0, *(1 << (1 + code) for code in range(COLOUR_CODES))], dtype=np.int32)
_DIGIT_BIT = 1 << 24
_SHAPE_BITS = np.array(
    [0]
    + [1 << (7 + code) for code in range(DRAWN_CODES)]
    + [1 << (7 + code) | _DIGIT_BIT for code in range(DRAWN_CODES, SHAPE_CODES)]
    + [_DIGIT_BIT],
    dtype=np.int32,
)
_SIZE_BITS = np.array([0, 1 << 21, 1 << 22], dtype=np.int32)
_TRUE_FOR_SIGN = np.zeros((6, 3), dtype=bool)  # (operator, sign of left - right): negative, zero, positive
_TRUE_FOR_SIGN[EQUAL] = (False, True, False)
_TRUE_FOR_SIGN[AT_LEAST] = (False, True, True)
_TRUE_FOR_SIGN[AT_MOST] = (True, True, False)
_TRUE_FOR_SIGN[MORE] = (False, False, True)
_TRUE_FOR_SIGN[FEWER] = (True, False, False)


class _World:
    """The scenes of one call, with the objects as first dimension: N objects at most, S scenes."""

    def __init__(self, objects: NDArray[np.int64]) -> None:
        things = objects.transpose(1, 2, 0)  # (N, 5, S)
        present = things[:, 0] > 0
        colour, shape, size = (np.where(present, things[:, field], 0) for field in range(3))
        self.bits = np.where(present, 1 | _COLOUR_BITS[colour] | _SHAPE_BITS[shape] | _SIZE_BITS[size], 0)  # (N, S)
        self.digits = np.where(shape >= FIRST_DIGIT, shape - FIRST_DIGIT, 0)  # (N, S)
        column, row = things[:, 3], things[:, 4]
        left_of, above = column[:, None] < column, row[:, None] < row
        self.stands = np.stack(  # (relation, N, N, S): the first object stands in the relation to the second
            [np.zeros_like(above), left_of, left_of.swapaxes(0, 1), above, above.swapaxes(0, 1)]
        )

    def matching(self, patterns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which objects match: (N, facts, S) from the (facts, 3) patterns."""
        needed = 1 | _COLOUR_BITS[patterns[:, 0]] | _SHAPE_BITS[patterns[:, 1]] | _SIZE_BITS[patterns[:, 2]]
        return (self.bits[:, None, :] & needed[:, None]) == needed[:, None]

    def count(self, patterns: NDArray[np.int64]) -> NDArray[np.int16]:
        """How many objects match: (facts, S)."""
        return self.matching(patterns).sum(axis=0, dtype=np.int16)


def _compare(left: NDArray, operator: NDArray, right: NDArray) -> NDArray[np.bool_]:
    true: NDArray[np.bool_] = _TRUE_FOR_SIGN[operator[:, None], np.sign(left - right) + 1]
    return true


def _count(facts: NDArray[np.int64], world: _World) -> NDArray[np.bool_]:
    return _compare(world.count(facts[:, 1:4]), facts[:, 12], facts[:, 13, None])


def _comparison(facts: NDArray[np.int64], world: _World) -> NDArray[np.bool_]:
    return _compare(world.count(facts[:, 1:4]), facts[:, 12], world.count(facts[:, 5:8]))


def _sum(facts: NDArray[np.int64], world: _World) -> NDArray[np.bool_]:
    total = (world.matching(facts[:, 1:4]) * world.digits[:, None, :]).sum(axis=0)
    return _compare(total, facts[:, 12], facts[:, 13, None])


def _relation(facts: NDArray[np.int64], world: _World) -> NDArray[np.bool_]:
    a, b, c = (world.matching(facts[:, start : start + 3]) for start in (1, 5, 9))  # (N, facts, S)
    first, second = facts[:, 4], facts[:, 8]
    stands = world.stands
    true = np.zeros((len(facts), stands.shape[-1]), dtype=bool)
    for middle in range(len(b)):
        to_the_left = np.zeros_like(true)
        to_the_right = np.repeat((second == 0)[:, None], true.shape[1], axis=1)
        for other in range(len(b)):
            if other != middle:
                to_the_left |= a[other] & stands[first, other, middle]
                to_the_right |= c[other] & stands[second, middle, other]
        true |= b[middle] & to_the_left & to_the_right
    return true
