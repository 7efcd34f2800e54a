"""Reading manifest files row by row: CSV, JSON lines and Parquet, with the place of every row, in bounded memory.

Nothing here knows what columns mean. A row that cannot be read becomes a `Fault` and reading goes on after it.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import CeterisError

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = frozenset({".jsonl", ".ndjson"})
SUFFIXES = (*DELIMITERS, *sorted(JSON_LINES), ".parquet")
_BATCH_ROWS = 256
_KEY_ROWS = 200
_FIELD_LIMIT = 1 << 20


@dataclass(frozen=True)
class Row:
    """One readable row and where it stands: the line of a text file (its header is line 1) or the row of a Parquet file."""

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


@dataclass(frozen=True)
class ManifestFile:
    """One file of a manifest, under the name by which the user knows it, with the split that its name tells."""

    path: Path
    name: str
    split: str | None

    @property
    def kind(self) -> str:
        """The lower-case suffix."""
        return self.path.suffix.lower()


def manifest_files(path: Path) -> list[ManifestFile]:
    """The files of the manifest at `path`: the file itself, or those at the top of the folder.

    Several files are one manifest where each name tells a split, as `train.parquet` and `validation.parquet` do.

    Raises:
        CeterisError: there is no manifest, or the files do not make one.
    """
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise CeterisError(
                f"{path} is no manifest: give a file ending in {', '.join(SUFFIXES)}, or a folder with one."
            )
        return [ManifestFile(path, str(path), split_word(path.stem))]
    if not path.is_dir():
        raise CeterisError(
            f"{path} does not exist: give a manifest ({', '.join(SUFFIXES)}) or the folder that holds it."
        )
    paths = sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in SUFFIXES)
    if not paths:
        raise CeterisError(f"{path} holds no manifest: put one file ending in {', '.join(SUFFIXES)} there.")
    files = [ManifestFile(file, str(file), split_word(file.stem)) for file in paths]
    if len(files) == 1:
        return files
    if len({file.kind for file in files}) > 1:
        raise CeterisError(
            f"{path} holds files of several kinds ({', '.join(file.path.name for file in files)}): "
            "keep one kind there, or give the one file that is the manifest."
        )
    if nameless := [file.path.name for file in files if file.split is None]:
        raise CeterisError(
            f"{path} holds several files, and the name of {', '.join(nameless)} tells no split: "
            "name each after its split, such as train.csv and test.csv, or give the one file that is the manifest."
        )
    return files


# The words by which people name splits, and what each is here.
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "selection": "selection",
    "test": "selection",
    "testing": "selection",
    "eval": "selection",
    "evaluation": "selection",
    "gate": "gate",
}


def split_word(stem: str) -> str | None:
    """The split that a file name tells, if any: "my_train-00000-of-00002" tells "train"."""
    words = {SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", stem.lower()) if word in SPLIT_WORDS}
    return words.pop() if len(words) == 1 else None


def column_names(file: ManifestFile) -> list[str]:
    """The columns of a file, without reading it all: for JSON lines, the keys of the first rows.

    Raises:
        CeterisError: the file cannot be read at all.
    """
    if file.kind == ".parquet":
        with _parquet(file) as table:
            return list(table.schema_arrow.names)
    if file.kind in DELIMITERS:
        return _csv_header(file, _csv_records(file))
    names: dict[str, None] = {}
    seen = 0
    for row in _json_rows(file):
        if isinstance(row, Row):
            names.update(dict.fromkeys(row.values))
            seen += 1
            if seen == _KEY_ROWS:
                break
    return list(names)


def rows(file: ManifestFile, columns: list[str]) -> Iterator[Row | Fault]:
    """The rows of a file in order, with the given columns only.

    Raises:
        CeterisError: the file cannot be read at all.
    """
    if file.kind == ".parquet":
        yield from _parquet_rows(file, columns)
    elif file.kind in DELIMITERS:
        yield from _csv_rows(file, columns)
    else:
        yield from _json_rows(file)


def row_count(file: ManifestFile) -> int:
    """About how many rows there are, for progress alone."""
    if file.kind == ".parquet":
        with _parquet(file) as table:
            return int(table.metadata.num_rows)
    with file.path.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


def _malformed(file: ManifestFile, place: int, problem: str) -> Fault:
    return Fault(file.name, place, "malformed line", problem, "correct or remove it")


def _csv_records(file: ManifestFile) -> Iterator[tuple[int, list[str] | str]]:
    """Records, or what is wrong with them, with the line each begins on.

    Bytes that are no UTF-8 come as lone surrogates, for the caller to see.
    """
    csv.field_size_limit(_FIELD_LIMIT)
    with file.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, delimiter=DELIMITERS[file.kind], strict=True)
        begin = 1
        while True:
            record: list[str] | str
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                record = "a quotation mark is never closed" if "end of data" in str(error) else str(error)
            if record:
                yield begin, record
            begin = reader.line_num + 1


def _csv_header(file: ManifestFile, records: Iterator[tuple[int, list[str] | str]]) -> list[str]:
    place, header = next(records, (1, []))
    if isinstance(header, str):
        raise CeterisError(f"{file.name} line {place}: the header cannot be read ({header}): correct it.")
    return header


def _csv_rows(file: ManifestFile, columns: list[str]) -> Iterator[Row | Fault]:
    records = _csv_records(file)
    header = _csv_header(file, records)
    wanted = [(name, header.index(name)) for name in columns if name in header]
    for place, record in records:
        if isinstance(record, str):
            yield _malformed(file, place, f"cannot be read ({record})")
        elif len(record) != len(header):
            yield _malformed(file, place, f"has {len(record)} fields where the header has {len(header)}")
        elif not all(_is_unicode(field) for field in record):
            yield Fault(file.name, place, "not UTF-8", "is not valid UTF-8", "save the file as UTF-8")
        else:
            yield Row(file.name, place, {name: record[index] for name, index in wanted})


def _json_rows(file: ManifestFile) -> Iterator[Row | Fault]:
    with file.path.open("rb") as stream:
        for place, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8-sig" if place == 1 else "utf-8")
                values = json.loads(text)
            except UnicodeDecodeError:
                yield Fault(file.name, place, "not UTF-8", "is not valid UTF-8", "save the file as UTF-8")
                continue
            except (json.JSONDecodeError, RecursionError):
                yield _malformed(file, place, "is not valid JSON")
                continue
            if isinstance(values, dict):
                yield Row(file.name, place, values)
            else:
                yield _malformed(file, place, "is not a JSON object with one key per column")


def _parquet(file: ManifestFile) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        raise CeterisError(
            f"{file.name} cannot be read as Parquet ({_first_line(error)}): write or copy it again."
        ) from None


def _parquet_rows(file: ManifestFile, columns: list[str]) -> Iterator[Row | Fault]:
    with _parquet(file) as table:
        place = 0
        try:
            for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
                for values in batch.to_pylist():
                    place += 1
                    yield Row(file.name, place, values)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            problem = f"cannot be read, nor what follows it ({_first_line(error)})"
            yield _malformed(file, place + 1, problem)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
