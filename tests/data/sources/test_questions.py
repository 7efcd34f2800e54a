"""What only the user can say is asked, with answers that work; what is clear is not."""

import csv
from pathlib import Path

import pytest

from components.data.sources.entries import Manifest
from components.data.sources.manifest_settings import ManifestColumns
from components.data.sources.profile import profile_columns
from components.data.sources.questions import questions
from components.data.sources.split_words import split_of
from components.data.validation.check import DEFAULT_SETTINGS

ROWS = 60


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
    found = questions(
        name, manifest.names[name], manifest.columns[name], settings.columns, profiles, False, manifest.pictures.find
    )
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
    ("name", "values", "followed"),
    [
        ("set", ("train", "test"), {"train", "selection"}),
        ("phase", ("train", "val"), {"train", "validation"}),
        ("data_split", ("train", "test"), {"train", "selection"}),
        ("is_train", ("1", "0"), {"train", "selection"}),
        ("isTest", ("True", "False"), {"train", "selection"}),
        ("is_val", ("yes", "no"), {"train", "validation"}),
        ("training", ("0", "1"), {"train", "selection"}),
        ("purpose", ("train", "dev", "test"), {"train", "validation", "selection"}),
        ("fold", ("0", "1", "2", "3", "4"), None),
        ("holdout", ("0", "1"), None),
        ("train_or_test", ("1", "2"), None),
        ("Usage", ("Training", "PublicTest", "PrivateTest"), None),
        ("set", ("A", "B"), None),
    ],
)
def test_a_column_that_looks_like_a_split_is_asked_about(
    tmp_path: Path, name: str, values: tuple[str, ...], followed: set[str] | None
) -> None:
    columns = BASE | {name: cycle(*values)}
    (sentence,) = asked(tmp_path, columns)
    assert repr(name) in sentence
    assert "--split none" in sentence
    assert values[0] in sentence
    assert asked(tmp_path, columns, split="none") == []
    # An answer is offered only where it can be followed.
    assert (f"--split {name}" in sentence) == (followed is not None)
    if followed is not None:
        assert {split_of(value, name) for value in values} == followed


def test_a_column_called_a_subset_is_followed(tmp_path: Path) -> None:
    assert asked(tmp_path, BASE | {"Subset ": cycle("training", "testing")}) == []


@pytest.mark.parametrize(
    "name", ["patient_id", "PatientID", "subject", "Subject Name", "person-id", "video", "camera_id", "pid", "mrn"]
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
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        for name in IMAGES:
            (tmp_path / side / name).write_bytes(side.encode())
    pairs = {"image": [f"left/{name}" for name in IMAGES], "image_right": [f"right/{name}" for name in IMAGES]}
    columns = BASE | pairs
    (sentence,) = asked(tmp_path, columns)
    assert "--image image or --image image_right" in sentence
    assert asked(tmp_path, columns, image="image") == []
    # The same folder: each row shows one picture and then another.
    after = {"image_right": [f"left/{name}" for name in [*IMAGES[1:], IMAGES[0]]]}
    assert len(asked(tmp_path, columns | after)) == 1
    # Other ways of writing the first picture's path, and names that are no files here, are no second pictures.
    for same in ("left/{}", "./left/{}", "left\\{}", "https://example.org/{}", "camera/{}"):
        assert asked(tmp_path, columns | {"image_right": [same.format(name) for name in IMAGES]}) == []


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
