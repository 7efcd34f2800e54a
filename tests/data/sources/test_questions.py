"""What only the user can say is asked, with answers that work; what is clear is not."""

import csv
from pathlib import Path

import pytest

from components.data.sources.columns import recognise
from components.data.sources.entries import Manifest
from components.data.sources.profile import profile_columns
from components.data.sources.questions import questions
from components.data.validation.check import DEFAULT_SETTINGS
from components.data_settings import ManifestColumns

ROWS = 60
EXISTS = {f"right/{number}.png" for number in range(ROWS)}.__contains__


def asked(folder: Path, columns: dict[str, list[str]], **chosen: str) -> list[str]:
    """The sentences that are asked about a CSV file of these columns."""
    folder.mkdir(exist_ok=True)
    path = folder / "m.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    settings = DEFAULT_SETTINGS.model_copy(update={"columns": ManifestColumns(**chosen)})
    manifest = Manifest(path, settings)
    name = manifest.files[0].name
    profiles = profile_columns(manifest.files, manifest.names)
    found = questions(name, manifest.names[name], manifest.columns[name], settings.columns, profiles, False, EXISTS)
    assert all(item.severity == "critical" for item in found)
    return [item.sentence for item in found]


def cycle(*values: str, times: int = ROWS) -> list[str]:
    return [values[index % len(values)] for index in range(times)]


IMAGES = [f"{index}.png" for index in range(ROWS)]
BASE = {"image": IMAGES, "label": cycle("cat", "dog", "bird")}


def test_nothing_is_asked_about_an_ordinary_manifest(tmp_path: Path) -> None:
    assert asked(tmp_path, BASE) == []
    ordinary = BASE | {
        "split": cycle("train", "test"),
        "group": cycle("a", "b", "c", "d"),
        "width": cycle("640", "320"),
        "note": cycle(""),
        "date": [f"2026-01-{1 + index % 28:02}" for index in range(ROWS)],
        "stage": cycle("1", "2", "3", "4"),
    }
    assert asked(tmp_path, ordinary) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("set", ("train", "test")),
        ("phase", ("train", "val")),
        ("Subset ", ("training", "testing")),
        ("data_split", ("train", "test")),
        ("fold", ("0", "1", "2", "3", "4")),
        ("is_train", ("1", "0")),
        ("isTest", ("True", "False")),
        ("Usage", ("Training", "PublicTest", "PrivateTest")),
        ("purpose", ("train", "dev", "test")),
    ],
)
def test_a_column_that_looks_like_a_split_is_asked_about(tmp_path: Path, name: str, values: tuple[str, ...]) -> None:
    columns = BASE | {name: cycle(*values)}
    if recognise(list(columns), ManifestColumns(), "m.csv").split is not None:
        assert asked(tmp_path, columns) == []  # it is followed
        return
    (sentence,) = asked(tmp_path, columns)
    assert repr(name) in sentence
    assert "--split none" in sentence
    assert values[0] in sentence
    assert asked(tmp_path, columns, split="none") == []
    assert asked(tmp_path, columns, split=name) == []


@pytest.mark.parametrize(
    "name", ["patient_id", "PatientID", "subject", "Subject Name", "person-id", "video", "camera_id"]
)
def test_a_column_of_people_or_places_is_asked_about(tmp_path: Path, name: str) -> None:
    columns = BASE | {name: cycle(*(f"P{index}" for index in range(12)))}
    (sentence,) = asked(tmp_path, columns)
    assert repr(name) in sentence
    assert "--group none" in sentence
    assert asked(tmp_path, columns, group=name) == []
    assert asked(tmp_path, columns, group="none") == []


def test_people_who_occur_once_are_not_asked_about(tmp_path: Path) -> None:
    assert asked(tmp_path, BASE | {"patient_id": [f"P{index}" for index in range(ROWS)]}) == []


def test_a_second_picture_is_asked_about(tmp_path: Path) -> None:
    columns = BASE | {
        "image": [f"left/l{name}" for name in IMAGES],
        "image_right": [f"right/{name}" for name in IMAGES],
    }
    (sentence,) = asked(tmp_path, columns)
    assert "--image image or --image image_right" in sentence
    assert asked(tmp_path, columns, image="image") == []
    # Names that are no files here, and other names of the same files, are no second pictures.
    assert asked(tmp_path, BASE | {"source": [f"https://example.org/{name}" for name in IMAGES]}) == []
    assert asked(tmp_path, BASE | {"source": [f"camera/IMG_{index}.jpg" for index in range(ROWS)]}) == []
    assert asked(tmp_path, BASE | {"source": [f"right/{name}" for name in IMAGES]}) == []


@pytest.mark.parametrize("empty", [True, False])
def test_a_better_text_than_an_empty_one_is_asked_about(tmp_path: Path, empty: bool) -> None:
    notes = [f"seen in room {index} by the window" for index in range(ROWS)]
    columns = BASE | ({"caption": cycle("")} if empty else {}) | {"notes": notes}
    (sentence,) = asked(tmp_path, columns)
    assert "--text notes" in sentence
    assert "--text none" in sentence
    assert ("is empty" in sentence) == empty
    for answer in ("notes", "none"):
        assert asked(tmp_path, columns, text=answer) == []


def test_two_possible_targets_are_asked_about_unless_one_numbers_the_other(tmp_path: Path) -> None:
    numbered = BASE | {"label": cycle("0", "1", "2"), "label_name": cycle("cat", "dog", "bird")}
    assert asked(tmp_path, numbered) == []
    (sentence,) = asked(tmp_path, BASE | {"category": cycle("indoor", "outdoor")})
    assert "--target label or --target category" in sentence
    # Equal counts do not make two columns the same.
    (sentence,) = asked(tmp_path, BASE | {"category": cycle(*"aaabbbccc")})
    assert "several columns that could be the target" in sentence


def test_names_of_other_people_are_guessed_at_and_asked(tmp_path: Path) -> None:
    columns = {
        "Flikr30kID": IMAGES,
        "gold_label": cycle("entailment", "neutral", "contradiction"),
        "sentence2": [f"a dog runs {index} times" for index in range(ROWS)],
    }
    sentences = " ".join(asked(tmp_path, columns))
    assert "--image Flikr30kID" in sentences
    assert "--target gold_label" in sentences
    assert "--text sentence2" in sentences
    assert asked(tmp_path, columns, image="Flikr30kID", target="gold_label", text="sentence2") == []


def test_names_with_blanks_are_quoted_for_the_shell(tmp_path: Path) -> None:
    (sentence,) = asked(tmp_path, BASE | {"my set": cycle("train", "test")})
    assert "--split 'my set'" in sentence
