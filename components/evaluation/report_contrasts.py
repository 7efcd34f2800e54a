"""The questions that the study asked before anybody had seen a score, each with its answer."""

from html import escape

from components.evaluation.plots import padded
from components.evaluation.plots_forest import strip
from components.evaluation.report_page import Json, paragraph, section
from components.evaluation.wording import interval, name, points, probability, readable

TONES = {"better": "good", "worse": "bad", "equivalent": "even"}


def contrasts(heading: str, board: Json) -> str:
    """A card per declared contrast; empty where the study declares none."""
    declared = board["contrasts"]
    if not declared:
        return ""
    ends = [end for one in declared for end in (one["difference"], one["low"], one["high"]) if end is not None]
    margins = [side * one["margin"] for one in declared for side in (-1.25, 1.25)]
    reach = padded([*ends, *margins], 0.06)
    lead = (
        "These questions were declared in the study file, so they alone are confirmatory: p-values are after Holm's correction "
        "over them, separately for differences and for equivalence. The line is the difference with its interval, in points; "
        "inside the shaded band a difference counts as none. 'Cannot tell' is a finding about the study, not about the "
        "architectures: the smallest difference that it would have found four times in five stands beside it."
    )
    cards = "".join(_card(one, reach) for one in declared)
    return section("contrasts", heading, paragraph(lead), f'<div class="contrasts">{cards}</div>')


def _card(one: Json, reach: tuple[float, float]) -> str:
    first, second = name(one["first"]), name(one["second"])
    said = f"{points(one['difference'])} points {interval(one, signed=True)}"
    facts = [
        ("difference", said),
        ("p for a difference", probability(one["p_holm"])),
        (f"p for equivalence within {100 * one['margin']:g} points", probability(one["p_equivalence_holm"])),
        ("detectable", _detectable(one["minimum_detectable_effect"])),
        (f"grade: {one['grade']}", one["grade_reason"]),
    ]
    listed = "".join(f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in facts)
    title = f"{one['question']} {first} minus {second}: {said}, {one['verdict']}"
    drawn = "".join(
        strip(one, one["margin"], reach, narrow).svg(title, kind=kind)
        for narrow, kind in ((False, "desk"), (True, "phone"))
    )
    return (
        f'<article class="contrast"><header><div><h3>{escape(one["question"])}</h3>'
        f"<p>{escape(first)} <small>against</small> {escape(second)} <small>on {escape(readable(one['task']))}</small></p></div>"
        f'<strong class="verdict {TONES.get(one["verdict"], "")}">{escape(one["verdict"])}</strong></header>'
        f"{drawn}<dl>{listed}</dl></article>"
    )


def _detectable(effect: float | None) -> str:
    return "–" if effect is None else f"{100 * effect:.1f} points at 80% power"
