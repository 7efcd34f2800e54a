"""The parts of the report that compute something, against plain recomputations."""

import json
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.plots.drawing import Mark
from components.evaluation.plots.quality import Spot, logarithmic_ticks, pareto
from components.evaluation.report import arms as report_arms
from components.evaluation.report import examples as report_examples
from components.evaluation.report import slices as report_slices
from components.evaluation.report.calibration_section import bins_of, calibration, expected_error
from components.evaluation.report.examples import duels_of, pick
from components.evaluation.report.report import render
from components.study.arms import ArmSettings
from components.study.cells import Cell
from components.study.study import Study
from tests.evaluation.compared import finish
from tests.evaluation.fabricate import controlled_study, fabricate, study_of
from tests.evaluation.report.page_reader import Page

Finished = tuple[Path, Study, Leaderboard]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    study = study_of()
    root = fabricate(tmp_path_factory.mktemp("parts"), study, items=400)
    return root, study, finish(root, study)


def predictions(root: Path, arm: str, task: str, replicate: int, cell: str) -> pd.DataFrame:
    frame = pd.read_parquet(root / f"outputs/finetune/{arm}/{task}/{replicate}/predictions.parquet")
    return frame[(frame["cell"] == cell) & (frame["split"] == "selection")]


def test_the_front_is_what_nothing_beats() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        drawn = zip(generator.integers(1, 6, 12), generator.integers(1, 6, 12), strict=True)
        spots = [Spot("a", "", Mark("scratch"), float(cost), float(mean), None, None) for cost, mean in drawn]
        beaten = [
            any(
                other.cost <= one.cost and other.mean >= one.mean and (other.cost, other.mean) != (one.cost, one.mean)
                for other in spots
            )
            for one in spots
        ]
        assert sorted(pareto(spots)) == [index for index, lost in enumerate(beaten) if not lost]


@pytest.mark.parametrize(("low", "high"), [(2e10, 2.2e11), (240e3, 260e3), (1.0, 1e9), (30, 200), (9e4, 1.1e5)])
def test_ticks_of_a_logarithmic_axis_are_few_and_inside(low: float, high: float) -> None:
    found = logarithmic_ticks(low, high, 7)
    assert 2 <= len(found) <= 8
    assert all(low <= tick <= high for tick in found)


def test_the_calibration_error_is_the_mean_distance_from_the_diagonal() -> None:
    # Four predictions of confidence 0.95 of which two are right, six of 0.55 of which three are.
    confidence = np.array([0.95] * 4 + [0.55] * 6)
    right = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 0], dtype=float)
    assert expected_error(bins_of(confidence, right)) == pytest.approx(0.4 * 0.45 + 0.6 * 0.05)
    assert expected_error(bins_of(np.ones(5), np.ones(5))) == 0.0
    generator = np.random.default_rng(2)
    sure = generator.random(20_000)
    honest = (generator.random(20_000) < sure).astype(float)
    assert expected_error(bins_of(sure, honest)) < 0.02


def test_calibration_of_every_architecture_from_all_its_replicates(finished: Finished) -> None:
    root, study, board = finished
    found = calibration(root, study, board.tasks["vqa"], "vqa")
    assert [one.cell.arm for one in found] == [
        "vilt",
        "mmbt",
        "clip",
        "late_fusion",
        "text_only",
        "image_only",
    ]
    for one in found:
        frames = [predictions(root, one.cell.arm, "vqa", r, one.cell.cell) for r in study.replicates]
        assert one.right == pytest.approx(one.cell.mean, abs=1e-6)
        assert one.confidence == pytest.approx(pd.concat(frames)["confidence"].mean(), abs=1e-5)
        for frame, error in zip(frames, one.errors, strict=True):
            binned = frame.assign(bin=np.floor(frame["confidence"] * 10).clip(upper=9)).groupby("bin")
            gaps = (binned["confidence"].mean() - binned["correct"].mean()).abs() * binned.size() / len(frame)
            assert error == pytest.approx(gaps.sum(), abs=1e-5)


