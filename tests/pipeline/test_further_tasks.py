"""A task that begins from what was learned on another one, from the study to the leaderboard."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.doors import BIN, clone, run
from tests.study.complete import complete, write_params

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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = clone(tmp_path_factory.mktemp("further"))
    study = complete("smoke", home)
    study["arms"] = {name: study["arms"][name] for name in ("clip", "mmbt")}
    study["arms"]["clip"] |= {
        "starts": ["unimodal", "multimodal"],
        "few_label_starts": ["unimodal"],
        "matched_starts": ["unimodal"],
    }
    study["tasks"] = {
        "vqa": {"kind": "vqa", "few_labels": None},
        "statements": {"kind": "statements", "few_labels": 64, "after": "vqa"},
    }
    study |= {"name": "further", "replicates": [0]}
    study["tuning"]["trials"] = 0
    write_params(home, study)
    run([str(BIN / "dvc"), "repro"], home)
    return home


def records(home: Path, arm: str, task: str) -> dict[str, Any]:
    path = home / f"outputs/finetune/{arm}/{task}/0/record.json"
    return dict(json.loads(path.read_text())["cells"])


@pytest.mark.parametrize("arm", BEGUN)
def test_every_cell_begins_where_its_own_start_ended(home: Path, arm: str) -> None:
    before, further = records(home, arm, "vqa"), records(home, arm, "statements")
    assert {cell: record["taught"]["cell"] for cell, record in further.items()} == BEGUN[arm]
    for record in further.values():
        assert record["taught"]["weights"] == before[record["taught"]["cell"]]["weights"]
        # What an arm spares was spared on the task before, and a twin was longer there.
        assert record["freezing"] == []
        assert record["steps"] == (20 if record["run"]["labels"] is None else 10)
    assert "taught" not in before["unimodal"]


def test_the_task_before_is_certified_and_charged(home: Path) -> None:
    board = json.loads((home / "outputs/compare/leaderboard.json").read_text())
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
