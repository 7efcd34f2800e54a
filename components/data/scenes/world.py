"""The world of the scenes: its colours, shapes and relations, and how scenes of each split are drawn.

A scene is one to four objects in the cells of a grid of 4 x 4, at most one object in a cell. The content of a scene decides
its split: every split owns a range of hash values, so no scene can occur in two splits, whatever their sizes. Splits whose
content differs from all others (held-out combinations, four objects) need no range.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.data.scenes.oracle import (
    ABOVE,
    ANY_DIGIT,
    AT_LEAST,
    AT_MOST,
    BELOW,
    COMPARISON,
    COUNT,
    DRAWN_CODES,
    EQUAL,
    FEWER,
    FIRST_DIGIT,
    LEFT_OF,
    MORE,
    RELATION,
    RIGHT_OF,
    SHAPE_CODES,
    Fact,
    Pattern,
    Thing,
)
from components.data.scenes.scene_random import SceneRandom

COLOURS = ("red", "green", "blue", "yellow", "purple", "cyan")
DRAWN = ("circle", "square", "triangle", "star")
SIZES = ("small", "large")
GRID = 4

COLOUR_CODES = tuple(range(1, len(COLOURS) + 1))
DRAWN_SHAPES = tuple(range(1, DRAWN_CODES + 1))
DIGIT_SHAPES = tuple(range(FIRST_DIGIT, SHAPE_CODES + 1))
SIZE_CODES = tuple(range(1, len(SIZES) + 1))
ANYTHING = Pattern()
A_DIGIT = Pattern(shape=ANY_DIGIT)
OPPOSITE = {LEFT_OF: RIGHT_OF, RIGHT_OF: LEFT_OF, ABOVE: BELOW, BELOW: ABOVE}

# Combinations that occur only in `general_combinations`: two of drawn shapes, and one colour for each digit. More of drawn
# shapes would reveal answers: if red triangles never occur, "what shape is the red thing" has one answer fewer.
HELD_OUT = frozenset(
    [(1, 3), (3, 4)] + [(COLOUR_CODES[digit % len(COLOURS)], FIRST_DIGIT + digit) for digit in range(10)]
)
_HELD_OUT_IN_ORDER = sorted(HELD_OUT)
_DIGIT_SHARE = 0.35

Scene = tuple[Thing, ...]


@dataclass(frozen=True)
class Law:
    """How the scenes of one split are drawn.

    Attributes:
        classes: the range of hash values, out of 100, that belong to the split; None where its content is unlike all others.
        counts: numbers of objects, each as often as it is to be drawn.
        held_out: whether every scene holds a combination of `HELD_OUT`; otherwise no scene does.
        chains: whether questions and statements are about chains of two relations.
        paraphrased: whether wordings are used that occur in no other split.
        writing: the range of handwritten digits, as indices into scikit-learn's `load_digits`.
    """

    classes: tuple[int, int] | None
    counts: tuple[int, ...] = (1, 2, 2, 3, 3)
    held_out: bool = False
    chains: bool = False
    paraphrased: bool = False
    writing: tuple[int, int] = (1200, 1797)


LAWS = {
    "train": Law((0, 45), writing=(0, 1200)),
    "validation": Law((45, 55)),
    "selection": Law((55, 75)),
    "gate": Law((75, 86)),
    "general_combinations": Law(None, held_out=True),
    "general_counts": Law(None, counts=(4,)),
    "general_relations": Law((86, 93), counts=(3,), chains=True),
    "general_paraphrases": Law((93, 100), paraphrased=True),
}


def matches(thing: Pattern | Thing, pattern: Pattern) -> bool:
    """Whether an object looks as the pattern says."""
    shape = pattern.shape
    return (
        pattern.colour in (0, thing.colour)
        and (shape in (0, thing.shape) or (shape == ANY_DIGIT and thing.shape >= FIRST_DIGIT))
        and pattern.size in (0, thing.size)
    )


def matching(scene: Iterable[Thing], pattern: Pattern) -> list[Thing]:
    """The objects that look as the pattern says."""
    return [thing for thing in scene if matches(thing, pattern)]


def stands(first: Thing, relation: int, second: Thing) -> bool:
    """Whether the first object stands in the relation to the second."""
    if relation in (LEFT_OF, RIGHT_OF):
        low, high = (first, second) if relation == LEFT_OF else (second, first)
        return low.column < high.column
    low, high = (first, second) if relation == ABOVE else (second, first)
    return low.row < high.row


def true_of(fact: Fact, scene: Scene) -> bool:
    """Whether a fact is true of a scene; `oracle.holds` decides the same for many at once."""
    first = matching(scene, fact.a)
    if fact.kind == RELATION:
        return any(
            stands(a, fact.relation, b)
            and (not fact.second_relation or any(stands(b, fact.second_relation, c) for c in matching(scene, fact.c)))
            for a in first
            for b in matching(scene, fact.b)
        )
    if fact.kind == COUNT:
        left, right = len(first), fact.number
    elif fact.kind == COMPARISON:
        left, right = len(first), len(matching(scene, fact.b))
    else:
        left, right = digit_sum(first), fact.number
    return {
        EQUAL: left == right,
        AT_LEAST: left >= right,
        AT_MOST: left <= right,
        MORE: left > right,
        FEWER: left < right,
    }[fact.operator]


def digit_sum(things: Iterable[Thing]) -> int:
    """The sum of the digits among the objects."""
    return sum(thing.shape - FIRST_DIGIT for thing in things if thing.shape >= FIRST_DIGIT)


def look(stream: SceneRandom, law: Law, pattern: Pattern = ANYTHING, avoid: Sequence[Pattern] = ()) -> Pattern | None:
    """Draw the look of an object that matches the pattern and nothing in `avoid`; None if none was found."""
    for _ in range(20):
        colour, shape = pattern.colour, pattern.shape
        if law.held_out and stream.chance(0.5):
            fitting = [pair for pair in _HELD_OUT_IN_ORDER if matches(Pattern(*pair), pattern._replace(size=0))]
            if fitting:
                colour, shape = stream.choose(fitting)
        colour = colour or stream.choose(COLOUR_CODES)
        if shape == ANY_DIGIT or (shape == 0 and stream.chance(_DIGIT_SHARE)):
            shape = stream.choose(DIGIT_SHAPES)
        shape = shape or stream.choose(DRAWN_SHAPES)
        found = Pattern(colour, shape, pattern.size or stream.choose(SIZE_CODES))
        if (law.held_out or (colour, shape) not in HELD_OUT) and not any(matches(found, other) for other in avoid):
            return found
    return None


def filled(
    stream: SceneRandom, law: Law, looks: Sequence[Pattern] = (), avoid: Sequence[Pattern] = ()
) -> list[Pattern] | None:
    """Add objects that match nothing in `avoid` up to a number drawn for the split; None if a draw failed."""
    missing = max(0, stream.choose(law.counts) - len(looks))
    extra = [look(stream, law, avoid=avoid) for _ in range(missing)]
    found = [one for one in extra if one]
    return [*looks, *found] if len(found) == missing else None


def placed(
    stream: SceneRandom, law: Law, looks: Sequence[Pattern], order: Sequence[tuple[int, int, int]] = ()
) -> Scene | None:
    """Put objects into cells so that the scene belongs to the split.

    Args:
        order: required relations as (first, relation, second), where first and second are positions in `looks`.

    Returns:
        The scene, its objects in reading order; None if no such scene was found.
    """
    held_out = any(one[:2] in HELD_OUT for one in looks)
    if held_out != law.held_out or (len(looks) == 4) != (4 in law.counts):
        return None
    if all(one.shape >= FIRST_DIGIT for one in looks) and len(looks) == 4:
        return None  # "four" is a number that training never names
    for _ in range(30):
        cells = stream.shuffled(range(GRID * GRID))
        things = [Thing(*one, cell % GRID, cell // GRID) for one, cell in zip(looks, cells[: len(looks)], strict=True)]
        if all(stands(things[first], relation, things[second]) for first, relation, second in order):
            scene = tuple(sorted(things, key=lambda thing: (thing.row, thing.column)))
            if belongs(scene, law):
                return scene
    return None


def belongs(scene: Scene, law: Law) -> bool:
    """Whether the content of a scene, given in reading order, lies in the range that the split owns."""
    if law.classes is None:
        return True
    content = bytes(number for thing in scene for number in thing)
    value = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little") % 100
    return law.classes[0] <= value < law.classes[1]


def draw_scene(stream: SceneRandom, law: Law) -> Scene:
    """Some scene of the split."""
    while True:
        looks = filled(stream, law)
        scene = looks and placed(stream, law, looks)
        if scene:
            return scene
