"""One task's part of the leaderboard: cells with their estimates, pairs, and the effect of the intermediate step.

In the ranking one cell stands for each arm: the one with all labels that is best on validation. Comparing every cell with
every other would correct for hundreds of comparisons that nobody asks about, and separate nothing; taking the best on the
selection split would make whoever has the most cells look best.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from components.errors import CeterisError
from components.evaluation.certificate.certificates import Certificate
from components.evaluation.leaderboard.costs import Accounts
from components.evaluation.leaderboard.entries import (
    CellEntry,
    CellSamples,
    CutTexts,
    PairResult,
    StepEffect,
    TaskEntry,
    Variance,
)
from components.evaluation.leaderboard.grade import Grade, few_replicates, grade_of
from components.evaluation.leaderboard.rounding import clipped, difference, number, rounded, verdict
from components.evaluation.scoring.scores import TaskScores
from components.evaluation.statistics.equivalence import equivalence_p
from components.evaluation.statistics.estimates import Arm, Estimate, estimate_difference, estimate_mean, holm
from components.evaluation.statistics.ranks import rank_intervals
from components.records.scores import CellName, ChosenCell, Floors, Obstacle, UndecidedName
from components.records.scores import Estimate as SliceEstimate
from components.study.capabilities import is_baseline
from components.study.cells import Cell
from components.study.front_ends import ORACLE
from components.study.plan import cannot, fine_tunings
from components.study.study import Study

SELECTION = "selection"
Entry = TypeVar("Entry")
VALIDATION = "validation"


class TaskTable:
    """One task's part of the leaderboard.

    Args:
        certificates: of every arm.
        protocol: the hash that stands beside every comparison.

    Attributes:
        representatives: the cell that stands for each arm, in the study's order.
        ranked: those of them that are compared.

    Raises:
        CeterisError: there are no validation samples, so nothing chooses between an arm's cells.
    """

    def __init__(
        self, study: Study, task: str, scores: TaskScores, certificates: Mapping[str, Certificate], protocol: str
    ) -> None:
        self.study = study
        self.task = task
        self.scores = scores
        self.certificates = certificates
        self.protocol = protocol
        self.decides = not few_replicates(study)
        self.confidence = study.evaluation.confidence
        self.selection = self._arms(scores.rows(split=SELECTION))
        self.representatives = self._representatives()
        # Exact boxes tell how many objects there are: such an arm is shown, and never ranked with the others.
        self.ranked = [
            cell
            for arm, cell in self.representatives.items()
            if certificates[arm].valid and study.arms[arm].front != ORACLE
        ]

    def _representatives(self) -> dict[str, Cell]:
        rows = self.scores.rows(split=VALIDATION)
        found = {}
        for arm in dict.fromkeys(cell.arm for cell in self.scores.cells):
            cells = [
                Cell.of(arm, cell.name) for cell in fine_tunings(self.study, arm, self.task) if cell.labels is None
            ]
            if len(cells) > 1 and not len(rows):
                raise CeterisError(
                    f"the task {self.task} has no samples in the split {VALIDATION}, which says which start stands for {arm}: "
                    "give the data some, or the arm one start."
                )
            # Rounded, for equal counts of right answers may differ in the last bit; of equals the study's first.
            found[arm] = (
                max(cells, key=lambda cell: round(self.scores.arm(cell, rows).mean, 9)) if cells[1:] else cells[0]
            )
        return found

    def _arms(self, rows: np.ndarray) -> dict[Cell, Arm]:
        """Every cell's summary over some items."""
        return {cell: self.scores.arm(cell, rows) for cell in self.scores.cells}

    def build(self, floors: Floors, missed: dict[str, float], cut: CutTexts | None, accounts: Accounts) -> TaskEntry:
        """The task's entry.

        Args:
            missed: by split, the share of the samples that can only be missed.
            cut: what is known of texts that were cut.
        """
        estimates = {cell: estimate_mean(arm, self.confidence) for cell, arm in self.selection.items()}
        best = max(self.ranked, key=lambda cell: estimates[cell].mean, default=None)
        compared = list(combinations(self.ranked, 2))
        samples = {cell: accounts.of(self.task, cell).samples.total for cell in self.ranked}
        grades = [grade_of(self.study, first, second, self.certificates, samples) for first, second in compared]
        pairs = self._compare(compared, grades)
        standings = self._standings(best, compared, pairs, grades)
        ranks = self._ranks(compared, grades)
        rows = self.scores.rows(split=SELECTION)
        scores = self.scores
        splits = self._estimates({split: scores.rows(split=split) for split in scores.splits})
        forms = self._estimates({form: scores.rows(split=SELECTION, form=form) for form in scores.forms(SELECTION)})
        hard = self._estimates({"hard": self.scores.rows(split=SELECTION, hard=True)})
        highest_floor = max(floors[SELECTION].values())
        cells = []
        for cell in sorted(self.scores.cells, key=lambda cell: (cell.few, -estimates[cell].mean)):
            standing, estimate, arm = standings.get(cell, Standing()), estimates[cell], self.selection[cell]
            cells.append(
                CellEntry(
                    arm=cell.arm,
                    cell=cell.name,
                    start=cell.start,
                    labels=cell.labels,
                    labelled=self.study.tasks[self.task].few_labels if cell.few else None,
                    baseline=is_baseline(self.study.arms[cell.arm].architecture),
                    representative=cell == self.representatives[cell.arm],
                    candidate=cell in self.ranked,
                    comparable=self.certificates[cell.arm].valid,
                    oracle=self.study.arms[cell.arm].front == ORACLE,
                    **dict(clipped(estimate)),
                    standard_error=number(estimate.standard_error),
                    degrees_of_freedom=number(estimate.degrees_of_freedom, 2),
                    variance=Variance(
                        replicates=number(estimate.replicate_variance, 9), samples=number(estimate.sample_variance, 9)
                    ),
                    scores=[rounded(score) for score in arm.replicate_means],
                    items=arm.items,
                    **dict(accounts.of(self.task, cell)),
                    chosen=cell == best,
                    tied=standing.tied,
                    undecided=standing.obstacle,
                    ranks=ranks.get(cell),
                    p_against_best=standing.p,
                    above_floors=bool(estimate.low > highest_floor),
                    splits={split: found[cell] for split, found in splits.items()},
                    forms={form: found[cell] for form, found in forms.items()},
                    hard=hard["hard"][cell] if hard else None,
                )
            )
        return TaskEntry(
            kind=self.study.tasks[self.task].kind,
            after=self.study.tasks[self.task].after,
            items=len(rows),
            groups=len(np.unique(self.scores.groups[rows])),
            cannot={arm: reason for arm in self.study.arms if (reason := cannot(self.study, arm, self.task))},
            floors=floors,
            chosen=_chosen(cells),
            cells=cells,
            pairs=pairs,
            missed=missed,
            cut=cut,
        )

    def _standings(
        self, best: Cell | None, compared: list[tuple[Cell, Cell]], pairs: list[PairResult], grades: list[Grade]
    ) -> "dict[Cell, Standing]":
        """How every other ranked cell stands to the best one."""
        found = {}
        for (first, second), pair, grade in zip(compared, pairs, grades, strict=True):
            if best in (first, second):
                # Separated only if the corrected test says so; null (a single cluster) separates nothing.
                p, obstacle = pair.p_holm, grade.obstacle
                tied = self.decides and obstacle is None and (p is None or p > 1 - self.confidence)
                found[second if first == best else first] = Standing(p, tied, obstacle)
        return found

    def _ranks(self, compared: list[tuple[Cell, Cell]], grades: list[Grade]) -> dict[Cell, tuple[int, int]]:
        if not self.decides:
            return {}
        undecided = {
            (self.ranked.index(first), self.ranked.index(second))
            for (first, second), grade in zip(compared, grades, strict=True)
            if grade.obstacle
        }
        places = rank_intervals([self.selection[cell] for cell in self.ranked], self.confidence, undecided)
        return dict(zip(self.ranked, places, strict=True))

    def _compare(self, compared: list[tuple[Cell, Cell]], grades: list[Grade]) -> list[PairResult]:
        """Differences of some pairs of cells, with Holm's correction over those that can have a verdict."""
        estimates = [estimate_difference(self.selection[a], self.selection[b], self.confidence) for a, b in compared]
        # What can have no verdict is not tested, so it takes nothing from the others.
        tested = [grade.obstacle is None for grade in grades]
        p_values = [estimate.p if test else math.nan for estimate, test in zip(estimates, tested, strict=True)]
        margin = self.study.evaluation.margin
        equivalences = [
            equivalence_p(estimate, margin) if test else math.nan
            for estimate, test in zip(estimates, tested, strict=True)
        ]
        corrected = list(zip(holm(p_values), holm(equivalences), strict=True))
        found = []
        for index, ((first, second), estimate, grade) in enumerate(zip(compared, estimates, grades, strict=True)):
            p_holm, p_equivalence_holm = corrected[index]
            figures = difference(estimate, p_holm, equivalences[index], p_equivalence_holm, tested[index])
            found.append(
                PairResult(
                    first=CellName.of(first),
                    second=CellName.of(second),
                    **dict(figures),
                    grade=grade.grade,
                    grade_reason=grade.reason,
                    axis=grade.axis,
                    verdict=verdict(estimate, p_holm, p_equivalence_holm, self.confidence, grade),
                    protocol=self.protocol,
                )
            )
        return found

    def _estimates(self, slices: Mapping[str, np.ndarray]) -> "dict[str, dict[Cell, SliceEstimate]]":
        """Every cell's estimate over some slices of the items; slices without items are left out."""
        return {
            name: {
                cell: SliceEstimate(**dict(clipped(estimate_mean(arm, self.confidence))), items=arm.items)
                for cell, arm in self._arms(rows).items()
            }
            for name, rows in slices.items()
            if len(rows)
        }

    def effects(self, accounts: Accounts) -> "list[Effect[StepEffect]]":
        """What the multimodal intermediate step changes, per arm and amount of labels.

        Against the unimodal start, and against its twin that trained for as long as the step costs, where there is one; of an
        arm that has no unimodal start, against `scratch` and its twin.
        """
        found = []
        for arm in self.study.pretrained:
            other = "unimodal" if "unimodal" in self.study.arms[arm].starts else "scratch"
            for few in (False, True):
                with_step = Cell(arm, "multimodal", few)
                for against in (Cell(arm, other, few), Cell(arm, other, few, matched=True)):
                    if with_step not in self.selection or against not in self.selection:
                        continue
                    estimate = estimate_difference(self.selection[with_step], self.selection[against], self.confidence)
                    samples, others = (accounts.of(self.task, cell).samples for cell in (with_step, against))
                    entry = partial(
                        StepEffect,
                        arm=arm,
                        task=self.task,
                        labels=with_step.labels,
                        labelled=self.study.tasks[self.task].few_labels if few else None,
                        against=against.name,
                        extra_samples=_extra(samples, others),
                    )
                    grade = grade_of(self.study, with_step, against, self.certificates)
                    comparable = self.certificates[arm].valid and grade.obstacle != "step"
                    found.append(Effect(entry, estimate, grade, comparable))
        return found


