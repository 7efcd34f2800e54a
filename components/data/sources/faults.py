"""Collect the faults of a manifest while its rows are read, so that faults of one kind become one sentence."""

from dataclasses import dataclass, field

from components.data.findings import QUOTED, Findings, finding, quoted
from components.data.sources.manifest_rows import Fault

_LONGEST_EXAMPLE = 120


class UnusableError(Exception):
    """A row that cannot be used.

    Args:
        rule: the name of the kind of fault.
        problem: what is wrong, in the same words for all rows with this fault.
        advice: what to do.
        example: the value in this row, quoted.
    """

    def __init__(self, rule: str, problem: str, advice: str, example: str = "") -> None:
        super().__init__(problem)
        self.rule, self.problem, self.advice, self.example = rule, problem, advice, example

    def at(self, file: str, place: int) -> Fault:
        """The fault, with the place where it was found."""
        return Fault(file, place, self.rule, self.problem, self.advice, self.example)


@dataclass
class Faults:
    """The faults found so far. Faults of one kind in one file become one sentence with a few examples."""

    places: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    examples: dict[tuple[str, str, str, str], list[str]] = field(default_factory=dict)

    def add(self, fault: Fault) -> None:
        """Add one fault."""
        kind = (fault.file, fault.rule, fault.problem, fault.advice)
        places, examples = self.places.setdefault(kind, []), self.examples.setdefault(kind, [])
        if fault.place:
            places.append(fault.place)
        if fault.example and fault.example not in examples and len(examples) <= QUOTED:
            examples.append(fault.example)

    def findings(self) -> Findings:
        """All faults as critical findings."""
        return Findings(
            [
                finding("critical", kind[1], kind[0], rows, kind[2] + quoted(self.examples[kind]), kind[3])
                for kind, rows in self.places.items()
            ]
        )


def shown(value: str) -> str:
    """A value in quotation marks, shortened where it is long."""
    return repr(value if len(value) <= _LONGEST_EXAMPLE else value[: _LONGEST_EXAMPLE - 3] + "...")
