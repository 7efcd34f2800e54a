"""The overview for a README: one row per arm with all its starts, all labels beside few labels."""

import textwrap

from components.evaluation.findings import gaps, interval
from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import CellEntry, TaskEntry
from components.evaluation.plots.drawing import Canvas, Mark, Scale, padded, start_class, ticks
from components.evaluation.plots.forest import WIDE

GAP = 9.0
"""Pixels between two starts of one row."""
NAMES = 124.0
VALUES = 122.0


def overview(entry: TaskEntry) -> Canvas:
    """One task's leaderboard entry. Rows are ordered by the means of the cells that stand for the arms; shaded ones
    hold the best one or a tie."""
    speaks = {cell.arm: cell for cell in entry.cells if cell.representative}
    by_arm: dict[str, list[CellEntry]] = {arm: [] for arm in speaks}
    for cell in entry.cells:
        by_arm[cell.arm].append(cell)
    ends = [end for cell in entry.cells for end in (cell.mean, cell.low, cell.high) if end is not None]
    reach = padded([*ends, *entry.floors["selection"].values()], 0.04, (0.0, 1.0))
    few = sorted({cell.labelled or 0 for cell in entry.cells if cell.labels == "few"})
    heights = {name: max(28.0, 12 + GAP * _most(cells)) for name, cells in by_arm.items()}
    refused = textwrap.wrap(gaps(entry), 150)
    top = 24.0
    bottom = top + sum(heights.values())
    canvas = Canvas(WIDE, bottom + 26 + 16 * len(refused))
    inner = WIDE - NAMES - VALUES
    panels = {"all": Scale(*reach, NAMES, NAMES + (inner * 0.6 - 16 if few else inner - 16))}
    if few:
        panels["few"] = Scale(*reach, NAMES + inner * 0.6 + 14, NAMES + inner - 16)
    y = top
    places = {}
    for name, cells in by_arm.items():
        if any(cell.chosen or cell.tied for cell in cells):
            canvas.rectangle(2, y + 1, WIDE - 4, heights[name] - 2, "band", 5)
        places[name] = y
        y += heights[name]
    for labels, scale in panels.items():
        title = "all labels" if labels == "all" else f"{few[0]:,} labels" if few[0] else "few labels"
        _axis(canvas, scale, title, top, bottom, entry.highest_floor)
    canvas.text(WIDE - 8, top - 9, "best start", "soft", "end", 12)
    for name, cells in by_arm.items():
        middle = places[name] + heights[name] / 2
        best = speaks[name]
        kind = "ink strong" if any(cell.chosen or cell.tied for cell in cells) else "ink"
        aside = _aside(best)
        canvas.text(8, middle + (-1 if aside else 4.5), readable(name), kind, size=13.5)
        if aside:
            canvas.text(8, middle + 11, aside, "soft", size=10)
        canvas.text(WIDE - 8, middle + 4.5, f"{percent(best.mean)} {interval(best)}", kind + " figure", "end", 12)
        for labels, scale in panels.items():
            shown = sorted(
                (cell for cell in cells if cell.labels == labels), key=lambda cell: Mark.of(cell.identity).place
            )
            for index, cell in enumerate(shown):
                _draw(canvas, cell, scale, middle + GAP * (index - (len(shown) - 1) / 2))
    for index, line in enumerate(refused):
        canvas.text(8, bottom + 38 + 16 * index, line, "soft", size=12)
    return canvas


def _aside(cell: CellEntry) -> str:
    if cell.oracle:
        return "exact boxes, not ranked"
    if not cell.comparable:
        return "not comparable"
    return "no verdict" if cell.undecided else ""


def _most(cells: list[CellEntry]) -> int:
    return max(sum(cell.labels == labels for cell in cells) for labels in ("all", "few"))


def _axis(canvas: Canvas, scale: Scale, title: str, top: float, bottom: float, floor: tuple[str, float]) -> None:
    for tick in ticks(scale.low, scale.high, 6 if scale.end - scale.begin > 350 else 4):
        canvas.line(scale(tick), top, scale(tick), bottom, "rule")
        canvas.text(scale(tick), bottom + 17, f"{100 * tick:g}", "soft", "middle", 12)
    canvas.text(scale.begin, top - 9, title, "soft strong", size=12)
    name, value = floor
    canvas.line(scale(value), top - 4, scale(value), bottom, "floor")
    words = f"{readable(name)} {percent(value)}"
    if scale(value) - scale.begin > 90 and scale.end - scale.begin > 350:
        canvas.text(scale(value) + 4, top - 9, words, "floor-text", size=12)


def _draw(canvas: Canvas, cell: CellEntry, scale: Scale, y: float) -> None:
    mark = Mark.of(cell.identity)
    if cell.low is not None and cell.high is not None:
        canvas.line(scale(cell.low), y, scale(cell.high), y, f"{start_class(mark.start)} line", 1.75)
    canvas.marker(scale(cell.mean), y, mark, 4)
