"""Scores over the levels of an axis: a line for each arm, so that its own slope and the gap between lines can be seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.findings import interval_of
from components.evaluation.formatting import percent
from components.evaluation.plots.drawing import Canvas, Scale, ticks

SERIES = ("series-a", "series-b", "series-c", "series-d", "series-e")
"""Classes of the lines; there are as many shapes, so that colour is never the only sign."""
PANEL = (320.0, 270.0)
LEFT, BOTTOM, APART = 44.0, 48.0, 9.0


@dataclass(frozen=True)
class Point:
    """One cell; all values are fractions."""

    level: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Levels:
    """One line: an arm over the levels of an axis.

    Attributes:
        name: what the legend calls it.
        series: the number of its colour and shape, the same in all panels.
        points: by rising level.
    """

    name: str
    series: int
    points: Sequence[Point]


def levels_panel(
    found: Sequence[Levels], names: Sequence[str], reach: tuple[float, float], floor: float, unit: str
) -> Canvas:
    """One panel.

    Args:
        found: at least one line.
        names: of the levels, evenly spaced from left to right.
        reach: the range of scores, the same in all panels that are seen together.
        floor: the highest floor.
        unit: what the levels are, under the axis.
    """
    width, height = PANEL
    canvas = Canvas(width, height)
    right, bottom = width - 12, height - BOTTOM
    room = (right - LEFT) / len(names)
    across, up = Scale(0, 1, LEFT + room / 2, LEFT + room * 1.5), Scale(*reach, bottom, 12)
    for tick in ticks(*reach, 6):
        canvas.line(LEFT, up(tick), right, up(tick), "rule")
        canvas.text(LEFT - 6, up(tick) + 4, f"{100 * tick:g}", "soft", "end", 12)
    for index, name in enumerate(names):
        canvas.line(across(index), bottom, across(index), bottom + 5, "axis")
        canvas.text(across(index), bottom + 21, name, "soft", "middle", 12)
    canvas.text((LEFT + width) / 2, height - 8, unit, "soft", "middle", 12)
    if reach[0] <= floor <= reach[1]:
        canvas.line(LEFT, up(floor), right, up(floor), "floor")
    for index, line in enumerate(found):
        # Side by side, for intervals at one level would hide one another.
        aside = APART * (index - (len(found) - 1) / 2)
        _draw(canvas, line, [across(point.level) + aside for point in line.points], up, names)
    if reach[0] <= floor <= reach[1]:  # last, for an interval may pass behind the words
        canvas.text(right - 2, up(floor) - 5, "highest floor", "floor-text clear", "end", 12)
    return canvas


def _draw(canvas: Canvas, line: Levels, places: Sequence[float], up: Scale, names: Sequence[str]) -> None:
    kind = SERIES[line.series % len(SERIES)]
    canvas.path([(x, up(point.mean)) for x, point in zip(places, line.points, strict=True)], f"{kind} line")
    for x, point in zip(places, line.points, strict=True):
        said = interval_of(point.low, point.high)
        words = f"{line.name}, {names[point.level]}: {percent(point.mean)} {said}"
        with canvas.titled(words):
            if point.low is not None and point.high is not None:
                canvas.line(x, up(point.low), x, up(point.high), f"{kind} thin")
            shape(canvas, x, up(point.mean), line.series)


def legend_mark(canvas: Canvas, x: float, y: float, series: int) -> None:
    """A line with its mark, 26 wide, from `x` on."""
    canvas.path([(x, y), (x + 26, y)], f"{SERIES[series % len(SERIES)]} line")
    shape(canvas, x + 13, y, series)


def shape(canvas: Canvas, x: float, y: float, series: int, size: float = 5) -> None:
    """The mark of a line: circle, square, diamond, triangle, and the triangle that stands on its tip."""
    number = series % len(SERIES)
    kind = f"{SERIES[number]} fill halo"
    far = size * 1.3
    corners = (
        [],
        [(-size, -size), (size, -size), (size, size), (-size, size)],
        [(0, -far), (far, 0), (0, far), (-far, 0)],
        [(0, -far), (far, size), (-far, size)],
        [(0, far), (far, -size), (-far, -size)],
    )[number]
    if corners:
        canvas.path([(x + dx, y + dy) for dx, dy in corners], kind, closed=True)
    else:
        canvas.circle(x, y, size, kind)
