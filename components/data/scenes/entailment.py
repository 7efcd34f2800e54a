"""Visual entailment samples: does a picture entail a hypothesis, contradict it, or leave it open?

Some pictures have a curtain over a block of cells, behind which anything may stand. The hypothesis says that an object is
there, or that it is not:

* if the object is visible, it is there;
* if it is not visible but could stand behind the curtain, the answer is neutral;
* otherwise it is not there.

Hypotheses come in triples: the same words with three pictures, one for each answer. Forms:

* presence, absence: there is, or is not, such an object (in `general_relations`: such a chain of objects). Half of the
  pictures that show it have a curtain too. Neutral pictures always have one, so a picture alone tells something.
* place: the same about one half of the picture. Every picture has a curtain, in that half or in the other, so neither the
  words alone nor the picture alone tell anything. Often the object stands in the other half.
"""

from dataclasses import dataclass

from components.data.samples import Sample
from components.data.scenes.language import Wording, noun_phrase, pick, sentence, with_article
from components.data.scenes.oracle import AT_LEAST, COUNT, EQUAL, RELATION, Fact, Pattern, Thing
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.sets import Curtain, OwnScenes, SampleSet, Shown, other_than
from components.data.scenes.world import (
    GRID,
    LAWS,
    OPPOSITE,
    Law,
    Scene,
    filled,
    look,
    matching,
    placed,
    stands,
    true_of,
)

