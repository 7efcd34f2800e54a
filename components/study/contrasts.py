"""What a declared contrast is: the questions that a study settles before anybody has seen a score."""

from typing import Annotated

from pydantic import Field

from components.study.axes import Axis
from components.study.base import Name, Strict
from components.study.cells import Cell

CellPath = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*$")]


class PairSettings(Strict):
    """Two cells, of which an interaction takes the difference too."""

    first: CellPath
    second: CellPath


class ContrastSettings(Strict):
    """A question that is settled before anybody has seen a score: about two cells, or about two pairs of cells.

    With `by` and `against` it is an interaction: does the effect of `axis` depend on the level of `by`? Without them it is
    about two cells. Both default to None.
    """

    name: Name
    question: str = Field(min_length=1, description="one sentence, as the report asks it")
    axis: Axis = Field(description="the one thing in which the two cells differ; 'system' for whole systems")
    by: Axis | None = Field(
        default=None, description="of an interaction: the axis whose level the effect of `axis` may depend on"
    )
    task: Name
    first: CellPath = Field(description="ARM/CELL; differences are first minus second")
    second: CellPath
    against: PairSettings | None = Field(
        default=None, description="of an interaction: the same two levels of `axis`, at another level of `by`"
    )

    @property
    def cells(self) -> list[Cell]:
        """The two or four cells, in the order of `weights`."""
        others = [self.against.first, self.against.second] if self.against else []
        return [Cell.parse(written) for written in (self.first, self.second, *others)]

    @property
    def weights(self) -> tuple[float, ...]:
        """What each cell's score counts in what is estimated: first minus second, less the same of the other pair."""
        return (1.0, -1.0, -1.0, 1.0) if self.against else (1.0, -1.0)
