"""The rules that a study as a whole must keep. Each is a sentence for the person who wrote the study."""

from collections.abc import Iterable

from components.data.sources import SOURCES
from components.study.axes import Axis
from components.study.capabilities import may_freeze
from components.study.cells import Cell
from components.study.contrasts import ContrastSettings
from components.study.diets import unequal
from components.study.differences import differences, other_norm, other_scale
from components.study.front_ends import ORACLE
from components.study.plan import cannot, fine_tunings
from components.study.study import Study


def check(study: Study) -> None:
    """Check what no single setting can tell.

    Raises:
        ValueError: with a sentence that names the key and says what to do.
    """
    _names_agree(study)
    _contrasts_can_be_answered(study)


def _names_agree(study: Study) -> None:
    _no_duplicates("replicates", study.replicates)
    for task, settings in study.tasks.items():
        if settings.after is not None and (found := _after_fault(study, settings.after)):
            raise ValueError(f"tasks.{task}.after is {settings.after!r}{found}")
    for task in study.tasks:
        if all(cannot(study, arm, task) for arm in study.arms):
            raise ValueError(f"none of the arms can do {task}, a task of the kind {study.tasks[task].kind}")
    for arm in study.arms:
        if found := _arm_fault(study, arm):
            raise ValueError(found)


def _after_fault(study: Study, before: str) -> str:
    """Why no task can begin from what this one has taught, as the end of a sentence; empty where one can."""
    if before not in study.first_tasks:
        return (
            f": choose a task that begins from the starts, {', '.join(study.first_tasks) or 'of which there is none'}"
        )
    for arm in study.arms:
        if reason := cannot(study, arm, before):
            return f", which {arm} cannot do ({reason}): all arms must be able to"
    return ""


def _contrasts_can_be_answered(study: Study) -> None:
    _no_duplicates("evaluation.contrasts", [contrast.name for contrast in study.evaluation.contrasts])
    for contrast in study.evaluation.contrasts:
        if found := contrast_fault(study, contrast):
            raise ValueError(f"the contrast {contrast.name} of evaluation.contrasts {found}")


def _no_duplicates(key: str, values: Iterable[object]) -> None:
    values = list(values)
    if len(set(values)) != len(values):
        raise ValueError(f"{key} names something twice: {values}")


def _arm_fault(study: Study, arm: str) -> str:
    """Why an arm of the study cannot have its levels, as a sentence without its full stop; empty where it can."""
    axes, pairs, where = study.arms[arm].axes, study.arms[arm].pairs, f"arms.{arm}.pairs"
    if study.arms[arm].front == "precomputed" and study.data.region_features is None:
        return f"arms.{arm}.front is precomputed, and data.region_features names nothing to take regions from"
    if axes is not None and axes.norm == "pre" and "text" in study.arms[arm].unimodal:
        return (
            f"arms.{arm}.unimodal names the text encoder, which is post-norm and means nothing to layers with axes.norm pre: "
            "take it out, there and of the arms it is compared with"
        )
    if not study.arms[arm].pretrained and not pairs.untouched:
        return (
            f"{where} says what an intermediate step reads, and {arm} has none: add multimodal to its starts, "
            "or give it share 1.0, caption_noise 0.0 and domain all"
        )
    if pairs.domain != "all" and not SOURCES[study.data.source].has_domains:
        return (
            f"{where}.domain is {pairs.domain}, but pictures of the source {study.data.source} have no domains: say all"
        )
    known = study.data.captioned_pictures
    if known is not None and pairs.count(known) < study.pretrain.batch_size:
        return (
            f"{where}.share leaves {pairs.count(known)} captioned pictures, too few for a batch of "
            f"{study.pretrain.batch_size}: raise it"
        )
    return ""


def contrast_fault(study: Study, contrast: ContrastSettings) -> str:
    """What is wrong with a declared contrast, as the end of a sentence about it; empty where nothing is."""
    if contrast.task not in study.tasks:
        return f"names the task {contrast.task!r}, which tasks does not have: choose from {', '.join(study.tasks)}"
    if contrast.by is None and contrast.against is None:
        return _pair_fault(study, contrast.task, contrast.axis, contrast.cells)
    if contrast.by is None or contrast.against is None:
        named, missing = ("against", "by") if contrast.by is None else ("by", "against")
        return f"names {named} without {missing}: an interaction needs both, a contrast of two cells neither"
    if contrast.by == contrast.axis:
        return f"names {contrast.axis} as axis and as by: an effect may depend on another axis, not on its own"
    return _interaction_fault(study, contrast, contrast.by)


def _interaction_fault(study: Study, contrast: ContrastSettings, by: Axis) -> str:
    """Two by two cells: within the pairs `axis` alone differs, between them `by` alone."""
    first, second, third, fourth = cells = contrast.cells
    if twice := [str(cell) for cell in cells if cells.count(cell) > 1]:
        return f"names {twice[0]} twice: an interaction is of four cells"
    sides = [(contrast.axis, [first, second], by), (contrast.axis, [third, fourth], by)]
    sides += [(by, [first, third], contrast.axis), (by, [second, fourth], contrast.axis)]
    for axis, pair, other in sides:
        if found := _pair_fault(study, contrast.task, axis, pair):
            return found
        # Whole systems may differ in more than one thing, but not in the level of the other axis: effects would be crossed.
        if other in differences(study, *pair):
            return f"must keep {other} the same where {axis} differs: {pair[0]} and {pair[1]} differ in {other} too"
    return ""


def _pair_fault(study: Study, task: str, axis: Axis, cells: list[Cell]) -> str:
    for written in cells:
        if written.arm not in study.arms:
            return f"names the arm {written.arm!r}, which arms does not have"
        if study.arms[written.arm].front == ORACLE:
            return f"names {written}, which reads exact boxes: such an arm is shown and never judged"
        known = [tuning.cell.name for tuning in fine_tunings(study, written.arm, task)]
        if written.name not in known:
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
    if axis == "system" and (reason := unequal(study, cells[0], cells[1])):
        return f"is about whole systems, which needs as much data and as large a budget for both: {reason}"
    if axis == "freezing" and (firm := [one.arm for one in cells if not may_freeze(study.arms[one.arm].architecture)]):
        return f"is about what is frozen, and the architecture of {firm[0]} trains everything from the start"
    if axis == "system" or found == [axis]:
        return ""
    asks = "two starts of one arm with one budget" if axis == "start" else f"two arms that differ in {axis} alone"
    differ = f"{cells[0]} and {cells[1]} differ in {' and '.join(found) or 'nothing'}"
    return f"is about the axis {axis}, which needs {asks}: {differ}"