LABELS = ("contradiction", "entailment", "neutral")
SIDE = 2  # of a curtain, in cells
HALVES = {"left": (0, 0), "right": (0, GRID // 2), "top": (1, 0), "bottom": (1, GRID // 2)}
"""For each half: whether it is divided by columns (0) or by rows (1), and its first column or row."""

PLACED: Wording = (
    ("there is {a} in the {half} half", "{a} is in the {half} half", "the {half} half shows {a}"),
    ("in the {half} half you can see {a}", "in the {half} half there is {a}"),
)
NOT_PLACED: Wording = (
    ("there is no {one} in the {half} half", "no {one} is in the {half} half", "the {half} half shows no {one}"),
    ("in the {half} half you can see no {one}", "in the {half} half there is no {one}"),
)


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis that something is there, or that it is not.

    Attributes:
        fact: the fact that it is there: one such object, or objects in a chain of relations.
        denied: whether the hypothesis denies the fact.
        half: the half of the picture that it is about; empty for the whole picture.
    """

    fact: Fact
    denied: bool
    half: str = ""

    @property
    def form(self) -> str:
        """The form by which results are sliced: "place", "absence" or "presence"."""
        return "place" if self.half else "absence" if self.denied else "presence"


def label(hypothesis: Hypothesis, scene: Scene, curtain: Curtain | None) -> str:
    """The answer: "entailment", "contradiction" or "neutral"."""
    if _seen(hypothesis, scene):
        return "contradiction" if hypothesis.denied else "entailment"
    if curtain and _possible(hypothesis, scene, curtain):
        return "neutral"
    return "entailment" if hypothesis.denied else "contradiction"


def draw(seed: int, split: str, number: int, task: str) -> SampleSet:
    """One triple: a hypothesis and three pictures."""
    law = LAWS[split]
    stream = SceneRandom(seed, "entailment", split, number)
    hypothesis, shown = _settled(stream, law)
    text = worded(hypothesis, stream, law.paraphrased)
    pictures, samples = [], []
    for place, (answer, scene, curtain) in enumerate(stream.shuffled(shown)):
        identity = f"{task}-{split}-{len(LABELS) * number + place:06d}"
        pictures.append(Shown(identity, scene, identity, curtain))
        samples.append(
            Sample(
                id=identity,
                part=task,
                split=split,
                image_ids=[identity],
                text=text,
                target=answer,
                group=identity,
                form=hypothesis.form,
                pair=f"{task}-{split}-{number:06d}",
            )
        )
    return SampleSet(pictures, samples)


def worded(hypothesis: Hypothesis, stream: SceneRandom, paraphrased: bool = False) -> str:
    """The hypothesis in words."""
    fact = hypothesis.fact
    if hypothesis.half:
        wording = NOT_PLACED if hypothesis.denied else PLACED
        return pick(stream, wording, paraphrased).format(
            a=with_article(fact.a), one=noun_phrase(fact.a), half=hypothesis.half
        )
    return sentence(fact._replace(operator=EQUAL, number=0) if hypothesis.denied else fact, stream, paraphrased)


def _settled(stream: SceneRandom, law: Law) -> tuple[Hypothesis, list[tuple[str, Scene, Curtain | None]]]:
    while True:
        hypothesis = _hypothesis(stream, law)
        shown = [(answer, _picture(hypothesis, answer, stream, law)) for answer in LABELS] if hypothesis else []
        found = [(answer, *picture) for answer, picture in shown if picture]
        if hypothesis and len(found) == len(LABELS):
            return hypothesis, found


def _hypothesis(stream: SceneRandom, law: Law) -> Hypothesis | None:
    one = look(stream, law)
    if one is None:
        return None
    if law.chains:
        others = [look(stream, law, avoid=[one._replace(size=0)]) for _ in range(2)]
        patterns = [Pattern(thing.colour, thing.shape) for thing in (one, *others) if thing]
        if len(set(patterns)) < 3:
            return None
        first, second = (stream.choose(list(OPPOSITE)) for _ in range(2))
        return Hypothesis(Fact(RELATION, patterns[0], first, patterns[1], second, patterns[2]), denied=False)
    bare = Pattern(one.colour, one.shape)
    pattern = stream.choose((bare, bare, one, Pattern(one.colour), Pattern(shape=one.shape)))
    half = stream.choose(list(HALVES)) if stream.chance(0.5) else ""
    return Hypothesis(Fact(COUNT, pattern, operator=AT_LEAST, number=1), stream.chance(0.5), half)


def _picture(hypothesis: Hypothesis, answer: str, stream: SceneRandom, law: Law) -> tuple[Scene, Curtain | None] | None:
    """A scene and its curtain (or None) for which the hypothesis has this answer; None if no attempt succeeds."""
    seen = answer == ("contradiction" if hypothesis.denied else "entailment")
    for _ in range(60):
        scene = _chain(hypothesis.fact, seen, stream, law) if law.chains else _scene(hypothesis, seen, stream, law)
        if scene is None:
            continue
        curtain = None
        if hypothesis.half or answer == "neutral" or (seen and stream.chance(0.5)):
            free = [block for block in _blocks(hypothesis.half) if not any(block.covers(thing) for thing in scene)]
            if not free:
                continue
            curtain = stream.choose(free)
        if label(hypothesis, scene, curtain) == answer:
            return scene, curtain
    return None


def _scene(hypothesis: Hypothesis, seen: bool, stream: SceneRandom, law: Law) -> Scene | None:
    """A scene with the object of the hypothesis, or without it but with a similar one."""
    pattern = hypothesis.fact.a
    elsewhere = bool(hypothesis.half) and stream.chance(0.5)
    looks = [
        look(stream, law, pattern) if seen or elsewhere else look(stream, law, other_than(stream, pattern), [pattern])
    ]
    found = [one for one in looks if one]
    whole = filled(stream, law, found, [pattern]) if found else None
    return placed(stream, law, whole) if whole else None


def _chain(fact: Fact, seen: bool, stream: SceneRandom, law: Law) -> Scene | None:
    """A scene with the three objects, in their chain or with one step turned round."""
    looks = [one for one in (look(stream, law, pattern) for pattern in (fact.a, fact.b, fact.c)) if one]
    steps = [(0, fact.relation, 1), (1, fact.second_relation, 2)]
    if not seen:
        turned = stream.below(2)
        first, relation, second = steps[turned]
        steps[turned] = (second, relation, first)
    return placed(stream, law, looks, steps) if len(looks) == 3 else None


def _blocks(half: str) -> list[Curtain]:
    """The possible places of a curtain; for a hypothesis about a half, only those within one half."""
    every = [Curtain(column, row, SIDE) for row in range(GRID - SIDE + 1) for column in range(GRID - SIDE + 1)]
    if not half:
        return every
    axis = HALVES[half][0]
    return [block for block in every if block[axis] % SIDE == 0]


def _inside(half: str, cell: tuple[int, int]) -> bool:
    if not half:
        return True
    axis, first = HALVES[half]
    return first <= cell[axis] < first + GRID // 2


def _seen(hypothesis: Hypothesis, scene: Scene) -> bool:
    if not hypothesis.half:
        return true_of(hypothesis.fact, scene)
    return any(_inside(hypothesis.half, (thing.column, thing.row)) for thing in matching(scene, hypothesis.fact.a))


def _possible(hypothesis: Hypothesis, scene: Scene, curtain: Curtain) -> bool:
    """Whether the fact would be true if suitable objects stood behind the curtain."""
    fact = hypothesis.fact
    if fact.kind != RELATION:
        return any(_inside(hypothesis.half, cell) for cell in curtain.cells)
    a, b, c = (
        [*matching(scene, pattern), *(Thing(*pattern, *cell) for cell in curtain.cells)]
        for pattern in (fact.a, fact.b, fact.c)
    )
    return any(
        stands(one, fact.relation, two) and stands(two, fact.second_relation, three) and one[3:] != three[3:]
        for one in a
        for two in b
        for three in c
    )


SCENES = OwnScenes(len(LABELS), LABELS, draw)
