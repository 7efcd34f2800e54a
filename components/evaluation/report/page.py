"""The parts of the report as HTML: pieces every section uses, and the page around them."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Any

from components.evaluation.formatting import interval, percent, readable, start_name
from components.evaluation.plots.drawing import MATCHED, START_ORDER, Canvas
from components.evaluation.report.style import SHEET

Json = dict[str, Any]


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


def marks(starts: Sequence[str]) -> list[tuple[str, str]]:
    """Which kinds of mark there are, with words: the starts in order, then one for all twins."""
    found = [(start, f"{start} start") for start in START_ORDER if start in starts]
    twins = sorted((start for start in starts if start.endswith(MATCHED)), reverse=True)
    return found + [(twin, "matched: as many FLOPs as the multimodal start") for twin in twins[:1]]


def legend(starts: Sequence[str], lines: bool = False, dashed: str = "") -> str:
    """What the marks of the starts and of their twins look like, or their lines; `dashed` says what dashed lines are."""
    items = []
    for start, words in marks(starts):
        canvas = Canvas(26 if lines else 18, 14)
        if lines:
            canvas.path([(0, 7), (26, 7)], f"{start} line")
        else:
            canvas.marker(9, 7, start)
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


def score_table(cells: Sequence[Json], columns: Sequence[tuple[str, str, str]], caption: str) -> str:
    """Scores of cells by slice, tinted from the lowest to the highest of each column.

    Args:
        cells: leaderboard cells, one row each.
        columns: part of the cell (`forms`, `splits`, `hard`, ...), key in it (empty for `hard`), and title.
        caption: said above it.
    """
    values = {column: [_slice(cell, column) for cell in cells] for column in columns}
    means = {column: [value["mean"] for value in found if value] for column, found in values.items()}
    rows = []
    for index, cell in enumerate(cells):
        drawn = []
        for column in columns:
            value = values[column][index]
            if value is None:
                drawn.append("<td>–</td>")
                continue
            low, high = min(means[column]), max(means[column])
            share = (value["mean"] - low) / ((high - low) or 1.0)
            drawn.append(
                f'<td class="tint" style="--share:{share:.2f}">{percent(value["mean"])}<small>{interval(value)}</small></td>'
            )
        rows.append((cell_name(cell), drawn, cell["chosen"]))
    sizes = [next((value["items"] for value in values[column] if value), 0) for column in columns]
    header = [f"{title} (n={size:,})" for (_, _, title), size in zip(columns, sizes, strict=True)]
    return table(caption, ["arm and start", *header], rows)


def representatives(entry: Json) -> list[Json]:
    """The cell that stands for each arm, by falling mean; the one that is chosen is the first ranked."""
    return [cell for cell in entry["cells"] if cell["representative"]]


def cell_name(cell: Json) -> str:
    """Architecture over start, as HTML."""
    words = start_name(cell) + ("" if cell["comparable"] else ", not comparable")
    return f"{escape(readable(cell['arm']))}<small>{escape(words)}</small>"


def text_cell(words: str, under: str = "") -> str:
    """A table cell with a second, smaller line."""
    kind = _class("long" if len(words) > 26 else "")
    return f"<td{kind}>{escape(words)}{f'<small>{escape(under)}</small>' if under else ''}</td>"


def _slice(cell: Json, column: tuple[str, str, str]) -> Json | None:
    part, key, _ = column
    found = cell.get(part)
    return found.get(key) if found and key else found or None


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
