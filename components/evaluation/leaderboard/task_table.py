"""One task's part of the leaderboard: cells with their estimates, pairs, and the effect of the intermediate step.

In the ranking one cell stands for each arm: the one with all labels that is best on validation. Comparing every cell with
every other would correct for hundreds of comparisons that nobody asks about, and separate nothing; taking the best on the
selection split would make whoever has the most cells look best.
"""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from components.errors import CeterisError
from components.evaluation.leaderboard.costs import Costs
from components.evaluation.leaderboard.grade import Grade, Obstacle, few_replicates, grade_of
from components.evaluation.leaderboard.rounding import clipped, difference, number, verdict
from components.evaluation.scoring.scores import TaskScores
from components.evaluation.statistics.equivalence import equivalence_p
from components.evaluation.statistics.estimates import Arm, Estimate, estimate_difference, estimate_mean, holm
from components.evaluation.statistics.ranks import rank_intervals
from components.study.capabilities import is_baseline
from components.study.cells import Cell
from components.study.front_ends import ORACLE
from components.study.plan import cannot, fine_tunings
from components.study.study import Study

SELECTION = "selection"
VALIDATION = "validation"
Json = dict[str, Any]


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
        self, study: Study, task: str, scores: TaskScores, certificates: Mapping[str, Json], protocol: str
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
            if certificates[arm]["valid"] and study.arms[arm].front != ORACLE
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

    def build(self, floors: Mapping[str, Mapping[str, float]], costs: Costs) -> Json:
        """The task's entry."""
        estimates = {cell: estimate_mean(arm, self.confidence) for cell, arm in self.selection.items()}
        best = max(self.ranked, key=lambda cell: estimates[cell].mean, default=None)
        compared = list(combinations(self.ranked, 2))
        grades = [grade_of(self.study, first, second, self.certificates) for first, second in compared]
        pairs = self._compare(compared, grades)
        standings = self._standings(best, compared, pairs, grades)
        ranks = self._ranks(compared, grades)
        slices = self._slices()
        cells = []
        for cell in sorted(self.scores.cells, key=lambda cell: (cell.few, -estimates[cell].mean)):
            floor = max(floors[SELECTION].values())
            standing = standings.get(cell, Standing())
            entry = self._entry(cell, estimates[cell], costs)
            entry |= {
                "chosen": cell == best,
                "tied": standing.tied,
                "undecided": standing.obstacle,
                "ranks": ranks.get(cell),
                "p_against_best": standing.p,
                "above_floors": bool(estimates[cell].low > floor),
                **{name: {key: value[cell] for key, value in part.items()} for name, part in slices.items()},
            }
            entry["hard"] = entry["hard"].get("hard")
            cells.append(entry)
        rows = self.scores.rows(split=SELECTION)
        return {
            "kind": self.study.tasks[self.task].kind,
            "after": self.study.tasks[self.task].after,
            "items": len(rows),
            "groups": len(np.unique(self.scores.groups[rows])),
            "cannot": {arm: reason for arm in self.study.arms if (reason := cannot(self.study, arm, self.task))},
            "floors": floors,
            "chosen": _chosen(cells),
            "cells": cells,
            "pairs": pairs,
        }

    def _entry(self, cell: Cell, estimate: Estimate, costs: Costs) -> Json:
        arm = self.selection[cell]
        return {
            "arm": cell.arm,
            "cell": cell.name,
            "start": cell.start,
            "labels": cell.labels,
            "labelled": self.study.tasks[self.task].few_labels if cell.few else None,
            "baseline": is_baseline(self.study.arms[cell.arm].architecture),
            "representative": cell == self.representatives[cell.arm],
            "candidate": cell in self.ranked,
            "comparable": self.certificates[cell.arm]["valid"],
            "oracle": self.study.arms[cell.arm].front == ORACLE,
            **clipped(estimate),
            "standard_error": number(estimate.standard_error),
            "degrees_of_freedom": number(estimate.degrees_of_freedom, 2),
            "variance": {
                "replicates": number(estimate.replicate_variance, 9),
                "samples": number(estimate.sample_variance, 9),
            },
            "scores": [number(score) for score in arm.replicate_means],
            "items": arm.items,
            **costs.of(self.task, cell),
        }

    def _standings(
        self, best: Cell | None, compared: list[tuple[Cell, Cell]], pairs: list[Json], grades: list[Grade]
    ) -> "dict[Cell, Standing]":
        """How every other ranked cell stands to the best one."""
        found = {}
        for (first, second), pair, grade in zip(compared, pairs, grades, strict=True):
            if best in (first, second):
                # Separated only if the corrected test says so; null (a single cluster) separates nothing.
                p, obstacle = pair["p_holm"], grade.obstacle
                tied = self.decides and obstacle is None and (p is None or p > 1 - self.confidence)
                found[second if first == best else first] = Standing(p, tied, obstacle)
        return found

    def _ranks(self, compared: list[tuple[Cell, Cell]], grades: list[Grade]) -> dict[Cell, list[int]]:
        if not self.decides:
            return {}
        undecided = {
            (self.ranked.index(first), self.ranked.index(second))
            for (first, second), grade in zip(compared, grades, strict=True)
            if grade.obstacle
        }
        places = rank_intervals([self.selection[cell] for cell in self.ranked], self.confidence, undecided)
        return {cell: list(place) for cell, place in zip(self.ranked, places, strict=True)}

    def _compare(self, compared: list[tuple[Cell, Cell]], grades: list[Grade]) -> list[Json]:
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
            figures = difference(estimate, corrected[index][0], equivalences[index], corrected[index][1])
            found.append(
                {
                    "first": first.key,
                    "second": second.key,
                    **(figures if tested[index] else figures | {"p": None}),
                    "grade": grade.grade,
                    "grade_reason": grade.reason,
                    "axis": grade.axis,
                    "verdict": verdict(estimate, *corrected[index], self.confidence, grade),
                    "protocol": self.protocol,
                }
            )
        return found

    def _slices(self) -> dict[str, dict[str, dict[Cell, Json]]]:
        """Estimates by split, by form of the selection split, and on its hard items."""
        splits = {split: self.scores.rows(split=split) for split in self.scores.splits}
        forms = {form: self.scores.rows(split=SELECTION, form=form) for form in self.scores.forms(SELECTION)}
        hard = self.scores.rows(split=SELECTION, hard=True)
        parts = {"splits": splits, "forms": forms, "hard": {"hard": hard} if len(hard) else {}}
        return {
            part: {name: self._slice(rows) for name, rows in named.items() if len(rows)}
            for part, named in parts.items()
        }

    def _slice(self, rows: np.ndarray) -> dict[Cell, Json]:
        return {
            cell: {**clipped(estimate_mean(arm, self.confidence)), "items": arm.items}
            for cell, arm in self._arms(rows).items()
        }

    def effects(self, costs: Costs) -> "list[Effect]":
        """What the multimodal intermediate step changes, per arm and amount of labels.

        Against the unimodal start, and against its twin that trained for as long as the step costs, where there is one; of an
        arm that has no unimodal start, against `scratch` and its twin.
        """
        found = []
        for arm in self.study.pretrained:
            other = "unimodal" if "unimodal" in self.study.arms[arm].starts else "scratch"
            for suffix in ("", "_few"):
                with_step = Cell.of(arm, f"multimodal{suffix}")
                for without in (f"{other}{suffix}", f"{other}_matched{suffix}"):
                    against = Cell.of(arm, without)
                    if with_step not in self.selection or against not in self.selection:
                        continue
                    estimate = estimate_difference(self.selection[with_step], self.selection[against], self.confidence)
                    samples, others = (costs.of(self.task, cell)["samples"] for cell in (with_step, against))
                    entry = {
                        "arm": arm,
                        "task": self.task,
                        "labels": with_step.labels,
                        "labelled": self.study.tasks[self.task].few_labels if with_step.few else None,
                        "against": against.name,
                        "extra_samples": _extra(samples, others),
                    }
                    grade = grade_of(self.study, with_step, against, self.certificates)
                    found.append(Effect(entry, estimate, grade, self.certificates[arm]["valid"]))
        return found


