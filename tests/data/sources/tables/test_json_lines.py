"""JSON lines: all keys of all rows are columns, and lines that cannot be read are said one by one."""

import json
from pathlib import Path

import pytest

from components.data.sources.manifest_rows import Fault, Row, column_names, manifest_files, rows
from components.errors import CeterisError

SHARED = Path(__file__).parents[4].parent / "shared" / "data" / "odd_manifests"


def read(path: Path) -> list[Row | Fault]:
    (file,) = manifest_files(path)
    return list(rows(file, column_names(file)))


@pytest.mark.parametrize("late", [1, 200, 201, 999])
def test_keys_count_wherever_they_first_appear(tmp_path: Path, late: int) -> None:
    records = [{"image": f"{index}.png"} | ({"split": "train"} if index == late else {}) for index in range(1000)]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (file,) = manifest_files(tmp_path)
    assert column_names(file) == ["image", "split"]
    assert [row.values for row in rows(file, ["image", "split"]) if isinstance(row, Row)] == records


def test_late_keys_of_the_sample_are_columns() -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    (file,) = manifest_files(SHARED / "jsonl_late_keys")
    assert column_names(file) == ["image", "label", "text", "split"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_end_of_line(tmp_path: Path, encoding: str, end: str) -> None:
    text = end.join(['{"image": "a.png", "text": "wo\u2028hin, é?"}', "", '{"image": "b.png"}', ""])
    (tmp_path / "m.ndjson").write_bytes(text.encode(encoding))
    assert read(tmp_path) == [
        Row(str(tmp_path / "m.ndjson"), 1, {"image": "a.png", "text": "wo\u2028hin, é?"}),
        Row(str(tmp_path / "m.ndjson"), 3, {"image": "b.png"}),
    ]


def test_bad_lines_are_said_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = ['{"image": "a.png"}', "{'image': 'b.png'}", '["c.png"]', '{"image": "d.png"', "7", '{"image": "e.png"}']
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    found = read(tmp_path)
    assert [isinstance(row, Row) for row in found] == [True, False, False, False, False, True]
    faults = [row for row in found if isinstance(row, Fault)]
    assert [fault.place for fault in faults] == [2, 3, 4, 5]
    assert {fault.problem for fault in faults} == {
        "is not valid JSON",
        "is not a JSON object with one key per column",
    }
    assert faults[0].example == repr("{'image': 'b.png'}")


@pytest.mark.parametrize(
    "content", ['[{"image": "a.png"}]', '[\n{"image": "a.png"}\n]', '[{"image": "a.png"},\n{}]', "{\n}\n"]
)
def test_a_document_under_the_name_of_lines_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "m.jsonl").write_text(content)
    with pytest.raises(CeterisError, match=r"is one JSON document .* name that ends in \.json"):
        read(tmp_path)
