"""The pieces that sections of the report are made of, as data. `templates/parts.html` says how they are laid out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from components.evaluation.findings import interval, start_name
from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import CellEntry
from components.evaluation.plots.drawing import START_ORDER, Canvas, Mark
from components.records.scores import Estimate


@dataclass(frozen=True)
class TableCell:
    """One cell of a table.

    Attributes:
        under: a second, smaller line.
        kind: what it says without words: "yes", "no" or "gap".
        share: how dark it is tinted, 0 to 1; None for no tint.
        unseen: what a screen reader says behind the words.
    """

    words: str
    under: str = ""
    kind: str = ""
    share: float | None = None
    unseen: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a table: its head with a smaller line under it, its cells, and whether it is the chosen one."""

    name: str
    cells: Sequence[TableCell]
    under: str = ""
    chosen: bool = False


@dataclass(frozen=True)
class Table:
    """A table that scrolls sideways where it must.

    Attributes:
        header: titles of the columns, that of the rows' heads among them.
        wraps: whether its cells hold words, which may be broken into lines.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Row]
    wraps: bool = False


@dataclass(frozen=True)
class Drawing:
    """A figure in two layouts, of which one is shown; `said` is what a screen reader says behind the title."""

    title: str
    wide: Canvas
    narrow: Canvas
    caption: str = ""
    said: str = ""


@dataclass(frozen=True)
class Panel:
    """One of many small drawings that stand side by side."""

    canvas: Canvas
    title: str
    said: str = ""
    heading: str = ""
    caption: str = ""


@dataclass(frozen=True)
class ScoreColumn:
    """A column of scores: one slice of the samples.

    Attributes:
        estimates: one for every row; None where a cell has none.
    """

    title: str
    estimates: Sequence[Estimate | None]


Legend = Sequence[tuple[Canvas, str]]
"""Small drawings with what each means."""


def plain(*words: str) -> list[TableCell]:
    """Cells that hold words and nothing else."""
    return [TableCell(one) for one in words]


def cell_row(cell: CellEntry, cells: Sequence[TableCell]) -> Row:
    """A row of a cell of the study: architecture over start."""
    words = start_name(cell) + ("" if cell.comparable else ", not comparable")
    return Row(readable(cell.arm), cells, under=words, chosen=cell.chosen)


def tinted(words: str, score: Estimate | CellEntry, known: Sequence[float]) -> TableCell:
    """A score with its interval below it, tinted from the lowest to the highest mean of those known."""
    low, high = min(known), max(known)
    return TableCell(words, interval(score), share=(score.mean - low) / ((high - low) or 1.0))


def score_table(cells: Sequence[CellEntry], columns: Sequence[ScoreColumn], caption: str) -> Table:
    """Scores of cells by slice, tinted from the lowest to the highest of each column.

    Args:
        cells: one row each.
        columns: with as many estimates.
        caption: said above it.
    """
    drawn: list[list[TableCell]] = []
    header = ["arm and start"]
    for column in columns:
        known = [value for value in column.estimates if value]
        means = [value.mean for value in known]
        drawn.append(
            [tinted(percent(value.mean), value, means) if value else TableCell("–") for value in column.estimates]
        )
        header.append(f"{column.title} (n={known[0].items if known else 0:,})")
    rows = [cell_row(cell, row) for cell, *row in zip(cells, *drawn, strict=True)]
    return Table(caption, header, rows)


def marks(found: Collection[Mark]) -> list[tuple[Mark, str]]:
    """Which kinds of mark there are, with words: the starts in order, then one for all twins."""
    ordered = sorted(set(found), key=lambda mark: mark.place)
    starts = [(mark, f"{mark.start} start") for mark in ordered if not mark.twin and mark.start in START_ORDER]
    twins = [mark for mark in ordered if mark.twin]
    return starts + [(twin, "matched: as many FLOPs as the multimodal start") for twin in twins[-1:]]


def legend(found: Collection[Mark]) -> Legend:
    """What the marks of the starts and of their twins look like."""
    items = []
    for mark, words in marks(found):
        canvas = Canvas(18, 14)
        canvas.marker(9, 7, mark)
        items.append((canvas, words))
    return items


def line_legend(found: Collection[Mark], dashed: str = "") -> Legend:
    """What the lines of the starts look like; `dashed` says what dashed lines are."""
    kinds = [(f"{mark.start} line", words) for mark, words in marks(found)]
    kinds += [("scratch line dashed", dashed)] if dashed else []
    items = []
    for kind, words in kinds:
        canvas = Canvas(26, 14)
        canvas.path([(0, 7), (26, 7)], kind)
        items.append((canvas, words))
    return items
