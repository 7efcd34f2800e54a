"""A file that is missing, damaged or another version's is one sentence that names it, the field and what to do."""

import json
from pathlib import Path

import pytest

from components.errors import CeterisError
from components.evaluation.leaderboard.entries import read_leaderboard
from components.records.model import read
from components.records.training import Components, Trial, TuningRecord, read_record
from tests.evaluation.boards import entry, leaderboard, record, task


def test_what_was_written_is_read_again_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    content = record(
        reads={"visual_tokens": 16.0, "truncated_texts": None, "forwards": 1.0}, curves=[{"samples": 8, "loss": 0.5}]
    )
    path.write_text(json.dumps(content, sort_keys=True), encoding="utf-8")
    again = read_record(tmp_path, "the stage")
    # What was null stays null, what does not apply stays out.
    assert json.dumps(again.as_json(), sort_keys=True) == path.read_text(encoding="utf-8")
    assert again.taught is None


def test_training_that_came_to_nothing_has_a_score_that_is_no_number(tmp_path: Path) -> None:
    trial = {"factor": 8.0, "rung": 0, "share": 1.0, "score": float("nan"), "samples": 8, "steps": 1, "flops": 1.0}
    trial["budget"] = {"currency": "samples", "amount": 8, "batch_size": 8}
    path = tmp_path / "record.json"
    path.write_text(
        json.dumps({"run": {}, "task": "vqa", "factor": 1.0, "trials": [trial], "step": None}), encoding="utf-8"
    )
    found = read(path, TuningRecord, "run the stage tune again")
    assert json.dumps(found.as_json()["trials"][0]["score"]) == "NaN"
    with pytest.raises(ValueError, match="between 0 and 1"):
        Trial.model_validate({**trial, "score": 1.5})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"record\.json is missing: run it again\."),
        ("{", r"record\.json is no JSON file \(.*\): run it again\."),
        ('{"text": {"weights": "0", "samples": -1, "flops": 1}}', r"text\.samples: greater than or equal to 0\)"),
        ('{"text": {"weights": "0", "flops": 1}}', r"text\.samples: is missing\): run it again\."),
        ('{"text": {"weights": "0", "samples": 1, "flops": 1, "lost": 1}}', r"text\.lost: is not known\)"),
        ("[]", r"record\.json is not what this version writes \(the whole: a valid dictionary\)"),
    ],
)
def test_a_file_that_is_not_as_expected(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(CeterisError, match=said) as caught:
        read(path, Components, "run it again")
    assert "\n" not in str(caught.value)


def test_many_faults_are_not_all_named(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps({name: {} for name in ("a", "b")}), encoding="utf-8")
    with pytest.raises(
        CeterisError, match=r"a\.weights: is missing; a\.samples: is missing; a\.flops: is missing and 3 more"
    ):
        read(tmp_path / "record.json", Components, "run it again")


def test_a_leaderboard_is_read_as_it_was_written(tmp_path: Path) -> None:
    board = leaderboard({"vqa": task([entry("clip/unimodal_matched_few", low=0.4, ranks=(1, 3))])})
    path = tmp_path / "outputs/compare/leaderboard.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(board.as_json()), encoding="utf-8")
    again = read_leaderboard(tmp_path)
    assert again == board
    (cell,) = again.cells
    assert (cell.identity.start, cell.identity.matched, cell.identity.few) == ("unimodal", True, True)
    content = board.as_json()
    content["tasks"]["vqa"]["cells"][0]["mean"] = 1.5
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(
        CeterisError, match=r"tasks\.vqa\.cells\.0\.mean: less than or equal to 1\): run the stage compare again"
    ):
        read_leaderboard(tmp_path)
