"""Read the user's manifest: its usable rows as typed entries, and the faults of the others.

Columns: `image` (a path inside the folder, the encoded bytes, or Hugging Face's struct of both) and `target`; optionally
`text`, `split`, `group`, `id`, `boxes` and `classes`. `columns.py` says how they are found.
"""

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from components.data.findings import noun_of
from components.data.sources.box_forms import Boxes, BoxFormError, boxes_of
from components.data.sources.columns import ALIASES, recognise
from components.data.sources.faults import Faults, UnusableError
from components.data.sources.manifest_rows import (
    FOLDERS,
    Fault,
    ManifestFile,
    Row,
    column_names,
    manifest_files,
    row_count,
    rows,
)
from components.data.sources.manifest_settings import ManifestSettings
from components.data.sources.picture_paths import PicturePaths, find_pictures, surroundings
from components.data.sources.split_words import split_of
from components.errors import CeterisError

# Rows of each file whose paths are read to find out where the pictures lie.
_LOOKED_AT = 1000


@dataclass(frozen=True)
class Entry:
    """One usable row.

    `split` and `group` are None where the manifest leaves them to Ceteris. `target` is in Unicode's composed form (NFC);
    `written_target` is as in the file.
    """

    file: str
    place: int
    id: str
    image: Path | bytes
    text: str
    target: str | None
    written_target: str | None
    split: str | None
    group: str | None
    boxes: Boxes | None

    def picture(self) -> bytes:
        """The encoded picture.

        Raises:
            UnreadableFileError: the file cannot be read.
        """
        if isinstance(self.image, bytes):
            return self.image
        try:
            return self.image.read_bytes()
        except OSError as error:
            raise UnreadableFileError(
                f"{self.file} {noun_of(self.file)} {self.place}: the picture {self.image.name} cannot be read ({error.strerror}): "
                "make it readable or remove the row.",
                error.strerror or type(error).__name__,
            ) from None


