"""What is compared: every arm on every axis, and what each can be asked.

An arm is an architecture with a study's settings: what the architecture says of itself, with what the study decides
in its place.
"""

from html import escape

from components.evaluation.formatting import readable
from components.evaluation.report.page import paragraph, section, table, text_cell
from components.study.arms import ArmSettings, FreezingRule
from components.study.front_ends import ORACLE
from components.study.plan import cannot
from components.study.study import Study

CHOSEN = {
    "fusion": "fusion",
    "spatial code": "spatial_code",
    "objectives": "objectives",
    "readout": "readout",
    "initial scale": "initial_scale",
}
"""Axis of a card: setting of a controlled arm."""
COLUMNS = ("text encoder", "visual input", "spatial code", "fusion", "objectives", "readout", "norm", "initial scale")
_FRONTS = {
    "pixels": "pixels, its own",
    "detector": "detected regions",
    ORACLE: "exact boxes (not ranked)",
    "grid": "grid, frozen",
    "patches": "patches, frozen",
    "precomputed": "precomputed features",
}


def arms(heading: str, study: Study) -> str:
    """The table of axes and the table of tasks."""
    header = ["arm", "mode", "front", *COLUMNS, "starts", "begins with", "freezing", "pairs read"]
    rows = [(_name(name, arm), [text_cell(word) for word in words_of(arm)], False) for name, arm in study.arms.items()]
    lead = (
        "What is not in this table is set once for all arms, in the study file. Faithful arms are what their paper describes; "
        "controlled arms share one recipe, and two of them differ in what the table says and in nothing else."
    )
    axes = table("What each arm is", header, sorted(rows, key=lambda row: row[0].lower()), wraps=True)
    return section("arms", heading, paragraph(lead), axes, _tasks(study))


def words_of(arm: ArmSettings) -> list[str]:
    """One arm on every column behind its name: mode, front, axes, starts, components, freezing, pairs."""
    # Architectures are torch modules, which nothing else in the report needs.
    from components.models.architectures import load
    from components.models.cards import brief

    card = brief(load(arm.architecture))
    if arm.axes is not None:
        card |= {axis: readable(getattr(arm.axes, setting)) for axis, setting in CHOSEN.items()}
        card["norm"] = f"{arm.axes.norm}-norm"
        card["text encoder"] = "BERT" if "text" in arm.unimodal else "fresh layers"
    return [
        arm.mode,
        _FRONTS[arm.front],
        *(card[axis] for axis in COLUMNS),
        ", ".join(arm.starts),
        ", ".join(arm.components) or "nothing",
        "; ".join(_rule(rule) for rule in arm.freezing) or "none",
        _pairs(arm),
    ]


def _pairs(arm: ArmSettings) -> str:
    if "multimodal" not in arm.starts:
        return "none"
    pairs = arm.pairs
    words = ["all" if pairs.share == 1 else f"{100 * pairs.share:g}%"]
    words += [f"{pairs.domain} alone"] if pairs.domain != "all" else []
    words += [f"{100 * pairs.caption_noise:g}% with a wrong caption"] if pairs.caption_noise else []
    words += [f"{100 * arm.masked_words:g}% of words masked"]
    return ", ".join(words)


def _rule(rule: FreezingRule) -> str:
    parameters = rule.pattern.replace("\\.", ".").removesuffix(".*")
    return f"{parameters} for the first {100 * rule.share:g}%"


def _name(name: str, arm: ArmSettings) -> str:
    under = f"<small>{escape(readable(arm.architecture))}</small>" if name != arm.architecture else ""
    return f"{escape(readable(name))}{under}"


def _tasks(study: Study) -> str:
    """Which arm has cells on which task; gaps are gaps, with the reason once."""
    reasons = list(
        dict.fromkeys(reason for task in study.tasks for name in study.arms if (reason := cannot(study, name, task)))
    )
    if not reasons:
        return paragraph("Every arm can do every task of this study.", "soft-text")
    rows = []
    for name in study.arms:
        found = [cannot(study, name, task) for task in study.tasks]
        cells = [_ability(reasons.index(reason) + 1 if reason else 0) for reason in found]
        rows.append((escape(readable(name)), cells, False))
    header = ["arm", *(readable(task) for task in study.tasks)]
    listing = table("What each arm can be asked in this study", header, sorted(rows, key=lambda row: row[0].lower()))
    said = "; ".join(f"{index + 1}: {reason}" for index, reason in enumerate(reasons))
    words = f"A gap is a task that the architecture cannot do, never a zero. {said}."
    return f'<div class="short">{listing}</div>{paragraph(words, "soft-text")}'


def _ability(gap: int) -> str:
    if gap:
        return f'<td class="gap">gap {gap}</td>'
    return '<td class="yes">✓<span class="hidden">yes</span></td>'
