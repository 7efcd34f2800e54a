"""The sections of the report, from the leaderboard and what lies beside it."""

from collections.abc import Sequence
from html import escape

from components.evaluation.findings import (
    UNRANKED,
    begins,
    budgets,
    gaps,
    headline,
    interval,
    limits,
    measure,
    minus,
    name,
    standings,
    start_words,
)
from components.evaluation.formatting import count, listed, memory, percent, points, probability, readable, seconds
from components.evaluation.leaderboard.entries import CellEntry, Leaderboard
from components.evaluation.plots.curves import FEW, LONGER, Curve, learning_curves
from components.evaluation.plots.drawing import Canvas, Mark, padded
from components.evaluation.plots.forest import effect_rows, forest, score_rows
from components.evaluation.plots.quality import Spot, pareto, quality
from components.evaluation.report.gates import gates_table
from components.evaluation.report.page import (
    cell_name,
    drawing,
    legend,
    paragraph,
    section,
    table,
    text_cell,
)

SECTIONS = {
    "contrasts": "The declared questions",
    "means": "Means and intervals",
    "glance": "All tasks at a glance",
    "step": "The intermediate step",
    "data": "Data against architecture",
    "arms": "What is compared",
    "computation": "Quality against cost",
    "slices": "Slices and generalisation",
    "examples": "Wins and losses",
    "calibration": "Calibration",
    "curves": "Learning curves",
    "search": "Learning rates",
    "costs": "Costs",
    "certificate": "What was equal",
    "method": "How it is computed",
}
PANEL = (470.0, 380.0)


def opening(board: Leaderboard, present: Sequence[str]) -> str:
    """Title, grade, and a card per task."""
    replicates = len(board.replicates)
    broken = board.broken
    chips = [
        ("", f"{replicates} replicate{'s' if replicates > 1 else ''}"),
        ("", f"{100 * board.confidence:.3g}% intervals over {board.interval_over}"),
        ("", f"{board.grade} comparison"),
        ("bad", f"✗ not comparable: {listed([readable(arm) for arm in broken])}")
        if broken
        else ("good", f"✓ {len(board.certificates)} valid certificates"),
    ]
    drawn = "".join(f'<li class="{kind}">{escape(words)}</li>' for kind, words in chips)
    links = "".join(f'<a href="#{key}">{escape(SECTIONS[key])}</a>' for key in present)
    return (
        f'<header><p class="eyebrow">Ceteris · study {escape(board.study)}</p>'
        "<h1>Which architecture is better, all else equal?</h1>"
        f"{paragraph(board.grade_reason, 'lead')}"
        f'<ul class="chips">{drawn}</ul><nav aria-label="Sections">{links}</nav>'
        f'<div class="cards">{"".join(_card(board, task) for task in board.tasks)}</div></header>\n'
    )


def _card(board: Leaderboard, task: str) -> str:
    entry = board.tasks[task]
    chosen = entry.chosen
    heading = f'<article class="card"><h3 style="margin:0">{escape(readable(task))}</h3>'
    if chosen is None:
        return f"{heading}{paragraph(UNRANKED)}</article>"
    floor, value = entry.highest_floor
    said = "; ".join(standings(board, task))
    words = [f"{name(chosen.identity)}, {interval(chosen)}.{f' {said[0].upper()}{said[1:]}.' if said else ''}"]
    if chosen.baseline:
        words.append("A simple baseline is best here.")
    above = 100 * (chosen.mean - value)
    side = "lower" if above >= 0 else "higher"
    words.append(f"Highest floor: {readable(floor)}, {percent(value)}%, {abs(above):.1f} points {side}.")
    return (
        f"{heading}"
        f'<p class="big number">{percent(chosen.mean)}<small>%</small></p>'
        f"{paragraph(words[0])}{paragraph(' '.join(words[1:]), 'soft-text')}</article>"
    )


