"""The confirmatory contrasts that the study declared, with Holm's correction over these alone."""

import math
from collections.abc import Mapping, Sequence

from components.evaluation.certificate.certificates import Certificate
from components.evaluation.leaderboard.entries import CellPair, ContrastJudgement, ContrastResult, Judgement
from components.evaluation.leaderboard.grade import grade_of_contrast
from components.evaluation.leaderboard.rounding import detectable, difference, number, rounded, verdict
from components.evaluation.statistics.equivalence import equivalence_p
from components.evaluation.statistics.estimates import Arm, estimate_contrast, holm
from components.records.scores import CellName
from components.study.cells import Cell
from components.study.study import Study

EFFECTS: dict[Judgement, ContrastJudgement] = {
    "better": "larger effect",
    "worse": "smaller effect",
    "equivalent": "equivalent effects",
}
"""What the verdicts of an interaction are called: of the first pair's effect against the other's, with their signs."""


def answer(
    study: Study, arms: Mapping[str, Mapping[Cell, Arm]], certificates: Mapping[str, Certificate], protocol: str
) -> list[ContrastResult]:
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
    # A contrast with an arm that is not comparable, or whose intermediate step was not competent, is not tested, so it takes
    # nothing from the others.
    tested = [
        all(certificates[cell.arm].valid for cell in contrast.cells) and grade.obstacle != "step"
        for contrast, grade in zip(evaluation.contrasts, grades, strict=True)
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
        figures = difference(estimate, corrected[0], equivalences[index], corrected[1], tested[index])
        word = verdict(estimate, *corrected, evaluation.confidence, grade)
        first, second, *others = map(CellName.of, contrast.cells)
        found.append(
            ContrastResult(
                **dict(figures),
                name=contrast.name,
                question=contrast.question,
                axis=contrast.axis,
                by=contrast.by,
                task=contrast.task,
                first=first,
                second=second,
                against=CellPair(first=others[0], second=others[1]) if others else None,
                effects=_effects(sides[index]) if others else None,
                grade=grade.grade,
                grade_reason=grade.reason,
                margin=evaluation.margin,
                verdict=EFFECTS.get(word, word) if contrast.by else word,
                minimum_detectable_effect=number(detectable(sides[index], contrast.weights, alpha)),
                replicates=len(study.replicates),
                protocol=protocol,
            )
        )
    return found


def _effects(arms: Sequence[Arm]) -> tuple[float, float]:
    """Of an interaction: the two differences that are set against one another."""
    return rounded(arms[0].mean - arms[1].mean), rounded(arms[2].mean - arms[3].mean)
