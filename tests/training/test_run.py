"""A run that was stopped and resumed leaves the record of one that was not, wherever it stopped."""

from pathlib import Path

import pytest
from small_run import BUDGET, Recorder, trained


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
