"""The common types of all forms of manifest: a file, a row, and a fault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The kind of a manifest that is a folder with one subfolder for each class.
FOLDERS = "folders"
_QUOTED_CHARACTERS = 60


@dataclass(frozen=True)
class ManifestFile:
    """One file of a manifest.

    `name` is what messages call it. `split` is the split in its file name, if any. `folder` is the data folder: the one that the
    user gave, or the one in which the given file lies. The file may lie in a subfolder of it, such as `annotations/train.json`.
    For class folders `path` is the folder that holds them.
    """

    path: Path
    name: str
    split: str | None
    folder: Path
    # Filled by `manifest_rows.column_names`, because for JSON the names take a pass over the file.
    known_columns: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """The lower-case suffix, or `FOLDERS`."""
        return FOLDERS if self.path.is_dir() else self.path.suffix.lower()


@dataclass(frozen=True)
class Row:
    """One readable row and its place.

    `place` is the line of a text file (its header is line 1), the row of a Parquet or JSON file (from 1), or the number of the
    picture in class folders (from 1).
    """

    file: str
    place: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """A row or file that cannot be used. `place` is 0 for the whole file.

    `problem` says what is wrong, in the same words for all rows with this fault. `example` is the value in this row, quoted.
    Faults that differ only in place and example become one sentence.
    """

    file: str
    place: int
    rule: str
    problem: str
    advice: str
    example: str = ""


def malformed(
    file: ManifestFile, place: int, problem: str, content: str = "", advice: str = "correct or remove it"
) -> Fault:
    """The fault of a row that cannot be read, with the beginning of its content."""
    return Fault(file.name, place, "malformed line", problem, advice, shortened(content) if content else "")


def shortened(content: str) -> str:
    """The beginning of a text, quoted."""
    content = content.strip()
    return repr(content if len(content) <= _QUOTED_CHARACTERS else content[: _QUOTED_CHARACTERS - 3] + "...")