def means(board: Leaderboard) -> str:
    """Forest plot per task."""
    parts = [legend(looks(board))]
    for task, entry in board.tasks.items():
        floors = {f"{readable(key)} {percent(value)}": value for key, value in entry.floors["selection"].items()}
        rows = score_rows(entry)
        shaded = "the shaded row is the best mean" if entry.chosen else "no row is ranked"
        if entry.chosen and entry.chosen.tied_with:
            shaded = "shaded rows are the best mean and the cells that are not separated from it"
        sentence = headline(board, task)
        caption = (
            f"{measure(entry).capitalize()} (%) on {entry.items:,} samples of the selection split, mean and interval; "
            f"the small dots are the replicates. Dashed lines are floors, what can be scored without understanding; {shaded}. "
            "One cell stands for each arm: of those with all labels the best on validation. Only these are compared; the "
            "names of the others are grey. Ranks are the best and the worst place that a cell can have, all of them right at once "
            "with the confidence of the intervals: cells that share a rank may tie."
        )
        title = f"{readable(task)}: means with intervals"
        parts.append(f"<h3>{escape(readable(task))}</h3>{paragraph(sentence)}")
        parts += [paragraph(said, "soft-text") for said in (begins(entry), gaps(entry), limits(entry)) if said]
        parts.append(drawing(title, forest(rows, floors), forest(rows, floors, narrow=True), caption, sentence))
    return section("means", SECTIONS["means"], *parts)


def step(board: Leaderboard) -> str:
    """The effect of the intermediate step and what it taught; empty where no arm of the study has one."""
    effects, taught = board.pretraining, gates_table(board)
    if not effects:
        return section("step", SECTIONS["step"], taught) if taught else ""
    rows = effect_rows(effects)
    twins = any(effect.other.matched for effect in effects)
    scratch = ""
    if any(effect.other.start == "scratch" for effect in effects):
        scratch = "Where a row says so, the other start is scratch, for the arm has no unimodal one. "
    extra = [effect.extra_samples for effect in effects if effect.extra_samples is not None]
    caption = (
        "Difference in percentage points between fine-tuning from the multimodally and from the unimodally pretrained "
        "start, paired on the same samples; right of zero the step helps, inside the shaded band a difference counts as none. "
        f"{scratch}Both starts are fine-tuned alike, so the multimodal one has seen more samples "
        f"({count(max(extra, default=None))} more at most): more computation is part of the effect"
        + (". Not so where a mark is hollow: there the other start was trained for as many FLOPs." if twins else ".")
    )
    said = "; ".join(
        f"{readable(e.arm)} on {readable(e.task)}, {e.labels} labels, minus {minus(e)}: "
        f"{points(e.difference)} {interval(e, signed=True)}, {e.verdict}"
        for e in effects
    )
    body = [
        [
            f"<td>{points(effect.difference)}</td>",
            f"<td>{interval(effect, signed=True)}</td>",
            text_cell(probability(effect.p_holm)),
            text_cell(effect.verdict),
            text_cell(effect.grade),
        ]
        for effect in effects
    ]
    heads = [
        f"{escape(row.name)}<small>{escape(row.section)}, {escape(row.detail.partition(':')[0])}</small>"
        for row in rows
    ]
    listing = table(
        "Multimodal minus the other start, points; p after Holm over all rows",
        ["", "difference", "interval", "p", "verdict", "grade"],
        [(head, cells, False) for head, cells in zip(heads, body, strict=True)],
    )
    return section(
        "step",
        SECTIONS["step"],
        drawing(
            "What multimodal intermediate pretraining changes",
            forest(rows, {"no effect": 0.0}, True, margin=board.margin),
            forest(rows, {"no effect": 0.0}, True, narrow=True, margin=board.margin),
            caption,
            said,
        ),
        f"<details><summary>The same as a table</summary>{listing}</details>",
        taught,
    )


