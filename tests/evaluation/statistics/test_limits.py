"""What keeps scores down whatever is trained is said where they stand: answers that are no class, and texts that were cut."""

import json
from pathlib import Path

import pandas as pd
import pytest

from components.evaluation.findings import limits
from components.evaluation.leaderboard.entries import CutTexts, Leaderboard
from components.evaluation.leaderboard.leaderboard import build
from components.evaluation.report.report import render
from components.evaluation.report.terminal import render_text
from components.evaluation.scoring.metrics import collect
from components.study.study import Study
from tests.evaluation.boards import task
from tests.evaluation.fabricate import fabricate, study_of

MISSED = (
    "10.0% of these samples can only be missed, for their answer is no class: 90.0% is the most that can be scored."
)
CUT = "1.2% of the texts were cut, being longer than 24 tokens."


def judged(root: Path, study: Study) -> Leaderboard:
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return build(study, root)


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of()


def test_the_share_that_can_only_be_missed_is_said(tmp_path: Path, study: Study) -> None:
    root = fabricate(tmp_path / "root", study, items=80, pictures=False)
    for path in (root / "outputs/finetune").glob("*/vqa/*/predictions.parquet"):
        frame = pd.read_parquet(path)
        lost = (frame["split"] == "selection") & (frame["id"].str[-1] == "3")
        frame.loc[lost, "target"], frame.loc[lost, "correct"] = -1, 0.0
        frame.to_parquet(path, index=False)
    board = judged(root, study)
    said = json.loads((root / "outputs/evaluation/missed.json").read_text(encoding="utf-8"))
    assert said["vqa"]["selection"] == board.tasks["vqa"].missed["selection"] == pytest.approx(0.1)
    assert set(said["vqa"].values()) == {0.0, said["vqa"]["selection"]}
    assert board.tasks["vqa"].cut == CutTexts(share=0.0125, max_length=24)
    assert limits(board.tasks["vqa"]) == f"{MISSED} {CUT}"
    (root / "outputs/compare").mkdir()
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(board.as_json()), encoding="utf-8")
    page = render(root).read_text(encoding="utf-8")
    for text in (render_text(board), page):
        assert text.count(MISSED) == 1
        assert text.count(CUT) == len(board.tasks)


def test_nothing_is_said_where_nothing_is_lost(tmp_path: Path, study: Study) -> None:
    root = fabricate(tmp_path / "root", study, items=80, pictures=False)
    for path in (root / "outputs/finetune").glob("*/*/*/record.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        for cell in record["cells"].values():
            # Arms that read no text have no share.
            cell["reads"]["truncated_texts"] = None if "image_only" in path.parts else 0.0
        path.write_text(json.dumps(record), encoding="utf-8")
    board = judged(root, study)
    assert board.tasks["vqa"].cut.share == 0.0
    text = render_text(board)
    assert "can only be missed" not in text
    assert "were cut" not in text


@pytest.mark.parametrize(
    ("missed", "said"),
    [
        (0.0004, "Under 0.1% of these samples can only be missed, for their answer is no class: 99.9% is the most"),
        (1.0, "100.0% of these samples can only be missed, for their answer is no class: 0.0% is the most"),
    ],
)
def test_very_small_and_whole_shares(missed: float, said: str) -> None:
    assert limits(task([], missed={"selection": missed})).startswith(said)
