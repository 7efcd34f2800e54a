"""Forest plots: means or differences as marks, intervals as lines, one row each."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from components.evaluation.findings import interval, labels_of, minus, ranks, start_words
from components.evaluation.formatting import percent, points, readable
from components.evaluation.leaderboard.entries import CellEntry, Difference, StepEffect, TaskEntry
from components.evaluation.plots.colours import painted
from components.evaluation.plots.drawing import Canvas, Mark, Scale, padded, start_class, ticks

NARROW = 400
WIDE = 960


@dataclass(frozen=True)
class Row:
    """One row of a forest plot; all values are fractions."""

    name: str
    detail: str
    mark: Mark
    mean: float
    low: float | None
    high: float | None
    dots: Sequence[float] = ()
    value: str = ""
    note: str = ""
    strong: bool = False
    section: str = ""
    rank: str = ""
    faint: bool = False


def score_rows(entry: TaskEntry) -> list[Row]:
    """The cells of one task's leaderboard entry."""
    rows = []
    for cell in entry.cells:
        few = cell.labels == "few"
        section = f"{cell.labelled:,} labels" if cell.labelled else "few labels" if few else "all labels"
        rows.append(
            Row(
                name=readable(cell.arm),
                detail=_detail(cell),
                mark=Mark.of(cell.identity),
                mean=cell.mean,
                low=cell.low,
                high=cell.high,
                dots=cell.scores,
                value=f"{percent(cell.mean)} {interval(cell)}",
                strong=cell.chosen or cell.tied,
                note=_note(cell),
                section=section,
                rank=ranks(cell),
                faint=not few and not cell.representative,
            )
        )
    return rows


def _note(cell: CellEntry) -> str:
    return "best mean" if cell.chosen else "not separated from best" if cell.tied else ""


def _detail(cell: CellEntry) -> str:
    words = [start_words(cell.identity)]
    if cell.baseline:
        words.append("baseline")
    if cell.oracle:
        words.append("exact boxes, not ranked")
    elif not cell.comparable:
        words.append("not comparable")
    elif cell.undecided:
        words.append("no verdict")
    return ", ".join(words)


def effect_rows(effects: Sequence[StepEffect]) -> list[Row]:
    """The effects of the intermediate step, a section per task; hollow where it is measured against a start's twin."""
    rows = []
    for effect in effects:
        rows.append(
            Row(
                name=readable(effect.arm),
                detail=f"{labels_of(effect)}, minus {minus(effect)}: {effect.verdict}",
                mark=Mark("multimodal", effect.other.matched),
                mean=effect.difference,
                low=effect.low,
                high=effect.high,
                value=f"{points(effect.difference)} {interval(effect, signed=True)}",
                section=readable(effect.task),
            )
        )
    return rows


def forest(
    rows: Sequence[Row], lines: dict[str, float], signed: bool = False, narrow: bool = False, margin: float = 0.0
) -> Canvas:
    """Draw rows over one axis; `lines` are floors, or zero, drawn across all rows with their names.

    Args:
        rows: in order; a new `section` begins a new block.
        lines: value by name.
        signed: whether values are differences, in points.
        narrow: for phones: names above the lines instead of beside them.
        margin: half the width of the shaded band of differences that count as none.
    """
    width = NARROW if narrow else WIDE
    ranked = any(row.rank for row in rows)
    names = max(_long(row.name, row.detail) for row in rows) + 26
    left, right = (
        (8.0, width - 8.0) if narrow else (min(max(names, 200.0), 330.0), width - (228.0 if ranked else 164.0))
    )
    row_height, section_height = (46.0, 26.0) if narrow else (29.0, 28.0)
    sections = list(dict.fromkeys(row.section for row in rows))
    titled = len(sections) > 1
    top = max(15.0 * len(lines) + 14.0, 24.0)
    height = top + len(rows) * row_height + (len(sections) * section_height if titled else 0) + 34
    values = [end for row in rows for end in (row.mean, row.low, row.high, *row.dots) if end is not None]
    scale = Scale(*padded([*values, *lines.values()], 0.05, None if signed else (0.0, 1.0)), left, right)
    canvas = Canvas(width, height)
    bottom = height - 26
    if margin:
        begin, end = (min(max(scale(side), left), right) for side in (-margin, margin))
        canvas.rectangle(begin, top, end - begin, bottom - top, "margin")
    for tick in ticks(scale.low, scale.high, 5 if narrow else 8):
        x = scale(tick)
        if not narrow:
            canvas.line(x, top, x, bottom, "rule")
        words = points(tick).replace(".0", "").replace("+0", "0") if signed else f"{100 * tick:g}"
        canvas.text(x, height - 9, words, "soft", "middle", 12)
    if ranked and not narrow:
        canvas.text(width - 8, top - 8, "ranks", "soft", "end", 12)
    y = top
    boxes = []
    for section in sections:
        if titled:
            canvas.text(8, y + 19, section, "soft strong", size=12.5)
            canvas.line(8, y + section_height - 3, width - 8, y + section_height - 3, "rule")
            y += section_height
        for row in (row for row in rows if row.section == section):
            boxes.append((row, y))
            y += row_height
    for row, y in boxes:
        if row.strong:
            canvas.rectangle(2, y + 1, width - 4, row_height - 2, "band", 5)
    for index, (name, value) in enumerate(sorted(lines.items(), key=lambda item: item[1])):
        x, level = scale(value), 12 + 15.0 * index
        if narrow:
            # Names stand above the marks here, so lines keep to the lower part of each row.
            canvas.line(x, level + 3, x, top, "floor")
            for _, y in boxes:
                canvas.line(x, y + 24, x, y + row_height, "floor")
        else:
            canvas.line(x, level + 3, x, bottom, "floor")
        to_left = x > (left + right) / 2
        canvas.text(x + (-4 if to_left else 4), level + 4, name, "floor-text", "end" if to_left else "start", 12)
    for row, y in boxes:
        _draw(canvas, row, y, scale, narrow, ranked)
    return canvas


