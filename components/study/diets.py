"""What a cell has read on its way, which of the study's budgets were spent on it, and where that is unequal between systems."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from components.models.architectures import ARCHITECTURES
from components.study.arms import ArmSettings
from components.study.axes import DATA_AXES, PairsSettings
from components.study.cells import Cell
from components.study.front_ends import FRONT_COMPONENTS
from components.study.study import Study

PictureLabels = Literal["image", "boxes", "unknown"]
Samples = Mapping[Cell, int | None]
"""How many samples each cell has seen in all; None where not known."""
PICTURES: dict[PictureLabels, str] = {
    "image": "pictures with labels",
    "boxes": "pictures with boxes",
    "unknown": "regions from outside, of which nobody knows what they were learned from",
}
"""Pictures alone, by their labels, in words."""


class Diet(NamedTuple):
    """What a cell has read.

    Attributes:
        texts: whether it has read texts alone.
        pictures: the labels of the pictures alone that its encoders and its front end learned from.
        checkpoints: encoders from outside. Of an arm that takes none it is not known here whether its architecture begins from
            one, so it is told apart by its architecture.
        captioned: what its intermediate step read of the captioned pictures; None without a step.
        answers: whether that step was also told the answers to questions.
        labels: how many labelled samples it learned from.
    """

    texts: bool
    pictures: frozenset[PictureLabels]
    checkpoints: frozenset[str]
    captioned: PairsSettings | None
    answers: bool
    labels: Literal["few", "all"]


def diet_of(study: Study, cell: Cell) -> Diet:
    """What a cell has read."""
    arm = study.arms[cell.arm]
    step = cell.start == "multimodal"
    return Diet(
        texts="text" in _alone(arm, cell),
        pictures=_pictures(study, arm, cell),
        checkpoints=_checkpoints(study, arm),
        captioned=arm.pairs if step else None,
        answers=step and arm.architecture in ARCHITECTURES and ARCHITECTURES[arm.architecture].reads_answers,
        labels=cell.labels,
    )


def budget_of(study: Study, cell: Cell) -> tuple[str, ...]:
    """Which budgets were spent on a cell before it was fine-tuned, sorted. Equal ones are as large in the declared currency.

    A twin has the FLOPs of its arm's intermediate step. In another currency these are another amount for every arm.
    """
    arm = study.arms[cell.arm]
    spent = ["pretrain_text" if component == "text" else "pretrain_image" for component in _alone(arm, cell)]
    if cell.start == "multimodal":
        spent.append("pretrain")
    elif cell.matched:
        in_flops = {study.pretrain.currency, study.finetune.currency} == {"flops"}
        spent.append("pretrain" if in_flops else f"the FLOPs of pretrain, as {cell.arm} pays them")
    return tuple(sorted(spent))


def equal_data(study: Study, first: Cell, second: Cell) -> bool:
    """Whether two cells have read the same and had as large a budget in the declared currency."""
    cells = first, second
    return len({diet_of(study, cell) for cell in cells}) == 1 and len({budget_of(study, cell) for cell in cells}) == 1


def unequal(study: Study, first: Cell, second: Cell, samples: Samples | None = None) -> str:
    """Why two whole systems have no verdict for what they have read and spent, as a sentence without its full stop.

    Empty where both went through the intermediate step, or neither did, or one is a twin with as many FLOPs, and no system
    begins from nothing against one that does not. Whoever has no unimodal components by its paper leaves nothing out.

    Args:
        samples: said of both cells where both are known.
    """
    if equal_data(study, first, second):
        return ""
    gap = _gap(study, first, second)
    if gap is None:
        return _unequal_pairs(study, first, second)
    seen = ["" if samples is None or (count := samples.get(cell)) is None else f"{count:,}" for cell in gap.cells]
    counts = [f" ({seen[0]} samples in all)", f" ({seen[1]})"] if all(seen) else ["", ""]
    more, less = _names(*gap.cells)
    data = "data and budget" if diet_of(study, first) != diet_of(study, second) else "budget"
    return f"{more} {gap.did}{counts[0]} and {less} {gap.did_not}{counts[1]}: unequal {data}{_way_out(study, first, second)}"


def what_was_read(study: Study, first: Cell, second: Cell) -> str:
    """What each of two cells has read, as a sentence without its full stop."""
    sides = zip(_names(first, second), (first, second), strict=True)
    return "; ".join(f"{name} has read {_words(study, cell)}" for name, cell in sides)


def _alone(arm: ArmSettings, cell: Cell) -> list[str]:
    """The components of a cell that learned on texts or on pictures alone. A frozen front end did, whatever the start."""
    if cell.start != "scratch":
        return arm.components
    front = FRONT_COMPONENTS[arm.front]
    return [front] if front else []


def _pictures(study: Study, arm: ArmSettings, cell: Cell) -> frozenset[PictureLabels]:
    found: set[PictureLabels] = {"unknown"} if arm.front == "precomputed" else set()
    for component in _alone(arm, cell):
        if component != "text":
            # A detector learns from boxes in any case.
            found.add("boxes" if component == "detector" else study.image_pretraining.labels)
    return frozenset(found)


def _checkpoints(study: Study, arm: ArmSettings) -> frozenset[str]:
    model = study.model
    encoders = {"text": model.text_encoder, "grid": model.grid_encoder, "patches": model.patch_encoder}
    return frozenset(
        name if component in arm.components else f"{arm.architecture} without {name}"
        for component, name in encoders.items()
        if name != "tiny"
    )


class _Gap(NamedTuple):
    """What the first of two cells has spent and the second has not."""

    cells: tuple[Cell, Cell]
    did: str
    did_not: str


def _gap(study: Study, first: Cell, second: Cell) -> _Gap | None:
    """Where the budgets of two cells are unequal; None where they are equal enough for a verdict on the systems."""
    sides = (first, second), (second, first)
    for more, less in sides:
        if _with_step(more) and not _with_step(less):
            went = "went through the intermediate step"
            did = "trained for longer, by the cost of its intermediate step," if more.matched else went
            return _Gap((more, less), did, "did not")
    for more, less in sides:
        if less.start == "scratch" and study.arms[less.arm].unimodal and _begins(study, more):
            return _Gap((more, less), "begins from pretrained components", "from nothing")
    return None


def _with_step(cell: Cell) -> bool:
    return cell.start == "multimodal" or cell.matched


def _begins(study: Study, cell: Cell) -> bool:
    """Whether a cell begins from unimodally pretrained components."""
    return cell.start != "scratch" and bool(study.arms[cell.arm].unimodal)


def _unequal_pairs(study: Study, first: Cell, second: Cell) -> str:
    if {first.start, second.start} != {"multimodal"}:
        return ""
    read = [study.arms[cell.arm].pairs.levels for cell in (first, second)]
    unlike = [axis.replace("_", " ") for axis in DATA_AXES if read[0][axis] != read[1][axis]]
    names = _names(first, second)
    return f"{names[0]} and {names[1]} differ in {' and '.join(unlike)}: unequal data" if unlike else ""


def _way_out(study: Study, first: Cell, second: Cell) -> str:
    """Which cell in the place of one of the two could be compared with the other; empty where the arms have none."""
    sides = (first, second), (second, first)
    for cell, other in sides:
        twin = Cell(cell.arm, cell.start, cell.few, matched=True)
        allowed = study.arms[cell.arm].pretrained and not _with_step(cell)
        if allowed and twin != other and _judged(study, twin, other):
            return f"; the twin {twin} (matched_starts) would have as large a budget"
    for cell, other in sides:
        for start in study.arms[cell.arm].starts:
            same = Cell(cell.arm, start, cell.few)
            if same not in (cell, other) and _judged(study, same, other):
                return f"; {same} can be compared with {other}"
    return ""


def _judged(study: Study, first: Cell, second: Cell) -> bool:
    alike = _gap(study, first, second) is None and not _unequal_pairs(study, first, second)
    return alike or equal_data(study, first, second)


def _names(first: Cell, second: Cell) -> list[str]:
    return [cell.arm if first.arm != second.arm else str(cell) for cell in (first, second)]


def _words(study: Study, cell: Cell) -> str:
    diet, arm = diet_of(study, cell), study.arms[cell.arm]
    read = ["texts alone"] if diet.texts else []
    read += [words for labels, words in PICTURES.items() if labels in diet.pictures]
    if sum(component != "text" for component in _alone(arm, cell)) > 1:
        read[-1] += " with each of two encoders"
    if diet.captioned is not None:
        read.append("captioned pictures with answers to questions" if diet.answers else "captioned pictures")
    read.append("few labelled samples" if cell.few else "labelled samples")
    if cell.matched:
        read[-1] += " for longer, by the cost of its intermediate step"
    return f"{', '.join(read[:-1])} and {read[-1]}" if len(read) > 1 else read[0]
