"""What an architecture cannot do is a gap everywhere, never a zero; one sample may be several items."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fabricate import fabricate, study_of
from test_leaderboard import evaluate

from components import tasks
from components.errors import CeterisError
from components.evaluation import report
from components.evaluation.terminal import render_text
from components.evaluation.wording import MEASURES
from components.study import Study, parse_study

ABLE = {"grounding": {"vilt"}, "retrieval": {"clip", "vilt", "late_fusion", "mmbt"}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, dict[str, Any]]:
    kinds = {"vqa": "vqa", "pointing": "grounding", "finding": "retrieval"}
    study = study_of(
        tasks={task: {"kind": kind, "few_labels": None} for task, kind in kinds.items()}, task_names=list(kinds)
    )
    root = fabricate(tmp_path_factory.mktemp("gaps"), study, items=240, pictures=False)
    for path in (root / "outputs/finetune").glob("*/finding/*/predictions.parquet"):
        frame = pd.read_parquet(path)
        frames = [frame.assign(form=form) for form in ("image to text", "text to image")]
        pd.concat(frames).to_parquet(path, index=False)
    return root, study, evaluate(root, study)


def test_cells_are_those_that_can(finished: tuple[Path, Study, dict[str, Any]]) -> None:
    root, study, board = finished
    for task, kind in (("pointing", "grounding"), ("finding", "retrieval")):
        entry = board["tasks"][task]
        assert {cell["architecture"] for cell in entry["cells"]} == ABLE[kind]
        assert set(entry["cannot"]) == set(study.architectures.all) - ABLE[kind]
        assert entry["chosen"]["architecture"] in ABLE[kind]
    assert board["tasks"]["vqa"]["cannot"] == {}
    assert {effect["architecture"] for effect in board["pretraining"] if effect["task"] == "pointing"} == {"vilt"}
    items = pd.read_parquet(root / "outputs/evaluation/items.parquet", columns=["architecture", "task"])
    assert set(items[items.task == "pointing"].architecture) == ABLE["grounding"]


def test_the_directions_of_retrieval_are_items_and_forms(finished: tuple[Path, Study, dict[str, Any]]) -> None:
    _, _, board = finished
    cell = board["tasks"]["finding"]["cells"][0]
    assert set(cell["forms"]) == {"image to text", "text to image"}
    assert cell["items"] == sum(form["items"] for form in cell["forms"].values()) == 480
    assert board["tasks"]["finding"]["groups"] == 120


def test_gaps_are_said(finished: tuple[Path, Study, dict[str, Any]]) -> None:
    root, _, board = finished
    text = render_text(board)
    assert "pointing: pointing accuracy on 240 samples" in text
    assert "finding: recall at 1 on 480 samples" in text
    said = "image only (it reads no text)"
    assert said in text
    pointing = text[text.index("pointing:") : text.index("finding:")]
    assert "text_only" not in pointing
    (root / "outputs/compare").mkdir()
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(board), encoding="utf-8")
    page = report.render(root).read_text(encoding="utf-8")
    assert said in page
    assert "Recall at 1 (%)" in page


def test_measures_are_named_as_the_tasks_name_them() -> None:
    named = {kind: tasks.load(kind).metric.replace("_", " ") for kind in tasks.TASKS}
    assert {kind: words for kind, words in named.items() if words != "accuracy"} == MEASURES


def test_a_task_that_nobody_can_do_is_refused() -> None:
    study = study_of().model_dump()
    study["tasks"] = {"pointing": {"kind": "grounding", "few_labels": None}}
    study["task_names"] = ["pointing"]
    study["architectures"] = {"pretrained": ["clip"], "direct": ["text_only"]}
    study["arms"] = {name: study["arms"][name] for name in ("clip", "text_only")}
    with pytest.raises(CeterisError, match="none of the architectures can do pointing"):
        parse_study(study, "study.yaml")
