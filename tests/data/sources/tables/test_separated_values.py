"""Whatever separates the values and whatever encodes them, the rows are the same; what cannot be read is said by line."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.data.sources.manifest_rows import Fault, Row, column_names, manifest_files, remarks, rows
from components.errors import CeterisError

HEADER = ["image", "label", "text"]
TABLE = [["img/a.png", "cat", "one, two; three"], ["img/b.png", "dog", 'he said "no"'], ["c.png", "", "a|b\tc"]]
# How tools write the same table: the suffix, the separator, the end of a line, the encoding.
WRITERS = [
    (".csv", ",", "\n", "utf-8"),
    (".csv", ";", "\r\n", "utf-8-sig"),
    (".csv", "\t", "\r\n", "utf-16"),
    (".csv", "|", "\n", "utf-8"),
    (".tsv", "\t", "\n", "utf-8"),
    (".tsv", ",", "\n", "utf-8"),
    (".txt", ";", "\r", "utf-8"),
    (".txt", "\t", "\r\n", "utf-16-le"),
    (".csv", ",", "\r", "utf-16-be"),
    (".tab", "\t", "\n", "utf-8"),
    (".psv", "|", "\n", "utf-32"),
]


def written(table: list[list[str]], separator: str, end: str = "\n") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, lineterminator=end).writerows(table)
    return stream.getvalue()


def put(folder: Path, content: str | bytes, name: str = "m.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path) -> list[Row | Fault]:
    (file,) = manifest_files(path)
    return list(rows(file, column_names(file)))


def values(path: Path) -> list[list[str]]:
    found = read(path)
    assert all(isinstance(row, Row) for row in found), found
    return [list(row.values.values()) for row in found if isinstance(row, Row)]


def sentence(path: Path) -> str:
    (fault,) = [row for row in read(path) if isinstance(row, Fault)]
    return f"line {fault.place}: {fault.problem} ({fault.example}): {fault.advice}"


@pytest.mark.parametrize(("suffix", "separator", "end", "encoding"), WRITERS)
def test_every_way_of_writing_gives_the_same_rows(
    tmp_path: Path, suffix: str, separator: str, end: str, encoding: str
) -> None:
    path = put(tmp_path, written([HEADER, *TABLE], separator, end).encode(encoding), f"m{suffix}")
    (file,) = manifest_files(path)
    assert column_names(file) == HEADER
    assert values(path) == TABLE
    assert [row.place for row in read(path)] == [2, 3, 4]


CELLS = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(' ,;\t|"\n'), max_size=12).map(str.strip)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(st.tuples(CELLS.filter(bool), CELLS), min_size=1, max_size=8),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_comes_back_from_any_separator(
    tmp_path: Path, table: list[tuple[str, str]], separator: str, encoding: str, end: str
) -> None:
    content = written([["image", "label"], *map(list, table)], separator, end)
    assert values(put(tmp_path, content.encode(encoding))) == [list(row) for row in table]


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n", "sep=;;;\n"])
def test_the_separator_that_excel_declares_is_obeyed(tmp_path: Path, first: str) -> None:
    path = put(tmp_path, "\ufeff" + first + "image;label\na.png;1,5\n")
    assert values(path) == [["a.png", "1,5"]]
    assert read(path)[0].place == 3


def test_a_declared_separator_may_be_any_character(tmp_path: Path) -> None:
    assert values(put(tmp_path, "sep=#\nimage#label\na.png#b,c;d\n")) == [["a.png", "b,c;d"]]


@pytest.mark.parametrize(
    "content",
    [
        "image, label, text\na.png, cat, two  words\n",
        ' image ,"label", text\n a.png ,cat , "two  words"\n',
        'image,label,text\n"a.png" , "cat"  ,"two  words" \n',
        "image,label,text\na.png,cat,two  words\n\n\n,,\n , ,\n",
        "\nimage,label,text\n,,\na.png,cat,two  words\n",
        "image,label,text,,\na.png,cat,two  words,,\n,,,,\n",
        "image,label,text,\na.png,cat,two  words\n",
        "image,label,text\na.png,cat,two  words,,,\n",
        "image;label;text\na.png;cat;two  words\n;;\n;;;;;\n",
    ],
)
def test_blanks_and_empty_fields_do_not_count(tmp_path: Path, content: str) -> None:
    (file,) = manifest_files(put(tmp_path, content))
    assert column_names(file) == ["image", "label", "text"]
    assert values(file.path) == [["a.png", "cat", "two  words"]]


def test_quotes_before_blanks_keep_what_they_hold(tmp_path: Path) -> None:
    path = put(tmp_path, 'image,text\n"a.png" , "he said ""a, b"" , twice" \n')
    assert values(path) == [["a.png", 'he said "a, b" , twice']]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "image,label\nimg/a.png,cat, black\nb.png,dog\n",
            "line 2: has 3 fields where the header has 2 ('img/a.png,cat,black'): "
            "put values that contain commas in quotation marks",
        ),
        ("image;label\na.png;b;c;d;e\nb.png;c\n", "line 2: has 4 or more fields where the header has 2"),
        ("image,label\na.png,b\nb.png\n", "line 3: has 1 field where the header has 2 ('b.png'): add what is missing"),
        ("image,label,text,split\na.png\n", "line 2: has at most 2 fields where the header has 4"),
        ('image,label\na.png,"b\n', "line 2: cannot be read (a quotation mark is never closed)"),
        ('image,label\na.png,"b"c\n', "line 2: cannot be read"),
    ],
)
def test_rows_that_do_not_fit_are_said_with_what_stands_there(tmp_path: Path, content: str, said: str) -> None:
    assert sentence(put(tmp_path, content)).startswith(said)


def test_unlike_widths_make_few_sentences(tmp_path: Path) -> None:
    path = put(tmp_path, "image,label,text,id\n" + "".join(",".join("x" * width) + "\n" for width in range(1, 40)))
    assert len({fault.problem for fault in read(path) if isinstance(fault, Fault)}) == 4


@pytest.mark.parametrize(
    "line",
    [
        "img/a.png,cat",
        "cat;IMG_1.JPG",
        "C:\\x\\a.tiff\tcat",
        "https://example.org/a.webp,cat",
        "img/a.png cat",
        "p000,3",
        "1,2",
    ],
)
def test_a_missing_header_is_named(tmp_path: Path, line: str) -> None:
    (file,) = manifest_files(put(tmp_path, f"{line}\n{line}\n"))
    with pytest.raises(CeterisError, match=r"m\.csv has no header: its first line is '.*': put column names") as caught:
        column_names(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("header", ["image,label,2019", "file name;1;2", "Image,Target", ",image,label"])
def test_headers_with_numbers_are_headers(tmp_path: Path, header: str) -> None:
    (file,) = manifest_files(put(tmp_path, f"{header}\na.png,b\n"))
    assert ",".join(column_names(file)) == header.replace(";", ",")


@pytest.mark.parametrize("content", ["", "\n\n", ",,,\n", "\ufeff"])
def test_an_empty_file_has_no_columns_and_no_rows(tmp_path: Path, content: str) -> None:
    (file,) = manifest_files(put(tmp_path, content))
    assert column_names(file) == []
    assert read(file.path) == []


def test_what_the_name_does_not_say_is_said(tmp_path: Path) -> None:
    def said(content: bytes, name: str) -> list[str]:
        (file,) = manifest_files(put(tmp_path, content, name))
        return remarks(file)

    assert said(b"image,label\na,b\n", "m.csv") == []
    assert said(b"image;label\na;b\n", "m.csv") == ["values are separated by semicolons"]
    assert said("image\tlabel\n".encode("utf-16"), "m.csv") == [
        "values are separated by tabs",
        "the encoding is UTF-16",
    ]


def test_the_last_texts_may_hold_other_separators(tmp_path: Path) -> None:
    assert values(put(tmp_path, "image,text\n" + "a.png,b;c;d\n" * 9)) == [["a.png", "b;c;d"]] * 9
    assert (
        values(put(tmp_path, "image\ttext, if any\n" + "a.png\tb, c, d\n" * 9, "m.csv")) == [["a.png", "b, c, d"]] * 9
    )
