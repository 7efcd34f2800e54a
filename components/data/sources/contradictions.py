"""Find contradictory rows: the same picture and text with different targets. At most one of the targets can be learned."""

from dataclasses import dataclass, field
from typing import NamedTuple

from components.data.findings import Findings, finding, noun_of, quoted
from components.data.sources.look_alikes import visible


class _First(NamedTuple):
    """The first row with a picture and a text, the number of rows with both, and a contradiction in words if there is one."""

    file: str
    place: int
    target: str
    rows: int = 1
    example: str = ""


@dataclass
class Contradictions:
    """Collects contradictions in one pass. One record is kept for each picture with a text."""

    _asked: dict[tuple[str, str], _First] = field(default_factory=dict)

    def add(self, file: str, place: int, look: str, words: str, target: str | None) -> None:
        """Add one row.

        Args:
            look: a key that is equal for pictures with equal pixels; empty where the picture cannot be decoded.
            words: a key that is equal for equal texts, such as a hash with blanks folded; empty where there is no text.
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
        """Number of rows whose picture and text occur with more than one target."""
        return sum(first.rows for first in self._asked.values() if first.example)

    def findings(self, file: str, answers_are_open: bool = False) -> Findings:
        """At most one warning, about all contradictions.

        Args:
            file: the name in the sentence.
            answers_are_open: whether answers are free; then people may answer differently, and that is no mistake.
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
