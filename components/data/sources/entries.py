"""A manifest of the user's own: its rows as typed entries, and everything in it that cannot be used.

Columns: `image` (a path inside the folder, the encoded bytes, or Hugging Face's struct of both), `target`, and where
they exist `text`, `split`, `group`, `id` and `boxes`; see `columns.py` for the names that are recognised.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from components.data.samples import GENERALISATION_PREFIX
from components.data.sources.columns import ALIASES, Columns, recognise
from components.data.sources.reading import (
    SPLIT_WORDS,
    Fault,
    ManifestFile,
    Row,
    column_names,
    manifest_files,
    row_count,
    rows,
)
from components.data.validation.findings import QUOTED, Findings, finding, noun_of, quoted
from components.errors import CeterisError

# A file larger than this is not read at all.
MAX_BYTES = 128 << 20


@dataclass(frozen=True)
class Entry:
    """One usable row. `split` is None where the manifest leaves the choice to Ceteris; the same holds for `group`."""

    file: str
    place: int
    id: str
    image: Path | bytes
    text: str
    target: str | None
    split: str | None
    group: str | None
    boxes: list[list[float]] | None

    def picture(self) -> bytes:
        """The encoded picture.

        Raises:
            CeterisError: the file cannot be read.
        """
        if isinstance(self.image, bytes):
            return self.image
        try:
            return self.image.read_bytes()
        except OSError as error:
            raise CeterisError(
                f"{self.file} {noun_of(self.file)} {self.place}: the picture {self.image.name} cannot be read ({error.strerror}): "
                "make it readable or remove the row."
            ) from None


@dataclass
class Faults:
    """What was found unusable, gathered so that faults of one kind in one file become one sentence with a few examples."""

    places: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    examples: dict[tuple[str, str, str, str], list[str]] = field(default_factory=dict)

    def add(self, fault: Fault) -> None:
        """Remember one."""
        kind = (fault.file, fault.rule, fault.problem, fault.advice)
        places, examples = self.places.setdefault(kind, []), self.examples.setdefault(kind, [])
        if fault.place:
            places.append(fault.place)
        if fault.example and fault.example not in examples and len(examples) <= QUOTED:
            examples.append(fault.example)

    def findings(self) -> Findings:
        """All of them; every one is critical."""
        return Findings(
            [
                finding(
                    "critical", rule, file, rows, problem + quoted(self.examples[file, rule, problem, advice]), advice
                )
                for (file, rule, problem, advice), rows in self.places.items()
            ]
        )


class _UnusableError(Exception):
    """A row that cannot be used, and why."""

    def __init__(self, rule: str, problem: str, advice: str, example: str = "") -> None:
        super().__init__(problem)
        self.rule, self.problem, self.advice, self.example = rule, problem, advice, example


class Manifest:
    """The manifest at a path: one file, or a folder with one (or with one file per split)."""

    def __init__(self, path: Path) -> None:
        """Find the files and their columns.

        Raises:
            CeterisError: there is no manifest, or one of its files cannot be read at all.
        """
        self.files = manifest_files(path)
        self.folder = (path if path.is_dir() else path.parent).resolve()
        self.columns: dict[str, Columns] = {file.name: recognise(column_names(file)) for file in self.files}

    def row_count(self) -> int:
        """About how many rows there are, for progress alone."""
        return sum(row_count(file) for file in self.files)

    def entries(self, faults: Faults) -> Iterator[Entry]:
        """The usable rows in order; what cannot be used goes to `faults`."""
        for file in self.files:
            usable = self._columns_suffice(file, faults)
            seen = 0
            for row in rows(file, self.columns[file.name].used):
                seen += 1
                if isinstance(row, Fault):
                    faults.add(row)
                elif usable:
                    try:
                        yield self._entry(file, row)
                    except _UnusableError as error:
                        faults.add(Fault(row.file, row.place, error.rule, error.problem, error.advice, error.example))
            if not seen:
                faults.add(Fault(file.name, 0, "zero rows", "has no rows", "add some or remove the file"))

    def _columns_suffice(self, file: ManifestFile, faults: Faults) -> bool:
        columns, names = self.columns[file.name], column_names(file)
        if not names:
            return False
        missing = [meaning for meaning in ("image", "target") if getattr(columns, meaning) is None]
        for meaning in missing:
            problem = f"has no column for the {meaning}, only {', '.join(map(repr, names[:12]))}"
            faults.add(Fault(file.name, 0, "missing column", problem, f"name it one of {', '.join(ALIASES[meaning])}"))
        for name in sorted({name for name in columns.used if names.count(name) > 1}):
            faults.add(Fault(file.name, 0, "repeated column", f"has the column {name!r} twice", "remove one of them"))
            missing.append(name)
        return not missing

    def _entry(self, file: ManifestFile, row: Row) -> Entry:
        columns = self.columns[file.name]
        values = {meaning: row.values.get(name) if name else None for meaning, name in columns.by_meaning().items()}
        split = (
            file.split if columns.split is None and len(self.files) > 1 else split_of(_scalar(values["split"], "split"))
        )
        if columns.split is not None and split is None and not _scalar(values["split"], "split"):
            raise _UnusableError("split", "has an empty split", "fill it in, or drop the column to have splits made")
        text = _text(values["text"])
        return Entry(
            file=row.file,
            place=row.place,
            id=_scalar(values["id"], "id") or f"{file.path.name}:{row.place}",
            image=self._image(values["image"]),
            text=text,
            target=_scalar(values["target"], "target") or None,
            split=split,
            group=_scalar(values["group"], "group") or None,
            boxes=_boxes(values["boxes"]),
        )

    def _image(self, value: Any) -> Path | bytes:
        if isinstance(value, Mapping):
            value = value.get("bytes") or value.get("path")
        if value is None or value in ("", b""):
            raise _UnusableError(
                "image missing", "has no image", "give the path or the bytes of one, or remove the row"
            )
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str):
            problem = f"has an image of type {type(value).__name__}"
            raise _UnusableError("column type", problem, "give a path inside the folder, or the bytes of the file")
        return self._inside(value)

    def _inside(self, value: str) -> Path:
        """The file a path names, which must lie inside the folder, links followed."""
        relative = PurePosixPath(value)
        shown = value if len(value) <= 120 else value[:117] + "..."
        outside = _UnusableError(
            "path outside",
            f"names {shown!r}, which is not inside the data folder",
            "give a path relative to the manifest",
        )
        if (
            "\0" in value
            or relative.is_absolute()
            or ".." in relative.parts
            or PureWindowsPath(value).drive
            or "://" in value
        ):
            raise outside
        try:
            path = self.folder / relative
            if not path.resolve().is_relative_to(self.folder):
                raise outside
            if path.is_file():
                if path.stat().st_size > MAX_BYTES:
                    raise _UnusableError(
                        "image size", f"names {shown!r}, a file over {MAX_BYTES >> 20} MiB", "give a smaller one"
                    )
                return path
        except (OSError, RuntimeError, ValueError):
            pass
        raise _UnusableError("image missing", f"names the picture {shown!r}, which does not exist", "correct the path")


def split_of(word: str) -> str | None:
    """The split that a word in the split column names; None for an empty one.

    Generalisation splits (`general_...`) keep their names.
    """
    lowered = word.lower()
    if not lowered:
        return None
    if lowered.startswith(GENERALISATION_PREFIX) and lowered.replace("_", "").isalnum():
        return lowered
    if lowered not in SPLIT_WORDS:
        raise _UnusableError(
            "split",
            f"names the split {word!r}, which is not known",
            f"use one of {', '.join(dict.fromkeys(SPLIT_WORDS))}",
        )
    return SPLIT_WORDS[lowered]


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
    raise _UnusableError("column type", problem, "give one word or number")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _UnusableError("column type", f"has a text of type {type(value).__name__}", "give a sentence")
    return _unicode(value)


def _unicode(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _UnusableError("not UTF-8", "is not valid UTF-8", "save the file as UTF-8") from None
    return value


def _boxes(value: Any) -> list[list[float]] | None:
    """Boxes as lists of x, y, width and height in pixels; a text file holds them as JSON."""
    if value is None or value == "":
        return None
    try:
        boxes = json.loads(value) if isinstance(value, str) else value
        numbers = [[float(number) for number in box] for box in boxes]
    except (TypeError, ValueError):
        numbers = [[]]
    if not all(_is_box(box) for box in numbers):
        raise _UnusableError(
            "boxes", "has boxes that are not lists of four numbers", "give [[x, y, width, height], ...] in pixels"
        )
    return numbers


def _is_box(box: Sequence[float]) -> bool:
    return len(box) == 4 and all(map(math.isfinite, box))
