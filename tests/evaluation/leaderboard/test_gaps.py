"""What an arm cannot do is a gap everywhere, never a zero; one sample may be several items."""

import json
from pathlib import Path

import pandas as pd
import pytest

from components import tasks
from components.errors import CeterisError
from components.evaluation.findings import measure
from components.evaluation.formatting import readable
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.report import report
from components.evaluation.report.glance import glance, glance_text
from components.evaluation.report.terminal import render_text
from components.study.loading import parse_study
from components.study.study import Study
from tests.evaluation.boards import task as task_of
from tests.evaluation.compared import evaluate
from tests.evaluation.fabricate import fabricate, study_of

ABLE = {"grounding": {"vilt"}, "retrieval": {"clip", "vilt", "late_fusion", "mmbt"}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, Leaderboard]:
    kinds = {"vqa": "vqa", "pointing": "grounding", "finding": "retrieval"}
    study = study_of(tasks={task: {"kind": kind, "few_labels": None} for task, kind in kinds.items()})
    root = fabricate(tmp_path_factory.mktemp("gaps"), study, items=240, pictures=False)
    for path in (root / "outputs/finetune").glob("*/finding/*/predictions.parquet"):
        frame = pd.read_parquet(path)
        frames = [frame.assign(form=form) for form in ("image to text", "text to image")]
        pd.concat(frames).to_parquet(path, index=False)
    return root, study, evaluate(root, study)


def test_cells_are_those_that_can(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, study, board = finished
    for task, kind in (("pointing", "grounding"), ("finding", "retrieval")):
        entry = board.tasks[task]
        assert {cell.arm for cell in entry.cells} == ABLE[kind]
        assert set(entry.cannot) == set(study.arms) - ABLE[kind]
        assert entry.chosen.arm in ABLE[kind]
    assert board.tasks["vqa"].cannot == {}
    assert {effect.arm for effect in board.pretraining if effect.task == "pointing"} == {"vilt"}
    items = pd.read_parquet(root / "outputs/evaluation/items.parquet", columns=["arm", "task"])
    assert set(items[items.task == "pointing"].arm) == ABLE["grounding"]


def test_the_directions_of_retrieval_are_items_and_forms(finished: tuple[Path, Study, Leaderboard]) -> None:
    _, _, board = finished
    cell = board.tasks["finding"].cells[0]
    assert set(cell.forms) == {"image to text", "text to image"}
    assert cell.items == sum(form.items for form in cell.forms.values()) == 480
    assert board.tasks["finding"].groups == 120


def test_gaps_are_said(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, _, board = finished
    text = render_text(board)
    assert "pointing: pointing accuracy on 240 samples" in text
    assert "finding: recall at 1 on 480 samples" in text
    said = "image only (it reads no text)"
    assert said in text
    pointing = text[text.index("pointing:") : text.index("finding:")]
    assert "text_only" not in pointing
    (root / "outputs/compare").mkdir()
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(board.as_json()), encoding="utf-8")
    page = report.render(root).read_text(encoding="utf-8")
    assert said in page
    assert "Recall at 1 (%)" in page


def test_all_tasks_stand_in_one_table(finished: tuple[Path, Study, Leaderboard]) -> None:
    _, _, board = finished
    lines = glance_text(board)
    assert lines[1].split() == ["vqa", "pointing", "finding"]
    shown = {words[0]: words[1:] for words in (line.split() for line in lines[3:-1])}
    assert set(shown) == set(board.certificates)
    for position, (task, entry) in enumerate(board.tasks.items()):
        floor = max(entry.floors["selection"].values())
        for arm, values in shown.items():
            if arm in entry.cannot:
                assert values[position] == "gap"
                continue
            cell = next(one for one in entry.cells if one.arm == arm and one.representative)
            assert float(values[position].strip("()")) == pytest.approx(100 * cell.mean, abs=0.051), (task, arm)
            assert values[position].startswith("(") == (cell.low <= floor)
    # The table of the report has a row for every arm and one for the floors, and marks as many gaps.
    table = glance(board).table
    assert [row.name for row in table.rows] == [*(readable(arm) for arm in shown), "highest floor"]
    kinds = [cell.kind for row in table.rows for cell in row.cells]
    assert kinds.count("gap") == sum(len(entry.cannot) for entry in board.tasks.values()) > 0


def test_one_task_needs_no_table_of_tasks(finished: tuple[Path, Study, Leaderboard]) -> None:
    _, _, board = finished
    alone = board.model_copy(update={"tasks": {"vqa": board.tasks["vqa"]}})
    assert glance_text(alone) == []
    assert glance(alone) is None


def test_measures_are_named_as_the_tasks_name_them() -> None:
    named = {kind: measure(task_of([], kind=kind)) for kind in tasks.TASKS}
    others = {kind: words for kind, words in named.items() if words != "accuracy"}
    assert others == {"grounding": "pointing accuracy", "retrieval": "recall at 1"}


def test_a_task_that_nobody_can_do_is_refused() -> None:
    study = study_of().model_dump()
    study["tasks"] = {"pointing": {"kind": "grounding", "few_labels": None}}
    study["arms"] = {name: study["arms"][name] for name in ("clip", "text_only")}
    with pytest.raises(CeterisError, match="none of the arms can do pointing"):
        parse_study(study, "study.yaml")
