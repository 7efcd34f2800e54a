"""A cell: one fine-tuning by which an arm is judged. Written ARM/CELL, as in `visualbert/multimodal_few`."""

from dataclasses import dataclass
from typing import Literal

FEW = "_few"
MATCHED = "_matched"


@dataclass(frozen=True, order=True)
class Cell:
    """One arm's start with an amount of labels.

    Attributes:
        few: fine-tuned on few labels, not on all.
        matched: the twin of a start, fine-tuned for as much longer as the intermediate step costs in FLOPs.
    """

    arm: str
    start: str
    few: bool = False
    matched: bool = False

    @classmethod
    def of(cls, arm: str, name: str) -> "Cell":
        """Read a cell's name, such as `unimodal_matched_few`. Whether the study has such a cell is not asked here."""
        rest = name.removesuffix(FEW)
        return cls(arm, rest.removesuffix(MATCHED), few=rest != name, matched=rest.endswith(MATCHED))

    @classmethod
    def parse(cls, written: str) -> "Cell":
        """Read ARM/CELL."""
        arm, _, name = written.partition("/")
        return cls.of(arm, name)

    @property
    def name(self) -> str:
        """What it is called within its arm."""
        return self.start + (MATCHED if self.matched else "") + (FEW if self.few else "")

    @property
    def labels(self) -> Literal["few", "all"]:
        """How many labels it learned from."""
        return "few" if self.few else "all"

    def __str__(self) -> str:
        """As the study file writes it."""
        return f"{self.arm}/{self.name}"
