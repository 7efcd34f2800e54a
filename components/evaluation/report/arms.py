"""What is compared: every arm on every axis, and what each can be asked.

An arm is an architecture with a study's settings: what the architecture says of itself, with what the study decides
in its place.
"""

from dataclasses import dataclass

from components.evaluation.formatting import readable
from components.evaluation.report.parts import Row, Table, TableCell, plain
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


@dataclass(frozen=True)
class Arms:
    """What the arms are.

    Attributes:
        abilities: which task each can do; None where all can do every one.
        gaps: why they cannot.
    """

    lead: str
    axes: Table
    abilities: Table | None
    gaps: str


def arms(study: Study) -> Arms:
    """The table of axes and the table of tasks."""
    header = ["arm", "mode", "front", *COLUMNS, "starts", "begins with", "freezing", "pairs read"]
    rows = [
        Row(readable(name), plain(*words_of(arm)), under=readable(arm.architecture) if name != arm.architecture else "")
        for name, arm in study.arms.items()
    ]
    lead = (
        "What is not in this table is set once for all arms, in the study file. Faithful arms are what their paper describes; "
        "controlled arms share one recipe, and two of them differ in what the table says and in nothing else."
    )
    return Arms(lead, Table("What each arm is", header, _by_name(rows), wraps=True), *_abilities(study))


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


def _by_name(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.name.lower())


def _abilities(study: Study) -> tuple[Table | None, str]:
    """Which arm has cells on which task; gaps are gaps, with the reason once."""
    found = {name: [cannot(study, name, task) for task in study.tasks] for name in study.arms}
    on_tasks = zip(*found.values(), strict=True)
    reasons = list(dict.fromkeys(reason for on_task in on_tasks for reason in on_task if reason))
    if not reasons:
        return None, "Every arm can do every task of this study."
    rows = [Row(readable(name), [_ability(reason, reasons) for reason in each]) for name, each in found.items()]
    header = ["arm", *(readable(task) for task in study.tasks)]
    said = "; ".join(f"{index + 1}: {reason}" for index, reason in enumerate(reasons))
    table = Table("What each arm can be asked in this study", header, _by_name(rows))
    return table, f"A gap is a task that the architecture cannot do, never a zero. {said}."


def _ability(reason: str, reasons: list[str]) -> TableCell:
    if reason:
        return TableCell(f"gap {reasons.index(reason) + 1}", kind="gap")
    return TableCell("✓", kind="yes", unseen="yes")
