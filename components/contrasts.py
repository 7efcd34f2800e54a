"""What a declared contrast is and may claim, and in what two cells differ.

Without torch, because the study file is checked with it. A cell is written ARM/CELL, as in `visualbert/multimodal`.
"""

from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from components.axes import DATA_AXES, Axis, Name, Strict
from components.capabilities import FREEZES, norm_of

if TYPE_CHECKING:
    from components.study import ArmSettings, Study

CellPath = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*$")]

NOT_SETTINGS = {"starts", "few_label_starts", "matched_starts"}
"""Which cells of an arm are run; they say nothing of what a cell is."""
LABEL_DIET = "label_diet"


class CellName(NamedTuple):
    """One cell of one arm."""

    arm: str
    cell: str

    @classmethod
    def of(cls, written: str) -> "CellName":
        """Read ARM/CELL."""
        arm, _, cell = written.partition("/")
        return cls(arm, cell)

    def __str__(self) -> str:
        """As it is written in the study file."""
        return f"{self.arm}/{self.cell}"


class PairSettings(Strict):
    """Two cells, of which an interaction takes the difference too."""

    first: CellPath
    second: CellPath


class ContrastSettings(Strict):
    """A question that is settled before anybody has seen a score: about two cells, or about two pairs of cells.

    With `by` and `against` it is an interaction: does the effect of `axis` depend on the level of `by`? Both are left out
    of a contrast of two cells: nothing is chosen for whoever writes none, and most contrasts are read without them.
    """

    name: Name
    question: str = Field(min_length=1, description="one sentence, as the report asks it")
    axis: Axis = Field(description="the one thing in which the two cells differ; 'system' for whole systems")
    by: Axis | None = Field(
        default=None, description="of an interaction: the axis whose level the effect of `axis` may depend on"
    )
    task: Name
    first: CellPath = Field(description="ARM/CELL; differences are first minus second")
    second: CellPath
    against: PairSettings | None = Field(
        default=None, description="of an interaction: the same two levels of `axis`, at another level of `by`"
    )

    @property
    def cells(self) -> list[CellName]:
        """The two or four cells, in the order of `weights`."""
        others = [self.against.first, self.against.second] if self.against else []
        return [CellName.of(written) for written in (self.first, self.second, *others)]

    @property
    def weights(self) -> tuple[float, ...]:
        """What each cell's score counts in what is estimated: first minus second, less the same of the other pair."""
        return (1.0, -1.0, -1.0, 1.0) if self.against else (1.0, -1.0)


def differences(study: "Study", first: CellName, second: CellName) -> list[str]:
    """In what two cells differ, sorted: axes of a controlled arm and of the data, settings of an arm, `start`, `budget`, `labels`.

    What an intermediate step reads counts where both cells went through one, what is frozen where both begin from something,
    and what they begin from where one of them does. Of that, BERT trained on text alone is an axis, `text_encoder`.
    Front ends that learned from unlike labels, or whose labels nobody knows, differ in `label_diet` too. A twin that trained
    for as long as the intermediate step costs has another budget than all but the multimodal start, whose cost it matches.
    """
    arms = [_settings(study.arms[name.arm]) for name in (first, second)]
    found = {key for key in arms[0].keys() | arms[1].keys() if arms[0].get(key) != arms[1].get(key)}
    if len({diet(study, name.arm) for name in (first, second)}) > 1:
        found.add(LABEL_DIET)
    starts = {start_of(name.cell) for name in (first, second)}
    if starts == {"multimodal"}:
        read = [study.arms[name.arm].pairs.levels for name in (first, second)]
        found |= {axis for axis in DATA_AXES if read[0][axis] != read[1][axis]}
    begin_with = [set(study.arms[name.arm].unimodal) for name in (first, second)]
    if begin_with[0] ^ begin_with[1] == {"text"}:
        found = found - {"unimodal"} | {"text_encoder"}
    if "scratch" in starts:
        found.discard("freezing")
    if starts == {"scratch"}:
        found -= {"unimodal", "text_encoder"}
    if len(starts) > 1:
        found.add("start")
    if is_few(first.cell) != is_few(second.cell):
        found.add("labels")
    matched = [is_matched(name.cell) for name in (first, second)]
    if matched[0] != matched[1] and "multimodal" not in (start_of(first.cell), start_of(second.cell)):
        found.add("budget")
    return sorted(found)


def _settings(arm: "ArmSettings") -> dict[str, object]:
    values: dict[str, object] = arm.model_dump(exclude=NOT_SETTINGS | {"axes", "pairs"})
    return values | (arm.axes.model_dump() if arm.axes else {})


def diet(study: "Study", arm: str) -> str:
    """What an arm's visual front end learned from: 'image', 'boxes', 'unknown', or 'none' where it has none."""
    front = study.arms[arm].front
    if front == "pixels":
        return "none"
    if front == "precomputed":
        return "unknown"
    # A detector learns from boxes in any case, and exact boxes are described by it.
    return "boxes" if front in ("detector", "boxes") else study.image_pretraining.labels


def other_norm(study: "Study", first: str, second: str) -> str:
    """Why two arms have no verdict for their norms, as a sentence without its full stop; empty where nothing is.

    Where one learning rate is set for all arms, which of two norms it suits better would decide; a search that is the same
    for every arm settles that. A controlled arm is never compared with a faithful one.
    """
    if study.tuning.trials:
        return ""
    arms = {arm: study.arms[arm] for arm in (first, second)}
    norms = {name: norm_of(arm.architecture, arm.axes.norm if arm.axes else None) for name, arm in arms.items()}
    if {"pre", "post"} - set(norms.values()) or len({arm.mode for arm in arms.values()}) > 1:
        return ""
    before, after = sorted(norms, key=lambda arm: norms[arm] == "post")
    return (
        f"{before} is pre-norm and {after} post-norm: the two want other learning rates, and one was set for both "
        "without a search"
    )


