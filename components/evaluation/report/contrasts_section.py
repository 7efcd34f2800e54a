"""The questions that the study asked before anybody had seen a score, each with its answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.findings import interval, name, pairs
from components.evaluation.formatting import points, probability, readable
from components.evaluation.leaderboard.entries import ContrastResult, Leaderboard
from components.evaluation.plots.drawing import padded
from components.evaluation.plots.forest import strip
from components.evaluation.report.parts import Drawing

TONES = {
    "better": "good",
    "worse": "bad",
    "equivalent": "even",
    "larger effect": "good",
    "smaller effect": "bad",
    "equivalent effects": "even",
}


@dataclass(frozen=True)
class Card:
    """A declared question: the two sides that it sets against one another, and what was found, as words by name."""

    question: str
    first: str
    second: str
    task: str
    verdict: str
    tone: str
    drawing: Drawing
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Contrasts:
    """All declared questions."""

    lead: str
    cards: Sequence[Card]


def contrasts(board: Leaderboard) -> Contrasts | None:
    """A card per declared contrast; none where the study declares none."""
    declared = board.contrasts
    if not declared:
        return None
    ends = [end for one in declared for end in (one.difference, one.low, one.high) if end is not None]
    margins = [side * one.margin for one in declared for side in (-1.25, 1.25)]
    reach = padded([*ends, *margins], 0.06)
    lead = (
        "These questions were declared in the study file, so they alone are confirmatory: p-values are after Holm's correction "
        "over them, separately for differences and for equivalence. The line is the difference with its interval, in points; "
        "inside the shaded band a difference counts as none. 'Cannot tell' is a finding about the study, not about the "
        "architectures: the smallest difference that it would have found four times in five stands beside it."
    )
    if any(one.effects for one in declared):
        lead += (
            " Where a question is about two axes, the line is the difference of two effects, each the difference of a pair: "
            "a larger effect lies further up, a loss of one point above a loss of three."
        )
    return Contrasts(lead, [_card(one, reach) for one in declared])


def _card(one: ContrastResult, reach: tuple[float, float]) -> Card:
    said = f"{points(one.difference)} points {interval(one, signed=True)}"
    facts = [
        ("difference of the effects" if one.effects else "difference", said),
        ("p for a difference", probability(one.p_holm)),
        (f"p for equivalence within {100 * one.margin:g} points", probability(one.p_equivalence_holm)),
        ("detectable", _detectable(one.minimum_detectable_effect)),
        (f"grade: {one.grade}", one.grade_reason),
    ]
    if one.effects:
        facts.insert(0, ("the two effects", " and ".join(points(effect) for effect in one.effects)))
    title = f"{one.question} {', against '.join(pairs(one))}: {said}, {one.verdict}"
    wide, narrow = (strip(one, one.margin, reach, narrow) for narrow in (False, True))
    # Two cells, or two pairs of cells.
    first, second = pairs(one) if one.effects else (name(one.first.identity), name(one.second.identity))
    return Card(
        question=one.question,
        first=first,
        second=second,
        task=readable(one.task),
        verdict=one.verdict,
        tone=TONES.get(one.verdict, ""),
        drawing=Drawing(title, wide, narrow),
        facts=facts,
    )


def _detectable(effect: float | None) -> str:
    return "–" if effect is None else f"{100 * effect:.1f} points at 80% power"
