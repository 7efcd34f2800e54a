"""The tracker against real MLflow stores: nothing lost, nothing twice, the right status, whatever dies."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.errors import CeterisError
from components.tracking.spool import Spool, runs
from flows import evidence
from flows.mlflow_store import Store
from flows.sync import Synchroniser
from flows.tracker import Tracker, sync
from infra.environment import environment

ROOT = Path(__file__).parents[2]
PARAMETERS = {"name": "toy", "seed": 1, "model": {"width": 8}, "many": {f"key{n}": n for n in range(250)}}
LOCK = {
    "schema": "2.0",
    "stages": {
        "materialise": {
            "cmd": "make",
            "deps": [{"path": "a", "md5": "1"}],
            "outs": [{"path": "outputs/data", "md5": "2"}],
        },
        "pretrain@clip-0": {
            "cmd": "train",
            "deps": [{"path": "outputs/data", "md5": "2"}],
            "params": {"params.yaml": {"seed": 1}},
            "outs": [{"path": "outputs/pretrain/clip/0", "md5": "3"}],
        },
    },
}
LEADERBOARD = {
    "grade": "system",
    "digests": {"equal": True},
    "tasks": {
        "vqa": {
            "floors": {"selection": {"majority": 0.25}},
            "cells": [{"architecture": "clip", "cell": "multimodal", "mean": 0.5, "low": 0.25, "high": None}],
        }
    },
}
# A stage process: a curve of as many points as asked, then the end, a kill or nothing.
STAGE = """
import os, sys, time
from pathlib import Path
from components.tracking.spool import Spool
folder, stage, first, last, pause, fate = sys.argv[1:]
spool = Spool(Path(folder), stage)
spool.start({"architecture": "clip", "replicate": "0"}, "key")
if int(first):
    spool.resumed(int(first))
for samples in range(int(first), int(last)):
    spool.metrics("multimodal", samples, {"loss": 1.0 / (1 + samples), "accuracy": samples / 1000})
    time.sleep(float(pause))
spool.flush()
if fate == "die":
    os.kill(os.getpid(), 9)
spool.end(fate, 1.0)
"""
TRACKER = """
import sys, time
from pathlib import Path
from flows.tracker import Tracker
Tracker(Path(sys.argv[1]), sys.argv[2]).start()
time.sleep(600)
"""


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with MLflow's schema in it, made once: it takes seconds."""
    path = tmp_path_factory.mktemp("schema") / "mlflow.db"
    Store(f"sqlite:///{path}").client.search_experiments(max_results=1)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def root(tmp_path: Path, schema: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMETERS))
    shutil.copy(schema, folder / "mlflow.db")
    return folder


def uri(root: Path) -> str:
    return f"sqlite:///{root}/mlflow.db"


def spool_of(root: Path, stage: str) -> Spool:
    return Spool(root / ".ceteris" / "spool", stage)


def begin_stage(
    root: Path, stage: str, first: int, last: int, fate: str, pause: float = 0.0
) -> subprocess.Popen[bytes]:
    arguments = [str(root / ".ceteris" / "spool"), stage, str(first), str(last), str(pause), fate]
    return subprocess.Popen([sys.executable, "-c", STAGE, *arguments], env=environment(root), cwd=ROOT)


def run_stage(
    root: Path, stage: str = "pretrain@clip-0", first: int = 0, last: int = 50, fate: str = "finished"
) -> None:
    begin_stage(root, stage, first, last, fate).wait()


def found(root: Path, name: str = "toy") -> list[Any]:
    """Every run of the experiment, the oldest first."""
    client = Store(uri(root)).client
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))


def tree(root: Path) -> tuple[list[Any], list[Any]]:
    """Parents and children."""
    every = found(root)
    return (
        [run for run in every if "mlflow.parentRunId" not in run.data.tags],
        [run for run in every if "mlflow.parentRunId" in run.data.tags],
    )


def curve(root: Path, run: Any, key: str = "multimodal/loss") -> list[tuple[int, float]]:
    history = Store(uri(root)).client.get_metric_history(run.info.run_id, key)
    return sorted((point.step, point.value) for point in history)


def expected(last: int) -> list[tuple[int, float]]:
    return [(samples, 1.0 / (1 + samples)) for samples in range(last)]


def artifacts(root: Path, run: Any) -> set[str]:
    return {artifact.path for artifact in Store(uri(root)).client.list_artifacts(run.info.run_id)}


