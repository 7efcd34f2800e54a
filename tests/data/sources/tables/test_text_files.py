"""What the bytes of a file tell: its encoding, and that it is something else than its name says."""

from pathlib import Path

import pytest

from components.data.sources.manifest_rows import Fault, column_names, manifest_files, rows
from components.data.sources.tables.text_files import encoding_of, likely_encoding
from components.errors import CeterisError


def faults(path: Path) -> list[Fault]:
    (file,) = manifest_files(path)
    return [row for row in rows(file, column_names(file)) if isinstance(row, Fault)]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        ("une forêt près de la mer", "cp1252", "Windows-1252"),
        ("ein Mädchen – groß", "cp1252", "Windows-1252"),
        ("这是一只红色的猫。", "gb18030", "GBK"),
        ("これは赤いネコです。", "shift_jis", "Shift-JIS"),
        ("これは赤いネコです。", "euc_jp", "EUC-JP"),
        ("이것은 빨간 고양이", "euc_kr", "EUC-KR"),
        ("на столе стоит красная чашка", "cp1251", "Windows-1251"),
    ],
)
def test_other_encodings_are_said_by_line_and_by_name(
    tmp_path: Path, suffix: str, text: str, encoding: str, name: str
) -> None:
    head, line = (b"image,text\n", "a.png,%s\n") if suffix == "csv" else (b"", '{"image": "a.png", "text": "%s"}\n')
    path = tmp_path / f"m.{suffix}"
    path.write_bytes(head + (line % "plain").encode() + (line % text).encode(encoding) * 2)
    found = faults(path)
    first = 3 if suffix == "csv" else 2
    assert [fault.place for fault in found] == [first, first + 1]
    assert {fault.problem for fault in found} == {f"is not valid UTF-8 (it looks like {name})"}
    assert {fault.advice for fault in found} == {"save the file as UTF-8"}


def test_bytes_that_look_like_nothing_are_not_guessed() -> None:
    assert likely_encoding(b"a\x81b \x8dc") is None
    assert likely_encoding(b"plain") is None


def test_a_header_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("image,étiquette\na.png,b\n".encode("cp1252"))
    (file,) = manifest_files(tmp_path)
    with pytest.raises(CeterisError, match=r"line 1: is not valid UTF-8 \(it looks like Windows-1252\): save"):
        column_names(file)


def test_a_json_document_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes('[{"image": "a.png", "text": "é à"}]'.encode("cp1252"))
    (file,) = manifest_files(tmp_path)
    with pytest.raises(CeterisError, match=r"m\.json is not valid UTF-8 \(it looks like Windows-1252\): save"):
        column_names(file)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
@pytest.mark.parametrize("text", ["image,label\na.png,cat\n", "image;frage\na.png;这是一只红色的猫\n"])
def test_the_encoding_is_told_by_the_bytes(tmp_path: Path, encoding: str, expected: str, text: str) -> None:
    (tmp_path / "m.csv").write_bytes(text.encode(encoding))
    (file,) = manifest_files(tmp_path)
    assert encoding_of(file) == expected
    assert column_names(file)[0] == "image"


def test_utf16_that_breaks_off_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("image,label\na.png,b\n".encode("utf-16")[:-1])
    (file,) = manifest_files(tmp_path)
    with pytest.raises(CeterisError, match=r"looks like UTF-16 but is damaged"):
        list(rows(file, column_names(file)))


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.json", "m.parquet"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 rest", "an Excel workbook: save the table as CSV"),
        (b"\xd0\xcf\x11\xe0 rest", "is an Excel workbook"),
        (b"\x1f\x8b\x08 rest", "is compressed with gzip: unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\n<!DOCTYPE html>\n<html>", "is a web page"),
    ],
)
def test_files_that_are_something_else_are_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    (file,) = manifest_files(tmp_path)
    with pytest.raises(CeterisError, match=said):
        column_names(file)


def test_parquet_under_another_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"PAR1...")
    (file,) = manifest_files(tmp_path)
    with pytest.raises(CeterisError, match=r"is Parquet: give it a name that ends in \.parquet"):
        column_names(file)
