"""A run that was stopped and resumed leaves the record of one that was not, wherever it stopped."""

from pathlib import Path

import pytest
import torch

from tests.training.small_run import BUDGET, Recorder, trained


@pytest.mark.parametrize("steps", [29, 30], ids=["between two points of the curve", "where a point is due"])
def test_a_resumed_run_has_the_same_record(steps: int, tmp_path: Path) -> None:
    straight = trained("vilt", tmp_path / "straight.ckpt", "cpu")
    stopped = trained("vilt", tmp_path / "last.ckpt", "cpu", stop_after=steps)
    assert stopped["curves"][-1]["samples"] == steps // 2 * 2 * BUDGET.batch_size
    assert trained("vilt", tmp_path / "last.ckpt", "cpu") == straight


def test_every_point_of_the_curve_is_reported_once(tmp_path: Path) -> None:
    before, after = Recorder(), Recorder()
    trained("vilt", tmp_path / "last.ckpt", "cpu", stop_after=30, spool=before)
    record = trained("vilt", tmp_path / "last.ckpt", "cpu", spool=after)
    assert before.points + after.points == [point["samples"] for point in record["curves"]]
    assert after.points[-1] == BUDGET.samples


def test_a_run_says_on_what_it_was_computed_and_where_it_was_resumed(tmp_path: Path) -> None:
    straight = trained("vilt", tmp_path / "straight.ckpt", "cpu", steps=6)
    (software,) = straight["ran_on"]
    assert software == {
        "precision": "32-true",
        "threads": 1,
        "accelerator": "cpu",
        "deterministic": True,
        "torch": str(torch.__version__),
    }
    trained("vilt", tmp_path / "last.ckpt", "cpu", steps=6, stop_after=3)
    resumed = trained("vilt", tmp_path / "last.ckpt", "cpu", steps=6, precision="bf16-mixed")
    assert resumed["ran_on"] == [software, software | {"precision": "bf16-mixed"}]


def test_digests_are_kept_along_the_run_and_over_a_resume(tmp_path: Path) -> None:
    long = trained("vilt", tmp_path / "long.ckpt", "cpu", steps=11)
    assert list(long["digests_after"]) == ["1", "2", "4", "8"]
    short = trained("vilt", tmp_path / "short.ckpt", "cpu", steps=4)
    # A run that ended there ended in the chains that the longer one has kept.
    assert long["digests_after"]["4"] == short["digests"] == short["digests_after"]["4"]
    trained("vilt", tmp_path / "last.ckpt", "cpu", steps=11, stop_after=3)
    assert trained("vilt", tmp_path / "last.ckpt", "cpu", steps=11)["digests_after"] == long["digests_after"]
