"""Pictures that a study would draw blank or black stop it before any training, and the sentence says what to set."""

import argparse
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.findings import Finding
from components.data.images import Rendering
from components.data.picture_survey import PictureSurvey
from components.data.validation.check import check_manifest
from components.data.validation.rendered import rendering_findings
from components.errors import CeterisError
from components.stages import materialise, tokenize, validate
from components.study.loading import load_study
from tests.data.small_manifests import sound_rows, write_csv
from tests.stages.in_process import VERDICT, stage

ROOT = Path(__file__).parents[3]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def wide(number: int, highest: int = 200) -> bytes:
    values = np.random.default_rng(number).integers(0, highest + 1, (24, 24))
    values[0, :2] = 0, highest
    return encoded(Image.fromarray(values.astype(np.int32)), "TIFF")


def drawing(number: int, level: int) -> bytes:
    image = Image.new("RGBA", (24, 24), (level, level, level, 0))
    image.paste((level, level, level, 255), (number % 8, 4, number % 8 + 12, 20))
    return encoded(image)


def found(make: Callable[[int], bytes], rendering: Rendering, count: int = 90) -> list[Finding]:
    survey = PictureSurvey()
    for number in range(count):
        survey.add(make(number), f"p{number}")
    return rendering_findings(survey, rendering, "data", {"p0": "question-7"})


def test_values_without_a_range_are_refused_in_one_sentence_that_gives_it() -> None:
    (item,) = found(wide, Rendering())
    assert (item.severity, item.count) == ("critical", 90)
    assert item.sentence == (
        "data: 90 pictures have values from 0 to 200 in more than 8 bits: set data.value_range to [0, 200]."
    )
    (item,) = found(wide, Rendering(), count=1)
    assert "data: 1 picture has values from 0 to 200" in item.sentence


@pytest.mark.parametrize("fits", [(0, 200), (0, 255), (-100, 300), (20, 180)])
def test_a_range_that_fits_is_accepted(fits: tuple[float, float]) -> None:
    assert found(wide, Rendering(value_range=fits)) == []


@pytest.mark.parametrize(
    ("range_", "problem"),
    [
        ((0, 90), "data.value_range [0, 90] covers less than half"),
        ((500, 900), "data.value_range [500, 900] covers less than half"),
        ((0, 65535), "less than an eighth of data.value_range [0, 65535]"),
        ((0, 4095), "less than an eighth of data.value_range [0, 4095]"),
    ],
)
def test_a_range_of_other_pictures_is_refused(range_: tuple[float, float], problem: str) -> None:
    (item,) = [item for item in found(wide, Rendering(value_range=range_)) if item.severity == "critical"]
    assert problem in item.sentence
    assert item.sentence.endswith(": set data.value_range to [0, 200].")


def test_drawings_that_vanish_on_the_background_are_refused() -> None:
    (item,) = found(lambda number: drawing(number, 255), Rendering())
    assert item.severity == "critical"
    assert item.sentence == (
        "data: all 90 pictures with transparent parts come out (almost) one colour on white: set data.background to black."
    )
    assert found(lambda number: drawing(number, 255), Rendering("black")) == []
    (item,) = found(lambda number: drawing(number, 0), Rendering("black"))
    assert item.sentence.endswith("on black: set data.background to white.")


def test_some_blank_pictures_are_a_warning_with_names() -> None:
    def some(number: int) -> bytes:
        return encoded(Image.new("RGB", (24, 24), "red")) if number < 5 else drawing(number, 0)

    (item,) = found(some, Rendering())
    assert (item.severity, item.count) == ("warning", 5)
    assert "5 of 90 pictures come out (almost) one colour (question-7, p1, p2, ...)" in item.sentence


def test_a_file_of_another_kind_is_named_in_one_sentence_however_many_there_are(tmp_path: Path) -> None:
    rows = sound_rows(tmp_path)
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(b"\0\0\0\x18ftypheic" + bytes([number]) * 30)
    for number in range(20, 30):
        (tmp_path / f"{number}.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid %d\n" % number)
    for number in range(30, 40):
        whole = (tmp_path / f"{number}.png").read_bytes()
        (tmp_path / f"{number}.png").write_bytes(whole[: 60 + 7 * (number - 30)])
    write_csv(rows, tmp_path / "m.csv")
    items = {item.rule: item for item in check_manifest(tmp_path / "m.csv").items if item.severity == "critical"}
    assert {rule: item.count for rule, item in items.items()} == {
        "picture read": 20,
        "picture itself": 10,
        "picture decodes": 10,
    }
    heic = items["picture read"].sentence
    assert "has a picture that is a HEIC picture, which is not read: save it as PNG or JPEG, or remove the row." in heic
    assert "is a Git LFS pointer, not the picture itself: fetch the picture itself" in items["picture itself"].sentence
    assert "has a picture that is damaged ('" in items["picture decodes"].sentence


def test_the_stages_ask_for_a_range_and_draw_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smoke = load_study(ROOT / "studies/smoke.yaml")
    settings = smoke.data.model_copy(update={"source": "manifest", "redrawn": False, "path": "data/mine"})
    study = smoke.model_copy(update={"data": settings})
    folder = tmp_path / "data" / "mine"
    folder.mkdir(parents=True)
    rows = sound_rows(folder, 120)
    for number, row in enumerate(rows):
        (folder / row["image"]).write_bytes(wide(number))
    write_csv(rows, folder / "m.csv")
    monkeypatch.chdir(tmp_path)
    nothing = argparse.Namespace()
    materialise.run(study, nothing, stage(tmp_path, "outputs/data"))
    (tmp_path / "outputs/validation").mkdir()
    asked = "120 pictures have values from 0 to 200 in more than 8 bits: set data.value_range to [0, 200]"
    with pytest.raises(CeterisError, match=re.escape(asked)):
        validate.run(study, nothing, stage(tmp_path, *VERDICT))
    study = study.model_copy(update={"data": settings.model_copy(update={"value_range": (0, 200)})})
    validate.run(study, nothing, stage(tmp_path, *VERDICT))
    tokenize.run(study, nothing, stage(tmp_path, "outputs/tokens"))
    pixels = np.load(tmp_path / "outputs/tokens/pixels.npy")
    assert np.quantile(pixels, 0.05) < 40
    assert np.quantile(pixels, 0.95) > 215
    index = json.loads((tmp_path / "outputs/tokens/index.json").read_text(encoding="utf-8"))
    assert min(index["pixel_deviation"]) > 40
