"""Kinds of task whose samples need scenes of their own, drawn in sets of pictures and samples that belong together.

The other kinds of task share their scenes (`components.data.scenes.items`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from components.catalogue import placed
from components.data.samples import Sample
from components.data.scenes.draw import Curtain
from components.data.scenes.oracle import Pattern
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import A_DIGIT, COLOUR_CODES, DIGIT_SHAPES, DRAWN_SHAPES, SIZE_CODES, Scene
from components.tasks import TASKS


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
    """The scenes of one kind of task. The row of the kind says where they are.

    Attributes:
        size: samples in a set; there are as many pictures.
        targets: every target that a sample can have.
        draw: draws one set.
    """

    size: int
    targets: tuple[str, ...]
    draw: Drawer


def own_scenes(kind: str) -> OwnScenes | None:
    """The scenes of a kind of task; None where it is put to the scenes that several kinds share."""
    place = TASKS[kind].own_scenes
    return None if place is None else placed(place)


def other_than(stream: SceneRandom, pattern: Pattern) -> Pattern:
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