def computation(board: Leaderboard, seconds_of: dict[tuple[str, str, str], float]) -> str:
    """Quality against FLOPs, seconds and parameters, each with its front, where they are known."""
    parts = [legend(looks(board))]
    for task, entry in board.tasks.items():
        # All starts, for what a start costs is the question here; nothing on this page is a verdict.
        cells = [cell for cell in entry.cells if cell.labels == "all" and cell.comparable and not cell.oracle]
        _, floor = entry.highest_floor
        costs: dict[str, Sequence[float | None]] = {
            "FLOPs of all training that led there": [cell.flops.training for cell in cells],
            "seconds of all training that led there, here": [
                seconds_of.get((task, cell.arm, cell.cell)) for cell in cells
            ],
            "parameters of the model": [cell.parameters.total for cell in cells],
        }
        drawn = []
        for unit, values in costs.items():
            spots = [_spot(cell, value) for cell, value in zip(cells, values, strict=True) if value]
            if spots:
                title = f"{readable(task)}: {measure(entry)} against {unit}"
                best = listed([f"{spots[index].name} ({spots[index].detail})" for index in pareto(spots)])
                caption = paragraph(f"On the front: {best}.", "soft-text")
                drawn.append(
                    f"<div>{quality(spots, floor, unit, PANEL).svg(title, f'On the front: {best}.')}{caption}</div>"
                )
        if drawn:
            parts.append(f"<h3>{escape(readable(task))}: {escape(measure(entry))} (%)</h3>")
            parts.append(f'<div class="panels large">{"".join(drawn)}</div>')
    lead = (
        "Means with their intervals; costs on logarithmic axes. Up and to the left is better. The dotted line is the front: no "
        "cell costs less than one on it and scores as well. Whether neighbours on a front differ at all, the intervals say. "
        "Training is unimodal, intermediate and fine-tuning together; seconds were measured where the report was made, beside "
        "whatever else ran there."
    )
    return section("computation", SECTIONS["computation"], paragraph(lead), *parts) if len(parts) > 1 else ""


def _spot(cell: CellEntry, cost: float) -> Spot:
    detail, mark = start_words(cell.identity), Mark.of(cell.identity)
    return Spot(readable(cell.arm), detail, mark, cost, cell.mean, cell.low, cell.high)


def curves(
    tuning: dict[str, dict[str, list[Curve]]], shown: dict[str, str], pretraining: dict[str, dict[str, Curve]]
) -> str:
    """Small panels per arm; empty where there are no curves."""
    parts = []
    for task, by_arm in tuning.items():
        found = [curve for each in by_arm.values() for curve in each]
        if not found:
            continue
        reach, until = _reach(found), max(max(curve.samples) for curve in found)
        panels = "".join(
            _panel(readable(arm), learning_curves(each, reach, until), f"{task} {shown[task]} of {arm}")
            for arm, each in by_arm.items()
            if each
        )
        starts = {Mark(curve.start) for curve in found}
        parts.append(f"<h3>{escape(readable(task))}: {escape(readable(shown[task]))}</h3>")
        kinds = [words for words in (FEW, LONGER) if any(words in curve.name for curve in found)]
        parts.append(legend(starts, lines=True, dashed=" or ".join(kinds)))
        parts.append(f'<div class="panels">{panels}</div>')
    panels = "".join(
        _panel(
            f"{readable(arm)}: {readable(metric)}",
            learning_curves([curve], _reach([curve]), max(curve.samples)),
            f"intermediate step of {arm}, {metric}",
        )
        for arm, metrics in pretraining.items()
        for metric, curve in metrics.items()
    )
    if panels:
        parts.append(
            f"<details><summary>The multimodal intermediate step</summary>{legend([Mark('multimodal')], lines=True)}"
        )
        parts.append(f'<div class="panels">{panels}</div></details>')
    lead = (
        "Lines are means over replicates against the samples seen, bands reach from the lowest to the highest replicate. "
        "They are measured on the training batches as they pass, so they show how learning went, not how well it generalises."
    )
    return section("curves", SECTIONS["curves"], paragraph(lead), *parts) if parts else ""


def _panel(heading: str, canvas: Canvas, title: str) -> str:
    return f"<div><h4>{escape(heading)}</h4>{canvas.svg(title)}</div>"


def _reach(curves: Sequence[Curve]) -> tuple[float, float]:
    return padded([value for curve in curves for value in (*curve.low, *curve.high)], 0.03)


_PARTS_OF_TRAINING = {
    "unimodal": "unimodal",
    "tuning": "search of the learning rate",
    "pretraining": "intermediate",
    "task_before": "the task before",
    "finetuning": "fine-tuning",
}