def other_scale(study: "Study", first: str, second: str) -> str:
    """Why two controlled arms have no verdict for their initial scales, likewise.

    A step of Adam is as long whatever the size of the weights, so to small ones the same rate is a larger one.
    """
    axes = [study.arms[arm].axes for arm in (first, second)]
    scales = {arm: one.initial_scale for arm, one in zip((first, second), axes, strict=True) if one}
    if study.tuning.trials or len(set(scales.values())) < 2:
        return ""
    ours, berts = sorted(scales, key=lambda arm: scales[arm] == "bert")
    return (
        f"{berts} begins with weights of BERT's size and {ours} with those of the common rule: the two want other learning "
        "rates, and one was set for both without a search"
    )


def _freezes(study: "Study", arm: str) -> bool:
    return study.arms[arm].architecture in FREEZES


def start_of(cell: str) -> str:
    """The start of a cell, without its amount of labels; a twin's is that of the cell it is a twin of."""
    return cell.removesuffix("_few").removesuffix("_matched")


def is_few(cell: str) -> bool:
    """Whether a cell was fine-tuned on few labels."""
    return cell.endswith("_few")


def is_matched(cell: str) -> bool:
    """Whether a cell is the twin that trained for longer."""
    return cell.removesuffix("_few").endswith("_matched")


def fault(study: "Study", contrast: ContrastSettings, oracle: str) -> str:
    """What is wrong with a declared contrast, as the end of a sentence about it; empty where nothing is.

    Args:
        oracle: the front that tells the answer; its arms are never ranked and so have no verdicts.
    """
    if contrast.task not in study.tasks:
        return f"names the task {contrast.task!r}, which tasks does not have: choose from {', '.join(study.tasks)}"
    if contrast.by is None and contrast.against is None:
        return _pair_fault(study, contrast.task, contrast.axis, contrast.cells, oracle)
    if contrast.by is None or contrast.against is None:
        named, missing = ("against", "by") if contrast.by is None else ("by", "against")
        return f"names {named} without {missing}: an interaction needs both, a contrast of two cells neither"
    if contrast.by == contrast.axis:
        return f"names {contrast.axis} as axis and as by: an effect may depend on another axis, not on its own"
    return _interaction_fault(study, contrast, contrast.by, oracle)


def _interaction_fault(study: "Study", contrast: ContrastSettings, by: Axis, oracle: str) -> str:
    """Two by two cells: within the pairs `axis` alone differs, between them `by` alone."""
    first, second, third, fourth = cells = contrast.cells
    if twice := [str(cell) for cell in cells if cells.count(cell) > 1]:
        return f"names {twice[0]} twice: an interaction is of four cells"
    sides = [(contrast.axis, [first, second], by), (contrast.axis, [third, fourth], by)]
    sides += [(by, [first, third], contrast.axis), (by, [second, fourth], contrast.axis)]
    for axis, pair, other in sides:
        if found := _pair_fault(study, contrast.task, axis, pair, oracle):
            return found
        # Whole systems may differ in more than one thing, but not in the level of the other axis: effects would be crossed.
        if other in differences(study, *pair):
            return f"must keep {other} the same where {axis} differs: {pair[0]} and {pair[1]} differ in {other} too"
    return ""


def _pair_fault(study: "Study", task: str, axis: Axis, cells: list[CellName], oracle: str) -> str:
    for written in cells:
        if written.arm not in study.arms:
            return f"names the arm {written.arm!r}, which arms does not have"
        if study.arms[written.arm].front == oracle:
            return f"names {written}, which reads exact boxes: such an arm is shown and never judged"
        known = [cell.name for cell in study.cells(written.arm, task)]
        if written.cell not in known:
            has = f"has {', '.join(known)}" if known else f"cannot do {task}"
            return f"names {written}, but {written.arm} {has}"
    if cells[0] == cells[1]:
        return f"compares {cells[0]} with itself"
    found = differences(study, *cells)
    if "labels" in found:
        return "compares few labels with all labels: compare cells with as many labels"
    if axis == "system" and any(study.arms[written.arm].mode != "faithful" for written in cells):
        return "is about whole systems, which needs two faithful arms: name the axis in which the two differ"
    if norms := other_norm(study, cells[0].arm, cells[1].arm):
        return f"can have no verdict, because {norms}; compare arms of one norm"
    if scales := other_scale(study, cells[0].arm, cells[1].arm):
        return (
            f"can have no verdict, because {scales}; let tuning search the rate, or compare arms of one initial_scale"
        )
    if axis == "system" and (unequal := [one for one in found if one in DATA_AXES]):
        return f"is about whole systems, which needs equal data: the two cells differ in {' and '.join(unequal)}"
    if axis == "freezing" and (firm := [one.arm for one in cells if not _freezes(study, one.arm)]):
        return f"is about what is frozen, and the architecture of {firm[0]} trains everything from the start"
    if axis == "system" or found == [axis]:
        return ""
    asks = "two starts of one arm with one budget" if axis == "start" else f"two arms that differ in {axis} alone"
    differ = f"{cells[0]} and {cells[1]} differ in {' and '.join(found) or 'nothing'}"
    return f"is about the axis {axis}, which needs {asks}: {differ}"
