"""What a study amounts to: which arm is fine-tuned on which task, from what, with which budget."""

from typing import NamedTuple

from components.study.arms import FreezingRule, Start
from components.study.budget import Allowance
from components.study.capabilities import lacks
from components.study.cells import Cell
from components.study.study import Study
from components.tasks import TASKS


class FineTuning(NamedTuple):
    """How a cell comes about on a task.

    Attributes:
        labels: how many samples with labels; None for all of them.
        stretched: its budget is longer by the FLOPs of the intermediate step.
        taught: on a further task, the cell of the task before whose weights it begins from.
    """

    cell: Cell
    labels: int | None
    budget: Allowance
    stretched: bool = False
    taught: str | None = None

    @property
    def name(self) -> str:
        """The cell's name within its arm."""
        return self.cell.name

    @property
    def start(self) -> str:
        """What the cell begins from."""
        return self.cell.start


def cannot(study: Study, arm: str, task: str) -> str:
    """Why an arm cannot do a task, as part of a sentence ("it reads no pictures"); empty where it can."""
    settings = study.arms[arm]
    return lacks(settings.architecture, study.tasks[task].kind, settings.axes.fusion if settings.axes else None)


def fine_tunings(study: Study, arm: str, task: str) -> list[FineTuning]:
    """The cells of one arm on one task, in order: every start, then the starts with few labels.

    A start's twin (`START_matched`) follows it. None where the arm cannot do the task. A further task begins where the same
    start, or its twin, ended on all labels of the task before; a twin is longer there alone.
    """
    if cannot(study, arm, task):
        return []
    settings, further = study.arms[arm], study.tasks[task].after is not None
    amounts: list[tuple[int | None, Allowance, list[Start]]] = [
        (None, study.finetune_further if further else study.finetune, settings.starts)
    ]
    if (few := study.tasks[task].few_labels) is not None:
        amounts.append((few, study.finetune_few, settings.few_label_starts))
    found = []
    for labels, budget, starts in amounts:
        for start in starts:
            for matched in (False, True) if start in settings.matched_starts else (False,):
                cell = Cell(arm, start, few=labels is not None, matched=matched)
                taught = Cell(arm, start, matched=matched).name if further else None
                found.append(FineTuning(cell, labels, budget, matched and not further, taught))
    return found


def tuned_on(study: Study, arm: str) -> str | None:
    """The task on which an arm's learning rate is searched; None where the study has no search, or the arm no task."""
    if not study.tuning.trials:
        return None
    return next((task for task in study.first_tasks if not cannot(study, arm, task)), None)


def taught_by(study: Study, cell: Cell, task: str) -> str | None:
    """Of a cell on a further task: the cell of the task before that it begins from."""
    return next(tuning.taught for tuning in fine_tunings(study, cell.arm, task) if tuning.cell == cell)


def freezing(study: Study, tuning: FineTuning) -> list[FreezingRule]:
    """What a cell keeps frozen. Freezing rules apply only where pretrained weights meet a fresh head."""
    return [] if tuning.start == "scratch" or tuning.taught else study.arms[tuning.cell.arm].freezing


def learns_from_few(study: Study) -> bool:
    """Whether anything is fine-tuned on few labels."""
    some = any(arm.few_label_starts for arm in study.arms.values())
    return some and any(task.few_labels is not None for task in study.tasks.values())


def served_tasks(study: Study) -> list[str]:
    """The tasks whose chosen models are packaged, judged at the gate and served."""
    return [name for name, task in study.tasks.items() if TASKS[task.kind].served]
