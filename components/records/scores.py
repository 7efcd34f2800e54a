"""What both the leaderboard and a package say: cells, scores with their intervals, floors, and the choice of a task."""

from typing import Literal

from pydantic import Field

from components.records.model import Count, Fraction, Written
from components.study.cells import Cell

Obstacle = Literal["norm", "initial_scale", "diet", "axes", "alike", "step"]
"""Why two ranked cells can have no verdict: other norms, other initial scales, unequal data or budget, too many differences, or
none, or an intermediate step that did not pass its gates."""
Floors = dict[str, dict[str, Fraction]]
"""What can be scored without understanding: by split and floor."""


class CellName(Written):
    """A cell, by the names that files use."""

    arm: str
    cell: str = Field(description="START, START_few, START_matched or START_matched_few")

    @classmethod
    def of(cls, cell: Cell) -> "CellName":
        """The name of a cell."""
        return cls(arm=cell.arm, cell=cell.name)

    @property
    def identity(self) -> Cell:
        """Which cell it is."""
        return Cell.of(self.arm, self.cell)


class UndecidedName(CellName):
    """A ranked cell that can have no verdict against the chosen one."""

    because: Obstacle


class Interval(Written):
    """A mean score with its interval."""

    mean: Fraction = Field(description="fraction")
    low: Fraction | None = Field(description="fraction; lower end")
    high: Fraction | None = Field(description="fraction; upper end")


class Estimate(Interval):
    """A mean score over some samples."""

    items: Count = Field(description="samples")


class ChosenCell(CellName, Interval):
    """The best cell of a task."""

    baseline: bool = Field(description="it is one of the simple baselines")
    tied_with: list[CellName] = Field(description="not separated from it")
    undecided: list[UndecidedName] = Field(description="without a verdict against it")
