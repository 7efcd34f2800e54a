"""Complementary pairs of scenes: two scenes for which the same questions have different answers.

The question is drawn first, then the answers, then scenes in which they are right. So a question alone says nothing about
its answer, except that held-out combinations do not occur. The two scenes of a pair are interchangeable, so a picture alone
says nothing about the truth of a yes-or-no question or a statement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from components.data.scenes.oracle import Pattern
from components.data.scenes.questions import ANSWERS, SCHEDULE, Ask, answer
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import (
    A_DIGIT,
    COLOUR_CODES,
    DIGIT_SHAPES,
    DRAWN_SHAPES,
    OPPOSITE,
    SIZE_CODES,
    Law,
    Scene,
    filled,
    look,
    placed,
)

Order = tuple[tuple[int, int, int], ...]  # (first, relation, second), by position among the looks
Looks = list[Pattern]


@dataclass(frozen=True)
class Draft:
    """Two scenes before their objects have places, with the questions about both."""

    asks: tuple[Ask, ...]
    answers: tuple[tuple[str, str], ...]  # per question, in the first and in the second scene
    looks: tuple[Looks, Looks]
    orders: tuple[Order, Order] = ((), ())


@dataclass(frozen=True)
class Pair:
    """Two scenes and the questions about them."""

    scenes: tuple[Scene, Scene]
    asks: tuple[Ask, ...]
    answers: tuple[tuple[str, str], ...]


# A drafter gets the stream, the law of the split, and the answers (as indices) that two questions should have.
Wanted = tuple[tuple[int, int], tuple[int, int]]
Drafter = Callable[[SceneRandom, Law, Wanted], Draft | None]


def form_of(pair: int) -> tuple[str, int]:
    """The form of the split's k-th pair, and how many pairs before it have this form."""
    form = SCHEDULE[pair % len(SCHEDULE)]
    before = SCHEDULE[: pair % len(SCHEDULE)].count(form)
    return form, pair // len(SCHEDULE) * SCHEDULE.count(form) + before


def wanted_answers(form: str, occurrence: int, *key: object) -> Wanted:
    """The answers (as indices) that two questions of this form have in the first and in the second scene of a pair.

    If a form has n answers, every block of n pairs uses each answer once in the first and once in the second scene, so the
    answers are exactly balanced. The order differs between blocks and between the two questions.
    """
    count = len(ANSWERS[form])
    block, position = divmod(occurrence, count)

    def of_question(question: int) -> tuple[int, int]:
        stream = SceneRandom(*key, question, form, block)
        order = stream.shuffled(range(count))
        shift = 1 + stream.below(count - 1)
        return order[position], order[(position + shift) % count]

    return of_question(0), of_question(1)


def draw_pair(stream: SceneRandom, law: Law, form: str, wanted: Wanted) -> Pair:
    """Draw a pair; repeat until the answers, the split of both scenes and their numbers of objects are as wanted."""
    drafter = _two_steps if law.chains else DRAFTERS[form]
    while True:
        draft = drafter(stream, law, wanted)
        pair = draft and _settled(stream, law, draft)
        if pair:
            return pair


def _settled(stream: SceneRandom, law: Law, draft: Draft) -> Pair | None:
    first = placed(stream, law, draft.looks[0], draft.orders[0])
    second = first and placed(stream, law, draft.looks[1], draft.orders[1])
    if not first or not second:
        return None
    for ask, expected in zip(draft.asks, draft.answers, strict=True):
        if (answer(ask, first), answer(ask, second)) != expected:
            return None
    return Pair((first, second), draft.asks, draft.answers)


def _both(make: Callable[[int], Looks | None]) -> tuple[Looks, Looks] | None:
    first = make(0)
    second = first and make(1)
    return (first, second) if first and second else None


def _swapped(
    stream: SceneRandom, asks: tuple[Ask, Ask], looks: tuple[Looks, Looks], orders: tuple[Order, Order]
) -> Draft:
    """A draft with two yes-or-no questions, in random order: each is true of one scene only."""
    answers = (("yes", "no"), ("no", "yes"))
    if stream.chance(0.5):
        asks, answers = (asks[1], asks[0]), (answers[1], answers[0])
    return Draft(asks, answers, looks, orders)


