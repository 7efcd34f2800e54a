"""Reliability diagrams: how often predictions of one confidence are right."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.plots.drawing import Canvas, Scale

SIDE = 210.0


@dataclass(frozen=True)
class Bin:
    """Predictions of about one confidence; all values are fractions."""

    confidence: float
    """Their mean."""
    right: float
    """How many of them are right."""
    share: float
    """How many of all predictions they are."""


def reliability(bins: Sequence[Bin], start: str) -> Canvas:
    """Marks on the dashed line are honest, marks below it promise too much; their area is the share of predictions."""
    canvas = Canvas(SIDE + 44, SIDE + 36)
    across, up = Scale(0, 1, 36, 36 + SIDE), Scale(0, 1, SIDE + 4, 4)
    for tick in (0, 0.5, 1):
        canvas.line(36, up(tick), 36 + SIDE, up(tick), "rule")
        canvas.line(across(tick), up(0), across(tick), up(1), "rule")
        canvas.text(30, up(tick) + 4, f"{100 * tick:g}", "soft", "end", 11)
        canvas.text(across(tick), SIDE + 19, f"{100 * tick:g}", "soft", "middle", 11)
    canvas.text(36 + SIDE / 2, SIDE + 33, "confidence (%)", "soft", "middle", 11)
    canvas.path([(across(0), up(0)), (across(1), up(1))], "front")
    canvas.path([(across(one.confidence), up(one.right)) for one in bins], f"{start} line")
    for one in bins:
        x, y = across(one.confidence), up(one.right)
        radius = 2.5 + 12 * one.share**0.5
        canvas.circle(x, y, radius, f"{start} faded")
        canvas.circle(x, y, 2.5, f"{start} fill")
    return canvas