class Standing(NamedTuple):
    """How a ranked cell stands to the best one: p after Holm, whether it is not separated, and why it cannot be judged."""

    p: float | None = None
    tied: bool = False
    obstacle: Obstacle | None = None


class Effect(NamedTuple, Generic[Entry]):
    """A difference whose p-values wait for those of the other tasks.

    Attributes:
        entry: makes the leaderboard's entry of it, once these are known.
    """

    entry: Callable[..., Entry]
    estimate: Estimate
    grade: Grade
    comparable: bool


def _chosen(cells: list[CellEntry]) -> ChosenCell | None:
    """The best cell with those that are not separated from it or cannot be judged against it; null where nothing is ranked."""
    chosen = next((entry for entry in cells if entry.chosen), None)
    if chosen is None:
        return None
    return ChosenCell(
        arm=chosen.arm,
        cell=chosen.cell,
        mean=chosen.mean,
        low=chosen.low,
        high=chosen.high,
        baseline=chosen.baseline,
        tied_with=[CellName(arm=entry.arm, cell=entry.cell) for entry in cells if entry.tied],
        undecided=[
            UndecidedName(arm=entry.arm, cell=entry.cell, because=entry.undecided) for entry in cells if entry.undecided
        ],
    )


def _extra(one: CellSamples, other: CellSamples) -> int | None:
    """How many more samples one cell saw than another; null where they begin with unlike components and one's are not known."""
    more = 0
    if one.unimodal != other.unimodal:
        if one.unimodal is None or other.unimodal is None:
            return None
        more = one.unimodal - other.unimodal
    before = one.pretraining - other.pretraining + one.task_before - other.task_before
    before += one.tuning - other.tuning
    return more + before + one.finetuning - other.finetuning
