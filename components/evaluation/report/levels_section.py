"""Data against architecture: scores over what the intermediate step read, and what a change of it changes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from components.evaluation.findings import interval, labels_of, measure
from components.evaluation.formatting import points, probability, readable
from components.evaluation.leaderboard.data_effects import DOMAINS, Line, lines
from components.evaluation.leaderboard.entries import CellEntry, DataEffect, Leaderboard, TaskEntry
from components.evaluation.plots.drawing import Canvas, padded
from components.evaluation.plots.levels import Levels, Point, legend_mark, levels_panel
from components.evaluation.report.parts import Legend, Panel, Row, Table, plain
from components.study.axes import DATA_AXES, DataAxis, PairsSettings
from components.study.study import Study

UNITS: dict[DataAxis, str] = {
    "amount": "share of the captioned pictures",
    "caption_noise": "pictures with another one's caption",
    "domain": "which captioned pictures",
}


class AxisPanel(NamedTuple):
    """One axis of the data, drawn.

    Attributes:
        said: what a screen reader says of it.
        held: lines that hold something that is not as in the data, by names that say more than the family's.
    """

    axis: DataAxis
    canvas: Canvas
    said: str
    held: list[str]


@dataclass(frozen=True)
class DataLevels:
    """Pictures by task and amount of labels, and the effects of all levels."""

    lead: str
    legend: Legend
    panels: Sequence[tuple[str, Sequence[Panel]]]
    effects: Table


def levels(study: Study, board: Leaderboard) -> DataLevels | None:
    """A picture per axis of the data and amount of labels, and the table of effects; none where all arms read the same."""
    found = lines(study)
    if not found:
        return None
    shown = []
    for task, entry in board.tasks.items():
        for labels in ("all", "few"):
            if drawn := panels(study, entry, labels):
                title = f"{readable(task)}, {labels} labels: {measure(entry)} (%)"
                shown.append((title, [_panel(one) for one in drawn]))
    lead = (
        "Every mark is an arm after the intermediate step, with its interval; along a line nothing changes but what that step "
        "read. All arms saw as many samples in it, so fewer pictures were seen more often. Where a line moves by more than the "
        "lines lie apart, other data change more than another arm does. The table holds every two levels against each "
        "other with all else equal; it is exploratory."
    )
    return DataLevels(lead, _legend(legend_names(found)), shown, _effects(study, board.data))


def legend_names(found: Iterable[Line]) -> list[str]:
    """The families of lines; the place of one in the list is the number of its colour and shape."""
    return list(dict.fromkeys(line.family for line in found))


def level_name(axis: DataAxis, level: float | str) -> str:
    """A level in a word or two: '6.25%', 'shapes'."""
    return str(level) if axis == "domain" else f"{100 * float(level):g}%"


def panels(study: Study, entry: TaskEntry, labels: str) -> list[AxisPanel]:
    """A panel per axis of the data, all with the same scale; none where no cells are to be seen.

    Args:
        entry: of one task, in the leaderboard.
        labels: "all" or "few".
    """
    cells = {cell.arm: cell for cell in entry.cells if cell.start == "multimodal" and cell.labels == labels}
    found = lines(study)
    shown = [cells[arm] for line in found for arm in line.arms if arm in cells]
    ends = [end for cell in shown for end in (cell.low, cell.high, cell.mean) if end is not None]
    if not ends:
        return []
    _, floor = entry.highest_floor
    reach = padded(ends, 0.06, (0.0, 1.0))
    numbered = legend_names(found)
    drawn = []
    for axis, same in groupby(found, key=lambda line: line.axis):
        present = [line for line in same if sum(arm in cells for arm in line.arms) > 1]
        if not present:
            continue
        known = _levels(axis, (study.arms[arm].pairs for line in present for arm in line.arms))
        curves = [_curve(study, line, numbered, known, cells) for line in present]
        names = [level_name(axis, level) for level in known]
        said = "; ".join(
            f"{curve.name}: {', '.join(f'{names[point.level]} {100 * point.mean:.1f}' for point in curve.points)}"
            for curve in curves
        )
        held = [curve.name for curve in curves if curve.name != readable(numbered[curve.series])]
        drawn.append(AxisPanel(axis, levels_panel(curves, names, reach, floor, UNITS[axis]), said, held))
    return drawn


def _panel(drawn: AxisPanel) -> Panel:
    name = readable(drawn.axis)
    held = f"Held equal: {'; '.join(drawn.held)}." if drawn.held else ""
    return Panel(drawn.canvas, f"Scores by {name}", drawn.said, heading=name.capitalize(), caption=held)


def _levels(axis: DataAxis, settings: Iterable[PairsSettings]) -> list[float | str]:
    found = {pairs.levels[axis] for pairs in settings}
    return [one for one in DOMAINS if one in found] if axis == "domain" else sorted(found, key=float)


def _curve(
    study: Study, line: Line, families: list[str], known: list[float | str], cells: dict[str, CellEntry]
) -> Levels:
    spots = [
        Point(known.index(study.arms[arm].pairs.levels[line.axis]), cell.mean, cell.low, cell.high)
        for arm in line.arms
        if (cell := cells.get(arm)) is not None
    ]
    rest = ", ".join(_rest(study.arms[line.arms[0]].pairs, line.axis))
    name = f"{readable(line.family)} ({rest})" if rest else readable(line.family)
    return Levels(name, families.index(line.family), spots)


def _rest(pairs: PairsSettings, axis: DataAxis) -> Iterator[str]:
    """What is held along a line and is not as in the data."""
    if axis != "amount" and pairs.share < 1:
        yield f"{level_name('amount', pairs.share)} of the pictures"
    if axis != "caption_noise" and pairs.caption_noise:
        yield f"{level_name('caption_noise', pairs.caption_noise)} wrong captions"
    if axis != "domain" and pairs.domain != "all":
        yield f"{pairs.domain} alone"


def _legend(names: list[str]) -> Legend:
    items = []
    for number, name in enumerate(names):
        canvas = Canvas(26, 14)
        legend_mark(canvas, 0, 7, number)
        items.append((canvas, readable(name)))
    return items


def _effects(study: Study, effects: list[DataEffect]) -> Table:
    rows = []
    for axis in DATA_AXES:
        for effect in (one for one in effects if one.axis == axis):
            higher, lower = (level_name(axis, level) for level in effect.levels)
            rest = _rest(study.arms[effect.first.arm].pairs, axis)
            cells = plain(
                f"{higher} − {lower}",
                points(effect.difference),
                interval(effect, signed=True),
                probability(effect.p_holm),
                effect.verdict,
                effect.grade,
            )
            under = ", ".join([readable(axis), readable(effect.task), labels_of(effect), *rest])
            rows.append(Row(readable(effect.family), cells, under))
    header = ["arm", "levels", "difference", "interval", "p", "verdict", "grade"]
    return Table("What another level changes, points; exploratory, p after Holm over all rows", header, rows)
