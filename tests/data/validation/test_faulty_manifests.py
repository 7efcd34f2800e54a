"""Every kind of faulty manifest gets its sentence, with file, rows and advice, and never a traceback."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.data.findings import Findings
from components.data.sources.entries import Manifest
from components.data.sources.faults import Faults
from components.data.validation.check import DEFAULT_SETTINGS, check_manifest
from components.errors import CeterisError
from tests.data.small_manifests import Rows, picture, sound_rows, write_csv

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
Break = Callable[[Rows, Path], None]


def write_jsonl(rows: Rows, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_parquet(rows: Rows, path: Path) -> None:
    inside = [row | {"image": (path.parent / row["image"]).read_bytes()} for row in rows]
    pq.write_table(pa.Table.from_pylist(inside), path)


WRITERS = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}
# The first row stands on line 2 of a CSV file, on line 1 of JSON lines and in row 1 of Parquet.
FIRST = {"csv": ("line", 2), "jsonl": ("line", 1), "parquet": ("row", 1)}


def put(column: str, value: object, row: int = 2) -> Break:
    def change(rows: Rows, folder: Path) -> None:
        rows[row][column] = value

    return change


def drop(column: str) -> Break:
    def change(rows: Rows, folder: Path) -> None:
        for row in rows:
            del row[column]

    return change


def file_is(content: bytes) -> Break:
    def change(rows: Rows, folder: Path) -> None:
        (folder / rows[2]["image"]).write_bytes(content)

    return change


def copy_picture(source: int, target: int) -> Break:
    def change(rows: Rows, folder: Path) -> None:
        Image.open(folder / f"{source}.png").save(folder / f"{target}.bmp")
        rows[target]["image"] = f"{target}.bmp"

    return change


def link_outside(rows: Rows, folder: Path) -> None:
    outside = folder.parent / "outside.png"
    outside.write_bytes(picture(999))
    (folder / "2.png").unlink()
    (folder / "2.png").symlink_to(outside)


def bomb() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")
    return buffer.getvalue()


def one_target(rows: Rows, folder: Path) -> None:
    for row in rows:
        row["target"] = "yes"


def capitals(rows: Rows, folder: Path) -> None:
    for row in rows:
        if row["split"] == "test":
            row["target"] = row["target"].upper()


BOTH = ("csv", "jsonl")
ALL = ("csv", "jsonl", "parquet")
# What the reader itself tells, without judging facts: quick to check in every format.
READ = (
    "picture missing",
    "no image given",
    "path climbs out",
    "path climbs out later",
    "absolute path",
    "Windows path",
    "address",
    "link out",
    "a folder",
    "text of another type",
    "text no Unicode",
    "text no UTF-8",
    "target of another type",
    "split unknown",
    "split empty",
    "boxes odd",
    "no column for images",
    "no column for targets",
)
FAULTS: list[tuple[str, tuple[str, ...], Break, str, bool]] = [
    # name, formats, what is done to sound rows, what the sentence must say, whether it is about the third row
    ("ids twice", ("csv",), put("id", "r0"), "has an id that another row has too ('r0')", False),
    (
        "picture missing",
        BOTH,
        put("image", "nowhere.png"),
        "names a picture that does not exist ('nowhere.png')",
        True,
    ),
    ("no image given", BOTH, put("image", ""), "has no image", True),
    ("no picture at all", ("csv", "parquet"), file_is(b"hello"), "has a picture that is no picture", True),
    ("picture cut off", ("jsonl",), file_is(picture(2)[:90]), "has a picture that is damaged", True),
    ("picture empty", ("csv",), file_is(b""), "has a picture that is empty", True),
    ("bomb", ("parquet",), file_is(bomb()), "refused undecoded (a decompression bomb?)", True),
    ("path climbs out", BOTH, put("image", "../outside.png"), "leaves the data folder by '..'", True),
    ("path climbs out later", ("csv",), put("image", "a/../../outside.png"), "leaves the data folder by '..'", True),
    ("absolute path", BOTH, put("image", "/etc/hostname"), "on a whole disk that is not inside", True),
    ("Windows path", ("csv",), put("image", "C:\\pictures\\a.png"), "on a whole disk that is not inside", True),
    ("address", ("jsonl",), put("image", "https://example.org/a.png"), "names an address on the net", True),
    ("link out", ("csv",), link_outside, "names a link that ends outside the data folder", True),
    ("a folder", ("jsonl",), put("image", "."), "does not exist", True),
    ("text missing", BOTH, put("text", "  "), "has no text", True),
    ("text of another type", ("jsonl",), put("text", ["a", "list"]), "has a text of type list", True),
    ("text no Unicode", ("jsonl",), put("text", "\ud800"), "is not valid UTF-8", True),
    ("text no UTF-8", ("csv",), put("text", "caf\udce9"), "is not valid UTF-8", True),
    ("target missing", ("jsonl", "parquet"), put("target", None), "has no target", True),
    ("target of another type", ("jsonl",), put("target", {"a": 1}), "has a target of type dict", True),
    (
        "targets in capitals",
        ("csv",),
        capitals,
        "40 of 40 rows (100.0%) have a target that is no class of the training rows, because it is written differently "
        "('NO' here is 'no' there, 'YES' here is 'yes' there)",
        False,
    ),
    ("one target", ("csv",), one_target, "all rows have the target 'yes'", False),
    ("split unknown", BOTH, put("split", "tset"), "names a split that is not known ('tset')", True),
    ("split empty", ("csv",), put("split", ""), "has an empty split", True),
    ("picture leaks", ("jsonl",), copy_picture(0, 60), "shows a picture that occurs in selection and train", False),
    (
        "group leaks",
        ("csv",),
        put("group", "g0", 60),
        "belongs to a group that occurs in selection and train ('g0')",
        False,
    ),
    ("boxes outside", ("jsonl",), put("boxes", [[0, 0, 12, 12], [5, 5, 9, 9]]), "boxes that are empty or leave", True),
    ("boxes odd", ("csv",), put("boxes", "[[1, 2, 3]]"), "boxes that are not lists of four numbers", True),
    ("no column for images", BOTH, drop("image"), "has no column for the image, only", False),
    ("no column for targets", ALL, drop("target"), "has no column for the target, only", False),
]


@pytest.mark.parametrize(
    ("read", "kind", "change", "sentence", "third"),
    [
        pytest.param(name in READ, kind, change, sentence, third, id=f"{name}-{kind}")
        for name, kinds, change, sentence, third in FAULTS
        for kind in kinds
    ],
)
def test_each_fault_has_its_sentence(
    tmp_path: Path, read: bool, kind: str, change: Break, sentence: str, third: bool
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = sound_rows(folder)
    change(rows, folder)
    path = folder / f"manifest.{kind}"
    WRITERS[kind](rows, path)
    findings = told_by_the_reader(path) if read else check_manifest(path)
    assert not findings.passed
    matching = [item for item in findings.items if sentence in item.sentence]
    assert len(matching) == 1, findings.sentences()
    (item,) = matching
    assert item.severity == "critical"
    assert item.sentence.startswith(str(path))
    assert item.sentence.endswith(".")
    assert "\n" not in item.sentence
    if third:
        noun, first = FIRST[kind]
        assert item.rows == (first + 2,)
        assert item.count == 1
        assert f"{path} {noun} {first + 2}: " in item.sentence
    # Nothing else is made up beside it.
    others = {item.sentence for item in findings.items if item.severity == "critical"} - {item.sentence}
    assert not others, others


def told_by_the_reader(path: Path) -> Findings:
    faults = Faults()
    for _ in Manifest(path, DEFAULT_SETTINGS).entries(faults):
        pass
    return faults.findings()


def test_sound_manifests_pass_without_a_word(tmp_path: Path) -> None:
    rows = sound_rows(tmp_path)
    for kind, write in WRITERS.items():
        write(rows, tmp_path / f"manifest.{kind}")
        findings = check_manifest(tmp_path / f"manifest.{kind}")
        assert findings.passed
        assert findings.sentences() == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("m.csv", "image,target\n0.png,yes,too many\n1.png,no\n", "line 2: has 3 fields where the header has 2"),
        (
            "m.csv",
            'image,target\n1.png,no\n0.png,"never closed\n',
            "line 3: cannot be read (a quotation mark is never closed)",
        ),
        ("m.csv", 'image,target\n0.png,"a"b\n1.png,no\n', "line 2: cannot be read"),
        ("m.csv", "image,image,target\n0.png,0.png,yes\n", "has the column 'image' twice"),
        ("m.csv", "image,target\n", "has no rows"),
        ("m.csv", "", "has no rows"),
        ("m.jsonl", '{"image": "0.png", "target": "yes"}\n{"image": \n', "line 2: is not valid JSON"),
        ("m.jsonl", '{"image": "0.png", "target": "yes"}\n["0.png", "yes"]\n', "line 2: is not a JSON object"),
        ("m.jsonl", "not a word of it\n", "line 1: is not valid JSON"),
        ("m.jsonl", '\n{"image": "0.png"}\n', "has no column for the target"),
        ("m.jsonl", '{"image": "0.png", "target": "yes"}\n{"target": "yes"}\n', "line 2: has no image"),
        ("m.jsonl", "", "has no rows"),
    ],
)
def test_malformed_files_are_told_line_by_line(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    sound_rows(tmp_path, 2)
    (tmp_path / name).write_text(content, encoding="utf-8")
    findings = check_manifest(tmp_path / name)
    assert not findings.passed
    assert any(sentence in line for line in findings.sentences()), findings.sentences()
    assert all(line.startswith(str(tmp_path / name)) for line in findings.sentences("critical"))


def test_bytes_that_are_no_utf8_are_told_by_line(tmp_path: Path) -> None:
    sound_rows(tmp_path, 4)
    for name, head, line in (
        ("m.csv", b"image,target\n", b"%d.png,caf\xe9\n"),
        ("m.jsonl", b"", b'{"image": "%d.png", "target": "caf\xe9"}\n'),
    ):
        good = line.replace(b"caf\xe9", "café".encode())
        (tmp_path / name).write_bytes(head + b"".join((line if row == 2 else good) % row for row in range(4)))
        (item,) = [item for item in check_manifest(tmp_path / name).items if item.rule == "not UTF-8"]
        assert item.rows == (4 if head else 3,)
        assert "save the file as UTF-8" in item.sentence


def test_everything_is_said_at_once(tmp_path: Path) -> None:
    rows = sound_rows(tmp_path)
    (tmp_path / "3.png").write_bytes(b"hello")
    rows[1]["image"] = "../x.png"
    rows[4]["target"] = ""
    rows[5]["text"] = ""
    rows[6]["id"] = rows[7]["id"]
    for index in range(10, 30):
        rows[index]["split"] = "tarin"
    rows[50]["target"] = "unheard"
    rows[60]["image"], rows[60]["group"] = "0.png", "g0"
    write_jsonl(rows, tmp_path / "m.jsonl")
    findings = check_manifest(tmp_path / "m.jsonl")
    assert {item.rule for item in findings.items if item.severity == "critical"} == {
        "path outside",
        "picture decodes",
        "target present",
        "text present",
        "unique ids",
        "split",
        "picture leak",
        "group leak",
    }
    (split,) = [item for item in findings.items if item.rule == "split"]
    assert split.count == 20
    assert split.rows == tuple(range(11, 31))
    assert "lines 11, 12, 13 and 17 more: " in split.sentence
    with pytest.raises(CeterisError) as caught:
        findings.raise_if_critical("m.jsonl")
    assert str(caught.value).splitlines()[1:] == findings.sentences("critical")


def test_oddities_are_warnings_and_do_not_stop(tmp_path: Path) -> None:
    rows = sound_rows(tmp_path)
    rows[3]["text"] = "a replacement \N{REPLACEMENT CHARACTER} character"
    rows[4]["text"] = "a bell \x07"
    (tmp_path / "5.png").write_bytes(picture(5, side=4))
    rows[6] = rows[7] | {"id": "again"}
    write_jsonl(rows, tmp_path / "m.jsonl")
    findings = check_manifest(tmp_path / "m.jsonl")
    assert findings.passed
    assert {item.rule for item in findings.items} == {"text sound", "tiny picture", "repeated sample"}
    assert findings.count("warning") == 4


def test_classification_may_do_without_text_but_not_partly(tmp_path: Path) -> None:
    rows = sound_rows(tmp_path)
    for row in rows:
        row["text"] = ""
    write_csv(rows, tmp_path / "m.csv")
    assert check_manifest(tmp_path / "m.csv").passed
    assert check_manifest(tmp_path / "m.csv", "classification").passed
    assert [item.rule for item in check_manifest(tmp_path / "m.csv", "vqa").items] == ["text present"]
    rows[0]["text"] = "one of them"
    write_csv(rows, tmp_path / "m.csv")
    assert [item.count for item in check_manifest(tmp_path / "m.csv", "classification").items] == [len(rows) - 1]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no manifest"),
        ({"notes.txt": "x"}, "holds no manifest"),
        ({"a.csv": "image,target\n", "b.jsonl": "{}\n"}, "files of several kinds"),
        ({"train.csv": "image,target\n", "more.csv": "image,target\n"}, "the name of more.csv tells no split"),
        ({"m.parquet": "PAR1"}, "cannot be read as Parquet"),
    ],
)
def test_what_makes_no_manifest_is_told(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(CeterisError, match=sentence):
        check_manifest(tmp_path)


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match="does not exist"):
        check_manifest(tmp_path / "nowhere")
    (tmp_path / "m.xlsx").write_bytes(b"x")
    with pytest.raises(CeterisError, match="is no manifest"):
        check_manifest(tmp_path / "m.xlsx")


def test_many_failing_rows_stay_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(picture(0))
    write_jsonl([{"image": "0.png", "target": "a", "id": "same"} for _ in range(5_000)], tmp_path / "m.jsonl")
    findings = check_manifest(tmp_path / "m.jsonl")
    (item,) = [item for item in findings.items if item.rule == "unique ids"]
    assert item.count == 5_000
    assert len(item.rows) == 20
    assert len(item.sentence) < 400


def test_the_pages_are_kept_and_fetch_no_tracking_logo(tmp_path: Path) -> None:
    rows = sound_rows(tmp_path)
    rows[0]["target"] = ""
    write_csv(rows, tmp_path / "m.csv")
    docs = tmp_path / "reports" / "data_docs"
    for _ in range(2):
        assert not check_manifest(tmp_path / "m.csv", docs=docs).passed
    pages = [page.read_text(encoding="utf-8") for page in docs.rglob("*.html")]
    assert any("target in vocabulary" in page for page in pages)
    assert not any("great-expectations-web-assets" in page or "dataContextId" in page for page in pages)
    assert len(list(docs.rglob("validations/samples/**/*.html"))) == 1


def test_the_command_prints_sentences_and_no_traceback(tmp_path: Path) -> None:
    rows = sound_rows(tmp_path)
    rows[2]["image"] = "gone.png"
    write_csv(rows, tmp_path / "m.csv")
    program = "from flows.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "validate", str(tmp_path / "m.csv")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "line 4: names a picture that does not exist ('gone.png')" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["clothing", "fashion_mnist"])
def test_real_data_passes(tmp_path: Path, name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    for split in ("train", "validation"):
        table = pq.read_table(SHARED / name / f"{split}.parquet").slice(0, 600)
        pq.write_table(table, tmp_path / f"{split}.parquet")
    findings = check_manifest(tmp_path, "classification")
    assert findings.passed, findings.sentences()


def test_findings_say_what_they_are() -> None:
    assert Findings().passed
    assert Findings().sentences() == []
    Findings().raise_if_critical("nothing")
