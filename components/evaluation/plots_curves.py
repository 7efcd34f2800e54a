"""Learning curves with bands over replicates, and quality against computation."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from components.evaluation.plots import Canvas, Scale, padded, start_class, ticks
from components.evaluation.wording import count, percent, readable

PANEL = (310.0, 190.0)


@dataclass(frozen=True)
class Curve:
    """One cell's curve over replicates."""

    name: str
    start: str
    few: bool
    samples: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def learning_curves(curves: Sequence[Curve], reach: tuple[float, float], until: float) -> Canvas:
    """One panel: lines are means over replicates, bands reach from the lowest to the highest.

    Args:
        curves: of one architecture.
        reach: the range of values, the same in all panels that are to be compared.
        until: the last sample, the same in all panels.
    """
    width, height = PANEL
    canvas = Canvas(width, height)
    across, up = Scale(0, until, 40, width - 10), Scale(*reach, height - 26, 10)
    for tick in ticks(*reach, 4):
        canvas.line(40, up(tick), width - 10, up(tick), "rule")
        canvas.text(34, up(tick) + 4, f"{tick:g}", "soft", "end", 11)
    for tick in ticks(0, until, 4):
        canvas.text(across(tick), height - 8, count(tick), "soft", "middle", 11)
    for curve in curves:
        kind = start_class(curve.start)
        upper = [(across(x), up(y)) for x, y in zip(curve.samples, curve.high, strict=True)]
        lower = [(across(x), up(y)) for x, y in zip(curve.samples, curve.low, strict=True)]
        if len(upper) > 1:
            canvas.path([*upper, *reversed(lower)], f"{kind} area", closed=True)
    for curve in curves:
        kind = f"{start_class(curve.start)} line" + (" dashed" if curve.few else "")
        canvas.parts.append(f"<g><title>{escape(curve.name)}</title>")
        canvas.path([(across(x), up(y)) for x, y in zip(curve.samples, curve.mean, strict=True)], kind)
        canvas.parts.append("</g>")
    return canvas


def quality_against_flops(cells: Sequence[dict[str, Any]], floor: float, narrow: bool) -> Canvas:
    """Mean score against the FLOPs of all training that led to a cell, on a logarithmic axis."""
    width, height = (400.0, 380.0) if narrow else (960.0, 420.0)
    known = [cell for cell in cells if cell["flops"]["training"]]
    canvas = Canvas(width, height)
    costs = [cell["flops"]["training"] for cell in known] or [1.0]
    ends = [end for cell in known for end in (cell["low"], cell["high"], cell["mean"]) if end is not None]
    low, high = min(costs) / 1.5, max(costs) * (2.4 if narrow else 1.5)
    across = Scale(low, high, 44, width - 12, logarithmic=True)
    up = Scale(*padded([*ends, floor], 0.05, (0.0, 1.0)), height - 48, 12)
    for tick in ticks(up.low, up.high, 6):
        canvas.line(44, up(tick), width - 12, up(tick), "rule")
        canvas.text(38, up(tick) + 4, f"{100 * tick:g}", "soft", "end", 12)
    marks = [factor * 10.0**power for power in range(30) for factor in (1, 2, 5) if low <= factor * 10.0**power <= high]
    for tick in marks:
        canvas.line(across(tick), height - 48, across(tick), height - 43, "axis")
        canvas.text(across(tick), height - 27, count(tick), "soft", "middle", 12)
    canvas.text((44 + width) / 2, height - 8, "FLOPs of all training that led there", "soft", "middle", 12)
    canvas.line(44, up(floor), width - 12, up(floor), "floor")
    canvas.text(width - 14, up(floor) - 5, "highest floor", "floor-text", "end", 12)
    taken: list[tuple[float, float, float, float]] = []
    for cell in known:
        x, y = across(cell["flops"]["training"]), up(cell["mean"])
        taken.append((x - 7, y - 7, x + 7, y + 7))
    for cell in known:
        _point(canvas, cell, across(cell["flops"]["training"]), up, taken)
    return canvas


def _point(
    canvas: Canvas, cell: dict[str, Any], x: float, up: Scale, taken: list[tuple[float, float, float, float]]
) -> None:
    y, start = up(cell["mean"]), cell["start"]
    if cell["low"] is not None:
        canvas.line(x, up(cell["low"]), x, up(cell["high"]), f"{start_class(start)} thin")
    words = f"{readable(cell['architecture'])} ({start}): {percent(cell['mean'])}%, {count(cell['flops']['training'])} FLOPs"
    canvas.parts.append(f"<g><title>{escape(words)}</title>")
    canvas.marker(x, y, start, 5.5)
    canvas.parts.append("</g>")
    name = readable(cell["architecture"])
    long = 6.6 * len(name)
    # The first place beside the mark that covers nothing drawn so far; none is better than an unreadable one.
    for dx, dy, anchor in ((10, 4, "start"), (-10, 4, "end"), (0, -11, "middle"), (0, 20, "middle"), (10, 16, "start")):
        begin = x + dx - {"start": 0, "end": long, "middle": long / 2}[anchor]
        box = (begin, y + dy - 11, begin + long, y + dy + 3)
        inside = box[0] > 44 and box[2] < canvas.width
        if inside and not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            taken.append(box)
            canvas.text(x + dx, y + dy, name, "ink", anchor, 12.5)
            return
