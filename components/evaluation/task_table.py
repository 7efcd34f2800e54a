"""One task's part of the leaderboard: cells with their estimates, all pairs, and the effect of the intermediate step."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from components.contrasts import CellName
from components.errors import CeterisError
from components.evaluation.certificate import violations
from components.evaluation.costs import Costs
from components.evaluation.equivalence import equivalence_p
from components.evaluation.figures import clipped, difference, number, verdict
from components.evaluation.grade import Grade, few_replicates, grade_of
from components.evaluation.ranks import rank_intervals
from components.evaluation.scores import Cell, TaskScores
from components.evaluation.statistics import Arm, Estimate, estimate_difference, estimate_mean, holm
from components.study import ORACLE, Study

BASELINES = ("image_only", "late_fusion", "text_only")
SELECTION = "selection"
Json = dict[str, Any]


class TaskTable:
    """One task's part of the leaderboard.

    Args:
        certificates: of every arm.
        protocol: the hash that stands beside every comparison.

    Raises:
        CeterisError: no arm that can do the task may be ranked.
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
        # Exact boxes tell how many objects there are: such an arm is shown, and never ranked with the others.
        candidates = [cell for cell in scores.cells if not cell.few and study.arms[cell.architecture].front != ORACLE]
        self.ranked = [cell for cell in candidates if certificates[cell.architecture]["valid"]]
        if not self.ranked:
            arm = candidates[0].architecture if candidates else scores.cells[0].architecture
            raise CeterisError(
                f"no arm of the task {task} can be ranked, because none passed its certificate; of {arm}: "
                f"{violations(certificates[arm]) or 'it reads exact boxes'}."
            )

    def _arms(self, rows: np.ndarray) -> dict[Cell, Arm]:
        """Every cell's summary over some items."""
        return {cell: self.scores.arm(cell, rows) for cell in self.scores.cells}

    def build(self, floors: Mapping[str, Mapping[str, float]], costs: Costs) -> Json:
        """The task's entry."""
        estimates = {cell: estimate_mean(arm, self.confidence) for cell, arm in self.selection.items()}
        best = max(self.ranked, key=lambda cell: estimates[cell].mean)
        pairs, against_best = self._pairs(best)
        places = rank_intervals([self.selection[cell] for cell in self.ranked], self.confidence) if self.decides else []
        ranks = {cell: list(place) for cell, place in zip(self.ranked, places, strict=False)}
        slices = self._slices()
        cells = []
        for cell in sorted(self.scores.cells, key=lambda cell: (cell.few, -estimates[cell].mean)):
            floor = max(floors[SELECTION].values())
            entry = self._entry(cell, estimates[cell], costs)
            entry |= {
                "chosen": cell == best,
                "tied": self.decides and cell in against_best and against_best[cell][1],
                "ranks": ranks.get(cell),
                "p_against_best": against_best[cell][0] if cell in against_best else None,
                "above_floors": bool(estimates[cell].low > floor),
                **{name: {key: value[cell] for key, value in part.items()} for name, part in slices.items()},
            }
            entry["hard"] = entry["hard"].get("hard")
            cells.append(entry)
        chosen = next(entry for entry in cells if entry["chosen"])
        rows = self.scores.rows(split=SELECTION)
        return {
            "kind": self.study.tasks[self.task].kind,
            "items": len(rows),
            "groups": len(np.unique(self.scores.groups[rows])),
            "cannot": {
                arm: reason for arm in self.study.architectures.all if (reason := self.study.cannot(arm, self.task))
            },
            "floors": floors,
            "chosen": {
                **{key: chosen[key] for key in ("architecture", "cell", "mean", "low", "high", "baseline")},
                "tied_with": [{k: entry[k] for k in ("architecture", "cell")} for entry in cells if entry["tied"]],
            },
            "cells": cells,
            "pairs": pairs,
        }

    def _entry(self, cell: Cell, estimate: Estimate, costs: Costs) -> Json:
        arm = self.selection[cell]
        return {
            "architecture": cell.architecture,
            "cell": cell.name,
            "start": cell.start,
            "labels": cell.labels,
            "labelled": self.study.tasks[self.task].few_labels if cell.few else None,
            "baseline": cell.architecture in BASELINES,
            "candidate": cell in self.ranked,
            "comparable": self.certificates[cell.architecture]["valid"],
            "oracle": self.study.arms[cell.architecture].front == ORACLE,
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

    def _pairs(self, best: Cell) -> tuple[list[Json], dict[Cell, tuple[float | None, bool]]]:
        """All differences between ranked cells, and each cell's adjusted p and tie with the best."""
        compared = list(combinations(self.ranked, 2))
        pairs = self._compare(compared)
        against_best = {}
        for (first, second), pair in zip(compared, pairs, strict=True):
            if best in (first, second):
                # Separated only if the corrected test says so; null (a single cluster) separates nothing.
                p = pair["p_holm"]
                against_best[second if first == best else first] = p, p is None or p > 1 - self.confidence
        return pairs, against_best

    def _compare(self, compared: list[tuple[Cell, Cell]]) -> list[Json]:
        """Differences of some pairs of cells, with Holm's correction over them."""
        estimates = [estimate_difference(self.selection[a], self.selection[b], self.confidence) for a, b in compared]
        equivalences = [equivalence_p(estimate, self.study.evaluation.margin) for estimate in estimates]
        corrected = zip(holm([estimate.p for estimate in estimates]), holm(equivalences), strict=True)
        found = []
        for (first, second), estimate, p_equivalence, holms in zip(
            compared, estimates, equivalences, corrected, strict=True
        ):
            grade = grade_of(self.study, _named(first), _named(second), self.certificates)
            found.append(
                {
                    "first": {"architecture": first.architecture, "cell": first.name},
                    "second": {"architecture": second.architecture, "cell": second.name},
                    **difference(estimate, holms[0], p_equivalence, holms[1]),
                    "grade": grade.grade,
                    "axis": grade.axis,
                    "verdict": verdict(estimate, *holms, self.confidence, grade),
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
        """What the multimodal intermediate step changes, per architecture and amount of labels.

        Against the unimodal start, and against its twin that trained for as long as the step costs, where there is one.
        """
        found = []
        for architecture in self.study.architectures.pretrained:
            for suffix in ("", "_few"):
                with_step = Cell(architecture, f"multimodal{suffix}")
                for without in (f"unimodal{suffix}", f"unimodal_matched{suffix}"):
                    against = Cell(architecture, without)
                    if with_step not in self.selection or against not in self.selection:
                        continue
                    estimate = estimate_difference(self.selection[with_step], self.selection[against], self.confidence)
                    samples, others = (costs.of(self.task, cell)["samples"] for cell in (with_step, against))
                    entry = {
                        "architecture": architecture,
                        "task": self.task,
                        "labels": with_step.labels,
                        "labelled": self.study.tasks[self.task].few_labels if with_step.few else None,
                        "against": against.name,
                        "extra_samples": samples["pretraining"] + samples["finetuning"] - others["finetuning"],
                    }
                    grade = grade_of(self.study, _named(with_step), _named(against), self.certificates)
                    found.append(Effect(entry, estimate, grade, self.certificates[architecture]["valid"]))
        return found


class Effect(NamedTuple):
    """What the intermediate step changes in one arm; its p-values wait for those of the other tasks."""

    entry: Json
    estimate: Estimate
    grade: Grade
    comparable: bool


def _named(cell: Cell) -> CellName:
    return CellName(cell.architecture, cell.name)
