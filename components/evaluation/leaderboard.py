"""The leaderboard: estimates with intervals, ties shown as ties, and what was equal.

`outputs/compare/leaderboard.json` (scores are fractions; an end of an interval is null where it cannot be estimated):

    study, confidence, replicates: [int]
    grade: "system" | "descriptive"   verdicts need three replicates and equal data
    grade_reason: sentence
    interval_over: "replicates and samples" | "samples"
    tasks: {TASK: {
        kind, items, groups: int             of the selection split
        cannot: {ARCHITECTURE: reason}       what has no cells here: a gap, not a zero
        floors: {SPLIT: {FLOOR: score}}
        chosen: {architecture, cell, mean, low, high, baseline: bool, tied_with: [{architecture, cell}]}
        cells: [{                            ordered: all labels first, then by falling mean
            architecture, cell, start, labels: "all" | "few", labelled: int | null (the few)
            baseline, oracle, candidate, chosen, above_floors: bool
            tied: bool                       not separated from the chosen one; never where all is descriptive
            mean, low, high, standard_error, degrees_of_freedom, p_against_best (Holm over all pairs; null for the best)
            variance: {replicates, samples}  shares of the squared standard error
            scores: [float]                  one per replicate, in order
            items, visual: "grid" | "patches" | "none"
            parameters: {total, trained}, flops: {forward_per_sample, training}
            samples: {unimodal, pretraining, finetuning, total}
            splits: {SPLIT: ESTIMATE}, forms: {FORM: ESTIMATE}, hard: ESTIMATE | null }]
        pairs: [{first, second: {architecture, cell}, difference, low, high, p, p_holm, verdict}]   all labels only
    }}
    pretraining: [{architecture, task, labels, difference, low, high, p, p_holm, verdict,
                   extra_samples}]           multimodal minus unimodal start
    digests: {equal: bool, compared: int, violations: [{where, digest, values: {DIGEST: [WHO]}}]}

ESTIMATE is {mean, low, high, items}. `hard` are the selection items that both unimodal floors get wrong. Candidates are
the cells with all labels, simple baselines included, exact boxes (`oracle`) not: where one of them is best it is chosen,
and that is the finding.
"""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import CeterisError
from components.evaluation.certificate import compare_digests
from components.evaluation.costs import Costs
from components.evaluation.scores import Cell, TaskScores, load_arms
from components.evaluation.statistics import (
    MINIMUM_REPLICATES,
    Arm,
    Estimate,
    estimate_difference,
    estimate_mean,
    holm,
)
from components.study import ORACLE, Study

BASELINES = ("image_only", "late_fusion", "text_only")
SELECTION = "selection"
Json = dict[str, Any]


def build(study: Study, root: Path) -> Json:
    """Build the leaderboard from the outputs below `root`.

    Raises:
        CeterisError: the outputs are not those of the study.
    """
    evaluation = root / "outputs/evaluation"
    arms = load_arms(study, evaluation)
    floors = json.loads((root / "outputs/floors/floors.json").read_text(encoding="utf-8"))
    pretraining = {
        architecture: [
            json.loads((root / "outputs/pretrain" / architecture / str(replicate) / "record.json").read_text("utf-8"))
            for replicate in study.replicates
        ]
        for architecture in study.architectures.pretrained
    }
    digests = compare_digests(arms, pretraining, study.replicates)
    grade, reason = _grade(study, digests["equal"])
    costs = Costs(study, arms, pretraining, root / "outputs/unimodal")
    tasks: Json = {}
    effects: list[Json] = []
    for task in study.task_names:
        if task not in floors:
            raise CeterisError(f"outputs/floors/floors.json has no floors for task {task}: run the stage floors again.")
        scores = TaskScores.load(evaluation, root / "outputs/floors/hard.parquet", task, arms, study.replicates)
        table = _Table(study, task, scores, grade)
        tasks[task] = table.build(floors[task], costs)
        effects.extend(table.effects(costs))
    for effect, adjusted in zip(effects, holm([effect.pop("raw_p") for effect in effects]), strict=True):
        effect["p_holm"] = number(adjusted)
        effect["verdict"] = _verdict(effect["difference"], adjusted, study, grade, ("helps", "hurts"))
    return {
        "study": study.name,
        "confidence": study.evaluation.confidence,
        "replicates": study.replicates,
        "grade": grade,
        "grade_reason": reason,
        "interval_over": "replicates and samples" if len(study.replicates) > 1 else "samples",
        "tasks": tasks,
        "pretraining": effects,
        "digests": digests,
    }


