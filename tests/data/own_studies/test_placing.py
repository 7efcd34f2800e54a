"""What a study reads of copied data is what was checked, whatever form the manifest has and however paths are written."""

import csv
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.own_studies.placing import copied, settings_of_copy
from components.data.sources.entries import Entry, Manifest
from components.data.sources.faults import Faults
from components.data.sources.manifest_settings import ManifestColumns
from components.data.validation.check import DEFAULT_SETTINGS
from components.errors import CeterisError
from tests.data.small_manifests import picture

ROWS = 12
TARGETS = ("cat", "dog", "bird")


def draw(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(ROWS):
        (folder / f"{number}.png").write_bytes(picture(number))


def table(paths: str) -> list[list[str]]:
    """A header, and a row for each picture; `paths` with a place for its number."""
    rows = [[paths.format(number), f"text, {number}", TARGETS[number % 3]] for number in range(ROWS)]
    return [["image", "text", "target"], *rows]


def write(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif path.suffix == ".json":
        path.write_text(json.dumps(records))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    else:
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter="," if path.suffix == ".csv" else "\t").writerows(rows)


def read(manifest: Manifest) -> list[tuple]:
    return [content(entry) for entry in manifest.entries(Faults())]


def content(entry: Entry) -> tuple:
    return (entry.id, entry.picture(), entry.text, entry.target, entry.split, entry.group)


@pytest.mark.parametrize("name", ["m.csv", "m.tsv", "list.txt", "m.jsonl", "m.json", "m.parquet", ".hidden.csv"])
@pytest.mark.parametrize(
    "paths", ["img/{}.png", "img\\{}.png", "{}.png", "img/../img/{}.png", "gone/../img/{}.png", "ABSOLUTE"]
)
def test_a_copy_is_read_as_the_original(tmp_path: Path, name: str, paths: str) -> None:
    data = tmp_path / "data"
    draw(data / "img")
    draw(data / "cat")  # would be a class if the manifest were lost
    write(data / name, table(str(data / "img/{}.png") if paths == "ABSOLUTE" else paths))
    if paths == "{}.png":
        for number in range(ROWS):
            (data / "cat" / f"{number}.png").unlink()
    check(Manifest(data / name, DEFAULT_SETTINGS, search=True), tmp_path / "clone")


@pytest.mark.parametrize("paths", ["images/{}.png", "../images/{}.png", "{}.png"])
@pytest.mark.parametrize("folder", ["annotations", "anns", "csv", "data"])
@pytest.mark.parametrize("whole", [True, False])
def test_manifests_beside_their_pictures(tmp_path: Path, paths: str, folder: str, whole: bool) -> None:
    draw(tmp_path / "set/images")
    write(tmp_path / "set" / folder / "m.csv", table(paths))
    place = tmp_path / "set" if whole and folder != "csv" else tmp_path / "set" / folder / "m.csv"
    check(Manifest(place, DEFAULT_SETTINGS, search=True), tmp_path / "clone")


def test_pictures_elsewhere_and_links_to_them(tmp_path: Path) -> None:
    draw(tmp_path / "elsewhere")
    write(tmp_path / "set/m.csv", table("{}.png"))
    named = [tmp_path / "elsewhere"]
    check(Manifest(tmp_path / "set/m.csv", DEFAULT_SETTINGS, named, search=True), tmp_path / "clone")
    (tmp_path / "set/img").symlink_to(tmp_path / "elsewhere")
    write(tmp_path / "set/m.csv", table("img/{}.png"))
    check(Manifest(tmp_path / "set/m.csv", DEFAULT_SETTINGS, named, search=True), tmp_path / "other")


@pytest.mark.parametrize("paths", ["img/{}.png", "{}.png"])
def test_a_linked_folder_that_nobody_named_is_not_followed(tmp_path: Path, paths: str) -> None:
    draw(tmp_path / "elsewhere")
    write(tmp_path / "set/m.csv", table(paths))
    (tmp_path / "set/img").symlink_to(tmp_path / "elsewhere")
    faults = Faults()
    manifest = Manifest(tmp_path / "set/m.csv", DEFAULT_SETTINGS, search=True)
    assert not list(manifest.entries(faults))
    assert "--pictures" in faults.findings().items[0].sentence


def test_class_folders_and_files_of_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in TARGETS:
            draw(tmp_path / "folders" / split / name)
    check(Manifest(tmp_path / "folders", DEFAULT_SETTINGS, search=True), tmp_path / "one")
    draw(tmp_path / "splits/img")
    rows = table("img/{}.png")
    for number, row in enumerate(rows):
        row.append("id" if number == 0 else str(number % 6))
    write(tmp_path / "splits/train.csv", rows[:7])
    write(tmp_path / "splits/test.csv", [rows[0], *rows[7:]])
    manifest = Manifest(tmp_path / "splits", DEFAULT_SETTINGS, search=True)
    ids = [entry.id for entry in manifest.entries(Faults())]
    assert len(set(ids)) == ROWS  # although both files count from 0
    check(manifest, tmp_path / "two")


def check(manifest: Manifest, clone: Path) -> None:
    """Copy, read again, compare; nothing of the copy leads outside."""
    before = read(manifest)
    assert len(before) >= ROWS - 1
    settings = settings_of_copy(DEFAULT_SETTINGS, manifest)
    with copied(manifest, clone, settings):
        pass
    assert read(Manifest(clone, settings)) == before
    assert not [path for path in clone.rglob("*") if path.is_symlink()]
    assert ".." not in str(settings.pictures)


def test_nothing_is_left_of_a_copy_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "set/img")
    write(tmp_path / "set/m.csv", table("img/{}.png"))
    manifest = Manifest(tmp_path / "set/m.csv", DEFAULT_SETTINGS, search=True)
    settings = settings_of_copy(DEFAULT_SETTINGS, manifest)
    with pytest.raises(KeyboardInterrupt), copied(manifest, tmp_path / "clone", settings):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["set"]
    with (
        pytest.raises(CeterisError, match="would be read otherwise"),
        copied(manifest, tmp_path / "clone", settings.model_copy(update={"columns": ManifestColumns(text="none")})),
    ):
        (tmp_path / "never").mkdir()
    monkeypatch.setattr("components.data.own_studies.placing.copy_file", full)
    with pytest.raises(OSError, match="no room"), copied(manifest, tmp_path / "clone", settings):
        pass
    assert os.listdir(tmp_path) == ["set"]


def full(source: Path, target: Path) -> None:
    target.write_bytes(b"half")
    raise OSError("no room")
