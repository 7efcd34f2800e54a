"""All tasks of a study at a glance: the score of every arm on each, for a terminal and for the report."""

from html import escape

from components.evaluation.findings import interval
from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import CellEntry, Leaderboard
from components.evaluation.report.page import paragraph, section, table

KEY = "What stands for an arm is its best cell on validation; in brackets what is not surely above the highest floor."


def standing_for(board: Leaderboard, arm: str) -> list[CellEntry | None]:
    """The cell that stands for an arm on each task; None where it cannot do the task."""
    return [
        next((one for one in entry.cells if one.arm == arm and one.representative), None)
        for entry in board.tasks.values()
    ]


def glance_text(board: Leaderboard) -> list[str]:
    """Lines for a terminal; none where there is one task only."""
    if len(board.tasks) < 2:
        return []
    arms = list(board.certificates)
    wide = max(len(name) for name in ("highest floor", *arms)) + 2
    columns = [max(len(task), len("(100.0)")) + 2 for task in board.tasks]

    def line(name: str, values: list[str]) -> str:
        drawn = "".join(f"{value:>{column}}" for value, column in zip(values, columns, strict=True))
        return f"  {name:<{wide}}{drawn}"

    return [
        "All tasks at a glance (means, percent):",
        line("", list(board.tasks)),
        line("highest floor", [f"{percent(entry.highest_floor[1])} " for entry in board.tasks.values()]),
        *(line(arm, [_value(cell) for cell in standing_for(board, arm)]) for arm in arms),
        f"  {KEY}",
    ]


def glance_section(heading: str, board: Leaderboard) -> str:
    """The same as a table of the report, tinted from the lowest to the highest of each task."""
    if len(board.tasks) < 2:
        return ""
    arms = {arm: standing_for(board, arm) for arm in board.certificates}
    reach = []
    for on_task in zip(*arms.values(), strict=True):
        means = [cell.mean for cell in on_task if cell is not None]
        reach.append((min(means), max(means)))
    rows = [
        (
            escape(readable(arm)),
            [_tinted(cell, *ends) for cell, ends in zip(cells, reach, strict=True)],
            False,
        )
        for arm, cells in arms.items()
    ]
    floors = [f"<td>{percent(entry.highest_floor[1])}</td>" for entry in board.tasks.values()]
    rows.append(("highest floor", floors, False))
    header = ["arm", *(readable(task) for task in board.tasks)]
    return section("glance", heading, table("Means (%) with intervals", header, rows), paragraph(KEY, "soft-text"))


def _value(cell: CellEntry | None) -> str:
    if cell is None:
        return "gap "
    return f"{percent(cell.mean)} " if cell.above_floors else f"({percent(cell.mean)})"


def _tinted(cell: CellEntry | None, low: float, high: float) -> str:
    if cell is None:
        return '<td class="gap">gap</td>'
    share = (cell.mean - low) / ((high - low) or 1.0)
    return f'<td class="tint" style="--share:{share:.2f}">{_value(cell).strip()}<small>{interval(cell)}</small></td>'
