"""Samples of statements about two pictures: is the statement true of the left and the right picture together?

Statements come in sets of four pictures and four samples with the same words; half of the samples are true. Forms:

* both: both pictures show an object. Two of the pictures show it beside a near miss, one shows it alone and one shows the
  near miss alone. Only the words say which of the two objects is meant. Words alone and pictures alone tell nothing; words
  and one picture tell something. This is the easiest form, and NLVR2 has it too: what is learned from one picture helps
  with two.
* side: one picture, named by the words, shows something; the other does not matter. Words alone and pictures alone tell
  nothing.
* one: exactly one picture shows something; total: both together show a number of a kind; as_many: both show equally many.
  Each of two left pictures is combined with each of two right pictures. Every picture makes the statement true with one
  partner and false with the other, so even words and one picture together tell nothing.
* more: one picture shows more of a kind than the other. There are two pairs of pictures, each also with its sides swapped.
  Words alone and pictures alone tell nothing. Words and one picture tell something (three of a kind are likely to be more),
  which cannot be avoided.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from components.data.samples import Sample
from components.data.scenes.language import (
    NUMBERS,
    RELATION_WORDS,
    Wording,
    noun_phrase,
    pick,
    relation_words,
    with_article,
)
from components.data.scenes.oracle import AT_LEAST, COUNT, RELATION, Fact, Pattern
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.sets import OwnScenes, SampleSet, Shown, other_than
from components.data.scenes.world import (
    A_DIGIT,
    COLOUR_CODES,
    DRAWN_SHAPES,
    LAWS,
    OPPOSITE,
    SIZE_CODES,
    Law,
    Scene,
    filled,
    look,
    matching,
    placed,
    true_of,
)

# Each form as often as it is drawn. The two most frequent forms ask of single pictures whether they show something.
FORMS = (*5 * ("both",), *3 * ("side",), "one", "total", "as_many", "more")
SIDES = ("left", "right")
MOST = 3  # more of a kind are never named or shown

ONE: Wording = (
    ("exactly one picture shows {a}", "only one picture shows {a}", "there is {a} in exactly one picture"),
    ("in exactly one picture there is {a}", "in only one picture you can see {a}"),
)
BOTH: Wording = (
    ("both pictures show {a}", "each picture shows {a}", "there is {a} in both pictures"),
    ("in both pictures there is {a}", "in each picture you can see {a}"),
)
SIDE: Wording = (
    ("the {side} picture shows {a}", "there is {a} in the {side} picture"),
    ("in the {side} picture there is {a}", "in the {side} picture you can see {a}"),
)
TOTAL: Wording = (
    ("there are {n} {many} in all", "there are exactly {n} {many} in all", "the pictures show {n} {many} in all"),
    ("in all there are {n} {many}", "you can see {n} {many} in all"),
)
TOTAL_OF_ONE: Wording = (
    ("there is exactly one {one} in all", "the pictures show exactly one {one} in all"),
    ("in all there is exactly one {one}", "you can see exactly one {one} in all"),
)
AS_MANY: Wording = (
    (
        "the {side} picture shows as many {many} as the {other} picture",
        "there are as many {many} in the {side} picture as in the {other} picture",
    ),
    ("in the {side} picture you can see as many {many} as in the {other} picture",),
)
MORE: Wording = (
    (
        "the {side} picture shows more {many} than the {other} picture",
        "there are more {many} in the {side} picture than in the {other} picture",
        "the {other} picture shows fewer {many} than the {side} picture",
    ),
    (
        "in the {side} picture you can see more {many} than in the {other} picture",
        "in the {other} picture there are fewer {many} than in the {side} picture",
    ),
)

_TRIES = 20

Make = Callable[[int], Scene | None]


@dataclass(frozen=True)
class Draft:
    """A statement, with functions that draw its four pictures.

    Attributes:
        text: the statement in words.
        form: the form by which results are sliced.
        true: whether the statement is true of a left and a right scene.
        makes: one function for each of the four pictures; it returns a scene, or None if the draw failed.
        shown: for each sample, the indices of its left and right picture among the four.
    """

    text: str
    form: str
    true: Callable[[Scene, Scene], bool]
    makes: tuple[Callable[[], Scene | None], ...]
    shown: tuple[tuple[int, int], ...] = ((0, 2), (0, 3), (1, 3), (1, 2))


def draw(seed: int, split: str, number: int, task: str) -> SampleSet:
    """Four pictures and four samples of one statement."""
    law = LAWS[split]
    stream = SceneRandom(seed, "pair_statements", split, number)
    draft, scenes = _settled(stream, law)
    group = f"{task}-{split}-{number:06d}"
    names = [f"{group}-{place}" for place in range(4)]
    pictures = [Shown(name, scene, group) for name, scene in zip(names, scenes, strict=True)]
    samples = [
        Sample(
            id=f"{group}-{place}",
            part=task,
            split=split,
            image_ids=[names[left], names[right]],
            text=draft.text,
            target="true" if draft.true(scenes[left], scenes[right]) else "false",
            group=group,
            form=draft.form,
            pair=f"{group}-{place // 2}",
        )
        for place, (left, right) in enumerate(draft.shown)
    ]
    return SampleSet(pictures, samples)


def _settled(stream: SceneRandom, law: Law) -> tuple[Draft, list[Scene]]:
    while True:
        form = "one" if law.chains else stream.choose(FORMS)
        draft = _DRAFTS[form](form, stream, law)
        if draft is None:
            continue
        scenes = []
        for make in draft.makes:
            # Few scenes that fit belong to the split. Another try is cheaper than another statement.
            if scene := next((found for found in (make() for _ in range(_TRIES)) if found), None):
                scenes.append(scene)
        if len(scenes) < len(draft.makes):
            continue
        truths = [draft.true(scenes[left], scenes[right]) for left, right in draft.shown]
        # A scene may show more than was asked for, so the truth values are checked.
        if truths[0] == truths[2] and truths[1] == truths[3] and truths[0] != truths[1]:
            return draft, scenes


def _shared(form: str, stream: SceneRandom, law: Law) -> Draft | None:
    """A statement that both pictures show an object."""
    first = look(stream, law)
    if first is None:
        return None
    pattern = _named(first, stream)
    miss = other_than(stream, pattern)
    fact = Fact(COUNT, pattern, operator=AT_LEAST, number=1)
    both = partial(_holding, (pattern, miss), (), stream, law)
    alone = partial(_holding, (pattern,), (miss,), stream, law)
    missed = partial(_holding, (miss,), (pattern,), stream, law)
    shown = ((0, 2), (0, 3), (1, 2), (1, 3))
    return Draft(
        pick(stream, BOTH, law.paraphrased).format(a=with_article(pattern)),
        form,
        lambda left, right: true_of(fact, left) and true_of(fact, right),
        (both, both, *stream.shuffled((alone, missed))),
        shown if stream.below(2) else tuple((right, left) for left, right in shown),
    )


def _shown(form: str, stream: SceneRandom, law: Law) -> Draft | None:
    """A statement that something is shown: an object, or objects in one relation or in a chain of two."""
    first = look(stream, law)
    others = [look(stream, law, avoid=[first._replace(size=0)]) if first else None for _ in range(2)]
    if first is None or others[0] is None or others[1] is None:
        return None
    patterns = [Pattern(one.colour, one.shape) for one in (first, *others) if one]
    relations = [stream.choose(list(OPPOSITE)) for _ in range(2)]
    if law.chains:
        if patterns[1] == patterns[2]:
            return None
        fact = Fact(RELATION, patterns[0], relations[0], patterns[1], relations[1], patterns[2])
        a, b, c = map(with_article, patterns)
        words = [RELATION_WORDS[relation][0] for relation in relations]  # two relations make long sentences
        what = f"{a} {words[0]} {b} that is {words[1]} {c}"
    elif stream.chance(0.3):
        patterns = patterns[:2]
        fact = Fact(RELATION, patterns[0], relations[0], patterns[1])
        a, b = map(with_article, patterns)
        what = f"{a} {relation_words(stream, relations[0])} {b}"
    else:
        pattern = _named(first, stream)
        fact = Fact(COUNT, pattern, operator=AT_LEAST, number=1)
        return _draft_of(
            form, fact, with_article(pattern), stream, law, lambda there: _existing(pattern, there, stream, law)
        )

    def make(there: int) -> Scene | None:
        looks = [look(stream, law, pattern) for pattern in patterns]
        found = [one for one in looks if one]
        whole = filled(stream, law, found, patterns) if len(found) == len(patterns) else None
        order = [(0, relations[0], 1), (1, relations[1], 2)][: len(patterns) - 1]
        if not there:
            turned = stream.below(len(order))
            a, relation, b = order[turned]
            order[turned] = (b, relation, a)
        return placed(stream, law, whole, order) if whole else None

    return _draft_of(form, fact, what, stream, law, make)


def _draft_of(form: str, fact: Fact, what: str, stream: SceneRandom, law: Law, make: Make) -> Draft:
    makes = tuple(lambda there=there: make(there) for there in stream.shuffled((0, 1)) + stream.shuffled((0, 1)))
    if form == "one":
        text = pick(stream, ONE, law.paraphrased).format(a=what)
        return Draft(text, form, lambda left, right: true_of(fact, left) != true_of(fact, right), makes)
    place = stream.below(2)
    text = pick(stream, SIDE, law.paraphrased).format(side=SIDES[place], a=what)
    shown = ((0, 2), (0, 3), (1, 2), (1, 3)) if place else ((0, 2), (1, 3), (0, 3), (1, 2))
    return Draft(text, form, lambda left, right: true_of(fact, (left, right)[place]), makes, shown)


def _named(thing: Pattern, stream: SceneRandom) -> Pattern:
    """The attributes by which a statement names an object that looks like this."""
    colour, shape = Pattern(thing.colour), Pattern(shape=thing.shape)
    both = Pattern(thing.colour, thing.shape)
    return stream.choose((both, both, thing, colour, shape))


def _existing(pattern: Pattern, there: int, stream: SceneRandom, law: Law) -> Scene | None:
    """A scene with an object that matches the pattern if `there`, otherwise with a near miss."""
    if there:
        return _holding((pattern,), (), stream, law)
    return _holding((other_than(stream, pattern),), (pattern,), stream, law)


def _holding(kinds: Sequence[Pattern], missing: Sequence[Pattern], stream: SceneRandom, law: Law) -> Scene | None:
    """A scene with one object of each kind, and no object that matches `missing`."""
    found = [one for one in (look(stream, law, kind, missing) for kind in kinds) if one]
    whole = filled(stream, law, found, [*kinds, *missing]) if len(found) == len(kinds) else None
    return placed(stream, law, whole) if whole else None


def _counted(form: str, stream: SceneRandom, law: Law) -> Draft | None:
    """A statement about how many objects of one kind each picture shows."""
    kinds = (
        [Pattern(colour=colour) for colour in COLOUR_CODES],
        [*(Pattern(shape=shape) for shape in DRAWN_SHAPES), A_DIGIT],
        [Pattern(size=size) for size in SIZE_CODES],
    )
    pattern = stream.choose(stream.choose(kinds))

    def make(count: int) -> Scene | None:
        return _holding(count * (pattern,), () if count else (pattern,), stream, law)

    def drawn(*counts: int) -> tuple[Callable[[], Scene | None], ...]:
        return tuple(lambda count=count: make(count) for count in counts)

    def count(scene: Scene) -> int:
        return len(matching(scene, pattern))

    one, many = noun_phrase(pattern), noun_phrase(pattern, plural=True)
    first = stream.below(2)
    side, other = SIDES[first], SIDES[1 - first]
    if form == "total":
        total = 1 + stream.below(MOST)
        a, b = stream.shuffled(range(total + 1))[:2]
        wording = TOTAL_OF_ONE if total == 1 else TOTAL
        text = pick(stream, wording, law.paraphrased).format(n=NUMBERS[total], one=one, many=many)
        makes = drawn(a, b, *stream.shuffled((total - a, total - b)))
        return Draft(text, form, lambda left, right: count(left) + count(right) == total, makes)
    a, b = stream.shuffled(range(MOST + 1))[:2]
    if form == "as_many":
        text = pick(stream, AS_MANY, law.paraphrased).format(side=side, other=other, many=many)
        return Draft(text, form, lambda left, right: count(left) == count(right), drawn(a, b, *stream.shuffled((a, b))))
    text = pick(stream, MORE, law.paraphrased).format(side=side, other=other, many=many)
    c, d = stream.shuffled(range(MOST + 1))[:2]
    return Draft(
        text,
        form,
        lambda left, right: count((left, right)[first]) > count((left, right)[1 - first]),
        drawn(a, b, max(c, d) if a > b else min(c, d), min(c, d) if a > b else max(c, d)),
        shown=((0, 1), (1, 0), (2, 3), (3, 2)),
    )


_DRAFTS = {
    "both": _shared,
    "side": _shown,
    "one": _shown,
    "total": _counted,
    "as_many": _counted,
    "more": _counted,
}


SCENES = OwnScenes(4, ("false", "true"), draw)
