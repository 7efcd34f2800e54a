"""A text table as programs and spreadsheets write it: its encoding, its separator, its header and its rows.

The separator is what Excel's first line `sep=;` says, else the candidate that splits the header and fits the rows. A
comma inside a name (`clip, small`) makes two candidates of one header; the rows then decide, or nobody does.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.errors import CeterisError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SAMPLE_FILES = "name files of samples in a CSV with the columns file, measure, architecture and seed"
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\s]|\t)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A table whose rows are read as they are asked for.

    Attributes:
        header: the names of the columns, without blanks around them; "" for a column in the middle that has none.
        delimiter: one of `DELIMITERS`, or what the file's first line says.
    """

    path: Path
    header: list[str]
    delimiter: str
    _width: int
    _text: str

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield line numbers and fields, as many as the header has; rows of nothing but blanks are left out.

        Raises:
            CeterisError: a row has another number of fields, or quotes that do not fit together.
        """
        # Between commas an empty field too many may be half of a decimal comma's number, so there every field counts.
        commas = self.delimiter == ","
        for line, row in _parsed(self.path, self._text, self.delimiter, skip_header=True):
            fields = _without_blank_end(row, len(self.header))
            if len(fields) == len(self.header) and (len(row) == self._width or not commas):
                yield line, fields
                continue
            advice = ": put numbers with decimal commas into quotes" if commas and len(row) > self._width else ""
            raise CeterisError(
                f"{self.path}, line {line} has {len(row)} fields, but the header names {self._width} columns{advice}."
            )


def read_table(path: Path, wanted: str) -> Table:
    """Open a table and find its separator and header.

    Args:
        wanted: the columns that a table needs, for the sentence about one that has none.

    Raises:
        CeterisError: it cannot be read, is no text, is empty, or does not say what separates its columns.
    """
    text = _decoded(path)
    first = re.split(r"[\r\n]", text.lstrip("\r\n "), maxsplit=1)[0].rstrip(" ")
    said = _SEPARATOR_LINE.fullmatch(first)
    if not said and not text.strip("\r\n \t,;|"):
        raise CeterisError(f"{path} is empty: it needs {wanted}.")
    delimiter = said[1] if said else _delimiter(path, text)
    header = next((row for _, row in _parsed(path, text, delimiter)), None)
    if header is None:
        raise CeterisError(f"{path} is empty: it needs {wanted}.")
    named = _without_blank_end(header, 0)
    if len(named) < 2:
        raise CeterisError(
            f"{path} has one column only ({named[0]}): put commas, semicolons or tabs between the columns."
        )
    return Table(path, named, delimiter, len(header), text)


def _decoded(path: Path) -> str:
    if path.is_dir():
        raise CeterisError(f"{path} cannot be read: Is a directory; {_SAMPLE_FILES}.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CeterisError(f"{path} cannot be read: {error.strerror or error}.") from None
    if content.startswith(b"PK\x03\x04"):
        raise CeterisError(f"{path} is a workbook or an archive, not a CSV file: save the sheet as CSV in UTF-8.")
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise CeterisError(f"{path} is not UTF-8 text: save it as a CSV file in UTF-8.") from None
    if text.lstrip().startswith("{"):
        raise CeterisError(f"{path} is JSON, not a table: {_SAMPLE_FILES}.")
    if "\0" in text:
        raise CeterisError(f"{path} is not UTF-8 text, for it holds zero bytes: save it as a CSV file in UTF-8.")
    return text


def _delimiter(path: Path, text: str) -> str:
    """The one candidate that splits the header; of several, the one that fits the most rows."""
    headers = {
        candidate: len(_without_blank_end(row, 0))
        for candidate in DELIMITERS
        for row in [next((row for _, row in _parsed(path, text, candidate, strict=False)), [])]
        if len(_without_blank_end(row, 0)) > 1
    }
    if len(headers) < 2:
        return next(iter(headers), ",")
    fits = {candidate: _fitting_rows(path, text, candidate, width) for candidate, width in headers.items()}
    best = [candidate for candidate, count in fits.items() if count == max(fits.values())]
    if len(best) > 1:
        raise CeterisError(
            f"{path} may have {' or '.join(DELIMITERS[one] for one in best)} between its columns: "
            f"say which in a first line such as sep={best[-1] if best[-1] != chr(9) else ';'}"
        )
    return best[0]


def _fitting_rows(path: Path, text: str, delimiter: str, width: int) -> int:
    rows = _parsed(path, text, delimiter, skip_header=True, strict=False)
    return sum(len(_without_blank_end(row, width)) == width for _, row in rows)


def _parsed(
    path: Path, text: str, delimiter: str, skip_header: bool = False, strict: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields without blanks around them; neither blank rows nor the line that names the separator."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=strict)
    beginning, header_passed = True, not skip_header
    try:
        for row in reader:
            fields = [field.strip() for field in row]
            if not any(fields):
                continue
            if beginning and _SEPARATOR_LINE.fullmatch(delimiter.join(row)):
                beginning = False
                continue
            beginning = False
            if header_passed:
                yield reader.line_num, fields
            header_passed = True
    except csv.Error as error:
        raise CeterisError(f"{path} is not a CSV file that can be read: {error}.") from None


def _without_blank_end(fields: list[str], width: int) -> list[str]:
    """Without the empty fields at the end that are beyond `width`: spreadsheets fill rows up."""
    end = len(fields)
    while end > width and not fields[end - 1]:
        end -= 1
    return fields[:end]
