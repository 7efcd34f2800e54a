"""The parts of the report as HTML: pieces every section uses, and the page around them."""

import base64
import hashlib
from collections.abc import Collection, Sequence
from html import escape
from typing import NamedTuple

from components.evaluation.findings import interval, start_name
from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import CellEntry
from components.evaluation.plots.drawing import START_ORDER, Canvas, Mark
from components.evaluation.report.style import SHEET
from components.records.scores import Estimate


def page(title: str, body: str, script: str = "") -> str:
    """The whole file. It loads nothing: style, script, pictures and drawings are inside, and the policy forbids the rest."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    allowed = f"; script-src 'sha256-{digest}'" if script else ""
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'{allowed}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{SHEET}</style></head>\n<body><main>{body}</main>"
        f"{f'<script>{script}</script>' if script else ''}</body></html>\n"
    )


def section(identifier: str, heading: str, *parts: str) -> str:
    """A section with a heading that can be linked to."""
    return f'<section id="{identifier}"><h2>{escape(heading)}</h2>{"".join(parts)}</section>\n'


def paragraph(words: str, kind: str = "") -> str:
    """Plain words as a paragraph."""
    return f"<p{_class(kind)}>{escape(words)}</p>"


def drawing(title: str, wide: Canvas, narrow: Canvas, caption: str, description: str = "") -> str:
    """A figure in two layouts, of which one is shown."""
    return (
        f"<figure>{wide.svg(title, description, 'desk')}{narrow.svg(title, description, 'phone')}"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def marks(found: Collection[Mark]) -> list[tuple[Mark, str]]:
    """Which kinds of mark there are, with words: the starts in order, then one for all twins."""
    ordered = sorted(set(found), key=lambda mark: mark.place)
    plain = [(mark, f"{mark.start} start") for mark in ordered if not mark.twin and mark.start in START_ORDER]
    twins = [mark for mark in ordered if mark.twin]
    return plain + [(twin, "matched: as many FLOPs as the multimodal start") for twin in twins[-1:]]


def legend(found: Collection[Mark], lines: bool = False, dashed: str = "") -> str:
    """What the marks of the starts and of their twins look like, or their lines; `dashed` says what dashed lines are."""
    items = []
    for mark, words in marks(found):
        canvas = Canvas(26 if lines else 18, 14)
        if lines:
            canvas.path([(0, 7), (26, 7)], f"{mark.start} line")
        else:
            canvas.marker(9, 7, mark)
        items.append((canvas, words))
    if dashed:
        canvas = Canvas(26, 14)
        canvas.path([(0, 7), (26, 7)], "scratch line dashed")
        items.append((canvas, dashed))
    drawn = "".join(
        f'<li><svg aria-hidden="true"{_class("long" if lines else "")} viewBox="0 0 {canvas.width:g} 14">'
        f"{''.join(canvas.parts)}</svg>{escape(words)}</li>"
        for canvas, words in items
    )
    return f'<ul class="legend">{drawn}</ul>'


def table(
    caption: str, header: Sequence[str], rows: Sequence[tuple[str, Sequence[str], bool]], wraps: bool = False
) -> str:
    """A table that scrolls sideways where it must.

    Args:
        caption: said above it.
        header: titles of the columns.
        rows: HTML of the row's head, HTML of its cells (whole `td` elements), and whether it is the chosen one.
        wraps: whether its cells hold words, which may be broken into lines.
    """
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in header)
    body = "".join(
        f'<tr{_class("chosen" if chosen else "")}><th scope="row">{name}</th>{"".join(cells)}</tr>'
        for name, cells, chosen in rows
    )
    kind = _class("wraps" if wraps else "")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}"><table{kind}>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


class ScoreColumn(NamedTuple):
    """A column of scores: one slice of the samples.

    Attributes:
        estimates: one for every row; None where a cell has none.
    """

    title: str
    estimates: Sequence[Estimate | None]


def score_table(cells: Sequence[CellEntry], columns: Sequence[ScoreColumn], caption: str) -> str:
    """Scores of cells by slice, tinted from the lowest to the highest of each column.

    Args:
        cells: one row each.
        columns: with as many estimates.
        caption: said above it.
    """
    means = [[value.mean for value in column.estimates if value] for column in columns]
    rows = []
    for index, cell in enumerate(cells):
        drawn = []
        for column, known in zip(columns, means, strict=True):
            value = column.estimates[index]
            if value is None:
                drawn.append("<td>–</td>")
                continue
            low, high = min(known), max(known)
            share = (value.mean - low) / ((high - low) or 1.0)
            drawn.append(
                f'<td class="tint" style="--share:{share:.2f}">{percent(value.mean)}<small>{interval(value)}</small></td>'
            )
        rows.append((cell_name(cell), drawn, cell.chosen))
    sizes = [next((value.items for value in column.estimates if value), 0) for column in columns]
    header = [f"{title} (n={size:,})" for (title, _), size in zip(columns, sizes, strict=True)]
    return table(caption, ["arm and start", *header], rows)


def cell_name(cell: CellEntry) -> str:
    """Architecture over start, as HTML."""
    words = start_name(cell) + ("" if cell.comparable else ", not comparable")
    return f"{escape(readable(cell.arm))}<small>{escape(words)}</small>"


def text_cell(words: str, under: str = "") -> str:
    """A table cell with a second, smaller line."""
    kind = _class("long" if len(words) > 26 else "")
    return f"<td{kind}>{escape(words)}{f'<small>{escape(under)}</small>' if under else ''}</td>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