def _grade(study: Study, equal: bool) -> tuple[str, str]:
    count = len(study.replicates)
    if not equal:
        return "descriptive", "The architectures were not handed the same data, so nothing is decided between them."
    if count < MINIMUM_REPLICATES:
        many = "one replicate" if count == 1 else f"{count} replicates"
        return "descriptive", f"With {many} nothing is decided: a verdict needs at least {MINIMUM_REPLICATES}."
    return "system", "Whole systems on equal data: differences belong to the systems, not to any one part of them."


class _Table:
    """One task's part of the leaderboard."""

    def __init__(self, study: Study, task: str, scores: TaskScores, grade: str) -> None:
        self.study = study
        self.task = task
        self.scores = scores
        self.grade = grade
        self.confidence = study.evaluation.confidence
        self.selection = self._arms(scores.rows(split=SELECTION))
        # Exact boxes tell how many objects there are: such an arm is shown, and never ranked with the others.
        self.ranked = [cell for cell in scores.cells if not cell.few and study.arms[cell.architecture].front != ORACLE]

    def _arms(self, rows: np.ndarray) -> dict[Cell, Arm]:
        """Every cell's summary over some items."""
        return {cell: self.scores.arm(cell, rows) for cell in self.scores.cells}

    def build(self, floors: Mapping[str, Mapping[str, float]], costs: Costs) -> Json:
        """The task's entry."""
        estimates = {cell: estimate_mean(arm, self.confidence) for cell, arm in self.selection.items()}
        best = max(self.ranked, key=lambda cell: estimates[cell].mean)
        pairs, against_best = self._pairs(best)
        slices = self._slices()
        cells = []
        for cell in sorted(self.scores.cells, key=lambda cell: (cell.few, -estimates[cell].mean)):
            floor = max(floors[SELECTION].values())
            entry = self._entry(cell, estimates[cell], costs)
            entry |= {
                "chosen": cell == best,
                "tied": self.grade != "descriptive" and cell in against_best and against_best[cell][1],
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
        """All differences between cells with all labels, and each cell's adjusted p and tie with the best."""
        compared = list(combinations(self.ranked, 2))
        estimates = [estimate_difference(self.selection[a], self.selection[b], self.confidence) for a, b in compared]
        adjusted = holm([estimate.p for estimate in estimates])
        pairs, against_best = [], {}
        for (first, second), estimate, p in zip(compared, estimates, adjusted, strict=True):
            pairs.append(
                {
                    "first": {"architecture": first.architecture, "cell": first.name},
                    "second": {"architecture": second.architecture, "cell": second.name},
                    **_difference(estimate),
                    "p_holm": number(p),
                    "verdict": _verdict(estimate.mean, p, self.study, self.grade, ("better", "worse")),
                }
            )
            if best in (first, second):
                # Separated only if the corrected test says so; nan (a single cluster) separates nothing.
                against_best[second if first == best else first] = number(p), not p < 1 - self.confidence
        return pairs, against_best

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

    def effects(self, costs: Costs) -> list[Json]:
        """What the multimodal intermediate step changes, per architecture and amount of labels."""
        found = []
        for architecture in self.study.architectures.pretrained:
            for suffix in ("", "_few"):
                with_step = Cell(architecture, f"multimodal{suffix}")
                without = Cell(architecture, f"unimodal{suffix}")
                if with_step not in self.selection or without not in self.selection:
                    continue
                estimate = estimate_difference(self.selection[with_step], self.selection[without], self.confidence)
                found.append(
                    {
                        "architecture": architecture,
                        "task": self.task,
                        "labels": with_step.labels,
                        "labelled": self.study.tasks[self.task].few_labels if with_step.few else None,
                        **_difference(estimate),
                        "raw_p": estimate.p,
                        "extra_samples": costs.of(self.task, with_step)["samples"]["pretraining"],
                    }
                )
        return found


def number(value: float, digits: int = 6) -> float | None:
    """Rounded for JSON; null where not finite."""
    return round(float(value), digits) + 0.0 if math.isfinite(value) else None


def clipped(estimate: Estimate) -> Json:
    """Mean and interval of a score, which lies between 0 and 1."""
    low, high = (value if math.isnan(value) else min(1.0, max(0.0, value)) for value in (estimate.low, estimate.high))
    return {"mean": number(estimate.mean), "low": number(low), "high": number(high)}


def _difference(estimate: Estimate) -> Json:
    return {
        "difference": number(estimate.mean),
        "low": number(estimate.low),
        "high": number(estimate.high),
        "p": number(estimate.p),
    }


def _verdict(difference: float | None, p: float, study: Study, grade: str, words: Sequence[str]) -> str:
    if grade == "descriptive" or difference is None:
        return "descriptive"
    if not p < 1 - study.evaluation.confidence:
        return "cannot tell"
    return words[0] if difference > 0 else words[1]
