"""Read JSON lines: every line is an object with one key per column. The columns are the keys of all rows."""

import json
from collections.abc import Iterator

from components.data.sources.tables.row import Fault, ManifestFile, Row, malformed
from components.data.sources.tables.text_files import is_unicode, lines, not_unicode
from components.errors import CeterisError


def rows(file: ManifestFile) -> Iterator[Row | Fault]:
    """The rows in order, with all their keys; blank lines do not count.

    Raises:
        CeterisError: the file cannot be read, or is one JSON document instead of JSON lines.
    """
    seen = False
    for place, line in enumerate(lines(file), start=1):
        if line.strip():
            if not seen and _begins_a_document(line):
                raise CeterisError(
                    f"{file.name} is one JSON document and not one object on each line: give it a name that ends in .json."
                )
            seen = True
            yield parsed(file, place, line)


def parsed(file: ManifestFile, place: int, line: str) -> Row | Fault:
    """The row on one line, or the fault of that line."""
    if not is_unicode(line):
        return not_unicode(file, place)
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return malformed(file, place, "is not valid JSON", line)
    if isinstance(values, dict):
        return Row(file.name, place, values)
    return malformed(file, place, "is not a JSON object with one key per column", line)


def _begins_a_document(line: str) -> bool:
    """Whether a first line begins a JSON document: an array of objects, or an object that continues on the next lines."""
    line = line.strip()
    if line in ("{", "["):
        return True
    if not line.startswith("["):
        return False
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return bool(values) and all(isinstance(value, dict) for value in values)