def _draw(canvas: Canvas, row: Row, y: float, scale: Scale, narrow: bool, ranked: bool) -> None:
    middle = y + (34 if narrow else 14.5)
    baseline = y + (17 if narrow else 19)
    name_class = "ink strong" if row.strong else "soft" if row.faint else "ink"
    detail = f"{row.detail}, rank {row.rank}" if narrow and row.rank else row.detail
    # On a phone long names and their value meet in the middle unless the words are smaller.
    tight = narrow and _long(row.name, detail) + 6.7 * len(row.value) > canvas.width - 24
    canvas.parts.append(
        f'<text x="8" y="{baseline:.1f}" font-size="13.5"><tspan {painted(name_class)}>{escape(row.name)}</tspan>'
        f'<tspan {painted("soft")} dx="6" font-size="{10 if tight else 12}">{escape(detail)}</tspan></text>'
    )
    aside = 64 if ranked and not narrow else 0
    canvas.text(canvas.width - 8 - aside, baseline, row.value, name_class + " figure", "end", 12.5)
    if aside:
        canvas.text(canvas.width - 8, baseline, row.rank, name_class + " figure", "end", 12.5)
    if row.low is not None and row.high is not None:
        kind = f"{start_class(row.mark.start)} line"
        canvas.line(scale(row.low), middle, scale(row.high), middle, kind, 2.25)
        for end in (row.low, row.high):
            canvas.line(scale(end), middle - 4, scale(end), middle + 4, kind, 1.5)
    for dot in row.dots:
        canvas.circle(scale(dot), middle + 8, 1.9, f"{start_class(row.mark.start)} faded")
    note = f"{row.name}, {detail}: {row.value}" + (f", {row.note}" if row.note else "")
    with canvas.titled(note):
        canvas.marker(scale(row.mean), middle, row.mark)


def _long(name: str, detail: str) -> float:
    """About how many pixels a row's words need."""
    return 7.8 * len(name) + 6 + 6.1 * len(detail)


def strip(difference: Difference, margin: float, reach: tuple[float, float], narrow: bool = False) -> Canvas:
    """One difference over an axis: its interval, zero, and the band of differences that count as none.

    Args:
        margin: half the width of the band.
        reach: the range of the axis, the same for all strips that are seen together.
        narrow: for phones.
    """
    width = NARROW if narrow else WIDE
    canvas = Canvas(width, 62)
    scale = Scale(*reach, 10, width - 10)
    band = [min(max(scale(end), 10), width - 10) for end in (-margin, margin)]
    canvas.rectangle(band[0], 4, band[1] - band[0], 36, "margin", 3)
    for tick in ticks(*reach, 5 if narrow else 9):
        canvas.line(scale(tick), 40, scale(tick), 44, "axis")
        canvas.text(scale(tick), 58, points(tick).replace(".0", "").replace("+0", "0"), "soft", "middle", 12)
    canvas.line(10, 40, width - 10, 40, "axis")
    canvas.line(scale(0), 4, scale(0), 40, "zero")
    if difference.low is not None and difference.high is not None:
        canvas.line(scale(difference.low), 22, scale(difference.high), 22, "unimodal line", 2.75)
        for end in (difference.low, difference.high):
            canvas.line(scale(end), 16, scale(end), 28, "unimodal line", 1.75)
    canvas.marker(scale(difference.difference), 22, Mark("unimodal"), 6.5)
    return canvas
