"""Asking the champion, and every way of asking wrongly."""

from pathlib import Path

import pytest
from PIL import Image

from components.errors import CeterisError
from registry.predict import predict
from registry.promote import promote
from tests.registry.fabricated import ANSWERS, TASK, real_package, set_floors


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a picture.png"
    Image.new("RGB", (60, 40), (200, 30, 30)).save(path)
    return path


def test_the_champion_answers(root: Path, uri: str, picture: Path) -> None:
    set_floors(root, 0.01)
    real_package(root)
    (decision,) = promote(root, uri)
    assert decision.promoted
    said = predict(root, TASK, picture, "is there a red circle ?", uri)
    assert said["answer"] == next(iter(said["scores"]))
    assert said["score"] == said["scores"][said["answer"]]
    assert sorted(said["scores"]) == ANSWERS
    assert list(said["scores"].values()) == sorted(said["scores"].values(), reverse=True)
    assert (said["model"], said["version"], said["architecture"]) == ("smoke-vqa", "1", "vilt")
    assert said["notes"] == []
    cut, unknown = predict(root, TASK, picture, "is there a red ☃ circle ? " * 3, uri)["notes"]
    assert cut == "the text was cut: the model reads 10 tokens of it, and 11 more were left out."
    assert unknown == "the model does not know 1 of the 10 tokens that it reads ('☃')."


def test_a_champion_whose_code_knows_no_notes_still_answers(
    root: Path, uri: str, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_floors(root, 0.01)
    real_package(root)
    promote(root, uri)
    old = [{"answer": "red", "score": 0.5, "scores": [0.1, 0.1, 0.1, 0.5, 0.2]}]
    monkeypatch.setattr("registry.artefact.answer", lambda artefact, images, texts: old)
    said = predict(root, TASK, picture, "is there a red circle ?", uri)
    assert (said["answer"], said["notes"]) == ("red", [])


def test_mistakes_get_a_sentence(root: Path, uri: str, picture: Path, tmp_path: Path) -> None:
    no_picture = tmp_path / "notes.txt"
    no_picture.write_text("not a picture", encoding="utf-8")
    truncated = tmp_path / "truncated.png"
    truncated.write_bytes(picture.read_bytes()[:60])
    nowhere = f"sqlite:///{tmp_path / 'nowhere.db'}"
    for task, image, address, sentence in (
        ("vqaa", picture, uri, "the study smoke has no task 'vqaa': choose one of vqa"),
        (TASK, tmp_path / "none.png", uri, "none.png does not exist: name an image file"),
        (TASK, tmp_path, uri, "is a folder: name an image file"),
        (TASK, no_picture, uri, "notes.txt: the bytes are no picture"),
        (TASK, truncated, uri, "truncated.png: the picture is damaged"),
        (TASK, picture, uri, "smoke-vqa has no champion"),
        (TASK, picture, nowhere, "does not exist yet"),
    ):
        with pytest.raises(CeterisError) as raised:
            predict(root, task, image, "is there a red circle ?", address)
        assert sentence in str(raised.value)
        assert "\n" not in str(raised.value)
    assert not (tmp_path / "nowhere.db").exists(), "asking must not make a registry"
    with pytest.raises(CeterisError, match="bytes that are no UTF-8"):
        predict(root, TASK, picture, "a \udcff circle", uri)
