"""Picture paths as tools write them: each becomes the file it means, or a sentence that says why it cannot."""

import os
import unicodedata
from pathlib import Path

import pytest

from components.data.sources.faults import UnusableError
from components.data.sources.picture_paths import PicturePaths, find_pictures
from components.errors import CeterisError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """`data/img/a.png`, and `elsewhere/b.png` outside."""
    for name in ("data/img/a.png", "data/img/deep/c.png", "elsewhere/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path / "data"


def rules(base: Path, prefix: str = "", *more: Path) -> PicturePaths:
    return PicturePaths(base, prefix, tuple(folder.resolve() for folder in (base, *more)))


@pytest.mark.parametrize(
    "written", ["img/a.png", "./img/a.png", "img\\a.png", ".\\img\\a.png", "img//a.png", "img/../img/a.png"]
)
def test_one_file_is_found_under_every_way_of_writing_it(data: Path, written: str) -> None:
    assert rules(data).locate(written).samefile(data / "img/a.png")


def test_file_addresses_are_paths(data: Path) -> None:
    assert rules(data, str(data)).locate(f"file://{data}/img/a.png").samefile(data / "img/a.png")


@pytest.mark.parametrize(("on_disk", "written"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_may_be_composed_or_not(data: Path, on_disk: str, written: str) -> None:
    name = "Café für Ångström.png"
    (data / unicodedata.normalize(on_disk, name)).write_bytes(b"x")
    assert rules(data).locate(unicodedata.normalize(written, name)).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("written", "problem", "advice"),
    [
        ("img/gone.png", "does not exist", "correct the path"),
        ("../elsewhere/b.png", "leaves the data folder by '..'", "--pictures"),
        ("/nowhere/at/all.png", "on a whole disk that is not inside the data folder", "relative to the manifest"),
        ("C:\\Users\\me\\img\\a.png", "on a whole disk", "--prefix 'C:/Users/me' would do"),
        ("/old/place/img/a.png", "on a whole disk", "--prefix '/old/place' would do"),
        ("img/A.PNG", "does not exist", "there is img/a.png"),
        ("img/a", "does not exist", "there is img/a.png"),
        ("img/a.jpg", "does not exist", "there is img/a.png"),
        ("img/%61.png", "does not exist", "there is img/a.png"),
        ("https://example.org/a.png", "an address on the net", "download"),
        ("a\0.png", "null character", "correct"),
        ("img", "does not exist", "correct the path"),
        ("x" * 5000, "does not exist", "correct the path"),
    ],
)
def test_what_cannot_be_found_is_told_with_its_reason(data: Path, written: str, problem: str, advice: str) -> None:
    with pytest.raises(UnusableError) as caught:
        rules(data).locate(written)
    assert problem in caught.value.problem
    assert advice in caught.value.advice + caught.value.example
    assert len(caught.value.example) < 200


def test_what_a_path_begins_with_elsewhere_is_taken_off(data: Path) -> None:
    moved = rules(data, "C:/Users/me")
    assert moved.locate("C:\\Users\\me\\img\\a.png").samefile(data / "img/a.png")
    assert moved.locate("img/a.png").samefile(data / "img/a.png")


def test_links_are_followed_only_into_folders_that_were_named(data: Path) -> None:
    (data / "link.png").symlink_to(data.parent / "elsewhere/b.png")
    with pytest.raises(UnusableError) as caught:
        rules(data).locate("link.png")
    assert "--pictures" in caught.value.advice
    assert str(data.parent / "elsewhere") in caught.value.example
    assert rules(data, "", data.parent / "elsewhere").locate("link.png").read_bytes() == b"x"


def found(paths: list[str], manifest: Path, data: Path | None = None, *named: Path) -> tuple[str, str]:
    base, prefix = find_pictures(paths, manifest, data or manifest, named, None)
    return os.path.relpath(base, manifest), prefix


def test_the_folder_of_the_pictures_is_found_around_the_manifest(data: Path) -> None:
    assert found(["img/a.png"], data) == (".", "")
    assert found(["a.png"], data) == ("img", "")
    (data / "annotations").mkdir()
    assert found(["img/a.png"], data / "annotations") == ("..", "")
    assert found(["a.png"], data / "annotations") == ("../img", "")
    assert found(["../img/a.png"], data / "annotations", data) == ("..", "..")
    assert found([f"{data}/img/a.png"], data) == (".", str(data))
    assert found(["b.png"], data, None, data.parent / "elsewhere") == ("../elsewhere", "")
    assert found(["gone.png"], data) == (".", "")


def test_pictures_outside_are_not_searched_unless_the_manifest_lies_among_annotations(data: Path) -> None:
    (data / "notes").mkdir()
    assert found(["img/a.png"], data / "notes") == (".", "")


def test_two_folders_with_the_same_names_are_asked_about(data: Path) -> None:
    (data / "small").mkdir()
    (data / "small/a.png").write_bytes(b"y")
    with pytest.raises(CeterisError, match=r"lie in img and small: say which with --pictures"):
        found(["a.png"], data)
    assert found(["a.png"], data, None, data / "small") == ("small", "")
