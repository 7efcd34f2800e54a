"""Grounding samples: which object of the picture does a referring expression mean?

An expression means exactly one object of its picture. Another object is a near miss: it differs in one of the attributes
named, or it is of the same kind and stands elsewhere. Expressions come in complementary pairs: the same words with two
pictures, in which the object has different cells and different indices in the list of boxes. That list is in random order,
so neither words ("above") nor the cell of an object tell its index.
"""

from typing import NamedTuple

from components.data.samples import Sample
from components.data.scenes.language import Wording, noun_phrase, pick, relation_words, with_article
from components.data.scenes.oracle import Pattern, Thing
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.sets import OwnScenes, SampleSet, Shown, other_than
from components.data.scenes.world import (
    A_DIGIT,
    ANYTHING,
    DRAWN_SHAPES,
    LAWS,
    OPPOSITE,
    Law,
    Scene,
    filled,
    look,
    matches,
    matching,
    placed,
    stands,
)

LEVELS = ("cs", "cs", "csz", "csz", "sz", "cz", "c", "s")
"""Which attributes an expression names: colour, shape, size."""
SHARE_OF_RELATIONS = 0.4

NAMED: Wording = (("the {one}", "{one}"), ("the {one} in the picture", "the {one} that is shown"))
RELATED: Wording = (
    ("the {one} {relation} the {other}", "the {one} that is {relation} the {other}"),
    ("{relation} the {other} the {one}", "the {one} in the picture that is {relation} the {other}"),
)
CHAINED = "the {one} {relation} {other} that is {second} the {third}"


Pointed = tuple[Scene, int]  # a scene and the index of the object that is meant


class Expression(NamedTuple):
    """A referring expression, in one of three forms.

    * "the A";
    * "the A RELATION the B", if there is a relation;
    * "the A RELATION a B that is SECOND_RELATION the C", if there is a second one.
    """

    a: Pattern
    relation: int = 0
    b: Pattern = ANYTHING
    second_relation: int = 0
    c: Pattern = ANYTHING

    @property
    def form(self) -> str:
        """The form by which results are sliced: "relation" or "attributes"."""
        return "relation" if self.relation else "attributes"


def meant(expression: Expression, scene: Scene) -> list[Thing]:
    """The objects that an expression describes."""
    found = matching(scene, expression.a)
    if not expression.relation:
        return found
    return [
        one
        for one in found
        if any(
            stands(one, expression.relation, other) and _goes_on(expression, one, other, scene)
            for other in matching(scene, expression.b)
        )
    ]


def _goes_on(expression: Expression, one: Thing, other: Thing, scene: Scene) -> bool:
    return not expression.second_relation or any(
        third != one and stands(other, expression.second_relation, third) for third in matching(scene, expression.c)
    )


def draw(seed: int, split: str, number: int, task: str) -> SampleSet:
    """One complementary pair: an expression and two pictures."""
    law = LAWS[split]
    stream = SceneRandom(seed, "grounding", split, number)
    expression, shown = _pair(stream, law)
    text = worded(expression, stream, law.paraphrased)
    pictures, samples = [], []
    for place, (scene, target) in enumerate(shown):
        identity = f"{task}-{split}-{2 * number + place:06d}"
        pictures.append(Shown(identity, scene, identity))
        samples.append(
            Sample(
                id=identity,
                part=task,
                split=split,
                image_ids=[identity],
                text=text,
                target=str(target),
                group=identity,
                form=expression.form,
                pair=f"{task}-{split}-{number:06d}",
            )
        )
    return SampleSet(pictures, samples)


def _pair(stream: SceneRandom, law: Law) -> tuple[Expression, tuple[Pointed, Pointed]]:
    while True:
        expression = _expression(stream, law)
        if expression is None:
            continue
        first = _picture(expression, stream, law)
        second = first and _picture(expression, stream, law, other=first)
        if first and second:
            return expression, (first, second)


