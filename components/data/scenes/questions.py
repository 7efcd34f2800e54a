"""Questions: their forms, their wording, and their answers."""

from typing import NamedTuple

from components.data.scenes.language import (
    NUMBERS,
    RELATION_WORDS,
    Wording,
    noun_phrase,
    pick,
    relation_words,
    with_article,
)
from components.data.scenes.oracle import FIRST_DIGIT, RELATION, Fact, Pattern
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import A_DIGIT, COLOURS, DRAWN, OPPOSITE, Scene, digit_sum, matching, stands, true_of

YES_NO = ("yes", "no")
ANSWERS: dict[str, tuple[str, ...]] = {
    "existence": YES_NO,
    "counting": NUMBERS[:4],
    "colour": COLOURS,
    "shape": DRAWN,
    "digit": tuple(map(str, range(10))),
    "relation": YES_NO,
    "comparison": YES_NO,
    "sum": tuple(map(str, range(1, 10))),
}

# The forms of successive pairs of scenes of a split, repeated. Three quarters are easy to see (existence, counting, colour,
# shape). Forms are interleaved, so that the first hundred samples have the same mixture as all.
SCHEDULE = (
    "existence", "counting", "colour", "shape", "digit", "existence", "counting", "colour", "relation", "shape",
    "existence", "counting", "colour", "sum", "digit", "existence", "counting", "colour", "shape", "comparison",
)  # fmt: skip

WORDINGS: dict[str, Wording] = {
    "existence": (
        ("is there {a}?", "does the picture show {a}?", "can you see {a}?"),
        ("is {a} in the picture?", "is {a} shown?"),
    ),
    "counting": (
        ("how many {many} are there?", "how many {many} can you see?", "count the {many}"),
        ("how many {many} does the picture show?", "how many {many} are in the picture?"),
    ),
    "colour": (
        ("what colour is the {one}?", "which colour does the {one} have?"),
        ("the {one} is which colour?", "what is the colour of the {one}?"),
    ),
    "shape": (
        ("what shape is the {one}?", "which shape does the {one} have?"),
        ("the {one} is which shape?", "what is the shape of the {one}?"),
    ),
    "digit": (
        ("which number is the {one}?", "what is the {one}?", "read the {one}"),
        ("the {one} is which number?", "the {one} is what?"),
    ),
    "relation": (
        ("is the {one} {relation} the {other}?", "can you see the {one} {relation} the {other}?"),
        ("{relation} the {other}, can you see the {one}?", "is the {one} in the picture {relation} the {other}?"),
    ),
    "comparison": (
        (
            "are there more {many} than {others}?",
            "does the picture show more {many} than {others}?",
            "are there fewer {others} than {many}?",
        ),
        ("can you see more {many} than {others}?", "in the picture are there fewer {others} than {many}?"),
    ),
    "sum": (
        ("what is the sum of the two digits?", "what do the two digits add up to?"),
        ("the two digits add up to what?", "the sum of the two digits is what?"),
    ),
}  # fmt: skip
CHAIN = "is there {a} {relation} {b} that is {second} {c}?"


class Ask(NamedTuple):
    """The content of a question; its wording is chosen later."""

    form: str
    a: Pattern = Pattern()
    relation: int = 0
    b: Pattern = Pattern()
    second_relation: int = 0
    c: Pattern = Pattern()


def worded(ask: Ask, stream: SceneRandom, paraphrased: bool = False) -> str:
    """The question in words."""
    if ask.second_relation:
        first, second = (RELATION_WORDS[relation][0] for relation in (ask.relation, ask.second_relation))
        a, b, c = map(with_article, (ask.a, ask.b, ask.c))
        return CHAIN.format(a=a, relation=first, b=b, second=second, c=c)
    return pick(stream, WORDINGS[ask.form], paraphrased).format(
        a=with_article(ask.a),
        one=noun_phrase(ask.a),
        many=noun_phrase(ask.a, plural=True),
        other=noun_phrase(ask.b),
        others=noun_phrase(ask.b, plural=True),
        relation=relation_words(stream, ask.relation) if ask.relation else "",
    )


def answer(ask: Ask, scene: Scene) -> str | None:
    """The answer; None where the question makes no sense, such as "what colour is the star" where there are two stars."""
    found = matching(scene, ask.a)
    if ask.form == "existence":
        return _yes(bool(found))
    if ask.form == "counting":
        return NUMBERS[len(found)]
    if ask.form == "comparison":
        return _yes(len(found) > len(matching(scene, ask.b)))
    if ask.form == "sum":
        digits = matching(scene, A_DIGIT)
        return str(digit_sum(digits)) if len(digits) == 2 else None
    if ask.second_relation:
        return _yes(true_of(Fact(RELATION, ask.a, ask.relation, ask.b, ask.second_relation, ask.c), scene))
    if len(found) != 1:
        return None
    thing = found[0]
    if ask.form == "colour":
        return COLOURS[thing.colour - 1]
    if ask.form == "shape":
        return DRAWN[thing.shape - 1] if thing.shape < FIRST_DIGIT else None
    if ask.form == "digit":
        return str(thing.shape - FIRST_DIGIT) if thing.shape >= FIRST_DIGIT else None
    others = matching(scene, ask.b)
    if len(others) != 1 or not (
        stands(thing, ask.relation, others[0]) or stands(thing, OPPOSITE[ask.relation], others[0])
    ):
        return None
    return _yes(stands(thing, ask.relation, others[0]))


def _yes(true: bool) -> str:
    return "yes" if true else "no"