def write_lock(root: Path) -> None:
    (root / "dvc.lock").write_text(yaml.safe_dump(LOCK))
    folder = root / "outputs" / "pretrain" / "clip" / "0"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"digests": {"ids": "i" * 64, "content": "c" * 64}, "weights": "w" * 64}
    (folder / "record.json").write_text(json.dumps(record))
    (root / "outputs" / "report.html").write_text("<html>")
    (root / "outputs" / "compare").mkdir(exist_ok=True)
    (root / "outputs" / "compare" / "leaderboard.json").write_text(json.dumps(LEADERBOARD))


def test_a_study_run_becomes_a_tree(root: Path) -> None:
    tracker = Tracker(root, uri(root))
    tracker.start()
    spool = spool_of(root, "pretrain@clip-0")
    spool.start({"architecture": "clip", "replicate": "0"}, "key")
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
    tags = {"architecture": "clip", "replicate": "0", "stage": "pretrain", "DVC_STAGE": "pretrain@clip-0"}
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
    assert (child.data.metrics["cost/loop_cpu_seconds"], child.data.metrics["cost/seconds"] < 60) == (2.5, True)
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
        assert cached["pretrain@clip-0"].data.tags["architecture"] == "clip"
        assert f"/runs/{made.info.run_id}" in cached["pretrain@clip-0"].data.tags["mlflow.note.content"]
        assert "made_by" not in cached["materialise"].data.tags  # nobody saw it made


def test_stages_are_not_called_cached_when_the_run_failed(root: Path) -> None:
    write_lock(root)
    tracker = Tracker(root, uri(root))
    tracker.start()
    assert tracker.finish("failed")
    assert tree(root)[1] == []


class CutError(Exception):
    """The answer to a call is lost."""


def cut_answers(client: Any, at: int) -> None:
    """Lose the answer to the `at`-th thing a client asks."""
    count = 0

    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal count
            count += 1
            result = method(*arguments, **keywords)
            if count == at:
                raise CutError
            return result

        return call

    for name in ("create_run", "log_batch", "log_inputs", "log_artifact", "set_terminated"):
        setattr(client, name, wrap(getattr(client, name)))


def test_whichever_answer_is_lost_nothing_is_lost_or_doubled(root: Path) -> None:
    """Rounds that die, one after the other, after each thing that MLflow is asked; the next knows only the files."""
    run_stage(root, last=30, fate="die")
    run_stage(root, first=10)
    write_lock(root)
    at, rounds, noted = 1, 0, ""
    while True:
        store = Store(uri(root))
        cut_answers(store.client, at)
        try:
            Synchroniser(root, store).round()
            break
        except CutError:
            rounds += 1
        # Die at the next thing; where this round had come further than the last, it is the first one again.
        before, noted = noted, (root / ".ceteris" / "tracker.json").read_text()
        at = 1 if noted != before else at + 1
    assert rounds > 15
    (parent,), children = tree(root)
    killed, done = (run for run in children if "cached" not in run.data.tags)
    assert (parent.info.status, killed.info.status, done.info.status) == ("FINISHED", "KILLED", "FINISHED")
    assert len(children) == 3
    assert (curve(root, killed), curve(root, done)) == (expected(30), expected(50))
    assert done.data.tags["weights"] == "w" * 64


def test_a_tracker_that_is_killed_again_and_again_loses_and_doubles_nothing(root: Path) -> None:
    """Real processes: a stage that goes on, and trackers that are killed at some moment."""
    stage = begin_stage(root, "pretrain@clip-0", 0, 1000, "finished", pause=0.008)
    for pause in (0.2, 1.5):
        command = [sys.executable, "-c", TRACKER, str(root), uri(root)]
        tracker = subprocess.Popen(command, env=environment(root), cwd=ROOT)
        cursor = root / ".ceteris" / "tracker.json"
        before = cursor.read_text() if cursor.exists() else ""
        while not cursor.exists() or cursor.read_text() == before:
            time.sleep(0.02)
        time.sleep(pause)
        tracker.send_signal(signal.SIGKILL)
        tracker.wait()
    assert stage.wait() == 0
    last = Tracker(root, uri(root))
    last.start()
    assert last.finish("finished")
    parents, children = tree(root)
    tracked = [run.info.status for run in parents if run.data.tags["door"] == "flow"]
    assert tracked == ["KILLED", "KILLED", "FINISHED"]
    (child,) = children
    assert child.info.status == "FINISHED"
    assert curve(root, child) == expected(1000)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(root: Path, port: int) -> subprocess.Popen[bytes]:
    """A real MLflow server, answering."""
    options = ["--backend-store-uri", uri(root), "--artifacts-destination", str(root / "mlartifacts")]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *options]
    with (root / "server.log").open("ab") as log:
        server = subprocess.Popen(
            command, env=environment(root), cwd=root, stdout=log, stderr=log, start_new_session=True
        )
    for _ in range(600):
        assert server.poll() is None, (root / "server.log").read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return server
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


