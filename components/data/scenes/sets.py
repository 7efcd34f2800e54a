"""Kinds of task whose samples need scenes of their own, drawn in sets of pictures and samples that belong together.

The other kinds of task share their scenes (`components.data.scenes.items`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import NamedTuple

from components.data.samples import Sample
from components.data.scenes.draw import Curtain
from components.data.scenes.oracle import Pattern
from components.data.scenes.scene_random import Stream
from components.data.scenes.world import A_DIGIT, COLOUR_CODES, DIGIT_SHAPES, DRAWN_SHAPES, SIZE_CODES, Scene


class Shown(NamedTuple):
    """A picture to be drawn.

    Attributes:
        identity: its id; random details (noise, handwriting) depend on it.
        scene: its objects, in the order of its boxes.
        group: pictures of one group must stay in one split.
        curtain: hides some of its cells; None without a curtain.
    """

    identity: str
    scene: Scene
    group: str
    curtain: Curtain | None = None


@dataclass(frozen=True)
class SampleSet:
    """Pictures and samples that belong together, such as a complementary pair or a pool."""

    pictures: list[Shown]
    samples: list[Sample]


# Arguments: the seed of the scenes, the split, the number of the set in the split, and the name of the task.
Drawer = Callable[[int, str, int, str], SampleSet]


class OwnScenes(NamedTuple):
    """A kind of task with scenes of its own.

    Attributes:
        size: samples in a set; there are as many pictures.
        targets: every target that a sample can have.
        drawer: module:function of its `Drawer`.
    """

    size: int
    targets: tuple[str, ...]
    drawer: str

    def draw(self, seed: int, split: str, number: int, task: str) -> SampleSet:
        """One set."""
        module, function = self.drawer.split(":")
        drawer: Drawer = getattr(import_module(module), function)
        return drawer(seed, split, number, task)


# In the order in which they are written.
OWN_SCENES: dict[str, OwnScenes] = {
    "grounding": OwnScenes(2, tuple("0123"), "components.data.scenes.grounding:draw"),
    "retrieval": OwnScenes(8, tuple("01234567"), "components.data.scenes.retrieval:draw"),
    "entailment": OwnScenes(3, ("contradiction", "entailment", "neutral"), "components.data.scenes.entailment:draw"),
    "pair_statements": OwnScenes(4, ("false", "true"), "components.data.scenes.pair_statements:draw"),
}


def other_than(stream: Stream, pattern: Pattern) -> Pattern:
    """The pattern with one of the attributes that it names replaced by another value: a near miss."""
    field = stream.choose([name for name in pattern._fields if getattr(pattern, name)])
    value = getattr(pattern, field)
    if field == "colour":
        values = COLOUR_CODES
    elif field == "size":
        values = SIZE_CODES
    elif value == A_DIGIT.shape:
        values = DRAWN_SHAPES
    else:
        values = DRAWN_SHAPES if value in DRAWN_SHAPES else DIGIT_SHAPES
    return pattern._replace(**{field: stream.choose([other for other in values if other != value])})
