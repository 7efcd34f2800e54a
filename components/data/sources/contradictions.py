"""Rows that ask the same of the same picture and are answered differently: at most one of the answers can be learned."""

from dataclasses import dataclass, field
from typing import NamedTuple

from components.data.findings import Findings, finding, noun_of, quoted
from components.data.sources.look_alikes import visible


class _First(NamedTuple):
    """The first row that asked something, how many rows have asked the same, and one that answered differently, in words."""

    file: str
    place: int
    target: str
    rows: int = 1
    example: str = ""


@dataclass
class Contradictions:
    """Gathers them in one pass. Of every picture with a text one row is kept."""

    _asked: dict[tuple[str, str], _First] = field(default_factory=dict)

    def add(self, file: str, place: int, look: str, words: str, target: str | None) -> None:
        """One row.

        Args:
            look: equal for pictures with equal pixels; empty where the picture cannot be decoded.
            words: equal for equal texts, such as a hash of them with blanks folded; empty where there is no text.
        """
        if not look or not target:
            return
        first = self._asked.get((look, words))
        if first is None:
            self._asked[look, words] = _First(file, place, target)
            return
        example = first.example
        if not example and target != first.target:
            other = f"{'' if file == first.file else f'{file} '}{noun_of(file)} {place} {visible(target)}"
            example = f"{noun_of(first.file)} {first.place} {visible(first.target)} and {other}"
        self._asked[look, words] = first._replace(rows=first.rows + 1, example=example)

    @property
    def rows(self) -> int:
        """How many rows contradict another one, or are contradicted."""
        return sum(first.rows for first in self._asked.values() if first.example)

    def findings(self, file: str, answers_are_open: bool = False) -> Findings:
        """At most one warning, about all of them.

        Args:
            file: what the sentence names.
            answers_are_open: that people answer one question differently is then no mistake.
        """
        examples = [first.example for first in self._asked.values() if first.example]
        if not examples:
            return Findings()
        problem = (
            f"{self.rows:,} rows show the picture and the text of another row and have another target{quoted(examples)}"
        )
        advice = "decide for one target, or remove the rows"
        if answers_are_open:
            advice = "people may answer differently, but at most one of the answers counts as right"
        return Findings([finding("warning", "contradiction", file, [], problem, advice)])
