"""What is refused or told before a study is made, so that none fails, or asks nothing, when it is run."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.sources.manifest_settings import ManifestColumns
from components.data.validation.check import DEFAULT_SETTINGS, Examination, Kind, examine
from components.errors import CeterisError


def write(folder: Path, count: int, cells: Callable[[int], dict[str, str]]) -> Path:
    """A CSV file of so many pictures; `cells` gives what stands beside each."""
    folder.mkdir(exist_ok=True)
    with (folder / "m.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["image", *cells(0)])
        writer.writeheader()
        for row in range(count):
            pixels = np.random.default_rng(row).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{row}.png")
            writer.writerow({"image": f"{row}.png", **cells(row)})
    return folder / "m.csv"


def examined(path: Path, kind: Kind | None = None, named: Sequence[Path] = (), **columns: str) -> Examination:
    settings = DEFAULT_SETTINGS.model_copy(update={"columns": ManifestColumns(**columns)})
    return examine(path, kind, settings, named, search=True)


def refused(examination: Examination) -> list[str]:
    return examination.findings.sentences("critical")


def test_few_rows_to_train_on_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, 100, lambda row: {"label": "ab"[row % 2], "split": "train" if row < 9 else "test"})
    assert any("too few to learn from" in sentence for sentence in refused(examined(path)))


def test_small_splits_that_are_made_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, 60, lambda row: {"label": "ab"[row % 2]})
    found = examined(path).findings
    assert found.passed
    assert any("few rows to evaluate on (selection 9, gate 9)" in sentence for sentence in found.sentences("warning"))


def test_open_answers_without_two_frequent_ones_are_refused(tmp_path: Path) -> None:
    answers = {"question": "what?", "answer": ""}
    path = write(tmp_path, 60, lambda row: answers | {"answer": "yes" if row % 2 else f"an answer of its own {row}"})
    (sentence,) = refused(examined(path, "vqa"))
    assert "only 1 of the" in sentence


def test_a_split_that_asks_for_one_class_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, 80, lambda row: {"label": "dog" if row == 0 else "cat"})
    assert any("rows of one class only in its selection split" in sentence for sentence in refused(examined(path)))


def test_rare_classes_of_a_classification_are_no_open_answers(tmp_path: Path) -> None:
    path = write(tmp_path, 80, lambda row: {"label": f"rare {row}" if row % 3 == 0 else "ab"[row % 2]})
    said = "\n".join(examined(path, "classification").understanding.lines())
    assert "open" not in said
    assert "fewer than 4 rows" in said
    answers = {"question": "what?", "answer": ""}
    path = write(tmp_path, 80, lambda row: answers | {"answer": f"rare {row}" if row % 3 == 0 else "ab"[row % 2]})
    assert "Answers are open" in "\n".join(examined(path, "vqa").understanding.lines())


def test_questions_need_a_column_of_texts(tmp_path: Path) -> None:
    path = write(tmp_path, 60, lambda row: {"label": "ab"[row % 2]})
    assert any("--text COLUMN" in sentence for sentence in refused(examined(path, "vqa")))


def test_words_for_missing_values_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, 60, lambda row: {"label": ("NaN", "cat", "dog")[row % 3]})
    (sentence,) = [each for each in examined(path).findings.sentences("warning") if "missing value" in each]
    assert "20 targets or texts" in sentence
    assert "'NaN' 20" in sentence


def test_files_that_are_no_pictures_are_not_equal_pictures(tmp_path: Path) -> None:
    path = write(tmp_path, 60, lambda row: {"label": "ab"[row % 2]})
    for row in range(10):
        (tmp_path / f"{row}.png").write_bytes(b"no picture %d" % row)
    found = examined(path).findings
    assert {item.rule for item in found.items} == {"picture decodes", "rows to evaluate on"}


def test_a_column_that_is_asked_about_is_not_also_missing(tmp_path: Path) -> None:
    path = write(tmp_path, 60, lambda row: {"kind": "ab"[row % 2]})
    (sentence,) = refused(examined(path))
    assert "--target kind" in sentence
    assert examined(path, target="kind").findings.passed


def test_a_group_may_be_told_by_any_column(tmp_path: Path) -> None:
    path = write(tmp_path, 60, lambda row: {"label": "ab"[row % 2]})
    assert examined(path, group="image").findings.passed


@pytest.mark.parametrize("name", ["Image Path", "image-path", "imagePath", "IMAGE_PATH"])
def test_names_are_recognised_however_they_are_written(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, 60, lambda row: {"label": "ab"[row % 2]})
    path.write_text(path.read_text().replace("image,label", f"{name},label"))
    assert examined(path).findings.passed


def test_pictures_in_a_named_folder_are_found_by_paths_that_climb_to_it(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", 60, lambda row: {"label": "ab"[row % 2]})
    path = tmp_path / "set/m.csv"
    path.parent.mkdir()
    path.write_text(
        (tmp_path / "elsewhere/m.csv").read_text().replace("\n", "\n../elsewhere/").removesuffix("../elsewhere/")
    )
    assert "--pictures" in refused(examined(path))[0]
    assert examined(path, named=[tmp_path / "elsewhere"]).findings.passed
    with pytest.raises(CeterisError, match="there is no such folder"):
        examined(path, named=[tmp_path / "nowhere"])
