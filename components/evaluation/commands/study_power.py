"""`ceteris power`: what the contrasts of a study that was run can find, and what finding more would take.

JSON (differences are fractions):

    study, replicates: int, effect, power, alpha    alpha after the correction for the number of contrasts
    declared: bool                                  else the best cell of each task against the second
    contrasts: [{
        name, task, first, second                   cells as ARM/CELL
        against: {first, second} | null             of an interaction, the pair whose difference is taken off
        difference, standard_error                  of an interaction, of the difference of the two differences
        variance: {replicates, samples}             shares of the squared standard error
        detectable                                  with the replicates there are
        detectable_limit                            with any number of them: what the test items alone allow
        power                                       to find `effect` with the replicates there are
        needed, needed_cautious: int | null }]      replicates that find `effect`; null where none do
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from components.errors import CeterisError
from components.evaluation.formatting import percent
from components.evaluation.leaderboard.entries import Leaderboard, read_leaderboard
from components.evaluation.scoring.scores import Arms, TaskScores, load_arms
from components.evaluation.statistics.estimates import DIFFERENCE, Arm
from components.evaluation.statistics.power import (
    MOST_REPLICATES,
    POWER,
    Design,
    design_of,
    detectable_effect,
    power,
    replicates_needed,
)
from components.paths import evaluation_folder, hard_samples_file, leaderboard_file
from components.study.cells import Cell
from components.study.study import Study

SELECTION = "selection"
Json = dict[str, Any]


class _Contrast(NamedTuple):
    name: str
    task: str
    cells: Sequence[Cell]
    weights: Sequence[float]

    def written(self) -> Json:
        first, second, *others = (str(cell) for cell in self.cells)
        against = {"first": others[0], "second": others[1]} if others else None
        return {"name": self.name, "task": self.task, "first": first, "second": second, "against": against}


def study_power(study: Study, root: Path, effect: float | None = None) -> Json:
    """Read what a study scored and say what its contrasts can find.

    Args:
        root: the workspace in which it was run.
        effect: the difference to be found, as a fraction; the study's equivalence margin if None.

    Raises:
        CeterisError: there are no outputs, or too few replicates to know how much replicates vary.
    """
    effect = study.evaluation.margin if effect is None else effect
    if not 0 < effect < 1:
        raise CeterisError(f"--effect is {effect:g}: it is a difference of scores as a fraction, such as 0.01.")
    if len(study.replicates) < 2:
        raise CeterisError(
            f"the study {study.name} has one replicate, which says nothing of others: run it with three."
        )
    path = leaderboard_file(root)
    if not path.is_file():
        raise CeterisError(f"{path} does not exist yet: run the study first (ceteris run).")
    contrasts = [_Contrast(one.name, one.task, one.cells, one.weights) for one in study.evaluation.contrasts]
    declared = bool(contrasts)
    if not declared:
        contrasts = list(_best_against_second(read_leaderboard(root)))
    arms = load_arms(study, evaluation_folder(root))
    alpha = (1 - study.evaluation.confidence) / max(1, len(contrasts))
    return {
        "study": study.name,
        "replicates": len(study.replicates),
        "effect": effect,
        "power": POWER,
        "alpha": _number(alpha),
        "declared": declared,
        "contrasts": [_entry(one, _arms(study, root, arms, one), effect, alpha) for one in contrasts],
    }


def _best_against_second(leaderboard: Leaderboard) -> Iterator[_Contrast]:
    for task, entry in leaderboard.tasks.items():
        best = [cell.identity for cell in entry.cells if cell.candidate][:2]
        if len(best) == 2:
            yield _Contrast("best against second", task, best, DIFFERENCE)


def _arms(study: Study, root: Path, arms: Arms, contrast: _Contrast) -> list[Arm]:
    wanted = {cell.arm: {contrast.task: {}} for cell in contrast.cells}  # type: Arms
    for cell in contrast.cells:
        wanted[cell.arm][contrast.task][cell.name] = arms[cell.arm][contrast.task][cell.name]
    hard = hard_samples_file(root)
    scores = TaskScores.load(evaluation_folder(root), hard, contrast.task, wanted, study.replicates)
    return [scores.arm(cell, scores.rows(split=SELECTION)) for cell in contrast.cells]


def _entry(contrast: _Contrast, arms: Sequence[Arm], effect: float, alpha: float) -> Json:
    try:
        design = design_of(arms, contrast.weights)
    except ValueError:
        raise CeterisError(f"all test items of {contrast.task} are of one group: nothing is known of others.") from None
    replicates = arms[0].replicates
    return {
        **contrast.written(),
        "difference": _number(sum(weight * arm.mean for weight, arm in zip(contrast.weights, arms, strict=True))),
        "standard_error": _number(design.standard_error(replicates)),
        "variance": {
            "replicates": _number(sum(design.variances) / replicates),
            "samples": _number(design.sample_variance),
        },
        "detectable": _number(detectable_effect(design, replicates, alpha)),
        "detectable_limit": _number(detectable_effect(design, math.inf, alpha)),
        "power": _number(power(design, replicates, effect, alpha)),
        **_needed(design, effect, alpha),
    }


def _needed(design: Design, effect: float, alpha: float) -> Json:
    return {
        "needed": replicates_needed(design, effect, alpha),
        "needed_cautious": replicates_needed(design.cautious(), effect, alpha),
    }


def _number(value: float) -> float:
    return float(f"{value:.6g}")


def render_power(result: Json) -> str:
    """The same as plain text, in points of a hundred."""
    which = "declared contrasts" if result["declared"] else "best against second, for no contrast is declared"
    many = "1 contrast" if len(result["contrasts"]) == 1 else f"{len(result['contrasts'])} contrasts"
    effect = f"{100 * result['effect']:g}"
    lines = [
        f"Study {result['study']}: {result['replicates']} replicates; {which}",
        f"Found means: significant with a probability of {100 * result['power']:.0f}%, at the level "
        f"{result['alpha']:.2g} that {many} leave each. All in points.",
    ]
    for one in result["contrasts"]:
        lines += [
            "",
            f"{one['name']} ({one['task']}): {_written(one)}",
            f"  found now: differences from {percent(one['detectable'])} up; with any number of replicates: from "
            f"{percent(one['detectable_limit'])} up",
            f"  a difference of {effect}: power now {100 * one['power']:.0f}%; {_replicates(one, result['effect'])}",
        ]
    return "\n".join(lines)


def _written(one: Json) -> str:
    pair, against = f"{one['first']} - {one['second']}", one["against"]
    return f"({pair}) - ({against['first']} - {against['second']})" if against else pair


def _replicates(one: Json, effect: float) -> str:
    if effect < one["detectable_limit"]:
        return "no number of replicates finds it: only more test items do"
    if one["needed"] is None:
        return f"needs more than {MOST_REPLICATES:,} replicates"
    if one["needed_cautious"] is None:
        return f"needs about {one['needed']} replicates, or more test items: the variance is hardly known"
    if one["needed"] == one["needed_cautious"]:
        return f"needs {one['needed']} replicates"
    return f"needs about {one['needed']} replicates, {one['needed_cautious']} to be on the safe side"
