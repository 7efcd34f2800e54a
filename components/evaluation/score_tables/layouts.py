"""What the columns of a table of scores are: one score a row, or one column for every architecture, measure or seed.

Known names, in any order and any case: `measure` (or `metric`), `architecture` (or `model`), one that ends in `seed`,
`score` (or `value`), `sample`, and `cluster` or `group` of the samples. Which of them are there says the layout:

    score                    one score a row; other columns are not used
    seed                     every other column is an architecture
    architecture and seed    every other column is a measure
    architecture             every other column is a seed, and is called seed_0, seed_1, ...
    file                     one file of samples a row (`sample_files.py`)

A table without measures has one, called after the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from components.errors import CeterisError
from components.evaluation.score_tables.numbers import is_number
from components.evaluation.score_tables.tables import Table

Column = Literal["measure", "architecture", "seed", "score", "sample", "group", "file", "key"]
LayoutName = Literal[
    "one score a row",
    "architectures in columns",
    "measures in columns",
    "seeds in columns",
    "one file of samples a row",
]
WANTED = "the columns measure, architecture, seed and score, or seed and a column for every architecture"
_NAMES: dict[Column, tuple[str, ...]] = {
    "measure": ("measure", "metric"),
    "architecture": ("architecture", "model"),
    "score": ("score", "value"),
    "sample": ("sample",),
}
_OF_FILES: tuple[Column, ...] = ("measure", "architecture", "seed")
_GROUPINGS = ("cluster", "group")
_SEED_HEADING = re.compile(r"seed[ _-]?(.+)", re.IGNORECASE)
_SUMMARY = re.compile(r"(?:mean|average|avg|median|std|sd|stdev|stddev|var|variance|sem|min|max|sum|total|count)\.?")


class Key(NamedTuple):
    """What a score is of; `sample` is "" for the score of a whole run."""

    measure: str
    architecture: str
    seed: str
    sample: str

    def __str__(self) -> str:
        sample = f", sample {self.sample}" if self.sample else ""
        return f"{self.architecture}, seed {self.seed}{sample}, on {self.measure}"


class WrittenScore(NamedTuple):
    """One written score and the line that it stands in."""

    line: int
    key: Key
    written: str
    group: str


@dataclass(frozen=True)
class Layout:
    """How a table is read.

    Attributes:
        columns: the place of each known column.
        headings: what the names of the other columns are; None with one score a row.
        values: place and name of the columns with scores.
        unused: columns that nothing is read from.
        measure: the name of the only measure, where the table names none; else "".
    """

    name: LayoutName
    columns: dict[Column, int]
    headings: Column | None
    values: list[tuple[int, str]]
    unused: list[str]
    measure: str


def layout_of(table: Table) -> Layout:
    """Find the layout of a table from its header.

    Raises:
        CeterisError: a column is missing, there twice, without a name, or the header fits no layout.
    """
    columns = _columns(table)
    if "file" in columns:
        if lacking := next((column for column in _OF_FILES if column not in columns), None):
            raise _missing(table, lacking)
        unused = [name for place, name in enumerate(table.header) if name and place not in columns.values()]
        return Layout("one file of samples a row", columns, None, [], unused, "")
    taken = set(columns.values())
    others = [(place, name) for place, name in enumerate(table.header) if place not in taken]
    default = "" if "measure" in columns else table.path.stem
    if "score" in columns:
        for column in ("architecture", "seed"):
            if column not in columns:
                raise _missing(table, column)
        values = [(columns["score"], table.header[columns["score"]])]
        return Layout("one score a row", columns, None, values, [name for _, name in others if name], default)
    if "seed" in columns and "architecture" in columns:
        if "measure" in columns or not others:
            raise _missing(table, "score")
        return Layout("measures in columns", columns, "measure", _headings(table, others), [], "")
    if "seed" in columns:
        return Layout("architectures in columns", columns, "architecture", _headings(table, others), [], default)
    if "architecture" in columns:
        return Layout("seeds in columns", columns, "seed", _seed_headings(table, others), [], default)
    if any(is_number(name) for name in table.header):
        raise CeterisError(
            f"{table.path} has no header, for its first line is {', '.join(table.header)}: put a line above it with "
            f"{WANTED}."
        )
    raise _missing(table, "seed")


def scores_of(table: Table, layout: Layout) -> Iterator[WrittenScore]:
    """Yield every score of a table. An empty cell under a heading is a run that was not made.

    Raises:
        CeterisError: a row lacks a name, a summary stands among the scores, or a column without a name has values.
    """
    nameless = [place for place, name in enumerate(table.header) if not name] if layout.headings else []
    names: list[tuple[Column, int]] = [
        (column, layout.columns[column])
        for column in ("measure", "architecture", "seed", "sample")
        if column in layout.columns
    ]
    group = layout.columns.get("group")
    fixed: dict[str, str] = {"measure": layout.measure, "architecture": "", "seed": "", "sample": ""}
    unsuspicious: set[tuple[str, str]] = set()
    for line, row in table.rows():
        for place in nameless:
            if row[place]:
                raise CeterisError(
                    f"{table.path}, line {line} has {row[place]!r} in column {place + 1}, which has no name: name it."
                )
        for column, place in names:
            if not row[place]:
                raise CeterisError(f"{table.path}, line {line} has no {column}: fill it in, or take the row out.")
            fixed[column] = row[place]
        if (fixed["architecture"], fixed["seed"]) not in unsuspicious:
            _refuse_summary(f"{table.path}, line {line}", fixed["seed"], "seed", "row")
            if layout.headings == "seed":
                _refuse_summary(f"{table.path}, line {line}", fixed["architecture"], "architecture", "row")
            unsuspicious.add((fixed["architecture"], fixed["seed"]))
        key = Key(**fixed)
        cluster = row[group] if group is not None else ""
        for place, name in layout.values:
            if not layout.headings:
                yield WrittenScore(line, key, row[place], cluster)
            elif row[place]:
                yield WrittenScore(line, key._replace(**{layout.headings: name}), row[place], cluster)


def _refuse_summary(where: str, name: str, what: str, part: str) -> None:
    if _SUMMARY.fullmatch(name.lower()):
        raise CeterisError(f"{where} has the {what} {name!r}, which sounds like a summary: take the {part} out.")


def _columns(table: Table) -> dict[Column, int]:
    """Where each known column is; the everyday word for one counts where its own name is not there."""
    names = [name.lower() for name in table.header]
    wanted: dict[Column, tuple[str, ...]] = {
        column: next(((word,) for word in words if word in names), words) for column, words in _NAMES.items()
    }
    wanted["seed"] = tuple(name for name in dict.fromkeys(names) if name.endswith(("seed", "seeds")))
    wanted["group"] = _GROUPINGS
    if not set(wanted["score"]) & set(names):
        wanted["file"] = ("file",)
        wanted["key"] = ("key",) if "file" in names else ()
    found: dict[Column, int] = {}
    for column, words in wanted.items():
        places = [place for place, name in enumerate(names) if name in words]
        if len(places) > 1:
            several = " and ".join(names[place] for place in places)
            raise CeterisError(f"{table.path} has more than one column for {column} ({several}): keep one of them.")
        if places:
            found[column] = places[0]
    if "group" in found and "sample" not in found:
        raise CeterisError(
            f"{table.path} has a column {names[found['group']]} but no column sample: clusters are of samples, so name "
            "them."
        )
    return found


def _headings(table: Table, others: list[tuple[int, str]]) -> list[tuple[int, str]]:
    named = [(place, name) for place, name in others if name]
    for place, name in named:
        _refuse_summary(f"{table.path}, column {place + 1}", name, "heading", "column")
        if name in [other for earlier, other in named if earlier < place]:
            raise CeterisError(f"{table.path} has more than one column {name}: keep one of them.")
    return named


def _seed_headings(table: Table, others: list[tuple[int, str]]) -> list[tuple[int, str]]:
    named = _headings(table, others)
    seeds = [(place, match[1]) for place, name in named if (match := _SEED_HEADING.fullmatch(name))]
    if not seeds:
        names = ", ".join(table.header)
        raise CeterisError(
            f"{table.path} has no column whose name ends in seed: its columns are {names}; call those that are seeds seed_0, "
            "seed_1 and so on."
        )
    if len(seeds) < len(named):
        stranger = next(name for _, name in named if not _SEED_HEADING.fullmatch(name))
        raise CeterisError(
            f"{table.path} has a column {stranger} beside columns that are seeds: call it seed_{stranger} if it is one, "
            "or take it out."
        )
    return seeds


def _missing(table: Table, column: Column) -> CeterisError:
    what = "column whose name ends in seed" if column == "seed" else f"column {column}"
    columns = ", ".join(name or "(no name)" for name in table.header)
    return CeterisError(f"{table.path} has no {what}: its columns are {columns}, and it needs {WANTED}.")
