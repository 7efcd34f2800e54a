"""Tables of text: the separator is found or asked for, and blank ends are nothing."""

from pathlib import Path

import pytest

from components.errors import CeterisError
from components.evaluation.score_tables.tables import Table, read_table


def read(folder: Path, content: str | bytes) -> Table:
    path = folder / "scores.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, "columns")


@pytest.mark.parametrize(
    ("content", "delimiter", "header", "rows"),
    [
        ("a,b\n1,2\n", ",", ["a", "b"], [(2, ["1", "2"])]),
        ("a;b\n1,5;2\n", ";", ["a", "b"], [(2, ["1,5", "2"])]),
        ("seed;clip, small;vilt\n0;1;2\n", ";", ["seed", "clip, small", "vilt"], [(2, ["0", "1", "2"])]),
        ("seed,a|b,c\n0,1,2\n", ",", ["seed", "a|b", "c"], [(2, ["0", "1", "2"])]),
        ("sep=;\n\na;b,c\n1;2\n", ";", ["a", "b,c"], [(4, ["1", "2"])]),
        ('"SEP=\t"\r\na\tb\r\n1\t2\r\n', "\t", ["a", "b"], [(3, ["1", "2"])]),
        ("sep=#\na#b\n1#2\n", "#", ["a", "b"], [(3, ["1", "2"])]),
        ("\n;;\na;b;;\n1;2;;\n;;;\n3;4\n;;;\n", ";", ["a", "b"], [(4, ["1", "2"]), (6, ["3", "4"])]),
        ("a, b ,c\n 1, 2 ,\n,,\n", ",", ["a", "b", "c"], [(2, ["1", "2", ""])]),
        ("a,,c\n1,,3\n", ",", ["a", "", "c"], [(2, ["1", "", "3"])]),
        ("a;b\n1;2\n".encode("utf-32"), ";", ["a", "b"], [(2, ["1", "2"])]),
    ],
)
def test_tables_of_every_kind(
    tmp_path: Path, content: str | bytes, delimiter: str, header: list[str], rows: list[tuple[int, list[str]]]
) -> None:
    table = read(tmp_path, content)
    assert (table.delimiter, table.header, list(table.rows())) == (delimiter, header, rows)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("\n;;;\n,,\n", "is empty: it needs columns"),
        ("sep=;\n", "is empty: it needs columns"),
        ("sep=\nb\n", "has one column only"),
        ("measure architecture seed score\n", "put commas, semicolons or tabs between the columns"),
        ("a;x,b;y\n1;2,3;4\n", "may have commas or semicolons between its columns: say which in a first line"),
        (b"PK\x03\x04 and more", "is a workbook or an archive"),
        ("a,b\n".encode("utf-16-le"), "holds zero bytes"),
        ("größe;b\n".encode("cp1252"), "is not UTF-8 text"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    with pytest.raises(CeterisError) as caught:
        read(tmp_path, content)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("row", ["0,0,7410,", "0,0,7410,x", "0,7"])
def test_a_decimal_comma_between_commas_is_no_field_too_many(tmp_path: Path, row: str) -> None:
    """`0,7410` would be the scores 0 and 7410 if the empty field at the end were let go."""
    table = read(tmp_path, f"seed,score,note\n1,0.5,x\n{row}\n")
    with pytest.raises(CeterisError, match=r"line 3 has \d fields, but the header names 3 columns"):
        list(table.rows())