def _existence(stream: SceneRandom, law: Law, wanted: Wanted) -> Draft | None:
    """Is there such an object? The other scene has one that may differ from it in a single attribute."""
    level = stream.choose(("c", "s", "cs", "cs", "zs"))
    first = look(stream, law)
    second = first and look(stream, law, _changed(stream, first, level))
    if not first or not second:
        return None
    patterns = [
        Pattern(one.colour if "c" in level else 0, one.shape if "s" in level else 0, one.size if "z" in level else 0)
        for one in (first, second)
    ]
    looks = _both(lambda scene: filled(stream, law, [(first, second)[scene]], [patterns[1 - scene]]))
    if not looks or patterns[0] == patterns[1]:
        return None
    return _swapped(stream, (Ask("existence", patterns[0]), Ask("existence", patterns[1])), looks, ((), ()))


def _changed(stream: SceneRandom, one: Pattern, level: str) -> Pattern:
    """The object with one of the attributes in `level` drawn anew; attributes that are not in `level` are left open."""
    field = stream.choose(level)
    drawn = one.shape in DRAWN_SHAPES
    return Pattern(
        stream.choose(COLOUR_CODES) if field == "c" else one.colour * ("c" in level),
        stream.choose(DRAWN_SHAPES if drawn else DIGIT_SHAPES) if field == "s" else one.shape * ("s" in level),
        stream.choose(SIZE_CODES) if field == "z" else one.size * ("z" in level),
    )


def _counting(stream: SceneRandom, law: Law, wanted: Wanted) -> Draft | None:
    """How many are there? The two patterns concern different attributes, so any two numbers can occur together."""
    choices = (
        [Pattern(colour=colour) for colour in COLOUR_CODES],
        [*(Pattern(shape=shape) for shape in DRAWN_SHAPES), A_DIGIT],
        [Pattern(size=size) for size in SIZE_CODES],
    )
    patterns = [stream.choose(choice) for choice in stream.shuffled(choices)[:2]]

    def make(scene: int) -> Looks | None:
        counts = [answers[scene] for answers in wanted]
        total = max(stream.choose(law.counts), *counts)
        members = [stream.shuffled(range(total))[:count] for count in counts]
        looks = []
        for position in range(total):
            inside = [pattern for pattern, chosen in zip(patterns, members, strict=True) if position in chosen]
            outside = [pattern for pattern in patterns if pattern not in inside]
            looks.append(look(stream, law, _merged(inside), outside))
        found = [one for one in looks if one]
        return found if len(found) == total else None

    looks = _both(make)
    return looks and _asked("counting", patterns, wanted, looks)


def _named(form: str, stream: SceneRandom, law: Law, wanted: Wanted) -> Draft | None:
    """Which colour, shape or digit does an object have? One or two objects are named by another attribute."""
    names = {
        "colour": [*(Pattern(shape=shape) for shape in DRAWN_SHAPES), A_DIGIT],
        "shape": [Pattern(colour=colour) for colour in COLOUR_CODES],
        "digit": [Pattern(colour, A_DIGIT.shape) for colour in COLOUR_CODES],
    }[form]
    patterns = stream.shuffled(names)[: min(2, stream.choose(law.counts))]

    def make(scene: int) -> Looks | None:
        looks = []
        for pattern, answers in zip(patterns, wanted, strict=False):
            others = [other for other in patterns if other != pattern]
            looks.append(look(stream, law, _with_answer(form, pattern, answers[scene]), others))
        found = [one for one in looks if one]
        return filled(stream, law, found, patterns) if len(found) == len(patterns) else None

    looks = _both(make)
    return looks and _asked(form, patterns, wanted, looks)


def _with_answer(form: str, pattern: Pattern, answer: int) -> Pattern:
    if form == "colour":
        return pattern._replace(colour=COLOUR_CODES[answer])
    return pattern._replace(shape=(DRAWN_SHAPES if form == "shape" else DIGIT_SHAPES)[answer])


