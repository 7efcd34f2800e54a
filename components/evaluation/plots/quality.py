"""Quality against what it costs: marks on a logarithmic axis, and the front that nothing beats on both counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.formatting import count, percent
from components.evaluation.plots.drawing import Canvas, Mark, Scale, padded, start_class, ticks

Box = tuple[float, float, float, float]
BOTTOM = 48.0
LEFT = 44.0


@dataclass(frozen=True)
class Spot:
    """One cell: what it costs and how good it is."""

    name: str
    detail: str
    mark: Mark
    cost: float
    mean: float
    low: float | None
    high: float | None


def pareto(spots: Sequence[Spot]) -> list[int]:
    """Which spots no other one beats: none is at least as good for no more, and better or cheaper. By rising cost."""
    order = sorted(range(len(spots)), key=lambda index: (spots[index].cost, -spots[index].mean))
    front: list[int] = []
    for index in order:
        best = spots[front[-1]] if front else None
        equal = best is not None and (spots[index].cost, spots[index].mean) == (best.cost, best.mean)
        if best is None or spots[index].mean > best.mean or equal:
            front.append(index)
    return front


def quality(spots: Sequence[Spot], floor: float, unit: str, size: tuple[float, float]) -> Canvas:
    """Mean scores against a cost.

    Args:
        spots: at least one; costs are positive.
        floor: the highest floor.
        unit: what the cost is, in words, under the axis.
        size: width and height.
    """
    width, height = size
    canvas = Canvas(width, height)
    costs = [spot.cost for spot in spots]
    ends = [end for spot in spots for end in (spot.low, spot.high, spot.mean) if end is not None]
    # A little more room on the right, where names stand.
    spread = max(costs) / min(costs)
    low, high = min(costs) / max(1.1, spread**0.08), max(costs) * max(1.15, spread**0.16)
    across = Scale(low, high, LEFT, width - 12, logarithmic=True)
    up = Scale(*padded([*ends, floor], 0.05, (0.0, 1.0)), height - BOTTOM, 12)
    _axes(canvas, across, up, unit)
    canvas.line(LEFT, up(floor), width - 12, up(floor), "floor")
    canvas.text(width - 14, up(floor) - 5, "highest floor", "floor-text", "end", 12)
    front = pareto(spots)
    corners: list[tuple[float, float]] = []
    for index in front:
        x, y = across(spots[index].cost), up(spots[index].mean)
        corners += [(x, corners[-1][1]), (x, y)] if corners else [(x, y)]
    canvas.path([*corners, (width - 12, corners[-1][1])], "front")
    taken: list[Box] = [(width - 100, up(floor) - 18, width - 12, up(floor) + 2)]
    for spot in spots:
        x, y = across(spot.cost), up(spot.mean)
        taken.append((x - 7, y - 7, x + 7, y + 7))
        if spot.low is not None and spot.high is not None:
            canvas.line(x, up(spot.low), x, up(spot.high), f"{start_class(spot.mark.start)} thin")
    # Names on the front are the ones that must not be missing.
    for index in [*front, *(index for index in range(len(spots)) if index not in front)]:
        _mark(canvas, spots[index], across(spots[index].cost), up(spots[index].mean), taken, index in front)
    return canvas


def _axes(canvas: Canvas, across: Scale, up: Scale, unit: str) -> None:
    right, bottom = canvas.width - 12, canvas.height - BOTTOM
    for tick in ticks(up.low, up.high, 6):
        canvas.line(LEFT, up(tick), right, up(tick), "rule")
        canvas.text(LEFT - 6, up(tick) + 4, f"{100 * tick:g}", "soft", "end", 12)
    for tick in logarithmic_ticks(across.low, across.high, canvas.width / 62):
        canvas.line(across(tick), bottom, across(tick), bottom + 5, "axis")
        canvas.text(across(tick), bottom + 21, count(tick), "soft", "middle", 12)
    canvas.text((LEFT + canvas.width) / 2, canvas.height - 8, unit, "soft", "middle", 12)


def logarithmic_ticks(low: float, high: float, most: float) -> list[float]:
    """Round values of a logarithmic axis, as fine as their number allows; of a short axis evenly spaced ones."""
    powers = range(-3, 30)
    for factors in ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 1.5, 2, 3, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
        if len(found) <= most:
            return found if len(found) > 1 else ticks(low, high, 4)
    return found[:: math.ceil(len(found) / most)]


def _mark(canvas: Canvas, spot: Spot, x: float, y: float, taken: list[Box], strong: bool) -> None:
    words = f"{spot.name} ({spot.detail}): {percent(spot.mean)}% at {count(spot.cost)}"
    with canvas.titled(words):
        canvas.marker(x, y, spot.mark, 6.5 if strong else 5)
    long = (8.4 if strong else 7.2) * len(spot.name)
    # The first place beside the mark that covers nothing drawn so far; no name is better than an unreadable one.
    for dx, dy, anchor in ((10, 4, "start"), (-10, 4, "end"), (0, -11, "middle"), (0, 20, "middle"), (10, 16, "start")):
        begin = x + dx - {"start": 0, "end": long, "middle": long / 2}[anchor]
        box = (begin, y + dy - 11, begin + long, y + dy + 3)
        inside = box[0] > LEFT and box[2] < canvas.width and box[1] > 0
        if inside and not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            taken.append(box)
            canvas.text(x + dx, y + dy, spot.name, "ink strong clear" if strong else "ink clear", anchor, 12.5)
            return