class Standing(NamedTuple):
    """How a ranked cell stands to the best one: p after Holm, whether it is not separated, and why it cannot be judged."""

    p: float | None = None
    tied: bool = False
    obstacle: Obstacle | None = None


class Effect(NamedTuple):
    """What the intermediate step changes in one arm; its p-values wait for those of the other tasks."""

    entry: Json
    estimate: Estimate
    grade: Grade
    comparable: bool


def _chosen(cells: list[Json]) -> Json | None:
    """The best cell with those that are not separated from it or cannot be judged against it; null where nothing is ranked."""
    chosen = next((entry for entry in cells if entry["chosen"]), None)
    if chosen is None:
        return None
    name = ("arm", "cell")
    return {
        **{key: chosen[key] for key in (*name, "mean", "low", "high", "baseline")},
        "tied_with": [{key: entry[key] for key in name} for entry in cells if entry["tied"]],
        "undecided": [
            {**{key: entry[key] for key in name}, "because": entry["undecided"]}
            for entry in cells
            if entry["undecided"]
        ],
    }


def _extra(samples: Json, others: Json) -> int | None:
    """How many more samples one cell saw than another; null where they begin with unlike components and one's are not known."""
    before = [cell["unimodal"] for cell in (samples, others)]
    if before[0] != before[1] and None in before:
        return None
    more = 0 if before[0] == before[1] else before[0] - before[1]
    return more + sum(samples[key] - others[key] for key in ("pretraining", "task_before", "finetuning"))
