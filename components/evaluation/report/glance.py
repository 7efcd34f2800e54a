"""All tasks of a study at a glance: the score of every arm on each, for a terminal and for the report."""

from dataclasses import dataclass

from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import CellEntry, Leaderboard
from components.evaluation.report.parts import Row, Table, TableCell, plain, tinted

KEY = "What stands for an arm is its best cell on validation; in brackets what is not surely above the highest floor."


@dataclass(frozen=True)
class Glance:
    """Rows are arms and then the floors, columns are tasks."""

    table: Table
    key: str = KEY


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


def glance(board: Leaderboard) -> Glance | None:
    """The same as a table of the report, tinted from the lowest to the highest of each task."""
    if len(board.tasks) < 2:
        return None
    arms = {arm: standing_for(board, arm) for arm in board.certificates}
    means = [[cell.mean for cell in on_task if cell] for on_task in zip(*arms.values(), strict=True)]
    rows = [
        Row(readable(arm), [_tinted(cell, known) for cell, known in zip(cells, means, strict=True)])
        for arm, cells in arms.items()
    ]
    rows.append(Row("highest floor", plain(*(percent(entry.highest_floor[1]) for entry in board.tasks.values()))))
    return Glance(Table("Means (%) with intervals", ["arm", *(readable(task) for task in board.tasks)], rows))


def _value(cell: CellEntry | None) -> str:
    if cell is None:
        return "gap "
    return f"{percent(cell.mean)} " if cell.above_floors else f"({percent(cell.mean)})"


def _tinted(cell: CellEntry | None, known: list[float]) -> TableCell:
    return tinted(_value(cell).strip(), cell, known) if cell else TableCell("gap", kind="gap")
