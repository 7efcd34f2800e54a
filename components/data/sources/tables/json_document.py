"""Read JSON documents, files that are one JSON value, in the forms that programs give to a table.

- an array of objects, or an object that holds one such array ({"data": [...]}, {"questions": [...]});
- an object of arrays by split ({"train": [...], "test": [...]}), whose keys become the column `split`;
- columns: {"image": [...], "target": [...]}, and pandas' {"image": {"0": ...}, ...} and {"columns": [...], "data": [[...], ...]};
- objects by key ({"0": {...}}, {"a.png": {...}}), and targets by picture ({"a.png": "cat"});
- COCO's form, see `coco.py`;
- JSON lines, or a sequence of objects, with the suffix `.json`.

Such a file can only be read whole, so its size is limited.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.data.sources.tables import coco, json_lines
from components.data.sources.tables.picture_names import is_picture_name
from components.data.sources.tables.row import Fault, ManifestFile, Row, malformed
from components.data.sources.tables.split_names import SPLIT_WORDS
from components.data.sources.tables.text_files import is_unicode, lines, not_unicode
from components.errors import CeterisError

MAX_BYTES = 1 << 30
_LISTS = ("data", "rows", "samples", "records", "items", "examples", "entries", "annotations", "questions", "images")
_BETWEEN = re.compile(r"[\s,]*")
_WANTED = 'give an array of objects with one key per column, such as [{"image": "a.png", "target": "cat"}]'


def rows(file: ManifestFile) -> Iterator[Row | Fault]:
    """The rows in order with all their keys; `place` counts them from 1.

    Raises:
        CeterisError: the file is too large, is not valid JSON, or holds no table.
    """
    text = _whole(file)
    if not text.strip():
        return
    try:
        content = json.loads(text)
    except RecursionError:
        raise CeterisError(f"{file.name} nests too deeply to be read: {_WANTED}.") from None
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise _invalid(file, error) from None
        yield from _one_after_another(file, text)
        return
    except ValueError as error:  # a number of thousands of digits
        raise CeterisError(f"{file.name} holds a number that cannot be read ({error}): correct or remove it.") from None
    del text
    if coco.is_coco(content):
        yield from coco.rows(file, content)
        return
    for place, record in enumerate(_records(file, content), start=1):
        if isinstance(record, Mapping):
            yield Row(file.name, place, record)
        else:
            yield malformed(file, place, "is not a JSON object with one key per column", json.dumps(record))


def _whole(file: ManifestFile) -> str:
    size = file.path.stat().st_size
    if size > MAX_BYTES:
        raise CeterisError(
            f"{file.name} is larger than {MAX_BYTES >> 20:,} MiB, and JSON must be read whole: "
            "write it as JSON lines, one object on each line, in a file ending in .jsonl."
        )
    text = "".join(lines(file))
    if not is_unicode(text):
        fault = not_unicode(file, 0)
        raise CeterisError(f"{file.name} {fault.problem}: {fault.advice}.")
    return text


def _invalid(file: ManifestFile, error: json.JSONDecodeError) -> CeterisError:
    return CeterisError(f"{file.name} is not valid JSON (line {error.lineno}: {error.msg}): correct it.")


def _one_after_another(file: ManifestFile, text: str) -> Iterator[Row | Fault]:
    """Several JSON values in one file: JSON lines if the first line is a whole object, otherwise objects over several lines."""
    filled = [line for line in re.split(r"\r\n?|\n", text) if line.strip()]
    if isinstance(json_lines.parsed(file, 1, filled[0]), Row):
        for place, line in enumerate(filled, start=1):
            yield json_lines.parsed(file, place, line)
        return
    decoder = json.JSONDecoder()
    position, place, end = 0, 0, len(text.rstrip())
    while position < end:
        try:
            record, position = decoder.raw_decode(text, _BETWEEN.match(text, position).end())  # type: ignore[union-attr]
        except json.JSONDecodeError as error:
            raise _invalid(file, error) from None
        place += 1
        if isinstance(record, dict):
            yield Row(file.name, place, record)
        else:
            yield malformed(file, place, "is not a JSON object with one key per column", json.dumps(record))


def _records(file: ManifestFile, content: Any) -> Sequence[Any]:
    """The rows of a JSON value in any of the forms but COCO's.

    Raises:
        CeterisError: the value has none of the forms, or could be read in two ways.
    """
    if isinstance(content, list):
        return content
    if not isinstance(content, dict):
        raise CeterisError(f"{file.name} holds a single JSON value: {_WANTED}.")
    lists = {key: value for key, value in content.items() if isinstance(value, list)}
    if _is_pandas_split(content):
        return [dict(zip(content["columns"], values, strict=False)) for values in content["data"]]
    tables = {key: value for key, value in lists.items() if value and all(isinstance(item, dict) for item in value)}
    filled = [value for value in lists.values() if value]
    if len(filled) > 1 and len(tables) < len(filled) and not any(key.lower() in _LISTS for key in tables):
        return _from_columns(file, lists)
    if tables:
        return _one_of(file, tables)
    if content and all(isinstance(value, dict) for value in content.values()):
        return _by_key(content)
    if content and all(map(is_picture_name, content)):
        return [{"image": name, "target": target} for name, target in content.items()]
    found = ", ".join(map(repr, list(content)[:6])) or "nothing"
    raise CeterisError(f"{file.name} holds no list of objects (its keys are {found}): {_WANTED}.")


def _one_of(file: ManifestFile, tables: Mapping[str, list[dict]]) -> list[dict]:
    if len(tables) > 1 and all(key.lower() in SPLIT_WORDS for key in tables):
        return [{"split": key, **row} for key, rows in tables.items() for row in rows]
    likely = list(tables) if len(tables) == 1 else [key for key in tables if key.lower() in _LISTS]
    if len(likely) != 1:
        raise CeterisError(
            f"{file.name} holds several lists of objects ({', '.join(map(repr, tables))}): keep the one that lists the rows."
        )
    key = likely[0]
    return [{"split": key, **row} for row in tables[key]] if key.lower() in SPLIT_WORDS else tables[key]


def _is_pandas_split(content: Mapping[str, Any]) -> bool:
    columns, data = content.get("columns"), content.get("data")
    return (
        isinstance(columns, list)
        and isinstance(data, list)
        and all(isinstance(name, str) for name in columns)
        and all(isinstance(values, list) and len(values) == len(columns) for values in data)
    )


def _from_columns(file: ManifestFile, columns: Mapping[str, list]) -> list[dict]:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {length:,}" for name, length in list(lengths.items())[:6])
        raise CeterisError(f"{file.name} holds columns of unlike lengths ({told}): {_WANTED}.")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _by_key(content: Mapping[str, Mapping[str, Any]]) -> list[dict]:
    """The rows of objects by key.

    Either each object is a column with row numbers as keys, as pandas writes it, or each object is a row whose key is its
    picture or its id.
    """
    inner = list(dict.fromkeys(key for value in content.values() for key in value))
    if not _are_numbers(list(content)) and _are_numbers(inner):
        return [{name: column.get(key) for name, column in content.items()} for key in inner]
    if list(content) == [str(index) for index in range(len(content))]:
        return [dict(row) for row in content.values()]
    key_name = "image" if all(map(is_picture_name, content)) else "id"
    return [{key_name: key, **row} for key, row in content.items()]


def _are_numbers(keys: Sequence[str]) -> bool:
    return bool(keys) and all(key.isdecimal() for key in keys)
