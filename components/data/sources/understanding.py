"""Say how a manifest was understood, in lines that its owner can compare with what they meant."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.data.samples import SPLITS
from components.data.sources.entries import Manifest
from components.data.sources.manifest_rows import SPLIT_WORDS, remarks
from components.data.sources.profile import ColumnProfile
from components.data.sources.targets import TargetSurvey
from components.data.text_report import TextReport

_SHOWN_COLUMNS = 12
_SHOWN_FILES = 6


@dataclass(frozen=True)
class Understanding:
    """The lines by topic, in the order in which they are printed.

    Attributes:
        structure: rows, columns and where the pictures lie.
        division: splits and groups.
        content: targets, texts and pictures.
    """

    structure: list[str]
    division: list[str]
    content: list[str]

    def lines(self) -> list[str]:
        """All lines."""
        return [*self.structure, *self.division, *self.content]


def structure_of(manifest: Manifest, profiles: Mapping[str, ColumnProfile], rows: int) -> list[str]:
    """Rows, columns and where the pictures lie; `rows` is the number of usable rows."""
    usable = "" if rows == manifest.rows else f", of which {rows:,} can be used"
    names = [file.path.name for file in manifest.files]
    files = " and ".join(names) if len(names) <= _SHOWN_FILES else f"{len(names)} files, {names[0]} to {names[-1]}"
    lines = [f"rows: {manifest.rows:,} in {files}{usable}"]
    described = {file.path.name: _columns(manifest, file.name, profiles) for file in manifest.files}
    if len(set(described.values())) == 1:
        lines.append(f"columns: {next(iter(described.values()))}")
    else:
        lines += [f"columns of {name}: {columns}" for name, columns in described.items()]
    lines += dict.fromkeys(f"file: {remark}" for file in manifest.files for remark in remarks(file))
    base, prefix = manifest.pictures.base, manifest.pictures.prefix
    place = os.path.relpath(base, manifest.folder)
    if place != "." or prefix:
        without = f", without {prefix!r} before them" if prefix else ""
        lines.append(f"picture paths: looked up in {'the data folder' if place == '.' else place}{without}")
    return lines


def _columns(manifest: Manifest, file: str, profiles: Mapping[str, ColumnProfile]) -> str:
    unused = manifest.unused()[file]
    described = [f"{name!r} ({profiles[name].described()})" for name in unused[:_SHOWN_COLUMNS]]
    more = f" and {len(unused) - _SHOWN_COLUMNS} more" if len(unused) > _SHOWN_COLUMNS else ""
    columns = manifest.columns[file].describe()
    return f"{columns}; not used: {', '.join(described)}{more}" if unused else f"{columns}; none is left over"


def _named_splits(manifest: Manifest, profiles: Mapping[str, ColumnProfile]) -> str:
    """The user's words for splits with the splits that they mean, where the two differ."""
    column = next((columns.split for columns in manifest.columns.values() if columns.split), None)
    if column is not None:
        words = [word for word in profiles[column].values if SPLIT_WORDS.get(word.lower(), word) != word]
        called = [f"{word!r} is {SPLIT_WORDS[word.lower()]}" for word in words if word.lower() in SPLIT_WORDS]
    elif len(manifest.files) > 1:
        called = list(dict.fromkeys(f"{file.path.name} is {file.split}" for file in manifest.files))[:_SHOWN_FILES]
    else:
        (file,) = manifest.files
        called = [f"that the file is called {file.path.name} names no split"] if file.split else []
    return ", ".join(called)


def division_of(
    manifest: Manifest,
    profiles: Mapping[str, ColumnProfile],
    splits: Sequence[str],
    how: str,
    groups: Sequence[str],
) -> list[str]:
    """The number of rows of each split, how splits were made, and which groups stay together.

    Args:
        splits: of every row.
        how: how the splits were made, in words.
        groups: of every row.
    """
    counts = Counter(splits)
    order = [*(split for split in SPLITS if split in counts), *sorted(set(counts) - set(SPLITS))]
    sizes = ", ".join(f"{split} {counts[split]:,}" for split in order)
    column = next((columns.group for columns in manifest.columns.values() if columns.group), None)
    of = (
        f"{len(set(groups)):,} of {column!r}"
        if column
        else f"{len(set(groups)):,}, each a picture with all of its rows"
    )
    named = _named_splits(manifest, profiles)
    return [
        f"splits: {sizes} rows; {'; '.join(filter(None, [named, how]))}",
        f"groups: {of}; none is parted where splits are made",
    ]


def about_boxes(boxed: int, rows: int, classes: int, nameless: bool) -> list[str]:
    """How many rows have boxes, and how they were read."""
    if not boxed:
        return []
    names = "some without a name" if nameless else f"named after {classes:,} classes"
    return [f"boxes: on {boxed:,} of {rows:,} rows, read as x, y, width and height in pixels, {names}"]


def about_targets(targets: TargetSurvey, closed: bool) -> list[str]:
    """The classes, how balanced they are and, unless all targets are classes, whether answers are open."""
    first, *others = targets.sentences(closed)
    return [f"targets: {first}", *others]


def about_texts(texts: TextReport, some: int) -> list[str]:
    """Lengths of texts and what the limit cuts; `some` is the number of rows with a text.

    If no row has a text, the lines are about the captions that are made from targets.
    """
    if some or not texts.texts:
        return texts.sentences()
    made = f"texts: none; captions are made from the targets, {texts.longest} tokens at most, and the limit is {texts.max_length}"
    return [made, *([f"the limit cuts {texts.cut_share:.1%} of these captions"] if texts.cut else [])]
