"""The tracker against real MLflow stores: one tree for a run of a study, each stage in it once, with the right status."""

import json
import shutil
import sqlite3
from pathlib import Path

from components.tracking.spool import Spool
from flows.tracking import study_evidence as evidence
from flows.tracking.tracker import Tracker, sync
from tests.flows.tracked import LOCK, artifacts, curve, expected, run_stage, spool_of, tree, uri, write_lock


def test_a_study_run_becomes_a_tree(root: Path) -> None:
    tracker = Tracker(root, uri(root))
    tracker.start()
    spool = spool_of(root, "pretrain@clip-0")
    spool.start({"arm": "clip", "replicate": "0"}, "key")
    spool.parameters({"budget": {"samples": 64}, "long": "x" * 7000, "list": [1, "a"]})
    spool.dataset("scenes", "d" * 64, 128, "training")
    for samples in range(1500):
        spool.metrics("", samples, {"loss": 1.0 / (1 + samples), "masked (odd name)": float("nan")})
    spool.trained("multimodal", 1500, 12.5)
    spool.artifact("params.yaml")
    spool.artifact("not/there")
    spool.end("finished", 2.5)
    failing = spool_of(root, "evaluate")
    failing.start({})
    failing.end("failed", 0.0, "outputs/x is missing.")
    write_lock(root)
    assert tracker.finish("failed")
    (parent,), children = tree(root)
    assert (parent.info.status, parent.data.tags["study"], parent.data.tags["door"]) == ("FAILED", "toy", "flow")
    assert parent.data.params["model.width"] == "8"
    assert len(parent.data.params) == 253
    assert {"report.html", "leaderboard.json", "params.yaml", "dvc.lock"} <= artifacts(root, parent)
    by_name = {child.info.run_name: child for child in children}
    assert {name: child.info.status for name, child in by_name.items()} == {
        "pretrain@clip-0": "FINISHED",
        "evaluate": "FAILED",
    }
    assert by_name["evaluate"].data.tags["message"] == "outputs/x is missing."
    child = by_name["pretrain@clip-0"]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    tags = {"arm": "clip", "replicate": "0", "stage": "pretrain", "DVC_STAGE": "pretrain@clip-0"}
    assert tags.items() <= child.data.tags.items()
    assert child.data.tags["params_digest"] == parent.data.tags["params_digest"]
    assert child.data.tags["inputs"] == evidence.inputs_digest(LOCK["stages"]["pretrain@clip-0"])
    assert child.data.tags["outs"] == '{"outputs/pretrain/clip/0": "3"}'
    assert (child.data.tags["digest.ids"], child.data.tags["weights"]) == ("i" * 64, "w" * 64)
    assert (child.data.params["budget.samples"], child.data.params["list"]) == ("64", '[1, "a"]')
    assert child.data.params["seed"] == "1"  # declared in dvc.yaml
    assert len(child.data.params["long"]) == 6000
    assert curve(root, child, "loss") == expected(1500)
    assert len(curve(root, child, "masked _odd name_")) == 1500
    assert child.data.metrics["cost/multimodal/loop_seconds"] == 12.5
    assert (child.data.metrics["cost/loop_cpu_seconds"], child.data.metrics["cost/seconds"] > 0) == (2.5, True)
    given = {each.dataset.name: each for each in child.inputs.dataset_inputs}
    assert {name: each.dataset.digest for name, each in given.items()} == {"scenes": "d" * 36, "samples": "2"}
    assert json.loads(given["scenes"].dataset.profile) == {"samples": 128, "digest": "d" * 64}
    assert (given["scenes"].tags[0].value, given["samples"].tags[0].value) == ("training", "input")
    assert artifacts(root, child) == {"params.yaml", "record.json"}
    with sqlite3.connect(root / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_killed_stage_is_killed_and_its_successor_has_the_whole_curve(root: Path) -> None:
    tracker = Tracker(root, uri(root))
    tracker.start()
    run_stage(root, last=40, fate="die")
    run_stage(root, first=20, last=60, fate="die")
    run_stage(root, first=50, last=80)
    run_stage(root, stage="pretrain@vilt-0", last=5)
    assert tracker.finish("finished")
    (parent,), children = tree(root)
    assert parent.info.status == "FINISHED"
    first, second, third, other = children
    assert [run.info.status for run in (first, second, third, other)] == ["KILLED", "KILLED", "FINISHED", "FINISHED"]
    assert [len(curve(root, run)) for run in (first, second, third, other)] == [40, 60, 80, 5]
    assert curve(root, third) == expected(80)
    assert third.data.tags["continues"] == second.info.run_id
    assert second.data.tags["continues"] == first.info.run_id
    assert "continues" not in other.data.tags
    assert first.info.end_time >= first.info.start_time


def test_cells_that_an_earlier_attempt_finished_belong_to_the_curve(root: Path) -> None:
    def points(spool: Spool, prefix: str, first: int, last: int) -> None:
        for samples in range(first, last):
            spool.metrics(prefix, samples, {"loss": 1.0 / (1 + samples)})

    spool = spool_of(root, "finetune@clip-vqa-0")
    spool.start({}, "key")
    points(spool, "scratch", 0, 30)
    points(spool, "unimodal", 0, 20)
    spool.end("killed")
    spool = spool_of(root, "finetune@clip-vqa-0")
    spool.start({}, "key")
    spool.resumed(10)
    points(spool, "unimodal", 10, 30)
    spool.end("finished")
    spool = spool_of(root, "finetune@clip-vqa-0")
    spool.start({}, "other parameters")
    points(spool, "scratch", 0, 3)
    spool.end("finished")
    sync(root, uri(root))
    _, (first, second, third) = tree(root)
    assert curve(root, second, "scratch/loss") == curve(root, second, "unimodal/loss") == expected(30)
    assert curve(root, first, "unimodal/loss") == expected(20)
    assert curve(root, third, "scratch/loss") == expected(3)
    assert curve(root, third, "unimodal/loss") == []


def test_after_a_bare_dvc_repro_sync_tells_everything_once(root: Path) -> None:
    run_stage(root)
    run_stage(root, stage="pretrain@vilt-0", last=10, fate="die")
    write_lock(root)
    assert sync(root, uri(root)) == 50 + 2 + 10 + 1
    assert sync(root, uri(root)) == 0
    (parent,), children = tree(root)
    assert (parent.info.status, parent.data.tags["door"]) == ("KILLED", "dvc repro")
    assert [child.info.status for child in children] == ["FINISHED", "KILLED"]
    # What comes later is another run of the study.
    run_stage(root, stage="pretrain@vilt-0", last=10)
    sync(root, uri(root))
    parents, children = tree(root)
    assert [run.info.status for run in parents] == ["KILLED", "FINISHED"]
    assert sorted(child.info.run_name for child in children[2:]) == [
        "materialise",
        "pretrain@clip-0",
        "pretrain@vilt-0",
    ]


def test_a_cached_stage_links_to_the_run_that_made_it(root: Path, tmp_path: Path) -> None:
    first = Tracker(root, uri(root))
    first.start()
    run_stage(root)
    write_lock(root)
    first.finish("finished")
    again = Tracker(root, uri(root), cached=["materialise", "pretrain@clip-0"])
    again.start()
    assert again.finish("finished")
    # Another workspace whose stage was restored from the shared cache, with the same store.
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(root / "params.yaml", other)
    write_lock(other)
    elsewhere = Tracker(other, uri(root))
    elsewhere.start()
    assert elsewhere.finish("finished")
    parents, children = tree(root)
    made = next(run for run in children if "cached" not in run.data.tags and run.info.run_name == "pretrain@clip-0")
    for parent in parents:
        scores = {"vqa/floor/majority": 0.25, "vqa/clip/multimodal/mean": 0.5, "vqa/clip/multimodal/low": 0.25}
        assert parent.data.metrics == scores
        assert (parent.data.tags["grade"], parent.data.tags["digests_equal"]) == ("system", "true")
    for parent in parents[1:]:
        own = [run for run in children if run.data.tags["mlflow.parentRunId"] == parent.info.run_id]
        cached = {run.info.run_name: run for run in own}
        assert sorted(cached) == ["materialise", "pretrain@clip-0"]
        assert [run.info.status for run in own] == ["FINISHED"] * 2
        assert cached["pretrain@clip-0"].data.tags["made_by"] == made.info.run_id
        assert cached["pretrain@clip-0"].data.tags["arm"] == "clip"
        assert f"/runs/{made.info.run_id}" in cached["pretrain@clip-0"].data.tags["mlflow.note.content"]
        assert "made_by" not in cached["materialise"].data.tags  # nobody saw it made


def test_stages_are_not_called_cached_when_the_run_failed(root: Path) -> None:
    write_lock(root)
    tracker = Tracker(root, uri(root))
    tracker.start()
    assert tracker.finish("failed")
    assert tree(root)[1] == []
