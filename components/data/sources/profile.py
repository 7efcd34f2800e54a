"""Profile the columns of a manifest by their values, whatever they are called, before any column is used."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.sources.columns import ALIASES
from components.data.sources.manifest_rows import ManifestFile, Row, rows
from components.data.sources.tables.picture_names import is_picture_name

# The largest number of different values of a column that are counted.
_KEPT = 1000
_FIRST = 200


@dataclass
class ColumnProfile:
    """One column, over all files that have it.

    Attributes:
        rows: rows of these files.
        filled: rows that hold something.
        words: blank-separated words over all rows.
        paths: rows that look like the path of a picture.
        structures: rows that hold a list or a mapping.
        values: how often each value occurs, as text; only the first `_KEPT` different values.
        many: whether there are more different values.
        first: the values of the first `_FIRST` rows as text; empty where a row has none.
        binary: whether it holds bytes, which are not read.
        beside: by name of another column that may be the target, the pairs of values in the same row.
    """

    name: str
    rows: int = 0
    filled: int = 0
    words: int = 0
    paths: int = 0
    structures: int = 0
    values: Counter[str] = field(default_factory=Counter)
    many: bool = False
    first: list[str] = field(default_factory=list)
    binary: bool = False
    beside: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def names(self, other: "ColumnProfile") -> bool:
        """Whether values of the two columns correspond one to one, as names of classes and their numbers do."""
        pairs = self.beside.get(other.name, set())
        return bool(pairs) and len(pairs) == len(self.values) == len(other.values)

    def add(self, value: Any) -> None:
        """Add the value of one row."""
        self.rows += 1
        if len(self.first) < _FIRST:
            self.first.append("" if value is None or isinstance(value, Mapping | list) else str(value).strip())
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            return
        self.filled += 1
        if isinstance(value, Mapping | list):
            self.structures += 1
            return
        text = str(value).strip()
        self.words += len(text.split())
        self.paths += is_picture_name(text)
        if text in self.values or len(self.values) < _KEPT:
            self.values[text] += 1
        else:
            self.many = True

    @property
    def shows_pictures(self) -> bool:
        """Whether it holds bytes, or mostly paths of pictures."""
        return self.binary or (self.filled > 0 and 2 * self.paths > self.filled)

    @property
    def holds_sentences(self) -> bool:
        """Whether most rows are filled, with three or more words on average and more than ten different values."""
        return 2 * self.filled > self.rows and self.words >= 3 * self.filled and (self.many or len(self.values) > 10)

    @property
    def repeats(self) -> bool:
        """Whether values occur in two or more rows on average, as those of classes, splits and people do."""
        return self.filled > 1 and not self.many and 1 < len(self.values) <= self.filled / 2

    def described(self) -> str:
        """In words, for lists of columns: "filled in 60 of 90 rows, such as 'P0'"."""
        if self.binary:
            return "bytes"
        example = next(iter(self.values), "")
        share = "" if self.filled == self.rows else f"filled in {self.filled:,} of {self.rows:,} rows, "
        return f"{share}such as {example[:40]!r}" if example else "empty" if not self.filled else f"{share}structures"


def profile_columns(files: Sequence[ManifestFile], names: Mapping[str, Sequence[str]]) -> dict[str, ColumnProfile]:
    """Profile every column of every file, in one pass and in bounded memory.

    Args:
        names: the columns of each file.
    """
    found: dict[str, ColumnProfile] = {}
    for file in files:
        binary = _binary_columns(file)
        readable = [name for name in dict.fromkeys(names[file.name]) if name not in binary]
        for name in names[file.name]:
            found.setdefault(name, ColumnProfile(name)).binary |= name in binary
        if not readable:
            continue
        compared = [name for name in readable if name.strip().lower() in ALIASES["target"]]
        for row in rows(file, readable):
            if isinstance(row, Row):
                for name in readable:
                    found[name].add(row.values.get(name))
                for one, other in permutations(compared, 2):
                    pairs = found[one].beside.setdefault(other, set())
                    if len(pairs) < _KEPT:
                        pairs.add((str(row.values.get(one)).strip(), str(row.values.get(other)).strip()))
    return found


def _binary_columns(file: ManifestFile) -> set[str]:
    """Columns of a Parquet file that hold bytes. They are not profiled, because that would read all pictures."""
    if file.kind != ".parquet":
        return set()
    return {column.name for column in pq.read_schema(file.path) if _is_binary(column.type)}


def _is_binary(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(_is_binary(kind.field(place).type) for place in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
