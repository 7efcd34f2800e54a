"""The questions that the study asked before anybody had seen a score, each with its answer."""

from html import escape

from components.evaluation.findings import interval, name, pairs
from components.evaluation.formatting import points, probability, readable
from components.evaluation.leaderboard.entries import ContrastResult, Leaderboard
from components.evaluation.plots.drawing import padded
from components.evaluation.plots.forest import strip
from components.evaluation.report.page import paragraph, section

TONES = {
    "better": "good",
    "worse": "bad",
    "equivalent": "even",
    "larger effect": "good",
    "smaller effect": "bad",
    "equivalent effects": "even",
}


def contrasts(heading: str, board: Leaderboard) -> str:
    """A card per declared contrast; empty where the study declares none."""
    declared = board.contrasts
    if not declared:
        return ""
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
    cards = "".join(_card(one, reach) for one in declared)
    return section("contrasts", heading, paragraph(lead), f'<div class="contrasts">{cards}</div>')


def _card(one: ContrastResult, reach: tuple[float, float]) -> str:
    said = f"{points(one.difference)} points {interval(one, signed=True)}"
    facts = [
        *_effects(one),
        ("difference of the effects" if one.effects else "difference", said),
        ("p for a difference", probability(one.p_holm)),
        (f"p for equivalence within {100 * one.margin:g} points", probability(one.p_equivalence_holm)),
        ("detectable", _detectable(one.minimum_detectable_effect)),
        (f"grade: {one.grade}", one.grade_reason),
    ]
    listed = "".join(f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in facts)
    title = f"{one.question} {', against '.join(pairs(one))}: {said}, {one.verdict}"
    drawn = "".join(
        strip(one, one.margin, reach, narrow).svg(title, kind=kind)
        for narrow, kind in ((False, "desk"), (True, "phone"))
    )
    return (
        f'<article class="contrast"><header><div><h3>{escape(one.question)}</h3>'
        f"<p>{_sides(one)} <small>on {escape(readable(one.task))}</small></p></div>"
        f'<strong class="verdict {TONES.get(one.verdict, "")}">{escape(one.verdict)}</strong></header>'
        f"{drawn}<dl>{listed}</dl></article>"
    )


def _sides(one: ContrastResult) -> str:
    """Two cells, or two pairs of cells, set against one another."""
    sides = pairs(one) if one.effects else [name(one.first.identity), name(one.second.identity)]
    return " <small>against</small> ".join(escape(side) for side in sides)


def _effects(one: ContrastResult) -> list[tuple[str, str]]:
    return [("the two effects", " and ".join(points(effect) for effect in one.effects))] if one.effects else []


def _detectable(effect: float | None) -> str:
    return "–" if effect is None else f"{100 * effect:.1f} points at 80% power"
