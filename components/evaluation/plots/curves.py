"""Learning curves with bands over replicates."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.formatting import count
from components.evaluation.plots.drawing import Canvas, Scale, start_class, ticks

PANEL = (310.0, 190.0)
FEW, LONGER = "few labels", "matched"
"""What is drawn dashed, as curves' names say it."""


@dataclass(frozen=True)
class Curve:
    """One cell's curve over replicates."""

    name: str
    start: str
    dashed: bool
    """Few labels, or the twin of a start."""
    samples: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def learning_curves(curves: Sequence[Curve], reach: tuple[float, float], until: float) -> Canvas:
    """One panel: lines are means over replicates, bands reach from the lowest to the highest.

    Args:
        curves: of one arm.
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
        kind = f"{start_class(curve.start)} line" + (" dashed" if curve.dashed else "")
        with canvas.titled(curve.name):
            canvas.path([(across(x), up(y)) for x, y in zip(curve.samples, curve.mean, strict=True)], kind)
    return canvas
