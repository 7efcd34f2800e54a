"""What a comparison of two cells may claim: something about one axis, something about whole systems, or nothing."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from components.evaluation.certificate.certificates import Certificate
from components.evaluation.certificate.step_gates import step_fault
from components.evaluation.leaderboard.entries import GradeWord, StudyGrade
from components.evaluation.statistics.estimates import MINIMUM_REPLICATES
from components.records.scores import Obstacle
from components.study.axes import EQUALLY_LARGE
from components.study.cells import Cell
from components.study.contrasts import ContrastSettings
from components.study.diets import Samples, equal_data, unequal, what_was_read
from components.study.differences import differences, other_norm, other_scale
from components.study.front_ends import ORACLE
from components.study.plan import fine_tunings
from components.study.study import Study


class Grade(NamedTuple):
    """The grade of a comparison.

    Attributes:
        axis: the one thing that differs, where it is controlled; 'system' where it is about systems.
        reason: one sentence or two.
        obstacle: why the study can give two ranked cells no verdict however many replicates it has: their norms, their
            initial scales, what they have read and spent, that they differ in too much, or in nothing, or an intermediate
            step that did not pass its gates. Null where it can.
    """

    grade: GradeWord
    axis: str | None
    reason: str
    obstacle: Obstacle | None = None


def few_replicates(study: Study) -> str:
    """Why nothing can be decided; empty where the study has enough replicates."""
    count = len(study.replicates)
    if count >= MINIMUM_REPLICATES:
        return ""
    many = "one replicate" if count == 1 else f"{count} replicates"
    return f"With {many} nothing is decided: a verdict needs at least {MINIMUM_REPLICATES}."


def grade_of(
    study: Study,
    first: Cell,
    second: Cell,
    certificates: Mapping[str, Certificate],
    samples: Samples | None = None,
) -> Grade:
    """The grade of a comparison of two cells.

    Args:
        samples: told where budgets are unequal.
    """
    found = differences(study, first, second)
    axis = found[0] if len(found) == 1 else None
    if reason := few_replicates(study) or _failed([first, second], certificates):
        return Grade("descriptive", axis, reason)
    if reason := step_fault([first, second], certificates):
        return Grade("descriptive", axis, reason, "step")
    oracles = [name.arm for name in (first, second) if study.arms[name.arm].front == ORACLE]
    if oracles and first.arm != second.arm:
        sentence = f"{' and '.join(oracles)} was shown exact boxes, which tell how many objects there are."
        return Grade("descriptive", axis, sentence)
    if "labels" in found:
        return Grade("descriptive", axis, "One learned from few labels, the other from all.")
    if not found:
        return Grade("descriptive", None, "The two were trained alike: they differ in their seeds alone.", "alike")
    if norms := other_norm(study, first.arm, second.arm):
        return Grade("descriptive", "norm" if axis == "norm" else None, f"{norms}.", "norm")
    if scales := other_scale(study, first.arm, second.arm):
        return Grade("descriptive", "initial_scale" if axis == "initial_scale" else None, f"{scales}.", "initial_scale")
    if axis is not None and axis != "architecture":
        size = _size(study, first, second) if axis == "fusion" else ""
        return Grade("controlled", axis, f"The two differ in {readable(axis)} and in nothing else{size}.")
    modes = {study.arms[name.arm].mode for name in (first, second)}
    if modes == {"faithful"}:
        if reason := unequal(study, first, second, samples):
            return Grade("descriptive", None, f"{reason}.", "diet")
        return Grade("system", "system", _of_systems(study, [(first, second)]))
    if len(modes) == 1:
        listed = " and ".join(readable(one) for one in found)
        return Grade(
            "descriptive", None, f"The two differ in {listed}: no one axis answers for the difference.", "axes"
        )
    sentence = "One is a controlled arm, the other as its paper has it: they differ in too much."
    return Grade("descriptive", None, sentence, "axes")


def grade_of_contrast(study: Study, contrast: ContrastSettings, certificates: Mapping[str, Certificate]) -> Grade:
    """The grade of a declared contrast. A study whose cells differ in more than the contrast says was refused already."""
    cells, asked = contrast.cells, [axis for axis in (contrast.axis, contrast.by) if axis is not None]
    if contrast.by is None:
        grade = grade_of(study, cells[0], cells[1], certificates)
        if contrast.axis == "system" and grade.grade == "controlled":
            # Nobody asked about the axis, so the answer is not given about it.
            return Grade("system", "system", _of_systems(study, [(cells[0], cells[1])]))
        return grade
    if reason := few_replicates(study) or _failed(cells, certificates):
        return Grade("descriptive", None, reason)
    if reason := step_fault(cells, certificates):
        return Grade("descriptive", None, reason, "step")
    if "system" in asked:
        sides = [(cells[0], cells[1]), (cells[2], cells[3])]
        if contrast.by == "system":
            sides = [(cells[0], cells[2]), (cells[1], cells[3])]
        return Grade("system", "system", _of_systems(study, sides))
    within, between = (readable(axis) for axis in asked)
    sentence = f"Within the pairs {within} alone differs, between them {between} alone."
    return Grade("controlled", contrast.axis, sentence)


def _size(study: Study, first: Cell, second: Cell) -> str:
    """What is equal of the sizes of two arms that differ in fusion: two streams have more weights in every layer."""
    axes = [study.arms[cell.arm].axes for cell in (first, second)]
    levels = {one.fusion for one in axes if one is not None}
    return f", at equal depth and {'equal' if levels == EQUALLY_LARGE else 'unequal'} parameters"


def _of_systems(study: Study, sides: Sequence[tuple[Cell, Cell]]) -> str:
    """What a difference between whole systems belongs to. Only of what read and spent as much it is said that data are equal."""
    what = "the difference belongs" if len(sides) == 1 else "that effects differ belongs"
    if all(equal_data(study, *side) for side in sides):
        return f"Whole systems on equal data: {what} to the systems, not to any one part of them."
    read = "; ".join(dict.fromkeys(what_was_read(study, *side) for side in sides))
    return f"Whole systems, each with what it has read: {what} to both together. {read}."


def _failed(cells: Sequence[Cell], certificates: Mapping[str, Certificate]) -> str:
    invalid = sorted({name.arm for name in cells if not certificates[name.arm].valid})
    return f"{' and '.join(invalid)} failed the certificate and cannot be compared." if invalid else ""


def readable(axis: str) -> str:
    """An axis in words."""
    words = {
        "front": "visual input",
        "amount": "amount of captioned pictures",
        "domain": "domain of the captioned pictures",
    }
    return words.get(axis, axis.replace("_", " "))


def overall(study: Study, certificates: Mapping[str, Certificate]) -> tuple[StudyGrade, str]:
    """The grade of the study as a whole, with its reason. It is 'mixed' where comparisons are of several grades."""
    if reason := few_replicates(study):
        return "descriptive", reason
    modes = {arm.mode for arm in study.arms.values()}
    if modes == {"faithful"}:
        grade, reason = _overall_of_systems(study)
    else:
        grade = "controlled" if modes == {"controlled"} else "mixed"
        reason = (
            "Where two arms differ in one axis, the difference is that axis's; every comparison carries its own grade."
        )
    if invalid := [arm for arm in study.arms if not certificates[arm].valid]:
        reason += f" Not comparable, by their certificates: {', '.join(invalid)}."
    return grade, reason


def _overall_of_systems(study: Study) -> tuple[StudyGrade, str]:
    """Of faithful arms alone, by all that may stand for them: their cells with all labels."""
    cells = {
        tuning.cell
        for arm in study.arms
        for task in study.tasks
        for tuning in fine_tunings(study, arm, task)
        if not tuning.cell.few
    }
    pairs = [(first, second) for first, second in combinations(sorted(cells), 2) if first.arm != second.arm]
    if any(unequal(study, *pair) for pair in pairs):
        return "mixed", (
            "Whole systems, of which some had more data or a larger budget than others: every comparison carries its own "
            "grade."
        )
    if all(equal_data(study, *pair) for pair in pairs):
        reason = "Whole systems on equal data: differences belong to the systems, not to any one part of them."
    else:
        reason = "Whole systems, each with what it has read: differences belong to both together."
    return "system", reason
