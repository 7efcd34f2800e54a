"""Findings of data validation: one sentence each, all reported together."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Literal

from components.errors import CeterisError

Severity = Literal["critical", "warning"]
SHOWN_ROWS = 3
KEPT_ROWS = 20
QUOTED = 3
ASKED = "asked: "
"""Prefix of the names of rules that ask the user a question."""
TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".txt", ".jsonl", ".ndjson")


class FaultyDataError(CeterisError):
    """Data with critical findings; the message holds one sentence per finding, each on its own line."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong in one file.

    `rows` holds the first few places: lines of a text file (the header is line 1), or rows of a Parquet or JSON file (from 1).
    `count` is the number of all places.
    """

    severity: Severity
    rule: str
    file: str
    rows: tuple[int, ...]
    count: int
    sentence: str


@dataclass
class Findings:
    """All findings about one data set."""

    items: list[Finding] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing critical was found."""
        return not self.count("critical")

    def count(self, severity: Severity) -> int:
        """Number of findings of one severity."""
        return sum(item.severity == severity for item in self.items)

    def sentences(self, severity: Severity | None = None) -> list[str]:
        """One sentence per finding, critical ones first."""
        return [item.sentence for item in self.ordered() if severity in (None, item.severity)]

    def labelled(self) -> list[str]:
        """The same sentences, each preceded by its kind: mistake, question or warning."""
        return [f"{_label(item)}: {item.sentence}" for item in self.ordered()]

    def ordered(self) -> list[Finding]:
        """Critical findings first, otherwise in the order of file, first row and rule."""
        return sorted(self.items, key=lambda item: (item.severity, item.file, item.rows[:1], item.rule, item.sentence))

    def records(self) -> list[dict]:
        """Plain dictionaries, for `findings.json`."""
        return [asdict(item) | {"rows": list(item.rows)} for item in self.ordered()]

    def raise_if_critical(self, what: str) -> None:
        """Stop with every critical sentence, one per line.

        Raises:
            FaultyDataError: something critical was found.
        """
        if critical := self.sentences("critical"):
            asked = sum(_label(item) == "question" for item in self.items)
            wrong = len(critical) - asked
            todo = [f"{wrong} mistake{'s' if wrong > 1 else ''} to correct"] if wrong else []
            todo += [f"{asked} question{'s' if asked > 1 else ''} to answer"] if asked else []
            raise FaultyDataError("\n".join([f"{what} has {' and '.join(todo)}:", *critical]))


def _label(item: Finding) -> str:
    if item.severity == "warning":
        return "warning"
    return "question" if item.rule.startswith(ASKED) else "mistake"


def finding(
    severity: Severity,
    rule: str,
    file: str,
    rows: Sequence[int],
    problem: str,
    advice: str,
    noun: str | None = None,
    names: Sequence[str] = (),
) -> Finding:
    """A finding whose sentence reads "FILE line 3 (NAME): PROBLEM: ADVICE.".

    `noun` is the word for a place, by default chosen by the file's suffix. An empty `noun` leaves the places out.
    """
    count = max(1, len(rows))
    rows = sorted(rows) if noun != "" else []
    named = f"({', '.join(names)}{', ...' if count > len(names) else ''})" if names else ""
    where = " ".join(part for part in (file, places(rows, noun or noun_of(file)), named) if part)
    return Finding(severity, rule, file, tuple(rows[:KEPT_ROWS]), count, f"{where}: {problem}: {advice}.")


def noun_of(file: str) -> str:
    """The word for a place: "row" for Parquet and JSON files, "line" for text files, "picture" for folders without a manifest."""
    suffix = PurePath(file).suffix.lower()
    if suffix in (".parquet", ".json"):
        return "row"
    return "line" if suffix in TEXT_SUFFIXES else "picture"


def places(rows: Sequence[int], noun: str) -> str:
    """The first few places in words: "lines 3, 7 and 12 more"."""
    if not rows:
        return ""
    if len(rows) == 1:
        return f"{noun} {rows[0]}"
    shown, more = [str(row) for row in rows[:SHOWN_ROWS]], len(rows) - SHOWN_ROWS
    if more > 0:
        return f"{noun}s {', '.join(shown)} and {more:,} more"
    return f"{noun}s {', '.join(shown[:-1])} and {shown[-1]}"


def quoted(examples: Sequence[str]) -> str:
    """A few examples in brackets: " ('cat', 'dog', 'bird', ...)"; nothing where there are none."""
    if not examples:
        return ""
    return f" ({', '.join(examples[:QUOTED])}{', ...' if len(examples) > QUOTED else ''})"


def merged(findings: Iterable[Findings]) -> Findings:
    """Several sets of findings as one."""
    return Findings([item for part in findings for item in part.items])
