"""Read values separated by commas, semicolons, tabs or bars. The header and the first rows decide which, not the suffix.

* A line `sep=;`, as Excel writes it, sets the separator.
* Blanks around values, rows without any value, and empty fields that spreadsheets append to every row are ignored.
* All values are texts.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from components.data.sources.numbers import number
from components.data.sources.tables.picture_names import is_picture_name
from components.data.sources.tables.row import Fault, ManifestFile, Row, malformed, shortened
from components.data.sources.tables.text_files import encoding_of, is_unicode, lines, not_unicode
from components.errors import CeterisError

# The expected separator by suffix. It is also used for files with a single column.
SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|", ".txt": "\t"}
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SNIFFED_LINES = 60
_FIELD_LIMIT = 1 << 20
_AROUND_NAMES = " \t\r\n\u00a0\u200b\ufeff"

# The line on which a record begins, and its fields or, as a tuple, what is wrong with it and its content.
_Record = tuple[int, list[str] | tuple[str, str]]


@dataclass(frozen=True)
class _Layout:
    separator: str
    first_line: int


def column_names(file: ManifestFile) -> list[str]:
    """The names in the header; none where the file is empty.

    Raises:
        CeterisError: there is no header, or it cannot be read.
    """
    layout = _layout(file)
    return _header(file, _records(file, layout), layout.separator)


def rows(file: ManifestFile, columns: Sequence[str]) -> Iterator[Row | Fault]:
    """The rows in order, with the given columns only.

    Raises:
        CeterisError: the file or its header cannot be read.
    """
    layout = _layout(file)
    records = _records(file, layout)
    header = _header(file, records, layout.separator)
    width = len(header)
    wanted = [(name, header.index(name)) for name in columns if name in header]
    unreadable = None
    for place, record in records:
        if isinstance(record, tuple):
            yield malformed(file, place, f"cannot be read ({record[0]})", record[1])
            continue
        if layout.separator == "\t" and any("\n" in field and "\t" in field for field in record):
            problem = "has line ends and tabs between quotation marks, as after a mark that is never closed"
            yield malformed(file, place, problem, next(field for field in record if "\n" in field))
            continue
        if len(record) > width:
            record = _without_trailing_blanks(record, width)
        if not record[0].strip() and not any(field.strip() for field in record):
            continue
        if len(record) != width:
            yield _other_width(file, place, record, width, layout.separator)
        elif not all(map(is_unicode, record)):
            unreadable = unreadable or not_unicode(file, place)
            yield Fault(file.name, place, unreadable.rule, unreadable.problem, unreadable.advice)
        else:
            yield Row(file.name, place, {name: record[index].strip() for name, index in wanted})


def remarks(file: ManifestFile) -> list[str]:
    """The separator and the encoding, where they differ from what is expected."""
    separator, encoding = _layout(file).separator, encoding_of(file)
    said = []
    if separator != SEPARATORS[file.kind]:
        said.append(f"values are separated by {_NAMES.get(separator, repr(separator))}")
    if not encoding.startswith("utf-8"):
        said.append(f"the encoding is {encoding[:6].upper()}")
    return said


def _layout(file: ManifestFile) -> _Layout:
    sample = list(islice(lines(file), _SNIFFED_LINES))
    for place, line in enumerate(sample, start=1):
        if declared := re.fullmatch(r"\"?sep=(.)\"?[;,\t]*\s*", line, re.IGNORECASE):
            return _Layout(declared[1], place + 1)
        if line.strip():
            break
    default = SEPARATORS[file.kind]
    candidates = [default, *(separator for separator in _NAMES if separator != default)]
    return _Layout(max(candidates, key=lambda separator: _fit(sample, separator)), 1)


def _fit(sample: list[str], separator: str) -> tuple[bool, float]:
    """Whether a separator divides the header, and the share of rows that it divides in the same way."""
    widths: list[int] = []
    try:
        for record in csv.reader(sample, delimiter=separator, skipinitialspace=True):
            if any(field.strip() for field in record):
                widths.append(len(_without_trailing_blanks(record, widths[0] if widths else 1)))
    except csv.Error:
        pass
    if not widths:
        return False, 0.0
    return widths[0] > 1, sum(width == widths[0] for width in widths[1:]) / max(1, len(widths) - 1)


def _records(file: ManifestFile, layout: _Layout) -> Iterator[_Record]:
    csv.field_size_limit(_FIELD_LIMIT)
    last = ""

    def remembered() -> Iterator[str]:
        nonlocal last
        for line in islice(lines(file), layout.first_line - 1, None):
            last = line
            yield line

    reader = csv.reader(remembered(), delimiter=layout.separator, skipinitialspace=True, strict=True)
    begin = layout.first_line
    while True:
        record: list[str] | tuple[str, str] | None
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            one_line = begin == layout.first_line - 1 + reader.line_num
            record = _closed_before_blanks(last, layout.separator) if one_line else None
            if record is None:
                record = _explained(str(error)), last
        if record:
            yield begin, record
        begin = layout.first_line + reader.line_num


def _explained(error: str) -> str:
    if "end of data" in error:
        return "a quotation mark is never closed"
    if "field limit" in error:
        return "a quotation mark is never closed, or a value is longer than a million characters"
    return error


def _closed_before_blanks(line: str, separator: str) -> list[str] | None:
    """The fields of a line with blanks between a closing quotation mark and the separator; None if that is not its fault.

    Python's csv module refuses such lines.
    """
    line, mark = line.rstrip("\r\n"), re.escape(separator)
    # Possessive quantifiers: otherwise the blanks before a field would also be tried as part of it, and the time would double
    # with every field.
    field = rf'[ \t]*+(?:"((?:[^"]|"")*+)"[ \t]*+|([^"{mark}]*+))'
    if separator == "\t" or not re.fullmatch(rf"{field}(?:{mark}{field})*", line):
        return None
    found = re.finditer(rf"(?:^|{mark}){field}", line)
    return [(match[2] if match[1] is None else match[1].replace('""', '"')) for match in found]


def _header(file: ManifestFile, records: Iterator[_Record], separator: str) -> list[str]:
    for place, record in records:
        if isinstance(record, tuple):
            raise CeterisError(f"{file.name} line {place}: the header cannot be read ({record[0]}): correct it.")
        names = _without_trailing_blanks([name.strip(_AROUND_NAMES) for name in record], 0)
        if not names:
            continue
        if not all(map(is_unicode, names)):
            fault = not_unicode(file, place)
            raise CeterisError(f"{file.name} line {place}: {fault.problem}: {fault.advice}.")
        if _is_data(names):
            raise CeterisError(
                f"{file.name} has no header: its first line is {shortened(separator.join(names))}: "
                "put column names such as image,target on a line before it."
            )
        return names
    return []


def _is_data(names: list[str]) -> bool:
    """Whether a first line holds values: the path of a picture, or numbers without any name of a column."""
    if any(is_picture_name(word) for name in names for word in (name, *name.split())):
        return True
    return any(number(name) is not None for name in names) and not any(
        re.fullmatch(r"[\w ]*(image|img|picture|photo|file|path|label|target|class|category|answer)[\w ]*", name, re.I)
        for name in names
    )


def _without_trailing_blanks(record: list[str], width: int) -> list[str]:
    """A record without empty fields at its end beyond a width."""
    end = len(record)
    while end > width and not record[end - 1].strip():
        end -= 1
    return record[:end]


def _other_width(file: ManifestFile, place: int, record: list[str], width: int, separator: str) -> Fault:
    """The fault of a row with too many or too few fields.

    Its words are the same for many rows, so that they become one sentence: the number of fields is exact if one is missing or
    too many, otherwise "at most" or "or more".
    """
    found, more = len(record), len(record) > width
    if more:
        count = f"{width + 1} fields" if found == width + 1 else f"{width + 2} or more fields"
        advice = f"put values that contain {_NAMES.get(separator, repr(separator))} in quotation marks"
    else:
        near = found == width - 1
        count = _fields(found) if near else f"at most {_fields(width - 2)}"
        advice = "add what is missing or remove the row"
    problem = f"has {count} where the header has {width}"
    return malformed(file, place, problem, separator.join(record), advice)


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"
