"""Free answers to questions, from the manifest to the scores: the frequent ones are learned, the others can only be missed."""

import argparse
import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.data import samples
from components.data.store import Store
from components.evaluation.scoring.metrics import collect
from components.stages import finetune
from components.study.study import Study
from registry.items import gate_items
from tests.stages.in_process import prepare, stage
from tests.study.complete import complete

ANSWERS = ("yes", "no", "two")
ARMS = ("vilt", "mmbt")


def small_study(fewest: int, most: int = 3000) -> Study:
    """Two arms from scratch, and a batch that is larger than the rows."""
    values = complete("clothing")
    values["tasks"] = {"vqa": {"kind": "vqa", "few_labels": None}}
    values["replicates"] = [0]
    values["arms"] = {arm: values["arms"][arm] | {"starts": ["scratch"], "freezing": []} for arm in ARMS}
    values["data"]["path"] = "data/open"
    values["data"]["image_size"] = 32
    values["model"] |= {"patch_size": 8, "width": 16, "layers": 1, "feed_forward": 32}
    values["data"]["manifest"] |= {"fewest_rows_per_answer": fewest, "most_answers": most}
    values["finetune"] |= {"samples": 1024, "batch_size": 512}
    values["runtime"] |= {"accelerator": "cpu"}
    values["evaluation"]["contrasts"] = []
    return Study.model_validate(values)


def write_manifest(folder: Path, answer: Callable[[int], str], count: int = 180) -> None:
    """Three questions a picture."""
    folder.mkdir(parents=True)
    with (folder / "m.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "question", "answer"])
        for row in range(count):
            picture = folder / f"{row // 3}.png"
            if not picture.exists():
                pixels = np.random.default_rng(row).integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(picture)
            writer.writerow([picture.name, f"question {row % 3}?", answer(row)])


def a_third_is_free(row: int) -> str:
    return f"a sentence of its own {row}" if row % 3 == 2 else ANSWERS[row % 7 % 3]


def test_open_answers_from_the_manifest_to_the_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = small_study(fewest=2)
    write_manifest(tmp_path / "data/open", a_third_is_free)
    said = prepare(tmp_path, study, monkeypatch)
    rows = [row for batch in samples.read(tmp_path / "outputs/data", "samples") for row in batch.to_pylist()]
    asked = [row for row in rows if row["part"] == "vqa"]
    description = samples.describe(tmp_path / "outputs/data")
    assert description["answers"] == {"vqa": sorted(ANSWERS)}
    assert set(description["image_labels"]) == set(ANSWERS)
    # Training knows classes alone; its other rows are still read; nothing is taken from the splits that are scored.
    assert {row["target"] for row in asked if row["split"] == "train"} == set(ANSWERS)
    by_part = Counter(row["part"] for row in rows if row["split"] == "train")
    assert by_part["pairs"] == by_part["text"] == 1.5 * by_part["vqa"]
    for split in ("validation", "selection", "gate"):
        mine = [row["target"] for row in asked if row["split"] == split]
        assert sum(target not in ANSWERS for target in mine) == len(mine) / 3 > 0
    (remark,) = [line for line in said if line.startswith("answers: ")]
    assert "3 of the " in remark
    assert remark.endswith("(33.3%) train no task")
    warnings = [line for line in said if "can only be missed" in line]
    assert len(warnings) == 3
    assert all("(33.3%) have a target that is no class of the training rows" in line for line in warnings)

    for arm in ARMS:
        tuning = tmp_path / f"outputs/tuning/{arm}/record.json"
        tuning.parent.mkdir(parents=True)
        tuning.write_text(
            json.dumps({"run": {}, "task": None, "factor": 1.0, "trials": [], "step": None}), encoding="utf-8"
        )
        run = stage(tmp_path, f"outputs/finetune/{arm}/vqa/0")
        run.scratch = tmp_path / "scratch" / arm
        for folder in (run.scratch, run.out().parent):
            folder.mkdir(parents=True)
        finetune.run(study, argparse.Namespace(arm=arm, task="vqa", replicate="0"), run)
        predictions = pq.read_table(run.out() / "predictions.parquet").to_pandas()
        lost = predictions[predictions["target"] == -1]
        assert len(lost) == len(predictions) / 3
        assert (lost["correct"] == 0).all()
        assert set(predictions["prediction"]) <= {0, 1, 2}
        assert np.isfinite(predictions["confidence"]).all()
    collect(study, tmp_path / "outputs/finetune", tmp_path / "outputs/evaluation")
    missed = json.loads((tmp_path / "outputs/evaluation/missed.json").read_text(encoding="utf-8"))
    assert missed["vqa"] == pytest.approx({"selection": 1 / 3, "validation": 1 / 3})
    scores = pd.read_parquet(tmp_path / "outputs/evaluation/scores.parquet")
    assert (scores["score"] <= 2 / 3 + 1e-6).all()

    # The gate asks everything, and no model has the answers that are no class.
    items = gate_items(Store(tmp_path / "outputs/tokens"), "vqa")
    free = np.array([target not in ANSWERS for target in items.targets])
    assert free.sum() == len(items.ids) / 3
    for answer in ANSWERS:
        assert not items.correct([answer] * len(items.ids))[free].any()
    said_of_floors = json.loads((tmp_path / "outputs/floors/floors.json").read_text(encoding="utf-8"))["vqa"]["gate"]
    assert all(0 < value <= 2 / 3 for value in said_of_floors.values())


def test_the_number_of_answers_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest(tmp_path / "data/open", lambda row: f"answer {min(row % 12, row % 5)}")
    said = prepare(tmp_path, small_study(fewest=1, most=3), monkeypatch)
    assert len(samples.describe(tmp_path / "outputs/data")["answers"]["vqa"]) == 3
    assert any(line.startswith("answers: 3 of the 5 targets of training rows are classes (3 at most)") for line in said)
