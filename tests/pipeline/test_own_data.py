"""Somebody's own data along the documented path: validate, study new, run, leaderboard; without boxes, with two kinds of task."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pipeline.doors import BIN, ceteris, run
from tests.pipeline.warm_python import WarmPython

pytestmark = pytest.mark.xdist_group("studies")

ROWS = 120
COLOURS = {"rot": (220, 40, 40), "grün": (40, 180, 60), "blau": (40, 60, 220)}
SMALL = ["--replicates", "1", "--scale", "0.02", "--arms", "vilt,late_fusion"]


def draw(folder: Path, count: int) -> list[str]:
    """Pictures of one colour with noise, 80 x 60; returns the colour of each."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    names = [list(COLOURS)[index % 3] for index in range(count)]
    for index, name in enumerate(names):
        noise = random.integers(-30, 30, (60, 80, 3))
        pixels = np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"bild {index}.png")
    return names


def test_classes_from_a_spreadsheet(warm: WarmPython, home: Path, tmp_path: Path) -> None:
    names = draw(tmp_path / "Fotos/Bilder", ROWS)
    with (tmp_path / "Fotos/liste.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Datei", "Farbe"])
        writer.writerows([f"Bilder\\bild {index}.png", name] for index, name in enumerate(names))
    manifest = str(tmp_path / "Fotos/liste.csv")
    asked = run([str(BIN / "ceteris"), "validate", manifest], home, check=False)
    assert asked.returncode == 2
    assert "--image Datei" in asked.stdout
    assert "--target Farbe" in asked.stdout
    named = ["--image", "Datei", "--target", "Farbe"]
    understood = ceteris(["validate", manifest, *named], home)
    assert "image from 'Datei', target from 'Farbe'; no text, no split, no group" in understood
    assert "values are separated by semicolons" in understood
    assert "fitted into 64 x 64 pixels" in understood
    made = ceteris(["study", "new", "--data", manifest, "--task", "classification", "fotos", *named], home)
    for line in understood.splitlines()[:-1]:
        assert line in made
    ended = ceteris(["run", "fotos", *SMALL], home, warm)
    assert "classification: accuracy on 18 samples of the selection split" in ended
    # The name finds the only variation that has been run.
    assert "classification: accuracy on 18 samples" in ceteris(["leaderboard", "fotos"], home)


def test_questions_with_open_answers(warm: WarmPython, home: Path, tmp_path: Path) -> None:
    names = draw(tmp_path / "data/images", ROWS)
    rows = []
    for index, name in enumerate(names):
        answer = name if index % 5 else f"eine eigene Antwort {index}"
        rows.append(
            {"image": f"bild {index}.png", "question": f"Welche Farbe hat das Bild {index % 7}?", "answer": answer}
        )
    (tmp_path / "data/annotations").mkdir()
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "data/annotations/fragen.jsonl").write_text(lines, encoding="utf-8")
    made = ceteris(["study", "new", "--data", str(tmp_path / "data"), "--task", "vqa", "fragen", "--length", "8"], home)
    assert "Answers are open" in made
    assert "the limit of 8 tokens cuts" in made
    ended = ceteris(["run", "fragen", *SMALL], home, warm)
    assert "vqa: accuracy on 18 samples of the selection split" in ended
    assert "can only be missed" in ended
    assert "of the texts were cut" in ended
