"""Draw the scenes of the task splits, with the samples of all kinds of task that share these scenes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from components.data.samples import Sample
from components.data.scenes.captions import single_fact_caption
from components.data.scenes.facts import telling_fact
from components.data.scenes.language import NUMBERS, sentence
from components.data.scenes.oracle import Fact, encode_facts
from components.data.scenes.questions import ANSWERS, worded
from components.data.scenes.scene_pairs import Pair, draw_pair, form_of, wanted_answers
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.sets import own_scenes
from components.data.scenes.world import A_DIGIT, LAWS, Scene, matching

TRUTH = ("true", "false")


@dataclass(frozen=True)
class Item:
    """One scene of a task split.

    Attributes:
        samples: by kind of task; `id`, `part` and the full name of the pair depend on the task and are filled in later.
    """

    identity: str
    scene: Scene
    samples: dict[str, list[Sample]]


def targets(kind: str) -> list[str]:
    """Every target that a task of this kind can have."""
    if own := own_scenes(kind):
        return list(own.targets)
    if kind == "vqa":
        return sorted({answer for answers in ANSWERS.values() for answer in answers})
    return list(TRUTH if kind == "statements" else NUMBERS[:4])


def draw_items(seed: int, split: str, number: int) -> list[Item]:
    """The two scenes of one complementary pair with their samples.

    The question of each form is put to both, with different answers; the statement is true of one of them. The label
    of the classification task is the number of digits in the picture, beside a true sentence about it.
    """
    law = LAWS[split]
    stream = SceneRandom(seed, "tasks", split, number)
    pair, true, kind, fact = _told_apart(seed, split, number, stream)
    statement = sentence(fact, stream, law.paraphrased)
    facts = encode_facts([fact])
    # Training scenes have two questions, for more training samples. Scored scenes have one, so that all weigh the same.
    asks = pair.asks if split == "train" else pair.asks[:1]
    questions = [worded(ask, stream, law.paraphrased) for ask in asks]
    items = []
    for place, scene in enumerate(pair.scenes):
        index = 2 * number + place
        identity = f"{split}-{index:06d}"
        bare = Sample("", "", split, [identity], group=identity)
        about, said, _ = single_fact_caption(scene, SceneRandom(seed, "classification", split, index), law)
        samples = {
            "vqa": [
                replace(bare, text=text, target=answers[place], form=ask.form, pair=f"{number:06d}-{count}")
                for count, (ask, text, answers) in enumerate(zip(asks, questions, pair.answers, strict=False))
            ],
            "statements": [
                replace(bare, text=statement, target=TRUTH[place != true], form=kind, facts=facts, pair=f"{number:06d}")
            ],
            "classification": [
                replace(bare, text=about, target=NUMBERS[len(matching(scene, A_DIGIT))], facts=encode_facts(said))
            ],
        }
        items.append(Item(identity, scene, samples))
    return items


def task_samples(item: Item, task: str, kind: str, paired: bool = True) -> Iterator[Sample]:
    """The samples of one scene for one task; `paired` is false where a split ends before the other scene of the pair."""
    for count, sample in enumerate(item.samples[kind]):
        pair = f"{task}-{sample.split}-{sample.pair}" if sample.pair and paired else ""
        yield replace(sample, id=f"{task}-{item.identity}-{count}", part=task, pair=pair)


def _told_apart(seed: int, split: str, number: int, stream: SceneRandom) -> tuple[Pair, int, str, Fact]:
    """A pair, the index of the scene of which the statement is true, the kind of the statement, and its fact."""
    form, occurrence = form_of(number)
    wanted = wanted_answers(form, occurrence, seed, "answers", split)
    while True:
        pair = draw_pair(stream, LAWS[split], form, wanted)
        true = stream.below(2)
        told = telling_fact(pair.scenes[true], pair.scenes[1 - true], stream, LAWS[split])
        if told:
            return pair, true, *told
