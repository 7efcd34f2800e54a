"""What every form of manifest comes down to: a file, its rows, and what in it cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The kind of a manifest that is no file: a folder whose folders are the classes.
FOLDERS = "folders"
_QUOTED_CHARACTERS = 60


@dataclass(frozen=True)
class ManifestFile:
    """One file of a manifest, under the name by which the user knows it, with the split that its name tells.

    `folder` is the folder of data: the one that the user named, or the one in which the named file lies. The file itself may
    lie in a folder inside it, as `annotations/train.json` does. Where the folders are the manifest, `path` is that folder.
    """

    path: Path
    name: str
    split: str | None
    folder: Path
    # Filled by `reading.column_names`: for JSON the names take a pass over the file.
    known_columns: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """The lower-case suffix, or `FOLDERS`."""
        return FOLDERS if self.path.is_dir() else self.path.suffix.lower()


@dataclass(frozen=True)
class Row:
    """One readable row and where it stands.

    `place` is the line of a text file (its header is line 1), the row of a Parquet or JSON file, or the number of the picture
    in class folders; the latter count from 1.
    """

    file: str
    place: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """Something that cannot be used. `place` is 0 where the whole file is meant.

    `problem` says what is wrong in words that are the same for all rows at fault; `example` is what this row has,
    quoted. Faults that differ in place and example alone become one sentence.
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
    """The fault of a row that cannot be read, with the beginning of what stands there."""
    return Fault(file.name, place, "malformed line", problem, advice, shortened(content) if content else "")


def shortened(content: str) -> str:
    """The beginning of a text, quoted."""
    content = content.strip()
    return repr(content if len(content) <= _QUOTED_CHARACTERS else content[: _QUOTED_CHARACTERS - 3] + "...")
