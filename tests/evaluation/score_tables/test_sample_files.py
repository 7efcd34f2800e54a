"""Files of samples as lmms-eval logs them, named by a table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.errors import CeterisError
from components.evaluation.commands.verdict import judge
from components.evaluation.commands.verdict_text import render_verdict
from components.evaluation.score_tables.score_files import read_scores

HEADER = "file;measure;architecture;seed;key\n"


def logged(path: Path, scores: list[Any], key: str = "exact_match") -> None:
    """A line as of `--log_samples`: answers, hashes and the metric beside each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {"doc_id": doc_id, "target": "yes", "filtered_resps": ["no"], "doc_hash": "ab", "input": "?", key: score}
        for doc_id, score in enumerate(scores)
    ]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def study(folder: Path) -> Path:
    """Two architectures with three and two seeds over twelve samples."""
    generator = np.random.default_rng(0)
    rows = []
    for name, seeds in (("clip", 3), ("vilt", 2)):
        for seed in range(seeds):
            file = f"{name}_{seed}/20250101_120000_samples_vqav2.jsonl"
            logged(folder / file, [float(score) for score in generator.uniform(0, 1, 12)])
            rows.append(f"{file};vqa;{name};{seed};exact_match\n")
    index = folder / "index.csv"
    index.write_text(HEADER + "".join(rows), encoding="utf-8")
    return index


def test_the_scores_of_the_lines_are_those_of_the_runs(tmp_path: Path) -> None:
    index = study(tmp_path)
    found = read_scores(index).measures["vqa"]
    assert (found.scores["clip"].shape, found.scores["vilt"].shape) == ((12, 3), (12, 2))
    lines = (tmp_path / "vilt_1/20250101_120000_samples_vqav2.jsonl").read_text(encoding="utf-8").splitlines()
    assert found.scores["vilt"][:, 1].tolist() == [json.loads(line)["exact_match"] for line in lines]
    text = render_verdict(judge(index))
    assert "\nRead as one file of samples a row; semicolons between columns, decimal points.\n" in text
    assert "\nvqa: 12 samples\n" in text


@pytest.mark.parametrize(
    ("key", "logged_key", "score"),
    [("mme.score", "mme", {"score": 1, "id": "x"}), ("a.b", "a.b", True), ("", "vqa", 1)],
)
def test_keys_within_objects_and_truth(tmp_path: Path, key: str, logged_key: str, score: object) -> None:
    index = study(tmp_path)
    text = index.read_text(encoding="utf-8")
    for file in tmp_path.glob("*/*.jsonl"):
        logged(file, [score] * 12, logged_key)
    index.write_text(text.replace("exact_match", key), encoding="utf-8")
    assert read_scores(index).measures["vqa"].scores["clip"].tolist() == [[1.0] * 3] * 12


@pytest.mark.parametrize(
    ("scores", "key", "sentence"),
    [
        (["no"] * 12, "exact_match", "line 1 has 'no' under exact_match, which is not a number"),
        ([float("nan")] * 12, "exact_match", "line 1 has nan under exact_match"),
        ([{"score": 1}] * 12, "exact_match", "has an object under exact_match: name one of score as exact_match.NAME"),
        ([1] * 12, "acc", "has no exact_match: its keys are doc_id, target, filtered_resps, doc_hash, input, acc"),
        (
            [1] * 11,
            "exact_match",
            "has no score of clip, seed 0, sample 11, on vqa: every run of a measure needs every",
        ),
        ([], "exact_match", "has no samples"),
    ],
)
def test_lines_that_cannot_be_used(tmp_path: Path, scores: list[Any], key: str, sentence: str) -> None:
    index = study(tmp_path)
    logged(tmp_path / "clip_0/20250101_120000_samples_vqav2.jsonl", scores, key)
    with pytest.raises(CeterisError) as caught:
        read_scores(index)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"doc_id": 0, "exact_match": 1}\n' * 2, "line 2 repeats doc_id 0: keep the lines of one filter"),
        ('{"exact_match": 1}\n', "line 1 has no doc_id"),
        ("[1]\n", "line 1 has no doc_id"),
        ('\n{"doc_id": \n', "line 2 is not JSON"),
        (None, "cannot be read: No such file"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: str | None, sentence: str) -> None:
    index = study(tmp_path)
    file = tmp_path / "clip_0/20250101_120000_samples_vqav2.jsonl"
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(CeterisError) as caught:
        read_scores(index)
    assert sentence in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_table_of_files_says_everything(tmp_path: Path) -> None:
    index = study(tmp_path)
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace(";seed;", ";run;"), encoding="utf-8")
    with pytest.raises(CeterisError, match="has no column whose name ends in seed"):
        read_scores(index)
    index.write_text(text.replace(";vqa;clip;0;", ";vqa;;0;"), encoding="utf-8")
    with pytest.raises(CeterisError, match="line 2 has no architecture"):
        read_scores(index)
    index.write_text(text.replace(";vqa;clip;1;", ";vqa;clip;0;"), encoding="utf-8")
    with pytest.raises(CeterisError, match="line 3 repeats the score of clip, seed 0, sample 0, on vqa"):
        read_scores(index)


def test_files_and_folders_themselves_are_no_tables(tmp_path: Path) -> None:
    study(tmp_path)
    for path in (tmp_path, next(tmp_path.glob("*/*.jsonl"))):
        with pytest.raises(CeterisError, match="name files of samples in a CSV with the columns file, measure, arch"):
            read_scores(path)
