"""The tracker when something dies: lost answers, kills, outages. Nothing is lost, nothing is there twice."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.errors import CeterisError
from components.tracking.spool import runs
from flows.servers import services
from flows.tracking import tracker as tracker_module
from flows.tracking.mlflow_store import Store
from flows.tracking.sync import Synchroniser
from flows.tracking.tracker import Tracker, sync
from infra.environment import environment
from tests.flows.toy import PATIENCE, wait_for
from tests.flows.tracked import ROOT, TRACKER, begin_stage, curve, expected, run_stage, spool_of, tree, uri, write_lock


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
    assert last.finish("finished", PATIENCE)
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

    def answers() -> bool:
        assert server.poll() is None, (root / "server.log").read_text()[-2000:]
        return services.answers(f"http://127.0.0.1:{port}/health")

    wait_for(answers)
    return server


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
    wait_for(lambda: sum(len(curve(root, run)) for run in tree(root)[1]) > 10)  # some of it has arrived
    os.killpg(servers[0].pid, signal.SIGKILL)
    servers[0].wait()
    assert stage.wait() == 0  # the stage ends while nobody answers
    assert sum(event["event"] == "metrics" for run in runs(root / ".ceteris/spool") for event in run.events()) == 1010
    write_lock(root)
    servers.append(serve(root, port))
    assert tracker.finish("finished", PATIENCE)
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


def test_without_mlflow_the_run_goes_on_and_sync_delivers_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    asking: list[int] = []
    monkeypatch.setattr(tracker_module, "Store", lambda uri: (asking.append(threading.get_ident()), Store(uri))[1])
    tracker = Tracker(root, nobody)
    tracker.start()
    run_stage(root)
    assert not tracker.finish("failed", patience=1.0)
    assert threading.get_ident() not in asking  # whoever starts a tracker does not wait for MLflow
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
    code = "import sys, pathlib; from flows.tracking.tracker import sync; print(sync(pathlib.Path(sys.argv[1]), sys.argv[2]))"
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