def worded(expression: Expression, stream: SceneRandom, paraphrased: bool = False) -> str:
    """The expression in words."""
    one = noun_phrase(expression.a)
    if not expression.relation:
        return pick(stream, NAMED, paraphrased).format(one=one)
    if expression.second_relation:
        return CHAINED.format(
            one=one,
            relation=relation_words(stream, expression.relation),
            other=with_article(expression.b),
            second=relation_words(stream, expression.second_relation),
            third=noun_phrase(expression.c),
        )
    return pick(stream, RELATED, paraphrased).format(
        one=one, relation=relation_words(stream, expression.relation), other=noun_phrase(expression.b)
    )


def _expression(stream: SceneRandom, law: Law) -> Expression | None:
    target = look(stream, law)
    if target is None:
        return None
    if law.chains:
        relations = [stream.choose(list(OPPOSITE)) for _ in range(2)]
        # A and B match any object, so only the two relations tell which one is meant.
        return Expression(ANYTHING, relations[0], ANYTHING, relations[1], target._replace(size=0))
    if max(law.counts) >= 3 and stream.chance(SHARE_OF_RELATIONS):
        landmark = look(stream, law, avoid=[target._replace(size=0)])
        kind = _named(target, stream.choose(("s", "s", "c", "z", "")))
        if landmark is None:
            return None
        return Expression(kind, stream.choose(list(OPPOSITE)), landmark._replace(size=0))
    pattern = _named(target, stream.choose(LEVELS))
    if target.shape not in DRAWN_SHAPES and pattern.shape and stream.chance(0.3):
        pattern = pattern._replace(shape=A_DIGIT.shape)
    return Expression(pattern)


def _named(one: Pattern, level: str) -> Pattern:
    return Pattern(one.colour * ("c" in level), one.shape * ("s" in level), one.size * ("z" in level))


def _picture(expression: Expression, stream: SceneRandom, law: Law, other: Pointed | None = None) -> Pointed | None:
    """A scene in which the expression means one object, its objects in random order, and the index of that object.

    Args:
        other: the other picture of the pair and its index; the object must have another cell and another index here.
    """
    for _ in range(40):
        looks = _looks(expression, stream, law)
        scene = looks and placed(stream, law, looks)
        if not scene or not _nearly_meant(expression, scene):
            continue
        shuffled = tuple(stream.shuffled(scene))
        target = shuffled.index(meant(expression, scene)[0])
        if other is None or (target != other[1] and _cell(shuffled[target]) != _cell(other[0][other[1]])):
            return shuffled, target
    return None


def _looks(expression: Expression, stream: SceneRandom, law: Law) -> list[Pattern] | None:
    """Looks of the object that is meant, of a near miss, of the landmark if any, and of fillers; None if a draw failed."""
    landmark = expression.c if expression.second_relation else expression.b
    if expression.relation:
        avoid = [landmark]
        looks = [look(stream, law, expression.a, avoid) for _ in range(2)] + [look(stream, law, landmark)]
    else:
        avoid = [expression.a]
        looks = [look(stream, law, expression.a), look(stream, law, other_than(stream, expression.a), avoid)]
    found = [one for one in looks if one]
    return filled(stream, law, found, avoid) if len(found) == len(looks) else None


def _nearly_meant(expression: Expression, scene: Scene) -> bool:
    """Whether exactly one object is meant, and another one could be meant if a word were left out."""
    if len(meant(expression, scene)) != 1:
        return False
    if not expression.relation:
        return True  # a near miss was put there
    landmark = expression.c if expression.second_relation else expression.b
    rivals = [thing for thing in matching(scene, expression.a) if not matches(thing, landmark)]
    return len(rivals) >= 2 and len(matching(scene, landmark)) == 1


def _cell(thing: Thing) -> tuple[int, int]:
    return thing.column, thing.row


SCENES = OwnScenes(2, tuple("0123"), draw)
