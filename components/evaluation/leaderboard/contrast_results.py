"""The confirmatory contrasts that the study declared, with Holm's correction over these alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.evaluation.leaderboard.grade import grade_of_contrast
from components.evaluation.leaderboard.rounding import detectable, difference, number, verdict
from components.evaluation.statistics.equivalence import equivalence_p
from components.evaluation.statistics.estimates import Arm, estimate_contrast, holm
from components.study.cells import Cell
from components.study.contrasts import ContrastSettings
from components.study.study import Study

Json = dict[str, Any]
EFFECTS = {"better": "larger effect", "worse": "smaller effect", "equivalent": "equivalent effects"}
"""What the verdicts of an interaction are called: of the first pair's effect against the other's, with their signs."""


def answer(
    study: Study, arms: Mapping[str, Mapping[Cell, Arm]], certificates: Mapping[str, Mapping[str, Any]], protocol: str
) -> list[Json]:
    """Every declared contrast, in the study's order.

    Args:
        arms: summaries over the selection split, by task and cell.
        protocol: the hash that stands beside every comparison.
    """
    evaluation = study.evaluation
    grades = [grade_of_contrast(study, contrast, certificates) for contrast in evaluation.contrasts]
    sides = [[arms[asked.task][cell] for cell in asked.cells] for asked in evaluation.contrasts]
    estimates = [
        estimate_contrast(cells, asked.weights, evaluation.confidence)
        for cells, asked in zip(sides, evaluation.contrasts, strict=True)
    ]
    # A contrast with an arm that is not comparable is not tested, so it takes nothing from the others.
    tested = [all(certificates[cell.arm]["valid"] for cell in contrast.cells) for contrast in evaluation.contrasts]
    p_values = [estimate.p if test else math.nan for estimate, test in zip(estimates, tested, strict=True)]
    equivalences = [
        equivalence_p(estimate, evaluation.margin) if test else math.nan
        for estimate, test in zip(estimates, tested, strict=True)
    ]
    adjusted, adjusted_equivalences = holm(p_values), holm(equivalences)
    alpha = (1 - evaluation.confidence) / max(1, len(sides))  # Holm's first and hardest step
    found = []
    for index, (contrast, grade, estimate) in enumerate(zip(evaluation.contrasts, grades, estimates, strict=True)):
        corrected = adjusted[index], adjusted_equivalences[index]
        figures = difference(estimate, corrected[0], equivalences[index], corrected[1])
        word = verdict(estimate, *corrected, evaluation.confidence, grade)
        found.append(
            {
                "name": contrast.name,
                "question": contrast.question,
                "axis": contrast.axis,
                "by": contrast.by,
                "task": contrast.task,
                **_pairs(contrast, sides[index]),
                "grade": grade.grade,
                "grade_reason": grade.reason,
                **(figures if tested[index] else figures | {"p": None}),
                "margin": evaluation.margin,
                "verdict": EFFECTS.get(word, word) if contrast.by else word,
                "minimum_detectable_effect": number(detectable(sides[index], contrast.weights, alpha)),
                "replicates": len(study.replicates),
                "protocol": protocol,
            }
        )
    return found


def _pairs(contrast: ContrastSettings, arms: Sequence[Arm]) -> Json:
    """The cells, and of an interaction the two effects that are set against one another."""
    first, second, *others = map(_written, contrast.cells)
    if not others:
        return {"first": first, "second": second, "against": None, "effects": None}
    effects = [number(arms[place].mean - arms[place + 1].mean) for place in (0, 2)]
    against = {"first": others[0], "second": others[1]}
    return {"first": first, "second": second, "against": against, "effects": effects}


def _written(name: Cell) -> dict[str, str]:
    return name.key
