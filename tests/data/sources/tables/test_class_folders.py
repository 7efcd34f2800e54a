"""Folders as classes: which layouts are understood, what is left out, and what is said of the rest."""

import os
from pathlib import Path

import pytest

from components.data.sources.manifest_rows import (
    FOLDERS,
    Fault,
    Row,
    column_names,
    manifest_files,
    remarks,
    row_count,
    rows,
)
from components.errors import CeterisError


def put(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    return folder


def read(folder: Path) -> list[Row | Fault]:
    (file,) = manifest_files(folder)
    assert file.kind == FOLDERS
    found = list(rows(file, column_names(file)))
    assert [row.place for row in found] == list(range(1, len(found) + 1))
    assert row_count(file) == len(found)
    return found


def values(folder: Path) -> list[tuple]:
    found = read(folder)
    assert all(isinstance(row, Row) for row in found), found
    return [
        (row.values["image"], row.values.get("split"), row.values["target"]) for row in found if isinstance(row, Row)
    ]


@pytest.mark.parametrize(
    ("before", "split"),
    [
        ("", None),
        ("images/", None),
        ("archive/images/", None),
        ("train/", "train"),
        ("images/test/", "test"),
        ("Val/img/", "val"),
    ],
)
def test_layouts_of_classes_and_splits(tmp_path: Path, before: str, split: str | None) -> None:
    put(tmp_path, f"{before}dog/2.PNG", f"{before}dog/10.jpg", f"{before}cat/deep/1.jpeg")
    assert values(tmp_path) == [
        (f"{before}cat/deep/1.jpeg", split, "cat"),
        (f"{before}dog/10.jpg", split, "dog"),
        (f"{before}dog/2.PNG", split, "dog"),
    ]


def test_several_splits_are_told_by_their_folders(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/2.png", "valid/cat/3.png", "Test/dog/4.png")
    assert {(split, target) for _, split, target in values(tmp_path)} == {
        ("train", "cat"),
        ("train", "dog"),
        ("valid", "cat"),
        ("test", "dog"),
    }
    (file,) = manifest_files(tmp_path)
    assert column_names(file) == ["image", "target", "split"]


def test_a_class_may_bear_the_name_of_a_split(tmp_path: Path) -> None:
    put(tmp_path, "train/1.png", "bus/2.png")
    assert values(tmp_path) == [("bus/2.png", None, "bus"), ("train/1.png", None, "train")]


def test_litter_does_not_count_and_other_files_are_named(tmp_path: Path) -> None:
    litter = [
        "cat/Thumbs.db",
        "cat/.DS_Store",
        "cat/._1.png",
        "__MACOSX/cat/1.png",
        ".ipynb_checkpoints/1.png",
        "desktop.ini",
    ]
    put(tmp_path, "cat/1.png", "dog/2.png", "LICENSE.txt", "cat/notes.md", *litter)
    assert [path for path, _, _ in values(tmp_path)] == ["cat/1.png", "dog/2.png"]
    (file,) = manifest_files(tmp_path)
    assert remarks(file) == [
        "there is no manifest: the folders are the classes",
        "files that are no pictures are not used: LICENSE.txt, cat/notes.md",
    ]


def test_pictures_beside_the_classes_are_faults(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/1.png", "train/dog/2.png", "train/3.png", "cover.png")
    assert [(fault.place, fault.problem, fault.example) for fault in read(tmp_path) if isinstance(fault, Fault)] == [
        (1, "lies in no folder of a class", "'cover.png'"),
        (2, "lies in no folder of a class", "'train/3.png'"),
    ]


@pytest.mark.parametrize(
    "paths",
    [
        ["1.png", "2.png"],
        ["images/1.png", "images/2.png"],
        ["images/1.png", "masks/1.png"],
        ["train/1.png", "test/2.png"],
        ["images/1.png", "labels/1.txt"],
    ],
)
def test_pictures_without_classes_are_told_what_is_missing(tmp_path: Path, paths: list[str]) -> None:
    with pytest.raises(CeterisError, match=r"pictures? but no manifest.*: put a file such as manifest\.csv there"):
        manifest_files(put(tmp_path, *paths))


def test_splits_beside_other_folders_are_asked_about(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/1.png", "test/cat/2.png", "extra/3.png")
    with pytest.raises(CeterisError, match=r"holds folders of splits \(test, train\) and others beside them \(extra\)"):
        manifest_files(tmp_path)


def test_links_to_folders_are_followed_and_circles_end(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "1.png")
    put(tmp_path / "data", "cat/2.png", "dog/3.png")
    os.symlink(tmp_path / "elsewhere", tmp_path / "data" / "bird")
    os.symlink(tmp_path / "data", tmp_path / "data" / "cat" / "up")
    os.symlink(tmp_path / "data" / "cat", tmp_path / "data" / "dog" / "cats")
    targets = {path: target for path, _, target in values(tmp_path / "data")}
    assert targets["bird/1.png"] == "bird"
    assert targets["dog/cats/2.png"] == "dog"
    assert len(targets) == 4


def test_a_manifest_at_the_top_wins(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "dog/2.png")
    (tmp_path / "m.csv").write_text("image,label\ncat/1.png,cat\n")
    (file,) = manifest_files(tmp_path)
    assert file.kind == ".csv"
