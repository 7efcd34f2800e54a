"""Pools for retrieval: pictures with their texts, where every text is false of every other picture of its pool.

The oracle decides what is false. Every picture but the first has the objects of an earlier one of its pool, with a single
attribute of a single object changed, so every pool has hard negatives. The texts of a pool either list the objects or state
a relation between two of them. In a pool of relations, a picture may also show the same objects at other places.
"""

from collections.abc import Sequence
from typing import NamedTuple

from components.data.samples import Sample
from components.data.scenes.captions import complete_caption
from components.data.scenes.facts import chain, true_fact
from components.data.scenes.language import sentence
from components.data.scenes.oracle import RELATION, Fact, Pattern, encode_facts
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.sets import OwnScenes, SampleSet, Shown, other_than
from components.data.scenes.world import LAWS, Law, Scene, draw_scene, placed, true_of

POOL = 8
MOST_WORDS = 20
"""Longer captions (four objects with their sizes) might be cut off before the words that matter."""
SHARE_OF_RELATIONS = 0.3
_UNTAUGHT = "four"  # a number that training never names


class Described(NamedTuple):
    """A scene with its text and the facts that the text states."""

    scene: Scene
    text: str
    facts: tuple[Fact, ...]


def draw(seed: int, split: str, number: int, task: str) -> SampleSet:
    """One pool."""
    law = LAWS[split]
    stream = SceneRandom(seed, "retrieval", split, number)
    pool: list[Described] | None = None
    while pool is None:
        pool = _pool(stream, law)
    group = f"{task}-{split}-{number:06d}"
    pictures, samples = [], []
    for place, described in enumerate(stream.shuffled(pool)):
        identity = f"{group}-{place}"
        pictures.append(Shown(identity, described.scene, group))
        samples.append(
            Sample(
                id=identity,
                part=task,
                split=split,
                image_ids=[identity],
                text=described.text,
                target=str(place),
                group=group,
                form="relations" if described.facts[0].kind == RELATION else "objects",
                facts=encode_facts(described.facts),
            )
        )
    return SampleSet(pictures, samples)


def _pool(stream: SceneRandom, law: Law) -> list[Described] | None:
    related = law.chains or (max(law.counts) > 1 and stream.chance(SHARE_OF_RELATIONS))
    pool: list[Described] = []
    for _ in range(40 * POOL):
        scene = _near(stream.choose(pool).scene, stream, law, related) if pool else draw_scene(stream, law)
        found = scene and _described(scene, stream, law, related)
        if found and all(_tells_apart(found, other) for other in pool):
            pool.append(found)
            if len(pool) == POOL:
                return pool
    return None


def _near(scene: Scene, stream: SceneRandom, law: Law, related: bool) -> Scene | None:
    """A scene with one attribute of one object changed or, for relations, with the same objects at other places."""
    looks = [Pattern(*thing[:3]) for thing in scene]
    if not (related and stream.chance(0.5)):
        changed = stream.below(len(looks))
        looks[changed] = other_than(stream, looks[changed])
    return placed(stream, law, looks)


def _described(scene: Scene, stream: SceneRandom, law: Law, related: bool) -> Described | None:
    """The scene with a text: a list of its objects, or a relation between two or three of them."""
    if law.chains:
        fact = chain(scene, stream)
        return Described(scene, sentence(fact, stream), (fact,))
    if related:
        relation = true_fact("relation", scene, stream, law)
        return relation and Described(scene, sentence(relation, stream, law.paraphrased), (relation,))
    text, facts = complete_caption(scene, stream, law.paraphrased)
    if len(text.split()) > MOST_WORDS or _UNTAUGHT in text.split():
        return None
    return Described(scene, text, tuple(facts))


def _tells_apart(one: Described, other: Described) -> bool:
    return not _holds(one.facts, other.scene) and not _holds(other.facts, one.scene)


def _holds(facts: Sequence[Fact], scene: Scene) -> bool:
    return all(true_of(fact, scene) for fact in facts)


SCENES = OwnScenes(POOL, tuple("01234567"), draw)
