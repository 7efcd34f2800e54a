"""Studies made for many kinds of data: each reaches the point where every arm, front end and loss is built for it."""

import argparse
import csv
import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.data.own_studies.study_file import Request, write_study
from components.data.store import Store
from components.models.front_ends import ENCODERS, region_detector
from components.stages import materialise, tokenize, validate
from components.stages.pretrain_image import objective_for
from components.study.front_ends import FRONT_COMPONENTS
from components.study.loading import load_study
from components.study.study import Study
from components.tracking.spool import Spool
from components.training.building import build, configuration
from components.training.step_run import objectives_for

ROOT = Path(__file__).parents[2]
WORDS = ("红色", "grün", "blue")


def noise(number: int, size: tuple[int, int]) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def depth(number: int, size: tuple[int, int]) -> Image.Image:
    values = np.random.default_rng(number).integers(300, 4000, (size[1], size[0]), dtype=np.uint16)
    return Image.fromarray(values)


def write_data(
    folder: Path, rows: int, draw: Callable[[int], Image.Image], extra: Callable[[int], dict[str, str]]
) -> None:
    """A CSV file beside its pictures; `extra` gives the cells of a row beside its picture."""
    folder.mkdir()
    names = ["image", *extra(0)]
    with (folder / "m.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for row in range(rows):
            draw(row).save(folder / f"{row}.png")
            writer.writerow({"image": f"{row}.png", **extra(row)})


def boxes(row: int, named: bool) -> str:
    found = [{"bbox": [2, 2, 20, 20], "category": "wheel"}, {"bbox": [10 + row % 5, 8, 20, 16], "category": "door"}]
    return json.dumps(found if named else [box["bbox"] for box in found])


def labelled(row: int) -> dict[str, str]:
    return {"label": WORDS[row % 3]}


def asked(row: int) -> dict[str, str]:
    answer = WORDS[row % 3] if row % 3 else f"eine Antwort {row}"
    return {"question": f"这张照片是什么颜色 {row % 5}?", "answer": answer}


KINDS: dict[str, tuple[int, Callable[[int], Image.Image], Callable[[int], dict[str, str]], str, set[str], int]] = {
    # rows, pictures, other cells, task, arms of regions that are left, side of the square
    "boxes without names": (
        340,
        lambda row: noise(row, (60, 48)),
        lambda row: labelled(row) | {"boxes": boxes(row, False)},
        "classification",
        {"visualbert"},
        64,
    ),
    "boxes with names": (
        340,
        lambda row: noise(row, (60, 48)),
        lambda row: asked(row) | {"boxes": boxes(row, True)},
        "vqa",
        {"visualbert", "vilbert", "uniter", "vlbert"},
        64,
    ),
    "depth maps of a medium size": (340, lambda row: depth(row, (130, 100)), asked, "vqa", set(), 96),
    "few small pictures": (60, lambda row: noise(row, (40, 30)), labelled, "classification", set(), 48),
    "large pictures": (60, lambda row: noise(row, (400, 300)), labelled, "classification", set(), 128),
}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_a_made_study_trains_can_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    rows, draw, extra, task, regions, side = KINDS[kind]
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "studies/defaults", clone / "studies/defaults")
    shutil.copyfile(ROOT / "params.yaml", clone / "params.yaml")
    write_data(tmp_path / "data", rows, draw, extra)
    request = Request("made", tmp_path / "data/m.csv", task)  # type: ignore[arg-type]
    study = load_study(write_study(request, clone).path)
    assert {name for name, arm in study.arms.items() if arm.front == "detector"} == regions
    assert study.data.image_size == side
    store = tokenised(clone, study, monkeypatch)
    for arm, settings in study.arms.items():
        model = build(arm, study, store, 0)
        if settings.pretrained:
            assert set(objectives_for(model, configuration(study, store, arm), store)) == set(model.PRETRAINING.losses)
        assert FRONT_COMPONENTS[settings.front] in {None, *study.image_fronts}
    size = configuration(study, store)
    for front in study.image_fronts:
        encoder = region_detector(size) if front == "detector" else ENCODERS[front][1](size)
        assert sum(weights.numel() for weights in encoder.parameters())
        objective_for(front, size, store, front == "detector")


def tokenised(root: Path, study: Study, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The stages up to the tokens, in this process."""
    monkeypatch.chdir(root)
    nothing = argparse.Namespace()
    materialise.run(study, nothing, stage(root, "outputs/data"))
    (root / "outputs/validation").mkdir()
    validate.run(study, nothing, stage(root, "outputs/validation/verdict.json", "outputs/validation/findings.json"))
    tokenize.run(study, nothing, stage(root, "outputs/tokens"))
    return Store(root / "outputs/tokens")


def stage(root: Path, *outs: str) -> Any:
    return SimpleNamespace(
        root=root,
        loop=nullcontext,
        out=lambda index=0: root / outs[index],
        progress=lambda percent, message: None,
        log=lambda line: None,
        spool=Spool(None, "test"),
        stop_requested=False,
    )