class UnreadableFileError(CeterisError):
    """A picture file that cannot be read; `reason` is the operating system's message."""

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Manifest:
    """The manifest at a path: one file, or a folder with one (or with one file per split).

    Attributes:
        files: in order.
        folder: the data folder: the folder that was given, or that of the file that was given.
        home: the folder in which the manifest lies; for class folders, the one that holds them.
        columns: the recognised columns, by the name of the file.
        names: all column names, by the name of the file.
        pictures: resolves picture paths to files.
        rows: number of rows read, usable or not; counted by `entries`.
    """

    def __init__(
        self, path: Path, settings: ManifestSettings, named: Sequence[Path] = (), search: bool = False
    ) -> None:
        """Find the files, their columns and the folder of the pictures.

        Args:
            settings: the columns and places that the study or the user gives.
            named: further folders in which pictures may lie.
            search: whether to find out from the first rows where the pictures lie. A study states the place, so it does not
                search.

        Raises:
            CeterisError: there is no manifest, or one of its files cannot be read at all.
        """
        self.rows = 0
        self.files = manifest_files(path / settings.file if settings.file else path)
        self.folder = (path if path.is_dir() else path.parent).absolute()
        self.names = {file.name: column_names(file) for file in self.files}
        self.columns = {name: recognise(names, settings.columns, name) for name, names in self.names.items()}
        first = self.files[0].path
        self.home = (first if first.is_dir() else first.parent).absolute()
        base, prefix = (self.folder / settings.pictures if settings.pictures else self.home), settings.prefix
        if search:
            base, prefix = find_pictures(self._first_paths(), self.home, self.folder, named, prefix)
        around = [] if base.is_relative_to(self.home) else surroundings(self.home)
        anchors = [self.folder, self.home, *around, *named]
        self.pictures = PicturePaths(base, prefix or "", tuple(dict.fromkeys(folder.resolve() for folder in anchors)))

    def _first_paths(self) -> list[str]:
        """Picture paths of the first rows of every file."""
        found: list[str] = []
        for file in self.files:
            if name := self.columns[file.name].image:
                first = (row.values.get(name) for row in islice(rows(file, [name]), _LOOKED_AT) if isinstance(row, Row))
                found += [path for path in map(_path_of, first) if path]
        # Evenly spaced over the rows, because a file may be sorted by folder.
        return found[:: max(1, len(found) // 50)]

    def row_count(self) -> int:
        """Approximate number of rows, only for progress."""
        return sum(row_count(file) for file in self.files)

    def unused(self) -> dict[str, list[str]]:
        """The columns of each file that are not used."""
        return {
            name: [column for column in names if column not in self.columns[name].used]
            for name, names in self.names.items()
        }

    def entries(self, faults: Faults) -> Iterator[Entry]:
        """The usable rows in order; faults of the others are added to `faults`."""
        self.rows = 0
        for file in self.files:
            usable = self._columns_suffice(file, faults)
            seen = 0
            for row in rows(file, self.columns[file.name].used):
                seen += 1
                self.rows += 1
                if isinstance(row, Fault):
                    faults.add(row)
                elif usable:
                    try:
                        yield self._entry(file, row)
                    except UnusableError as error:
                        faults.add(error.at(row.file, row.place))
            if not seen:
                faults.add(Fault(file.name, 0, "zero rows", "has no rows", "add some or remove the file"))

    def texts(self) -> Iterator[str]:
        """The texts of all rows in order, without reading pictures; only for a manifest without faults."""
        for file in self.files:
            name = self.columns[file.name].text
            for row in rows(file, [name] if name else []):
                if isinstance(row, Row):
                    yield str(row.values.get(name) or "") if name else ""

    def _columns_suffice(self, file: ManifestFile, faults: Faults) -> bool:
        columns, names = self.columns[file.name], self.names[file.name]
        if not names:
            return False
        missing = [meaning for meaning in ("image", "target") if getattr(columns, meaning) is None]
        for meaning in missing:
            problem = f"has no column for the {meaning}, only {', '.join(map(repr, names[:12]))}"
            advice = f"name yours with --{meaning} COLUMN, or call it one of {', '.join(ALIASES[meaning])}"
            faults.add(Fault(file.name, 0, "missing column", problem, advice))
        for name in sorted({name for name in columns.used if names.count(name) > 1}):
            faults.add(Fault(file.name, 0, "repeated column", f"has the column {name!r} twice", "remove one of them"))
            missing.append(name)
        return not missing

    def _entry(self, file: ManifestFile, row: Row) -> Entry:
        columns = self.columns[file.name]
        values = {meaning: row.values.get(name) if name else None for meaning, name in columns.by_meaning().items()}
        written = _scalar(values["target"], "target") or None
        return Entry(
            file=row.file,
            place=row.place,
            id=self._id(file, row, _scalar(values["id"], "id")),
            image=self._image(values["image"]),
            text=_text(values["text"]),
            target=unicodedata.normalize("NFC", written) if written else None,
            written_target=written,
            split=self._split(file, columns.split, values["split"]),
            group=_scalar(values["group"], "group") or None,
            boxes=_boxes(values["boxes"], values["classes"]),
        )

    def _id(self, file: ManifestFile, row: Row, given: str) -> str:
        """The row's id.

        Where there are several files, a given id begins with the name of its file, because each file may count from 0. The
        id of a picture in a class folder is its path.
        """
        if given:
            return f"{file.path.stem}:{given}" if len(self.files) > 1 else given
        return str(row.values["image"]) if file.kind == FOLDERS else f"{file.path.name}:{row.place}"

    def _split(self, file: ManifestFile, column: str | None, value: Any) -> str | None:
        if column is None:
            return file.split if len(self.files) > 1 else None
        word = _scalar(value, "split")
        if not word:
            raise UnusableError("split", "has an empty split", "fill it in, or say --split none to have splits made")
        return split_of(word, column)

    def _image(self, value: Any) -> Path | bytes:
        if isinstance(value, Mapping):
            value = value.get("bytes") or value.get("path")
        if value is None or value in ("", b""):
            raise UnusableError("image missing", "has no image", "give the path or the bytes of one, or remove the row")
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str):
            problem = f"has an image of type {type(value).__name__}"
            raise UnusableError("column type", problem, "give a path inside the folder, or the bytes of the file")
        return self.pictures.locate(value.strip())


def _path_of(value: Any) -> str:
    if isinstance(value, Mapping):
        value = None if value.get("bytes") else value.get("path")
    return value.strip() if isinstance(value, str) else ""


def _scalar(value: Any, meaning: str) -> str:
    """A word or number as text; empty where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, str):
        return _unicode(value).strip()
    problem = f"has a {meaning} of type {type(value).__name__}"
    raise UnusableError("column type", problem, "give one word or number")


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, str):
        raise UnusableError("column type", f"has a text of type {type(value).__name__}", "give a sentence")
    return _unicode(value)


def _unicode(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnusableError("not UTF-8", "is not valid UTF-8", "save the file as UTF-8") from None
    return value


def _boxes(value: Any, names: Any) -> Boxes | None:
    """The boxes of a row, with the names in them or, if they have none, those of the column `classes`."""
    try:
        boxes = boxes_of(value)
    except BoxFormError as error:
        raise UnusableError("boxes", str(error), f"{error.advice}, or say --boxes none to leave them out") from None
    if boxes is None or boxes.names is not None or names is None:
        return boxes
    given = [str(name) for name in names] if isinstance(names, list) else []
    if len(given) != len(boxes.values):
        raise UnusableError(
            "boxes", "has another number of names in 'classes' than of boxes", "give one name for each box, in a list"
        )
    return Boxes(boxes.values, given)
