"""The forms that programs give to a table in one JSON document, and what holds no table."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.data.sources.manifest_rows import Fault, Row, column_names, manifest_files, rows
from components.data.sources.tables import json_document
from components.errors import CeterisError

TABLE: list[dict[str, Any]] = [{"image": "a.png", "target": "cat"}, {"image": "b.png", "target": "dog"}]


def put(folder: Path, content: Any) -> Path:
    path = folder / "m.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(path: Path) -> list[Row | Fault]:
    (file,) = manifest_files(path)
    return list(rows(file, column_names(file)))


def values(path: Path) -> list[dict]:
    found = read(path)
    assert all(isinstance(row, Row) for row in found), found
    assert [row.place for row in found] == list(range(1, len(found) + 1))
    return [dict(row.values) for row in found if isinstance(row, Row)]


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        json.dumps(TABLE, indent=4),
        "\ufeff" + json.dumps(TABLE),
        {"data": TABLE},
        {"version": 1, "license": {"name": "CC0"}, "samples": TABLE},
        {"questions": TABLE, "tags": ["x", "y"]},
        {"classes": ["cat", "dog"], "data": TABLE},
        {"anything": TABLE, "empty": []},
        {"image": ["a.png", "b.png"], "target": ["cat", "dog"]},
        {"image": {"0": "a.png", "1": "b.png"}, "target": {"0": "cat", "1": "dog"}},
        {"0": TABLE[0], "1": TABLE[1]},
        {"columns": ["image", "target"], "index": [0, 1], "data": [["a.png", "cat"], ["b.png", "dog"]]},
        {"a.png": "cat", "b.png": "dog"},
        {"a.png": {"target": "cat"}, "b.png": {"target": "dog"}},
        "\n\n".join(map(json.dumps, TABLE)),
        "\r\n".join(map(json.dumps, TABLE)) + "\r\n",
        "\n".join(json.dumps(row, indent=2) for row in TABLE),
    ],
)
def test_each_form_gives_the_same_rows(tmp_path: Path, content: Any) -> None:
    assert values(put(tmp_path, content)) == TABLE


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_every_form_of_pandas_is_read(tmp_path: Path, orient: str) -> None:
    pd.DataFrame(TABLE).to_json(tmp_path / "m.json", orient=orient)  # type: ignore[call-overload]
    assert [{key: row[key] for key in TABLE[0]} for row in values(tmp_path / "m.json")] == TABLE


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(st.dictionaries(st.text(max_size=4), JSON_VALUES, max_size=3), max_size=6),
    indent=st.sampled_from([None, 1]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_array_of_objects_comes_back(tmp_path: Path, table: list[dict], indent: int | None, encoding: str) -> None:
    (tmp_path / "m.json").write_bytes(json.dumps(table, indent=indent).encode(encoding))
    assert values(tmp_path / "m.json") == table
    (file,) = manifest_files(tmp_path)
    assert set(column_names(file)) == {key for row in table for key in row}


def test_lists_named_after_splits_tell_the_split(tmp_path: Path) -> None:
    assert values(put(tmp_path, {"train": TABLE, "val": [{"image": "c.png", "split": "test"}]})) == [
        {"split": "train"} | TABLE[0],
        {"split": "train"} | TABLE[1],
        {"split": "test", "image": "c.png"},
    ]


def test_keys_that_are_ids_are_kept(tmp_path: Path) -> None:
    content = {"q17": {"image": "a.png", "answer": "yes"}, "q18": {"image": "a.png", "answer": "no", "id": "own"}}
    assert [row["id"] for row in values(put(tmp_path, content))] == ["q17", "own"]


def test_entries_that_are_no_objects_are_said_by_row(tmp_path: Path) -> None:
    found = read(put(tmp_path, [TABLE[0], ["b.png", "dog"], "c.png", TABLE[1]]))
    assert [(fault.place, fault.problem) for fault in found if isinstance(fault, Fault)] == [
        (2, "is not a JSON object with one key per column"),
        (3, "is not a JSON object with one key per column"),
    ]


def test_lines_in_a_document_are_read_on_after_a_bad_one(tmp_path: Path) -> None:
    found = read(put(tmp_path, '{"image": "a.png"}\n{"image": \n{"image": "c.png"}\n'))
    assert [isinstance(row, Row) for row in found] == [True, False, True]
    assert found[1].place == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"image": "a.png",}]', r"is not valid JSON \(line 1: "),
        ('[\n{"image": "a.png"}\n{"image": "b.png"}]', r"is not valid JSON \(line 3: "),
        ("[" * 100_000, "is not valid JSON|nests too deeply"),
        ("7", "holds a single JSON value: give an array of objects"),
        ({"name": "photos", "size": 3}, r"holds no list of objects \(its keys are 'name', 'size'\)"),
        ({}, r"holds no list of objects \(its keys are nothing\)"),
        ({"first": TABLE, "second": TABLE}, r"holds several lists of objects \('first', 'second'\)"),
        ({"image": ["a.png", "b.png"], "target": ["cat"]}, r"columns of unlike lengths \('image' 2, 'target' 1\)"),
    ],
)
def test_what_holds_no_table_is_said(tmp_path: Path, content: Any, said: str) -> None:
    path = put(tmp_path, content)
    with pytest.raises(CeterisError, match=said) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


def test_an_empty_document_has_no_rows(tmp_path: Path) -> None:
    assert read(put(tmp_path, "")) == []
    assert read(put(tmp_path, "[]")) == []


def test_what_is_too_large_to_be_read_whole_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "MAX_BYTES", 10)
    with pytest.raises(CeterisError, match="write it as JSON lines"):
        read(put(tmp_path, TABLE))