def test_ranges_cover_every_value_once() -> None:
    generator = np.random.default_rng(3)
    for most in (2, 4, 5, 9, 40):
        values = generator.integers(1, most + 1, 300)
        found = report_slices.ranges(values)
        assert 1 <= len(found) <= 4
        covered = [value for low, high in found for value in range(low, high + 1)]
        assert len(covered) == len(set(covered))
        assert set(values.tolist()) <= set(covered)
    skewed = np.array([1] * 90 + [2, 3, 4, 5, 6])
    assert report_slices.ranges(skewed) == [(1, 1), (2, 6)]


def test_slices_by_objects_and_words_are_means_over_those_samples(finished: Finished) -> None:
    root, _, board = finished
    found = report_slices.by_amount(root, finished[1], board)["vqa"]
    samples = pd.concat([pd.read_parquet(path) for path in sorted((root / "outputs/data").glob("samples-*"))])
    images = pd.concat([pd.read_parquet(path) for path in sorted((root / "outputs/data").glob("images-*"))])
    boxes = images.set_index("image_id")["boxes"].map(len)
    samples = samples[(samples["part"] == "vqa") & (samples["split"] == "selection")].set_index("id")
    amounts = {
        "objects": samples["image_ids"].map(lambda ids: sum(boxes[i] for i in ids)),
        "words": samples["text"].str.split().map(len),
    }
    cell = Cell("vilt", "multimodal")
    frames = [predictions(root, "vilt", "vqa", replicate, "multimodal") for replicate in finished[1].replicates]
    for part, values in amounts.items():
        assert set(found[part][cell]) == {str(value) for value in set(values)}
        assert len(found[part][cell]) > 1
        for key, estimate in found[part][cell].items():
            wanted = set(values.index[values == int(key)])
            rows = pd.concat([frame[frame["id"].isin(wanted)] for frame in frames])
            assert estimate.items == len(wanted)
            assert estimate.mean == pytest.approx(rows["correct"].mean(), abs=1e-6)
            assert estimate.low < estimate.mean < estimate.high
        # Only the cells that the tables show are looked at.
        assert set(found[part]) == {cell.identity for cell in board.tasks["vqa"].representatives}


def test_wins_are_counted_over_all_samples(finished: Finished) -> None:
    root, study, board = finished
    found = duels_of(root, study, board, "vqa")
    assert found is not None
    assert found.pair == ("vilt", "mmbt")
    names = list(found.starts)
    right = {
        name: predictions(root, name, "vqa", study.replicates[0], cell.name).set_index("id")["correct"] > 0.5
        for name, cell in found.starts.items()
    }
    assert found.items == 400
    for row, first in enumerate(names):
        for column, second in enumerate(names):
            assert found.wins[row, column] == (right[first] & ~right[second]).sum()
    for example in found.examples:
        assert {name: said[1] for name, said in example.predictions.items()} == {
            name: bool(right[name][example.id]) for name in names
        }
        assert all((said == example.target) == correct for said, correct in example.predictions.values())
        assert example.pictures[0].startswith("data:image/png;base64,")
    assert {example.form for example in found.examples} == {"colour", "count", "exists", "relation"}


def test_every_pair_that_can_be_shown_is_shown() -> None:
    generator = np.random.default_rng(4)
    right = generator.random((500, 6)) < np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.02])
    right[:, 1] &= right[:, 0]  # the second is never right where the first is wrong
    rows = pick(right, np.array(["a", "b"] * 250, dtype=object), 3)
    assert len(set(rows)) == len(rows) <= report_examples.MOST_SAMPLES
    for first in range(6):
        for second in range(6):
            there = int((right[:, first] & ~right[:, second]).sum())
            shown = int((right[rows, first] & ~right[rows, second]).sum())
            assert shown >= min(3, there)
    assert pick(np.ones((10, 3), dtype=bool), np.array([""] * 10, dtype=object), 3) == []


