"""A task that begins from what was learned on another one, from the study to the leaderboard."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("studies")

BEGUN = {
    "clip": {
        "unimodal": "unimodal",
        "unimodal_matched": "unimodal_matched",
        "multimodal": "multimodal",
        "unimodal_few": "unimodal",
        "unimodal_matched_few": "unimodal_matched",
    },
    "mmbt": {"unimodal": "unimodal"},
}
"""By arm and cell of the further task: the cell of the task before."""


def records(workspace: Path, arm: str, task: str) -> dict[str, Any]:
    path = workspace / f"outputs/finetune/{arm}/{task}/0/record.json"
    return dict(json.loads(path.read_text())["cells"])


@pytest.mark.parametrize("arm", BEGUN)
def test_every_cell_begins_where_its_own_start_ended(further: Path, arm: str) -> None:
    before, after = records(further, arm, "vqa"), records(further, arm, "statements")
    assert {cell: record["taught"]["cell"] for cell, record in after.items()} == BEGUN[arm]
    for record in after.values():
        assert record["taught"]["weights"] == before[record["taught"]["cell"]]["weights"]
        # What an arm spares was spared on the task before, and a twin was longer there.
        assert record["freezing"] == []
        assert record["steps"] == (20 if record["run"]["labels"] is None else 10)
    assert "taught" not in before["unimodal"]


def test_the_task_before_is_certified_and_charged(further: Path) -> None:
    board = json.loads((further / "outputs/compare/leaderboard.json").read_text())
    assert {arm: one["valid"] for arm, one in board["certificates"].items()} == {"clip": True, "mmbt": True}
    spent = {
        (task, cell["arm"], cell["cell"]): cell["samples"]
        for task, entry in board["tasks"].items()
        for cell in entry["cells"]
    }
    for arm, cells in BEGUN.items():
        for cell, before in cells.items():
            earlier, own = spent["vqa", arm, before], spent["statements", arm, cell]
            assert own["task_before"] == earlier["finetuning"] > 0
            assert own["total"] == earlier["total"] + own["finetuning"]
            assert earlier["task_before"] == 0