@pytest.fixture
def servers() -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for server in running:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def test_an_outage_of_the_server_delays_the_tracker_only(root: Path, servers: list[subprocess.Popen[bytes]]) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    servers.append(serve(root, port))
    tracker = Tracker(root, address)
    tracker.start()
    run_stage(root, stage="pretrain@vilt-0", last=10)
    stage = begin_stage(root, "pretrain@clip-0", 0, 1000, "finished", pause=0.005)
    time.sleep(2.5)  # some of it arrives
    os.killpg(servers[0].pid, signal.SIGKILL)
    servers[0].wait()
    assert stage.wait() == 0  # the stage ends while nobody answers
    assert sum(event["event"] == "metrics" for run in runs(root / ".ceteris/spool") for event in run.events()) == 1010
    write_lock(root)
    servers.append(serve(root, port))
    assert tracker.finish("finished")
    assert sync(root, uri(root)) == 0  # the same store without the server
    (parent,), children = tree(root)
    by_name = {run.info.run_name: run for run in children if "cached" not in run.data.tags}
    assert [run.info.status for run in (parent, *by_name.values())] == ["FINISHED"] * 3
    assert curve(root, by_name["pretrain@clip-0"]) == expected(1000)
    assert curve(root, by_name["pretrain@vilt-0"]) == expected(10)
    kept = root / "mlartifacts" / parent.info.experiment_id / parent.info.run_id / "artifacts"
    assert (kept / "report.html").read_text() == "<html>"
    # And without the server artifacts go to where the server looks for them.
    run_stage(root, stage="pretrain@clip-1", last=10)
    sync(root, uri(root))
    latest = tree(root)[0][-1]
    kept = root / "mlartifacts" / latest.info.experiment_id / latest.info.run_id / "artifacts"
    assert (kept / "report.html").read_text() == "<html>"


def test_without_mlflow_the_run_goes_on_and_sync_delivers_later(root: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    begin = time.monotonic()
    tracker = Tracker(root, nobody)
    tracker.start()
    assert time.monotonic() - begin < 1
    run_stage(root)
    assert not tracker.finish("failed", patience=1.0)
    assert time.monotonic() - begin < 30
    with pytest.raises(CeterisError, match=r"does not answer .*: nothing is lost, run `ceteris sync` again") as error:
        sync(root, nobody)
    assert "\n" not in str(error.value)
    assert sync(root, uri(root)) == 52
    (parent,), (child,) = tree(root)
    assert (parent.info.status, child.info.status) == ("FAILED", "FINISHED")
    assert curve(root, child) == expected(50)


def test_two_processes_may_be_the_first_to_touch_a_new_database_and_fill_it_again(root: Path) -> None:
    other = Path(shutil.copytree(root, root.parent / "other"))
    for folder in (root, other):
        run_stage(folder)
        write_lock(folder)
        assert sync(folder, uri(root)) == 52
    new = f"sqlite:///{root}/new.db"
    code = "import sys, pathlib; from flows.tracker import sync; print(sync(pathlib.Path(sys.argv[1]), sys.argv[2]))"
    commands = [[sys.executable, "-c", code, str(folder), new] for folder in (root, other)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=ROOT, env=environment(root), **pipes) for command in commands]
    printed = [process.communicate() for process in running]
    assert [out.strip() for out, _ in printed] == ["52", "52"], printed
    with sqlite3.connect(root / "new.db") as connection:
        assert connection.execute("SELECT count(*) FROM runs WHERE status = 'FINISHED'").fetchone() == (6,)
        assert connection.execute("SELECT count(*) FROM tags WHERE key = 'digest.ids'").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM metrics WHERE key = 'multimodal/loss'").fetchone() == (100,)
        assert connection.execute("SELECT count(*) FROM experiments WHERE name = 'toy'").fetchone() == (1,)


def test_what_mlflow_refuses_does_not_hold_up_the_rest(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = spool_of(root, "pretrain@clip-0")
    spool.start({}, "")
    spool.parameters({"width": 8})
    spool.parameters({"width": 9})
    spool.metrics("", 1, {"loss": 1.0})
    spool.end("finished")
    with (spool.path or root).open("a") as file:
        file.write('{"event": "metrics", "prefix": 1}\n')
    run_stage(root, stage="pretrain@vilt-0", last=5)
    sync(root, uri(root))
    assert "MLflow refuses something" in caplog.text
    assert {child.info.status for child in tree(root)[1]} == {"FINISHED"}
    assert len(tree(root)[1]) == 2
