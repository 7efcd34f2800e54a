"""A study whose arm reads region features that came with the data, from the files to the leaderboard."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pipeline import made_studies
from tests.pipeline.doors import BIN, dvc, run
from tests.pipeline.warm_python import WarmPython

pytestmark = pytest.mark.xdist_group("studies")

FEATURES = 16
SPLITS = {"train": 160, "validation": 32, "selection": 64, "gate": 32}


def write_photos(folder: Path) -> float:
    """Pictures of noise under one question. What the answer is, one number of each picture's regions tells, and nothing else.

    Returns:
        the mean number of regions of a picture of the training split.
    """
    (folder / "regions").mkdir(parents=True)
    random = np.random.default_rng(0)
    rows, counts = [], []
    for split, many in SPLITS.items():
        for number in range(many):
            name, answer, count = f"{split}-{number}", int(random.integers(2)), int(random.integers(1, 6))
            Image.fromarray(random.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(folder / f"{name}.png")
            rows.append([f"{name}.png", "is it so?", "yes" if answer else "no", split])
            seen = random.standard_normal((count, FEATURES)).astype(np.float32)
            seen[:, 0] = 4.0 * answer - 2.0
            corners = np.sort(random.random((count, 2, 2)), axis=1).reshape(count, 4).astype(np.float32) * 24
            np.savez(
                folder / f"regions/{name}.npz",
                features=seen,
                bbox=corners,
                image_w=24,
                image_h=24,
                soft_labels=random.dirichlet(np.ones(3), count),
            )
            counts += [count] if split == "train" else []
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "question", "answer", "split"], *rows])
    return float(np.mean(counts))


@pytest.fixture(scope="module")
def photos(home: Path) -> tuple[Path, float]:
    """The workspace, and the mean number of regions of a picture."""
    mean = write_photos(home / "data/photos")
    return made_studies.precomputed_regions(home, "data/photos"), mean


def test_an_arm_learns_from_the_features_that_it_is_given(warm: WarmPython, photos: tuple[Path, float]) -> None:
    workspace, mean = photos
    dvc(["repro"], workspace, warm)
    board = json.loads((workspace / "outputs/compare/leaderboard.json").read_text())
    scores = {cell["arm"]: cell["mean"] for cell in board["tasks"]["vqa"]["cells"]}
    assert scores["uniter"] > 0.9
    assert scores["text_only"] < 0.7
    assert set(board["tasks"]["vqa"]["floors"]["selection"]) == {"majority", "text_only", "image_only", "region_count"}
    record = json.loads((workspace / "outputs/finetune/uniter/vqa/0/record.json").read_text())["cells"]["multimodal"]
    assert (record["configuration"]["regions"], record["configuration"]["region_features"]) == (5, FEATURES)
    assert record["reads"]["visual_tokens"] == pytest.approx(mean, rel=0.15)


def test_a_picture_without_regions_stops_the_study_before_anything_trains(
    warm: WarmPython, photos: tuple[Path, float]
) -> None:
    workspace, _ = photos
    before = sorted((workspace / ".ceteris/spool").glob("*/*.jsonl"))
    for name in ("gate-30", "gate-31"):
        (workspace / f"data/photos/regions/{name}.npz").unlink()
    done = run([str(BIN / "dvc"), "repro"], workspace, check=False, python=warm)
    assert done.returncode
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("error: data/photos/regions")]
    assert len(said) == 1
    assert "has no regions of 2 pictures ('gate-30', 'gate-31'): compute them" in said[0]
    assert "Traceback" not in done.stderr
    begun = set((workspace / ".ceteris/spool").glob("*/*.jsonl")) - set(before)
    assert {path.parent.name for path in begun} - {"code"} == {"materialise"}
