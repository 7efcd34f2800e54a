"""Scores of single samples as lmms-eval logs them, one JSONL file a run, named by a table.

A file of `--log_samples` knows its task and its model's name, but neither the seed nor which model is which architecture,
so a table says so: the columns `file` (from the table's own folder), `measure`, `architecture`, one whose name ends in
`seed`, and `key` where the lines call the measure otherwise (`vqa_score`, or `mme.score` for an object within). A line
holds `doc_id` and its metrics: numbers, or true and false.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.evaluation.score_tables.layouts import Key, Layout, WrittenScore
from components.evaluation.score_tables.tables import Table


def samples_of(table: Table, layout: Layout) -> Iterator[WrittenScore]:
    """Yield the scores of all files that a table names.

    Raises:
        CeterisError: a row lacks something, a file cannot be read, or a line has no number or comes twice.
    """
    for line, row in table.rows():
        said = {column: row[place] for column, place in layout.columns.items()}
        for column in ("file", "measure", "architecture", "seed"):
            if not said[column]:
                raise CeterisError(f"{table.path}, line {line} has no {column}: fill it in, or take the row out.")
        for sample, score in _scores(table.path.parent / said["file"], said.get("key") or said["measure"]):
            key = Key(said["measure"], said["architecture"], said["seed"], sample)
            # With an exponent a float shows its decimal mark, whatever stands between the table's columns.
            yield WrittenScore(line, key, f"{score:.16e}", "")


def _scores(path: Path, key: str) -> Iterator[tuple[str, float]]:
    """The samples' names and their scores under one key."""
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, 1):
                if not text.strip():
                    continue
                where = f"{path}, line {line}"
                sample = json.loads(text)
                if not isinstance(sample, dict) or "doc_id" not in sample:
                    raise CeterisError(f"{where} has no doc_id: it needs one JSON object with doc_id and {key} a line.")
                name = str(sample["doc_id"])
                if name in seen:
                    raise CeterisError(f"{where} repeats doc_id {name}: keep the lines of one filter.")
                seen.add(name)
                yield name, _number(where, sample, key)
    except json.JSONDecodeError as error:
        raise CeterisError(f"{path}, line {line} is not JSON: {error.msg}.") from None
    except UnicodeDecodeError:
        raise CeterisError(f"{path} is not UTF-8 text: log the samples again.") from None
    except OSError as error:
        raise CeterisError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not seen:
        raise CeterisError(f"{path} has no samples: it needs one JSON object with doc_id and {key} a line.")


def _number(where: str, sample: dict[str, Any], key: str) -> float:
    value: Any = sample.get(key)
    if key not in sample and "." in key:
        value = sample
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        raise CeterisError(f"{where} has no {key}: its keys are {', '.join(sample)}.")
    if isinstance(value, dict):
        raise CeterisError(f"{where} has an object under {key}: name one of {', '.join(value)} as {key}.NAME.")
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise CeterisError(f"{where} has {value!r} under {key}, which is not a number.")
    return float(value)
