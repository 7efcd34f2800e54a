"""The spool: whole lines whatever happens, read from any point, at no cost to the training."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.tracking.spool import Spool, SpoolRun, is_alive, runs

STAGE = "finetune@clip-vqa-0"
WRITER = """
import sys
from pathlib import Path
from components.tracking.spool import Spool
spool = Spool(Path(sys.argv[1]), "pretrain@clip-0")
spool.start({"replicate": "0"}, "key")
step = 0
while True:
    step += 1
    spool.metrics("", step, {"loss": 1.0 / step, "text": 0.5})
    if step % 1000 == 0:
        spool.flush()
"""


def whole(folder: Path) -> SpoolRun:
    """A run with one event of every kind."""
    spool = Spool(folder, STAGE)
    spool.start({"architecture": "clip", "task": "vqa", "replicate": "0"}, "abc")
    spool.parameters({"model": {"width": 8}})
    spool.dataset("scenes", "d" * 64, 128, "training")
    spool.resumed(32)
    spool.metrics("unimodal", 64, {"loss": 1.5, "accuracy": 0.25})
    spool.trained("unimodal", 2, 0.75)
    spool.artifact(Path("outputs/report.html"))
    spool.end("finished", 0.125, "all is well")
    (run,) = runs(folder)
    return run


def test_the_events_are_those_of_the_formats_page(tmp_path: Path) -> None:
    run = whole(tmp_path)
    assert run.stage == STAGE
    assert run.path.parent == tmp_path / STAGE
    assert run.path.name.endswith(f"Z-{os.getpid()}.jsonl")
    start, parameters, dataset, resumed, metrics, trained, artifact, end = run.events()
    fields = ["event", "time", "stage", "arguments", "host", "pid", "commit", "scratch_key"]
    assert (list(start), start["pid"], start["scratch_key"]) == (fields, os.getpid(), "abc")
    assert psutil.Process().create_time() - 2 < start["time"] <= time.time()
    assert parameters == {"event": "parameters", "values": {"model": {"width": 8}}}
    expected = {"name": "scenes", "digest": "d" * 64, "samples": 128, "context": "training"}
    assert dataset == {"event": "dataset"} | expected
    assert resumed == {"event": "resumed", "samples": 32}
    assert metrics.pop("time") >= start["time"]
    assert metrics == {
        "event": "metrics",
        "prefix": "unimodal",
        "samples": 64,
        "values": {"loss": 1.5, "accuracy": 0.25},
    }
    assert trained.pop("time") >= start["time"]
    assert trained == {"event": "trained", "prefix": "unimodal", "steps": 2, "seconds": 0.75}
    assert artifact == {"event": "artifact", "path": "outputs/report.html"}
    costs = {key: end.pop(key) for key in ("seconds", "cpu_seconds", "peak_memory_bytes")}
    assert end == {"event": "end", "status": "finished", "loop_cpu_seconds": 0.125, "message": "all is well"}
    assert 0 <= costs["seconds"] <= time.time() - psutil.Process().create_time() + 2
    assert costs["peak_memory_bytes"] >= psutil.Process().memory_info().rss / 4
    assert costs["cpu_seconds"] > 0


def test_the_commit_is_that_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"commit": "c0ffee"}')
    spool = Spool(tmp_path / ".ceteris" / "spool", STAGE)
    spool.start({})
    (run,) = runs(tmp_path / ".ceteris" / "spool")
    assert (run.begun() or {})["commit"] == "c0ffee"


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spool = Spool(None, STAGE)
    spool.start({}, "")
    spool.parameters({})
    spool.dataset("a", "b", 1, "c")
    spool.metrics("", 1, {"loss": 1.0})
    spool.resumed(1)
    spool.artifact("x")
    spool.flush()
    spool.end("killed", 0.0)
    assert list(tmp_path.rglob("*")) == []


@settings(max_examples=60, deadline=None)
@given(fractions=st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_wherever_a_file_is_cut_readers_get_whole_events_and_go_on_from_there(
    tmp_path_factory: pytest.TempPathFactory, fractions: list[float]
) -> None:
    run = whole(tmp_path_factory.mktemp("cut"))
    content = run.path.read_bytes()
    cuts = sorted(round(fraction * len(content)) for fraction in fractions)
    run.path.write_bytes(b"")
    seen = []
    for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        with run.path.open("ab") as file:
            file.write(content[begin:end])
        seen += list(run.events())
    assert seen == [json.loads(line) for line in content.splitlines()]
    assert run.offset == len(content)


def test_a_line_that_is_no_json_is_passed_over(tmp_path: Path) -> None:
    run = whole(tmp_path)
    lines = run.path.read_bytes().splitlines(keepends=True)
    run.path.write_bytes(b"".join([*lines[:2], b"\0\0\0\n", b"[1]\n", *lines[2:]]))
    assert [event["event"] for event in run.events()] == [json.loads(line)["event"] for line in lines]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_lacks_is_kept(tmp_path: Path, value: float) -> None:
    spool = Spool(tmp_path, STAGE)
    spool.start({})
    spool.metrics("", 1, {"loss": value})
    spool.end("failed")
    (run,) = runs(tmp_path)
    text = run.path.read_text().splitlines()[1]
    (loss,) = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))["values"].values()
    assert str(float(loss)) == str(value)


def test_a_kill_at_any_moment_leaves_a_readable_file_without_a_gap(tmp_path: Path) -> None:
    for pause in (0.0, 0.05, 0.2):
        folder = tmp_path / str(pause)
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)])
        # The second event alone: whoever reads on to the end may never reach it, for the writer is fast.
        while not any(next(islice(run.events(), 1, None), None) for run in runs(folder)):
            assert process.poll() is None
            time.sleep(0.01)
        (run,) = runs(folder)
        assert run.alive
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not run.alive
        start, *points = run.events()
        assert start["event"] == "start"
        assert [point["samples"] for point in points] == list(range(1, len(points) + 1))


def test_a_number_that_another_process_has_now_is_not_alive() -> None:
    born = psutil.Process().create_time()
    assert is_alive(os.getpid(), born + 0.5)
    assert not is_alive(os.getpid(), born - 100)
    assert not is_alive(2**22 + 1, time.time())


def test_a_zombie_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not is_alive(process.pid, time.time())
    process.wait()


def test_on_another_host_only_a_file_that_grows_counts_as_alive(tmp_path: Path) -> None:
    run = whole(tmp_path)
    run.path.write_text(run.path.read_text().replace('"host":"', '"host":"not-', 1))
    assert run.alive
    os.utime(run.path, (time.time() - 3600, time.time() - 3600))
    assert not run.alive


def test_points_are_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    write = os.write

    def counted(descriptor: int, data: bytes) -> int:
        writes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    spool = Spool(tmp_path, STAGE)
    spool.start({})
    begin = time.process_time()
    for step in range(2000):
        spool.metrics("", step, {"loss": 0.1, "accuracy": 0.2})
    assert (time.process_time() - begin) / 2000 < 0.001
    assert len(writes) <= 2000 / 200 + 10
    spool.end("finished")
    (run,) = runs(tmp_path)
    assert [event["samples"] for event in run.events() if event["event"] == "metrics"] == list(range(2000))


def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from components.tracking.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]), "a")
spool.start({})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for step in range(50):
    spool.metrics("", step, {"loss": 1.0})
    spool.flush()
assert spool.path.stat().st_size == 1000
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.end("finished")
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("tracking is delayed")) == (0, 1), done.stderr
    (run,) = runs(tmp_path)
    events = list(run.events())
    assert [event["samples"] for event in events[1:-1]] == list(range(50))
    assert events[-1]["event"] == "end"


def test_stages_need_nothing_but_the_standard_library() -> None:
    code = "import sys, components.tracking.spool; print({name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in ("mlflow", "prefect", "dvc", "psutil", "torch", "numpy"):
        assert f"'{name}'" not in loaded
