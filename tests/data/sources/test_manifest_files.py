"""Which files of a folder are the manifest, and what is said where that cannot be told."""

from pathlib import Path

import pytest

from components.data.sources.manifest_rows import manifest_files
from components.errors import CeterisError

CSV = "image,target\na.png,cat\n"


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(CSV)
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["m.csv"], {"m.csv": None}),
        (["m.json"], {"m.json": None}),
        (["m.csv", "dataset_infos.json", "classes.json"], {"m.csv": None}),
        (["m.csv", "LICENSE.txt", "README.md", "m.xlsx"], {"m.csv": None}),
        (["m.csv", "._m.csv", ".m.csv", "~$m.csv"], {"m.csv": None}),
        (["train.csv", "test.csv"], {"test.csv": "selection", "train.csv": "train"}),
        (["train.json", "val.json"], {"train.json": "train", "val.json": "validation"}),
        (["annotations/m.csv", "images/a.png"], {"annotations/m.csv": None}),
        (["Annotations/m.json", "img/a.png"], {"Annotations/m.json": None}),
        (
            ["data/train-0.parquet", "data/test-0.parquet"],
            {"data/test-0.parquet": "selection", "data/train-0.parquet": "train"},
        ),
        (
            ["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl", "dev.jsonl"],
            {"dev.jsonl": "validation", "train-00000-of-00002.jsonl": "train", "train-00001-of-00002.jsonl": "train"},
        ),
        (
            ["annotations/instances_train2017.json", "annotations/instances_val2017.json"],
            {"annotations/instances_train2017.json": "train", "annotations/instances_val2017.json": "validation"},
        ),
        (["labels/m.tsv", "images/a.png"], {"labels/m.tsv": None}),
        (["m.csv", "annotations/other.csv"], {"m.csv": None}),
    ],
)
def test_what_counts_as_the_manifest_of_a_folder(
    tmp_path: Path, names: list[str], found: dict[str, str | None]
) -> None:
    files = manifest_files(put(tmp_path, *names))
    assert {file.path.relative_to(tmp_path).as_posix(): file.split for file in files} == found
    assert {file.folder for file in files} == {tmp_path}


@pytest.mark.parametrize(
    "name", ["m.csv", "m.TSV", "m.txt", "m.tab", "m.psv", "m.jsonl", "m.ndjson", "m.json", "m.parquet"]
)
def test_a_file_that_is_named_is_the_manifest(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "other.csv")
    (file,) = manifest_files(tmp_path / name)
    assert (file.path, file.name, file.folder) == (tmp_path / name, str(tmp_path / name), tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["train.csv", "train.json"], r"files of several kinds \(train\.csv, train\.json\): keep one kind"),
        (["m.csv", "m.json"], r"files of several kinds"),
        (
            ["m.csv", "README.csv"],
            r"the name of README\.csv, m\.csv tells no split: name each .* train\.csv and test\.csv",
        ),
        (["a.json", "b.json"], r"the name of a\.json, b\.json tells no split: .* train\.json"),
        ([f"{index}.csv" for index in range(9)], r"the name of 0\.csv, 1\.csv, 2\.csv and 6 more tells no split"),
        (["annotations/a.csv", "metadata/b.csv"], r"holds manifests in several folders \(annotations, metadata\)"),
        (["annotations/a.csv", "annotations/b.csv"], r"annotations holds several files"),
        (
            ["train_images.csv", "train_labels.csv"],
            r"several tables for one split \(train_images\.csv, train_labels\.csv\)",
        ),
        (
            ["annotations/captions_val2017.json", "annotations/instances_val2017.json"],
            r"several tables for one split \(captions_val2017\.json, instances_val2017\.json\)",
        ),
        (["labels.txt"], r"holds no manifest \(if it is labels\.txt, give the path of that file\)"),
        (["m.xlsx"], r"holds no manifest \(m\.xlsx cannot be read: save the table as CSV\)"),
        (["m.csv.gz"], r"m\.csv\.gz cannot be read: unpack it first"),
        (["other/m.csv"], r"holds no manifest"),
    ],
)
def test_what_makes_no_manifest_is_said(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(CeterisError, match=said) as caught:
        manifest_files(put(tmp_path, *names))
    assert str(caught.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("m.xlsx", "is no manifest: save the table as CSV"),
        ("m.zip", "is no manifest: unpack it first"),
        ("a.JPG", "is no manifest: give the folder of the pictures"),
        ("m.docx", r"is no manifest: give a file ending in \.csv"),
    ],
)
def test_files_of_other_kinds_get_fitting_advice(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(CeterisError, match=said):
        manifest_files(put(tmp_path, name) / name)