def costs(board: Leaderboard, measured: dict[str, dict[str, float | None]]) -> str:
    """Parameters, FLOPs, samples, and time where known."""
    parts = []
    for task, entry in board.tasks.items():
        rows = []
        spent = [
            part
            for part in _PARTS_OF_TRAINING
            if part not in ("tuning", "task_before") or any(getattr(cell.samples, part) for cell in entry.cells)
        ]
        named = " + ".join(_PARTS_OF_TRAINING[part] for part in spent)
        for cell in entry.cells:
            samples, flops = cell.samples, cell.flops
            values = [
                text_cell(cell.visual),
                text_cell(count(cell.parameters.total), f"{count(cell.parameters.trained)} trained"),
                text_cell(count(flops.forward_per_sample)),
                text_cell(count(flops.training)),
                text_cell(
                    count(samples.total),
                    " + ".join(count(getattr(samples, part)) for part in spent),
                ),
            ]
            rows.append((cell_name(cell), values, cell.chosen))
        header = [
            "arm and start",
            "visual input",
            "parameters",
            "FLOPs a sample",
            "FLOPs of training",
            "samples seen",
        ]
        caption = f"{readable(task)}: samples are {named}"
        parts.append(
            f"<details><summary>{escape(readable(task))}: every cell</summary>{table(caption, header, rows)}</details>"
        )
    rows = [
        (
            escape(readable(arm)),
            [
                text_cell(seconds(cost["pretrain"])),
                text_cell(seconds(cost["finetune"])),
                text_cell(memory(cost["memory"])),
            ],
            False,
        )
        for arm, cost in measured.items()
    ]
    header = ["arm", "intermediate step", "fine-tuning, all starts and tasks", "peak memory"]
    parts.append(
        table("Wall time of one replicate on this machine, which may have been doing other work", header, rows)
    )
    timed = any(budget.currency == "seconds" for budget in board.budgets.values())
    lead = (
        f"{budgets(board.budgets)} "
        + (
            "Where that is seconds, samples and FLOPs are what the machine came to. "
            if timed
            else "Parameters, FLOPs and samples belong to the study and are the same wherever it runs. "
        )
        + "Seconds and memory were measured where this report was made."
    )
    return section("costs", SECTIONS["costs"], paragraph(lead), *parts)


def method(board: Leaderboard) -> str:
    """The procedure in short."""
    words = [
        "A replicate is one run of the whole chain with its own seeds, and the unit of analysis: replicates are nested in arms, "
        "samples are crossed with them, and samples that share a picture count as one cluster.",
        "The variance of a mean is that of the replicates' means over their number, plus that of the samples' means, less "
        "the residual part that the first already holds (Obuchowski and Rockette; Hillis). Differences are paired on samples, "
        "not on seeds.",
        "Every arm keeps its own variance between replicates, and intervals are Student's: with Satterthwaite's degrees of "
        "freedom over the replicates, and between these and the samples' the harmonic mean, weighted by their variances.",
        "One cell stands for each arm in the ranking of a task: of those with all labels the one with the best mean on "
        "validation, so that what is compared is not chosen by the samples that compare it.",
        "The declared questions are corrected by Holm over themselves alone, the pairs of a task over one another: better or "
        f"worse where the corrected p is at most {1 - board.confidence:.2g}. Equivalent: two one-sided tests, corrected "
        f"likewise, exclude a difference of {100 * board.margin:g} points either way. Everything else is 'cannot tell', and "
        "ties stay ties.",
        "Controlled: the two differ in one declared axis, so the difference is that axis's. System: each as its paper has it, "
        "so the difference belongs to the whole. Descriptive: anything else, among it two norms or two initial scales, which want "
        "other learning rates while one was set for both without a search; anything with fewer than three replicates, and "
        "anything whose certificate failed; it has no verdict.",
    ]
    drawn = "".join(paragraph(part) for part in words)
    body = f"<details><summary>The statistics in short</summary>{drawn}</details>"
    return section("method", SECTIONS["method"], body)


def looks(board: Leaderboard) -> set[Mark]:
    """Every kind of mark that occurs: starts, and their twins."""
    return {Mark.of(cell.identity) for cell in board.cells}