def test_pictures_stop_where_the_page_would_grow_too_large(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    root, study, board = finished
    whole = duels_of(root, study, board, "vqa")
    monkeypatch.setattr(report_examples, "MOST_BYTES", 6000)
    part = duels_of(root, study, board, "vqa")
    assert whole is not None
    assert part is not None
    assert 0 < len(part.examples) < len(whole.examples)
    assert sum(len(uri) for example in part.examples for uri in example.pictures) <= 3000  # half for each task
    assert (part.wins == whole.wins).all()


def test_places_are_shown_as_right_or_wrong_without_an_answer(tmp_path: Path) -> None:
    kinds = {"vqa": "vqa", "pointing": "grounding", "finding": "retrieval"}
    tasks = {task: {"kind": kind, "few_labels": None} for task, kind in kinds.items()}
    study = study_of(tasks=tasks)
    root = fabricate(tmp_path, study, items=120)
    for path in (root / "outputs/finetune").glob("*/finding/*/predictions.parquet"):
        frame = pd.read_parquet(path)
        pd.concat([frame.assign(form=form) for form in ("image to text", "text to image")]).to_parquet(
            path, index=False
        )
    board = finish(root, study)
    found = duels_of(root, study, board, "finding")
    assert found is not None
    assert found.items == 240
    assert {answer for example in found.examples for answer, _ in example.predictions.values()} == {""}
    # Only one of these arms can point at things, so there is nobody to set it against.
    assert duels_of(root, study, board, "pointing") is None
    assert calibration(root, study, board.tasks["finding"], "finding") == []
    words = Page(render(root).read_text(encoding="utf-8")).words
    assert words.count("gap 1") >= 3
    assert "it reads no text" in words


def test_the_table_of_arms_says_what_the_study_says() -> None:
    study = controlled_study()
    words = dict(zip(report_arms.COLUMNS, report_arms.words_of(study.arms["crossed"])[2:10], strict=True))
    assert words["fusion"] == "LXMERT"
    assert words["spatial code"] == "sum 5"
    assert words["readout"] == "product"
    assert words["objectives"] == "words matching"
    assert words["initial scale"] == "common"
    assert words["text encoder"] == "BERT"
    fresh = study.arms["crossed"].model_copy(update={"unimodal": []})
    assert report_arms.words_of(fresh)[2] == "fresh layers"
    single, dense = (report_arms.words_of(study.arms[name]) for name in ("single", "dense"))
    assert [one != other for one, other in zip(single, dense, strict=True)].count(
        True
    ) == 3  # front, starts, components
    arm = study.arms["crossed"].model_dump()
    habit = ArmSettings.model_validate({**arm, "axes": {**arm["axes"], "initial_scale": "bert"}})
    assert report_arms.words_of(habit)[9] == "bert"
    mmbt = report_arms.words_of(study_of().arms["mmbt"])
    assert mmbt[9] == "common"
    assert mmbt[0] == "faithful"
    assert mmbt[-2] == "image_encoder. for the first 10%; text_encoder.encoder. for the first 20%"


def test_every_card_knows_who_was_right(finished: Finished) -> None:
    """The script only compares names, so what it compares must be in the page."""
    root, study, board = finished
    text = render(root).read_text(encoding="utf-8")
    found = duels_of(root, study, board, "vqa")
    assert found is not None
    for example in found.examples:
        right = " ".join(name for name, (_, correct) in example.predictions.items() if correct)
        assert f'<article class="example" data-right="{right}"' in text
    wins = json.loads(unescape(text.split('data-wins="')[1].split('"')[0]))
    assert set(wins) == set(found.starts)


def test_what_stands_for_the_architectures_is_shown(finished: Finished) -> None:
    """In every table and chooser: one cell an arm, in the leaderboard's order."""
    root, study, board = finished
    entry = board.tasks["vqa"]
    standing = [(cell.arm, cell.cell) for cell in entry.representatives]
    assert standing == [(cell.arm, cell.cell) for cell in entry.cells if cell.candidate]
    found = duels_of(root, study, board, "vqa")
    assert found is not None
    assert [(arm, cell.name) for arm, cell in found.starts.items()] == standing
    assert [(one.cell.arm, one.cell.cell) for one in calibration(root, study, entry, "vqa")] == standing
