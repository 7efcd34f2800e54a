"""Parquet: the types in which libraries write texts, and class numbers that get their names."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.sources.manifest_rows import Fault, Row, column_names, manifest_files, remarks, rows

LABEL = {"names": ["cat", "dog", "bird"], "_type": "ClassLabel"}


def put(folder: Path, columns: dict[str, Any], features: Any = None) -> Path:
    table = pa.table(columns)
    if features is not None:
        metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
        table = table.replace_schema_metadata(metadata)
    path = folder / "train-00000-of-00001.parquet"
    pq.write_table(table, path)
    return path


def read(path: Path) -> list[Row | Fault]:
    (file,) = manifest_files(path)
    return list(rows(file, column_names(file)))


def column(path: Path, name: str) -> list:
    found = read(path)
    assert all(isinstance(row, Row) for row in found), found
    return [row.values[name] for row in found if isinstance(row, Row)]


@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.uint16(), pa.float64()])
def test_class_numbers_get_their_names(tmp_path: Path, kind: pa.DataType) -> None:
    path = put(tmp_path, {"image": ["a", "b", "c"], "label": pa.array([2, 0, None], kind)}, {"label": LABEL})
    assert column(path, "label") == ["bird", "cat", None]
    (file,) = manifest_files(path)
    assert remarks(file) == ["the numbers of 'label' are given the class names of the file's schema (cat, dog, bird)"]


@pytest.mark.parametrize("number", [-1, 3, 100])
def test_class_numbers_without_a_name_are_faults(tmp_path: Path, number: int) -> None:
    path = put(tmp_path, {"image": ["a", "b", "c"], "label": [0, number, 1]}, {"label": LABEL})
    found = read(path)
    assert [row.values["label"] for row in found if isinstance(row, Row)] == ["cat", "dog"]
    (fault,) = [row for row in found if isinstance(row, Fault)]
    assert (fault.place, fault.example) == (2, str(number))
    assert "'label' that has no name" in fault.problem


def test_only_columns_that_are_read_are_judged(tmp_path: Path) -> None:
    path = put(tmp_path, {"image": ["a"], "label": [-1]}, {"label": LABEL})
    (file,) = manifest_files(path)
    assert [row.values for row in rows(file, ["image"]) if isinstance(row, Row)] == [{"image": "a"}]


@pytest.mark.parametrize(
    ("objects", "feature"),
    [
        ({"bbox": [[1, 2, 3, 4]], "category": [1]}, {"feature": {"category": LABEL}, "_type": "Sequence"}),
        ({"bbox": [[1, 2, 3, 4]], "category": [1]}, {"category": {"feature": LABEL, "_type": "List"}}),
        ([{"bbox": [1, 2, 3, 4], "category": 1}], {"feature": {"category": LABEL}, "_type": "List"}),
        ([{"bbox": [1, 2, 3, 4], "category": 1}], [{"category": LABEL}]),
    ],
)
def test_the_categories_of_boxes_get_their_names(tmp_path: Path, objects: Any, feature: Any) -> None:
    path = put(tmp_path, {"image": ["a"], "objects": [objects]}, {"objects": feature})
    (found,) = column(path, "objects")
    assert (found["category"] if isinstance(found, dict) else [box["category"] for box in found]) in (["dog"], "dog")


@pytest.mark.parametrize(
    "features", [None, {}, [], "x", {"label": None}, {"label": {"_type": "ClassLabel"}}, {"label": {}}]
)
def test_numbers_without_names_stay_numbers(tmp_path: Path, features: Any) -> None:
    path = put(tmp_path, {"image": ["a"], "label": [1]}, features)
    assert column(path, "label") == [1]
    (file,) = manifest_files(path)
    assert remarks(file) == []


def test_damaged_metadata_does_not_stop_reading(tmp_path: Path) -> None:
    table = pa.table({"image": ["a"], "label": [1]}).replace_schema_metadata({b"huggingface": b"{"})
    pq.write_table(table, tmp_path / "m.parquet")
    assert column(tmp_path, "label") == [1]


def test_categories_of_pandas_are_their_values(tmp_path: Path) -> None:
    pd.DataFrame({"image": ["a", "b", "c"], "label": pd.Categorical(["dog", "cat", None])}).to_parquet(
        tmp_path / "m.parquet"
    )
    assert column(tmp_path, "label") == ["dog", "cat", None]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_texts_of_every_type_are_texts(tmp_path: Path, kind: pa.DataType) -> None:
    path = put(tmp_path, {"image": ["a", "b"], "text": pa.array(["x", None], pa.string()).cast(kind)})
    assert column(path, "text") == ["x", None]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)])
def test_bytes_of_every_type_are_bytes(tmp_path: Path, kind: pa.DataType) -> None:
    assert column(put(tmp_path, {"image": pa.array([b"ab", b"cd"], kind)}), "image") == [b"ab", b"cd"]


def test_nested_pictures_are_read(tmp_path: Path) -> None:
    inside = [{"bytes": b"ab", "path": None}, {"bytes": None, "path": "b.png"}]
    assert column(put(tmp_path, {"image": inside}), "image") == inside
