"""What the tables of architectures, objectives, tasks and sources say of each entry.

A table is a dictionary in the `__init__.py` of its room, with one row for each file beside it. Rows need no torch: the study
file is checked with them, and a module is imported when something asks for it.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Ability = Literal["texts", "pictures", "places"]
Norm = Literal["pre", "post"]
NamesOfBoxes = Literal["classes", "attributes"]
FloorName = Literal["majority", "text_only", "image_only", "first_object", "chance"]


@dataclass(frozen=True, kw_only=True)
class ArchitectureRow:
    """One architecture.

    Attributes:
        place: where its class is, as module:class.
        written: its name as its paper writes it.
        offers: what a task may ask of it.
        norm: whether its transformer normalises before its sublayers or after them; None where it has none, or where the norm
            is an axis. The two want other learning rates (Xiong et al., "On Layer Normalization in the Transformer
            Architecture", ICML 2020).
        freezes: its arms may keep parameters frozen for a while. The other papers train everything at once.
        names_of_boxes: what its losses need to know of the boxes that a detector learned from, beside their places: what is in
            each, or also what it is like; None for nothing.
        reads_answers: its intermediate step is also told the answers to questions among the captions.
        baseline: it is a simple baseline, and the leaderboard says so where nothing does better.
    """

    place: str
    written: str
    offers: tuple[Ability, ...]
    norm: Norm | None
    freezes: bool = False
    names_of_boxes: NamesOfBoxes | None = None
    reads_answers: bool = False
    baseline: bool = False


@dataclass(frozen=True, kw_only=True)
class ObjectiveRow:
    """One pretraining loss, and what a batch must carry for it beside what the passes of its architecture ask for.

    Attributes:
        place: where its class is, as module:class.
        content: what it reads of the samples. Arms that read unlike content are not expected to have equal digests of it.
        corruption: what is drawn, or judged, for it.

    Both hold names of `components.data.batches.FURTHER`.
    """

    place: str
    content: tuple[str, ...] = ()
    corruption: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """What the score of a sample means; a task's score is the mean over its samples.

    Attributes:
        name: as learning curves and records have it.
        low: the worst score of a sample.
        high: the best one.
        unit: of all of them.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    unit: str = "fraction"

    @property
    def words(self) -> str:
        """The name as people read it."""
        return self.name.replace("_", " ")


ACCURACY = Metric("accuracy")
EVERY_HALF: tuple[FloorName, ...] = ("majority", "text_only", "image_only")


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """One kind of downstream task.

    Attributes:
        place: where its class is, as module:class.
        needs: what an architecture must offer to do it. A task that is answered from a list of answers needs nothing: what the
            baselines that see half of a sample get on it shows what that half gives away.
        served: it is asked with one picture and one text, as a user would ask. Its models are packaged, judged at the gate and
            served; of other kinds models are only compared.
        metric: what is scored.
        floors: what can be scored without understanding, by name (`components.evaluation.scoring.floors`).
        targets: a target is a class, or a position in a list of candidates. Training need not have seen every position.
        text_optional: the samples may have no text.
        own_scenes: its samples need scenes of their own: where their `OwnScenes` is, as module:name. None where it is put to
            the scenes that several kinds share.
    """

    place: str
    needs: tuple[Ability, ...] = ()
    served: bool
    metric: Metric = ACCURACY
    floors: tuple[FloorName, ...] = EVERY_HALF
    targets: Literal["classes", "positions"] = "classes"
    text_optional: bool = False
    own_scenes: str | None = None


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """One source of samples.

    Attributes:
        module: it offers `write`, as `components.data.sources.source` calls it.
        generated: how many captioned pictures there are is a setting of the study (`data.scenes.pairs`).
        has_domains: its pictures have domains, of which an arm may read one (`pairs.domain`).
        takes_regions: regions may be precomputed for its pictures (`data.region_features`).
        has_rows: it reads rows that people wrote. Where one is faulty, the whole is checked and every fault is told.
        redraws: it can draw the training samples of a replicate anew, from the study's settings alone. Its module then offers
            `redraw`, too.
    """

    module: str
    generated: bool = False
    has_domains: bool = False
    takes_regions: bool = False
    has_rows: bool = False
    redraws: bool = False


def placed(place: str) -> Any:
    """What stands at a place, written as module:name; the module is imported."""
    module, name = place.split(":")
    return getattr(import_module(module), name)