def _relation(stream: SceneRandom, law: Law, wanted: Wanted) -> Draft | None:
    """Does one object stand in a relation to another? In the second scene the two have changed sides."""
    first = look(stream, law)
    second = first and look(stream, law, avoid=[Pattern(first.colour, first.shape)])
    if not first or not second:
        return None
    patterns = [Pattern(one.colour, one.shape) for one in (first, second)]
    relation = stream.choose(list(OPPOSITE))
    looks = _both(lambda _: filled(stream, law, [first, second], patterns))
    asks = Ask("relation", patterns[0], relation, patterns[1]), Ask("relation", patterns[1], relation, patterns[0])
    return looks and _swapped(stream, asks, looks, (((0, relation, 1),), ((1, relation, 0),)))


def _comparison(stream: SceneRandom, law: Law, wanted: Wanted) -> Draft | None:
    """Are there more of one kind than of another? In the second scene it is the other way round."""
    colours = [Pattern(colour=colour) for colour in COLOUR_CODES]
    shapes = [*(Pattern(shape=shape) for shape in DRAWN_SHAPES), A_DIGIT]
    patterns = stream.shuffled(stream.choose((colours, shapes)))[:2]
    more, fewer = stream.choose(((1, 0), (2, 0), (2, 1), (2, 1)))

    def make(scene: int) -> Looks | None:
        greater, lesser = patterns if scene == 0 else patterns[::-1]
        looks = [look(stream, law, pattern) for pattern in [greater] * more + [lesser] * fewer]
        found = [one for one in looks if one]
        return filled(stream, law, found, patterns) if len(found) == len(looks) else None

    looks = _both(make)
    asks = Ask("comparison", patterns[0], b=patterns[1]), Ask("comparison", patterns[1], b=patterns[0])
    return looks and _swapped(stream, asks, looks, ((), ()))


def _sum(stream: SceneRandom, law: Law, wanted: Wanted) -> Draft | None:
    """What is the sum of the two digits?"""

    def make(scene: int) -> Looks | None:
        total = int(ANSWERS["sum"][wanted[0][scene]])
        one = stream.below(total + 1)
        looks = [look(stream, law, Pattern(shape=DIGIT_SHAPES[digit])) for digit in (one, total - one)]
        found = [one for one in looks if one]
        return filled(stream, law, found, [A_DIGIT]) if len(found) == 2 else None

    looks = _both(make)
    return looks and _asked("sum", [A_DIGIT], wanted, looks)


def _two_steps(stream: SceneRandom, law: Law, wanted: Wanted) -> Draft | None:
    """Do three objects stand in a chain of two relations? In the second scene one of the relations is reversed."""
    looks: Looks = []
    patterns: list[Pattern] = []
    while len(looks) < 3:
        one = look(stream, law, avoid=patterns)
        if one is None:
            return None
        looks.append(one)
        patterns.append(Pattern(one.colour, one.shape))
    relations = [stream.choose(list(OPPOSITE)) for _ in range(2)]
    turned = list(relations)
    step = stream.below(2)
    turned[step] = OPPOSITE[turned[step]]
    asks = tuple(
        Ask("relation", patterns[0], first, patterns[1], second, patterns[2]) for first, second in (relations, turned)
    )
    orders = tuple(((0, first, 1), (1, second, 2)) for first, second in (relations, turned))
    return _swapped(stream, (asks[0], asks[1]), (looks, looks), (orders[0], orders[1]))


def _asked(form: str, patterns: list[Pattern], wanted: Wanted, looks: tuple[Looks, Looks]) -> Draft:
    names = ANSWERS[form]
    answers = tuple((names[first], names[second]) for first, second in wanted[: len(patterns)])
    return Draft(tuple(Ask(form, pattern) for pattern in patterns), answers, looks)


def _merged(patterns: list[Pattern]) -> Pattern:
    """One pattern with the attributes of all; the patterns concern different attributes."""
    return Pattern(*(max(values) for values in zip(*patterns, Pattern(), strict=True)))


DRAFTERS: dict[str, Drafter] = {
    "existence": _existence,
    "counting": _counting,
    "colour": partial(_named, "colour"),
    "shape": partial(_named, "shape"),
    "digit": partial(_named, "digit"),
    "relation": _relation,
    "comparison": _comparison,
    "sum": _sum,
}
