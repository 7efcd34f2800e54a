"""The leaderboard as plain text for a terminal."""

from collections.abc import Iterable

from components.evaluation.findings import (
    begins,
    budgets,
    gaps,
    headline,
    interval,
    labels_of,
    limits,
    measure,
    minus,
    name,
    pairs,
    ranks,
    start_name,
    training,
)
from components.evaluation.formatting import count, percent, points, probability
from components.evaluation.leaderboard.entries import CellEntry, ContrastResult, Leaderboard, TaskEntry
from components.evaluation.report.gates import gates_text
from components.evaluation.report.glance import glance_text
from components.records.scores import Obstacle

BAR = 30
KEY = {
    "*": "* best mean",
    "=": "= not separated from it",
    "·": "· worse",
    "x": "x not comparable",
}
NO_VERDICT: dict[Obstacle, str] = {
    "norm": "other norm, no search",
    "initial_scale": "other initial scale, no search",
    "diet": "unequal data or budget",
    "axes": "too many differences",
    "alike": "trained alike",
    "step": "intermediate step did not pass its gates",
}
"""Why, by the leaderboard's word for it."""


def render_text(leaderboard: Leaderboard) -> str:
    """The declared contrasts, a table per task, the effects of intermediate pretraining and its data, and what was equal."""
    replicates = leaderboard.replicates
    many = "1 replicate" if len(replicates) == 1 else f"{len(replicates)} replicates"
    confidence = f"{100 * leaderboard.confidence:.3g}%"
    lines = [f"Study {leaderboard.study}: {many}, {confidence} intervals over {leaderboard.interval_over}"]
    lines += [f"{leaderboard.grade.capitalize()}. {leaderboard.grade_reason}", training(leaderboard)]
    if leaderboard.contrasts:
        margin = f"{100 * leaderboard.margin:.3g}"
        lines += ["", f"Asked before the runs (differences in points; equivalent: surely less than {margin}):"]
        for contrast in leaderboard.contrasts:
            lines += _contrast(contrast)
    for task, entry in leaderboard.tasks.items():
        lines += ["", *_task(leaderboard, task, entry, confidence)]
    if glanced := glance_text(leaderboard):
        lines += ["", *glanced]
    if leaderboard.pretraining:
        lines += ["", "What the multimodal intermediate step changes (multimodal minus the other start, points):"]
        wide = _wide_enough(effect.arm for effect in leaderboard.pretraining)
        for effect in leaderboard.pretraining:
            what = f"{effect.task}, {labels_of(effect)}, minus {minus(effect)}"
            lines.append(
                f"  {effect.arm:<{wide}}{what:<46}{points(effect.difference):>7}  "
                f"{interval(effect, signed=True):<18}{effect.verdict}"
            )
    if taught := gates_text(leaderboard):
        lines += ["", *taught]
    if leaderboard.data:
        lines += ["", "What other captioned pictures change (exploratory, points):"]
        for change in leaderboard.data:
            lines.append(
                f"  {change.axis.replace('_', ' ')}: {name(change.first.identity)} minus {name(change.second.identity)} on "
                f"{change.task}, {points(change.difference)} {interval(change, signed=True)}, {change.verdict}"
            )
    return "\n".join([*lines, "", *_equal(leaderboard)]) + "\n"


def _wide_enough(arms: Iterable[str]) -> int:
    """Letters of a column that holds the arm of each row and a space."""
    return max(14, *(len(arm) + 1 for arm in arms))


def _contrast(contrast: ContrastResult) -> list[str]:
    found = contrast.minimum_detectable_effect
    detectable = "" if found is None else f"; could have found {100 * found:.1f}"
    estimate = f"{points(contrast.difference)} {interval(contrast, signed=True)}"
    if contrast.effects is None:
        said = [f"    {contrast.verdict}: {pairs(contrast)[0]} on {contrast.task}, {estimate}"]
    else:
        said = [f"    {contrast.verdict} on {contrast.task}, {estimate} between"]
        said += [
            f"      {points(effect)}: {pair}" for effect, pair in zip(contrast.effects, pairs(contrast), strict=True)
        ]
    return [
        f"  {contrast.question}",
        *said,
        f"    p {probability(contrast.p_holm)}, of equivalence {probability(contrast.p_equivalence_holm)}{detectable}; "
        f"{contrast.grade}. {contrast.grade_reason}",
    ]


