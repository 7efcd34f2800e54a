"""Draw single facts: facts that are true of a scene, and facts that tell two scenes apart."""

from components.data.scenes.oracle import (
    AT_LEAST,
    AT_MOST,
    COMPARISON,
    COUNT,
    EQUAL,
    MORE,
    RELATION,
    SUM,
    Fact,
    Pattern,
    Thing,
)
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import (
    A_DIGIT,
    ANYTHING,
    COLOUR_CODES,
    DRAWN_SHAPES,
    OPPOSITE,
    SIZE_CODES,
    Law,
    Scene,
    digit_sum,
    look,
    matching,
    stands,
    true_of,
)

KINDS = ("attribute",) * 9 + ("count",) * 7 + ("relation",) * 2 + ("comparison",) * 2
_CLASSES = [Pattern(shape=shape) for shape in DRAWN_SHAPES] + [A_DIGIT]  # what may be counted by its shape


def true_fact(kind: str, scene: Scene, stream: SceneRandom, law: Law) -> Fact | None:
    """A random fact of this kind that is true of the scene; None if this draw found none.

    The kinds: attribute, absence, count, relation, comparison, sum.
    """
    return {
        "attribute": _attribute,
        "absence": _absence,
        "count": _count,
        "relation": _relation,
        "comparison": _comparison,
        "sum": _sum,
    }[kind](scene, stream, law)


def telling_fact(true: Scene, false: Scene, stream: SceneRandom, law: Law) -> tuple[str, Fact] | None:
    """A fact, with its kind, that is true of one scene and false of another; None if none was found.

    The kind is drawn first, so that the mixture of kinds depends little on which facts are easy to find.
    """
    if law.chains:
        longer = chain(true, stream)
        return None if true_of(longer, false) else ("relation", longer)
    digits = len(matching(true, A_DIGIT)), len(matching(false, A_DIGIT))
    kinds = [stream.choose(KINDS) for _ in range(4)]
    if digits == (2, 2) and stream.chance(0.4):
        kinds.insert(0, "sum")
    for kind in [*kinds, "attribute", "relation"]:
        for _ in range(6):
            fact = true_fact(kind, true, stream, law)
            if fact and not true_of(fact, false):
                return kind, fact
    return None


def chain(scene: Scene, stream: SceneRandom) -> Fact:
    """A relation of two steps between three objects that is true of the scene."""
    a, b, c = stream.shuffled(scene)[:3]
    first = [relation for relation in OPPOSITE if stands(a, relation, b)]
    second = [relation for relation in OPPOSITE if stands(b, relation, c)]
    patterns = [Pattern(thing.colour, thing.shape) for thing in (a, b, c)]
    return Fact(RELATION, patterns[0], stream.choose(first), patterns[1], stream.choose(second), patterns[2])


def _attribute(scene: Scene, stream: SceneRandom, law: Law) -> Fact | None:
    return Fact(COUNT, _described(stream.choose(scene), stream), operator=AT_LEAST, number=1)


def _described(thing: Thing, stream: SceneRandom) -> Pattern:
    """An object by one, two or all three of its attributes, mostly by colour and shape."""
    fields = stream.choose(("cs", "cs", "cs", "sz", "csz", "c", "s", "cz"))
    return Pattern(
        thing.colour if "c" in fields else 0, thing.shape if "s" in fields else 0, thing.size if "z" in fields else 0
    )


def _absence(scene: Scene, stream: SceneRandom, law: Law) -> Fact | None:
    other = look(stream, law)
    pattern = other and stream.choose(
        (Pattern(other.colour), Pattern(0, other.shape), Pattern(other.colour, other.shape))
    )
    return Fact(COUNT, pattern, operator=EQUAL, number=0) if pattern and not matching(scene, pattern) else None


def _countable(stream: SceneRandom) -> Pattern:
    colours = [Pattern(colour=colour) for colour in COLOUR_CODES]
    sizes = [Pattern(size=size) for size in SIZE_CODES]
    return stream.choose(stream.choose((colours, _CLASSES, sizes, [ANYTHING])))


def _count(scene: Scene, stream: SceneRandom, law: Law) -> Fact | None:
    pattern = _countable(stream)
    count = len(matching(scene, pattern))
    if count > 3:
        return None  # "four" is a number that training never names
    if count >= 2 and stream.chance(0.25):
        return Fact(COUNT, pattern, operator=AT_LEAST, number=count)
    if count == 2 and stream.chance(0.25):
        return Fact(COUNT, pattern, operator=AT_MOST, number=count)
    return Fact(COUNT, pattern, operator=EQUAL, number=count)


def _relation(scene: Scene, stream: SceneRandom, law: Law) -> Fact | None:
    if len(scene) < 2:
        return None
    a, b = stream.shuffled(scene)[:2]
    relation = stream.choose([relation for relation in OPPOSITE if stands(a, relation, b)])
    return Fact(RELATION, Pattern(a.colour, a.shape), relation, Pattern(b.colour, b.shape))


def _comparison(scene: Scene, stream: SceneRandom, law: Law) -> Fact | None:
    colours = [Pattern(colour=colour) for colour in COLOUR_CODES]
    first, other = stream.shuffled(stream.choose((colours, _CLASSES)))[:2]
    counts = len(matching(scene, first)), len(matching(scene, other))
    if counts[0] == counts[1]:
        return Fact(COMPARISON, first, b=other, operator=EQUAL) if counts[0] else None
    if counts[0] < counts[1]:
        first, other = other, first
    return Fact(COMPARISON, first, b=other, operator=MORE)


def _sum(scene: Scene, stream: SceneRandom, law: Law) -> Fact | None:
    if len(matching(scene, A_DIGIT)) != 2:
        return None
    return Fact(SUM, A_DIGIT, operator=EQUAL, number=digit_sum(scene))
