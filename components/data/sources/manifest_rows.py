"""Read a manifest of any form row by row. Other modules use `manifest_files.py` and `tables/` through this one.

Nothing here depends on what columns mean. A row that cannot be read becomes a `Fault`, and reading continues after it. Every
form but a JSON document is read in bounded memory.
"""

from collections.abc import Iterator, Sequence

from components.data.sources.manifest_files import JSON, JSON_LINES, PARQUET, SUFFIXES, manifest_files
from components.data.sources.tables import class_folders, json_document, json_lines, parquet, separated_values
from components.data.sources.tables.row import FOLDERS, Fault, ManifestFile, Row
from components.data.sources.tables.split_names import SPLIT_WORDS, split_word

__all__ = [
    "FOLDERS",
    "SPLIT_WORDS",
    "SUFFIXES",
    "Fault",
    "ManifestFile",
    "Row",
    "column_names",
    "manifest_files",
    "remarks",
    "row_count",
    "rows",
    "split_word",
]
_SHOWN = 3


def column_names(file: ManifestFile) -> list[str]:
    """The columns of a file; for JSON, all keys of all rows in the order in which they first appear.

    Raises:
        CeterisError: the file cannot be read at all.
    """
    if not file.known_columns:
        file.known_columns.extend(_column_names(file))
    return list(file.known_columns)


def _column_names(file: ManifestFile) -> list[str]:
    if file.kind == FOLDERS:
        return class_folders.column_names(file)
    if file.kind == PARQUET:
        return parquet.column_names(file)
    if file.kind in separated_values.SEPARATORS:
        return separated_values.column_names(file)
    names: dict[str, None] = {}
    for row in rows(file, []):
        if isinstance(row, Row):
            names.update(dict.fromkeys(row.values))
    return list(names)


def rows(file: ManifestFile, columns: Sequence[str]) -> Iterator[Row | Fault]:
    """The rows of a file in order, with at least those of the given columns that they have.

    Raises:
        CeterisError: the file cannot be read at all.
    """
    if file.kind == FOLDERS:
        return class_folders.rows(file)
    if file.kind == PARQUET:
        return parquet.rows(file, columns)
    if file.kind in separated_values.SEPARATORS:
        return separated_values.rows(file, columns)
    if file.kind in JSON_LINES:
        return json_lines.rows(file)
    assert file.kind == JSON
    return json_document.rows(file)


def row_count(file: ManifestFile) -> int:
    """Approximate number of rows, only for progress."""
    if file.kind == FOLDERS:
        return len(class_folders.class_folders(file.path).pictures)
    if file.kind == PARQUET:
        return parquet.row_count(file)
    mark = b"{" if file.kind == JSON else b"\n"
    with file.path.open("rb") as stream:
        return sum(block.count(mark) for block in iter(lambda: stream.read(1 << 20), b""))


def remarks(file: ManifestFile) -> list[str]:
    """Remarks on how a file was understood: separator, encoding, class names, folders as classes, files that are not used."""
    if file.kind in separated_values.SEPARATORS:
        return separated_values.remarks(file)
    if file.kind == PARQUET:
        return [
            f"the numbers of {name!r} are given the class names of the file's schema ({_shown(names)})"
            for name, names in parquet.class_names(file).items()
        ]
    if file.kind == FOLDERS:
        found = class_folders.class_folders(file.path)
        others = f"files that are no pictures are not used: {_shown(found.others)}"
        deep = f"the folders inside those of the classes tell nothing: {_shown(found.deep)}"
        said = ["there is no manifest: the folders are the classes"]
        return [*said, *([deep] if found.deep else []), *([others] if found.others else [])]
    return []


def _shown(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
