"""The sections of the report that show the leaderboard itself, as what their templates lay out."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.findings import (
    begins,
    budgets,
    gaps,
    headline,
    interval,
    limits,
    measure,
    minus,
    start_words,
    training,
)
from components.evaluation.formatting import count, listed, memory, percent, points, probability, readable, seconds
from components.evaluation.leaderboard.entries import CellEntry, Leaderboard, TaskEntry
from components.evaluation.plots.curves import FEW, LONGER, Curve, learning_curves
from components.evaluation.plots.drawing import Mark, padded
from components.evaluation.plots.forest import effect_rows, forest, score_rows
from components.evaluation.plots.quality import Spot, pareto, quality
from components.evaluation.report.gates import Taught, taught
from components.evaluation.report.parts import (
    Drawing,
    Legend,
    Panel,
    Row,
    Table,
    TableCell,
    cell_row,
    legend,
    line_legend,
    plain,
)

PANEL = (470.0, 380.0)


@dataclass(frozen=True)
class TaskMeans:
    """The finding of one task, what else is to be known of it, and its forest plot."""

    name: str
    headline: str
    notes: Sequence[str]
    drawing: Drawing


@dataclass(frozen=True)
class Means:
    """The means of all tasks."""

    legend: Legend
    tasks: Sequence[TaskMeans]


def means(board: Leaderboard) -> Means:
    """Forest plot per task."""
    tasks = []
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
        notes = [said for said in (begins(entry), gaps(entry), limits(entry)) if said]
        wide, narrow = (forest(rows, floors, narrow=narrow) for narrow in (False, True))
        drawing = Drawing(f"{readable(task)}: means with intervals", wide, narrow, caption, sentence)
        tasks.append(TaskMeans(readable(task), sentence, notes, drawing))
    return Means(legend(looks(board)), tasks)


@dataclass(frozen=True)
class Effects:
    """The effects of the intermediate step, drawn and as a table."""

    drawing: Drawing
    table: Table


@dataclass(frozen=True)
class Step:
    """What the intermediate step changes, and what it taught; either may be missing."""

    effects: Effects | None
    taught: Taught | None


def step(board: Leaderboard) -> Step | None:
    """The effect of the intermediate step and what it taught; none where no arm of the study has one."""
    effects, gates = _effects(board), taught(board)
    return Step(effects, gates) if effects or gates else None


def _effects(board: Leaderboard) -> Effects | None:
    """None where no study arm has both starts."""
    effects = board.pretraining
    if not effects:
        return None
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
    wide, narrow = (
        forest(rows, {"no effect": 0.0}, True, narrow=narrow, margin=board.margin) for narrow in (False, True)
    )
    drawing = Drawing("What multimodal intermediate pretraining changes", wide, narrow, caption, said)
    table_rows = [
        Row(
            row.name,
            plain(
                points(effect.difference),
                interval(effect, signed=True),
                probability(effect.p_holm),
                effect.verdict,
                effect.grade,
            ),
            under=f"{row.section}, {row.detail.partition(':')[0]}",
        )
        for row, effect in zip(rows, effects, strict=True)
    ]
    header = ["", "difference", "interval", "p", "verdict", "grade"]
    return Effects(
        drawing, Table("Multimodal minus the other start, points; p after Holm over all rows", header, table_rows)
    )


@dataclass(frozen=True)
class Computation:
    """Panels by task."""

    lead: str
    legend: Legend
    panels: Sequence[tuple[str, Sequence[Panel]]]


def computation(board: Leaderboard, seconds_of: dict[tuple[str, str, str], float]) -> Computation | None:
    """Quality against FLOPs, seconds and parameters, each with its front, where they are known."""
    panels = []
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
                front = f"On the front: {best}."
                drawn.append(Panel(quality(spots, floor, unit, PANEL), title, front, caption=front))
        if drawn:
            panels.append((f"{readable(task)}: {measure(entry)} (%)", drawn))
    lead = (
        "Means with their intervals; costs on logarithmic axes. Up and to the left is better. The dotted line is the front: no "
        "cell costs less than one on it and scores as well. Whether neighbours on a front differ at all, the intervals say. "
        "Training is unimodal, intermediate and fine-tuning together; seconds were measured where the report was made, beside "
        "whatever else ran there."
    )
    return Computation(lead, legend(looks(board)), panels) if panels else None


def _spot(cell: CellEntry, cost: float) -> Spot:
    detail, mark = start_words(cell.identity), Mark.of(cell.identity)
    return Spot(readable(cell.arm), detail, mark, cost, cell.mean, cell.low, cell.high)


@dataclass(frozen=True)
class TaskCurves:
    """A panel per arm."""

    title: str
    legend: Legend
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Curves:
    """The curves of fine-tuning by task, and those of the intermediate step."""

    lead: str
    tasks: Sequence[TaskCurves]
    step: Sequence[Panel]
    step_legend: Legend


def curves(
    tuning: dict[str, dict[str, list[Curve]]], shown: dict[str, str], pretraining: dict[str, dict[str, Curve]]
) -> Curves | None:
    """Small panels per arm; none where there are no curves."""
    tasks = [_task_curves(task, shown[task], by_arm) for task, by_arm in tuning.items() if any(by_arm.values())]
    step = [
        Panel(
            learning_curves([curve], _reach([curve]), max(curve.samples)),
            f"intermediate step of {arm}, {metric}",
            heading=f"{readable(arm)}: {readable(metric)}",
        )
        for arm, metrics in pretraining.items()
        for metric, curve in metrics.items()
    ]
    lead = (
        "Lines are means over replicates against the samples seen, bands reach from the lowest to the highest replicate. "
        "They are measured on the training batches as they pass, so they show how learning went, not how well it generalises."
    )
    return Curves(lead, tasks, step, line_legend([Mark("multimodal")])) if tasks or step else None


def _task_curves(task: str, metric: str, by_arm: dict[str, list[Curve]]) -> TaskCurves:
    found = [curve for each in by_arm.values() for curve in each]
    reach, until = _reach(found), max(max(curve.samples) for curve in found)
    kinds = [words for words in (FEW, LONGER) if any(words in curve.name for curve in found)]
    panels = [
        Panel(learning_curves(each, reach, until), f"{task} {metric} of {arm}", heading=readable(arm))
        for arm, each in by_arm.items()
        if each
    ]
    starts = {Mark(curve.start) for curve in found}
    return TaskCurves(f"{readable(task)}: {readable(metric)}", line_legend(starts, " or ".join(kinds)), panels)


def _reach(curves: Sequence[Curve]) -> tuple[float, float]:
    return padded([value for curve in curves for value in (*curve.low, *curve.high)], 0.03)


_PARTS_OF_TRAINING = {
    "unimodal": "unimodal",
    "tuning": "search of the learning rate",
    "pretraining": "intermediate",
    "task_before": "the task before",
    "finetuning": "fine-tuning",
}


@dataclass(frozen=True)
class Costs:
    """A table of all cells per task, and what was measured of the arms."""

    lead: str
    tasks: Sequence[tuple[str, Table]]
    times: Table


def costs(board: Leaderboard, measured: dict[str, dict[str, float | None]]) -> Costs:
    """Parameters, FLOPs, samples, and time where known."""
    rows = [
        Row(readable(arm), plain(seconds(cost["pretrain"]), seconds(cost["finetune"]), memory(cost["memory"])))
        for arm, cost in measured.items()
    ]
    header = ["arm", "intermediate step", "fine-tuning, all starts and tasks", "peak memory"]
    caption = "Wall time of one replicate on this machine, which may have been doing other work"
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
    tasks = [(readable(task), _task_costs(task, entry)) for task, entry in board.tasks.items()]
    return Costs(lead, tasks, Table(caption, header, rows))


def _task_costs(task: str, entry: TaskEntry) -> Table:
    spent = [
        part
        for part in _PARTS_OF_TRAINING
        if part not in ("tuning", "task_before") or any(getattr(cell.samples, part) for cell in entry.cells)
    ]
    rows = []
    for cell in entry.cells:
        samples, flops = cell.samples, cell.flops
        cells = [
            TableCell(cell.visual),
            TableCell(count(cell.parameters.total), f"{count(cell.parameters.trained)} trained"),
            TableCell(count(flops.forward_per_sample)),
            TableCell(count(flops.training)),
            TableCell(count(samples.total), " + ".join(count(getattr(samples, part)) for part in spent)),
        ]
        rows.append(cell_row(cell, cells))
    header = ["arm and start", "visual input", "parameters", "FLOPs a sample", "FLOPs of training", "samples seen"]
    named = " + ".join(_PARTS_OF_TRAINING[part] for part in spent)
    return Table(f"{readable(task)}: samples are {named}", header, rows)


def method(board: Leaderboard) -> list[str]:
    """The procedure in short, as paragraphs."""
    return [
        "A replicate is one run of the whole chain with its own seeds, and the unit of analysis: replicates are nested in arms, "
        "samples are crossed with them, and samples that share a picture count as one cluster.",
        training(board),
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


def looks(board: Leaderboard) -> set[Mark]:
    """Every kind of mark that occurs: starts, and their twins."""
    return {Mark.of(cell.identity) for cell in board.cells}
