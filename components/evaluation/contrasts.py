"""The confirmatory contrasts that the study declared, with Holm's correction over these alone."""

import math
from collections.abc import Mapping
from typing import Any

from components.contrasts import CellName
from components.evaluation.equivalence import equivalence_p
from components.evaluation.figures import detectable, difference, number, verdict
from components.evaluation.grade import Grade, grade_of
from components.evaluation.scores import Cell
from components.evaluation.statistics import Arm, estimate_difference, holm
from components.study import ContrastSettings, Study

Json = dict[str, Any]


def answer(
    study: Study, arms: Mapping[str, Mapping[Cell, Arm]], certificates: Mapping[str, Mapping[str, Any]], protocol: str
) -> list[Json]:
    """Every declared contrast, in the study's order.

    Args:
        arms: summaries over the selection split, by task and cell.
        protocol: the hash that stands beside every comparison.
    """
    evaluation = study.evaluation
    grades = [_graded(study, contrast, certificates) for contrast in evaluation.contrasts]
    sides = [_sides(contrast, arms) for contrast in evaluation.contrasts]
    estimates = [estimate_difference(*pair, evaluation.confidence) for pair in sides]
    # A contrast with an arm that is not comparable is not tested, so it takes nothing from the others.
    tested = [
        all(certificates[CellName.of(side).arm]["valid"] for side in (contrast.first, contrast.second))
        for contrast in evaluation.contrasts
    ]
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
        found.append(
            {
                "name": contrast.name,
                "question": contrast.question,
                "axis": contrast.axis,
                "task": contrast.task,
                "first": _written(contrast.first),
                "second": _written(contrast.second),
                "grade": grade.grade,
                "grade_reason": grade.reason,
                **(figures if tested[index] else figures | {"p": None}),
                "margin": evaluation.margin,
                "verdict": verdict(estimate, *corrected, evaluation.confidence, grade),
                "minimum_detectable_effect": number(detectable(*sides[index], alpha)),
                "replicates": len(study.replicates),
                "protocol": protocol,
            }
        )
    return found


def _graded(study: Study, contrast: ContrastSettings, certificates: Mapping[str, Mapping[str, Any]]) -> Grade:
    grade = grade_of(study, CellName.of(contrast.first), CellName.of(contrast.second), certificates)
    if contrast.axis == "system" and grade.grade == "controlled":
        # Nobody asked about the axis, so the answer is not given about it.
        return Grade("system", "system", "Declared as a comparison of whole systems.")
    return grade


def _sides(contrast: ContrastSettings, arms: Mapping[str, Mapping[Cell, Arm]]) -> tuple[Arm, Arm]:
    first, second = (arms[contrast.task][Cell(*CellName.of(side))] for side in (contrast.first, contrast.second))
    return first, second


def _written(side: str) -> dict[str, str]:
    name = CellName.of(side)
    return {"architecture": name.arm, "cell": name.cell}