def _equal(leaderboard: Leaderboard) -> list[str]:
    certificates = leaderboard.certificates
    broken = {arm: certificates[arm].faults for arm in leaderboard.broken}
    lines = [f"Certificates: {len(certificates) - len(broken)} of {len(certificates)} arms passed every check."]
    for arm, found in broken.items():
        lines += [f"  {arm}: not comparable", *(f"    {fault}"[:199] for fault in found)]
    digests = leaderboard.digests
    if digests.equal:
        lines.append(f"Equal data: what runs were handed agrees in all {digests.compared} sets of runs.")
    lines.append(budgets(leaderboard.budgets))
    return [*lines, f"Protocol {leaderboard.protocol}: results under another one are of another study."]


def _task(leaderboard: Leaderboard, task: str, entry: TaskEntry, confidence: str) -> list[str]:
    floors = entry.floors["selection"]
    lines = [
        f"{task}: {measure(entry)} on {entry.items:,} samples of the selection split",
        "  floors: " + ", ".join(f"{name.replace('_', ' ')} {percent(value)}" for name, value in floors.items()),
    ]
    ends = [end for cell in entry.cells for end in (cell.low, cell.high, cell.mean) if end is not None]
    low, high = min([*ends, *floors.values()]), max([*ends, *floors.values()])
    ranked = any(cell.ranks for cell in entry.cells)
    wide = _wide_enough(cell.arm for cell in entry.cells)
    lines.append(
        f"    {'arm':<{wide}}{'start':<30}{'mean':>6}  {confidence + ' interval':<16}"
        f"{percent(low)}{'':<{BAR - 8}}{percent(high)}  {'trained':>8} {'samples':>8}  {'ranks' if ranked else ''}".rstrip()
    )
    for cell in entry.cells:
        mark = _mark(cell)
        lines.append(
            f"  {mark} {cell.arm:<{wide}}{start_name(cell):<30}{percent(cell.mean):>6}  {interval(cell):<16}"
            f"{_bar(cell, max(floors.values()), low, high)}  "
            f"{count(cell.parameters.trained):>8} {count(cell.samples.total):>8}  {ranks(cell)}".rstrip()
        )
    marks = {_mark(cell) for cell in entry.cells}
    obstacles = {cell.undecided for cell in entry.cells} - {None}
    decides = leaderboard.grade != "descriptive"
    key = [words for mark, words in KEY.items() if mark in marks and (decides or mark != "·")]
    if obstacles:
        key.append(f"? no verdict: {'; '.join(NO_VERDICT[one] for one in NO_VERDICT if one in obstacles)}")
    said = [
        sentence for sentence in (headline(leaderboard, task), begins(entry), gaps(entry), limits(entry)) if sentence
    ]
    if entry.chosen:
        said.append("One cell stands for each arm, the best on validation: only these are marked and compared.")
    return [*lines, *(f"  {sentence}" for sentence in said), "  " + "   ".join([*key, "| highest floor"])]


def _mark(cell: CellEntry) -> str:
    if not cell.comparable:
        return "x"
    if not cell.candidate:
        return " "
    return "*" if cell.chosen else "=" if cell.tied else "?" if cell.undecided else "·"


def _bar(cell: CellEntry, floor: float, low: float, high: float) -> str:
    def place(value: float) -> int:
        return round((value - low) / ((high - low) or 1.0) * (BAR - 1))

    drawn = [" "] * BAR
    drawn[place(floor)] = "|"
    if cell.low is not None and cell.high is not None:
        for position in range(place(cell.low), place(cell.high) + 1):
            drawn[position] = "-"
    drawn[place(cell.mean)] = "o"
    return "".join(drawn)
