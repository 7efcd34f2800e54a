"""The walk through a real Prefect server, with kills at every place. Needs the two servers, which are started once."""

import re
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.graph.dvc_graph import plan
from flows.pipeline import last_record
from flows.servers import flow_runs as runs
from tests.flows import toy

pytestmark = pytest.mark.xdist_group("servers")
TRAINING = [f"train@{arch}-{replicate}" for arch in ("slow", "quick") for replicate in (0, 1)]


def ask(servers: Path, path: str, body: dict[str, Any]) -> Any:
    return runs._post(toy.prefect(servers), path, body)


def last_run(servers: Path, folder: Path) -> dict[str, Any]:
    """The newest flow run of a workspace, as the server knows it."""
    named = {"flow_runs": {"tags": {"all_": [folder.name]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 1}
    return ask(servers, "/api/flow_runs/filter", named)[0]


def task_states(servers: Path, run: dict[str, Any]) -> dict[str, str]:
    tasks = ask(servers, "/api/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    return {task["name"]: task["state_name"] for task in tasks}


def test_a_run_is_shown_and_the_next_executes_nothing(servers: Path, tmp_path: Path) -> None:
    walked = toy.make(tmp_path / "walked-success")
    code, output = toy.walk(walked, servers, TOY_MEET="1")  # two at once, or it would never end
    assert code == 0, output
    assert "END Completed 6 stages ran, 0 were cached" in output
    order = toy.executed(walked)
    assert sorted(order) == sorted(["seed", *TRAINING, "compare"])
    assert (order[0], order[-1]) == ("seed", "compare")
    assert set(order[1:3]) == {"train@slow-0", "train@slow-1"}
    assert _most_at_once(walked) == 2

    run = last_run(servers, walked)
    assert run["state_type"] == "COMPLETED"
    toy.wait_for(lambda: set(task_states(servers, run).values()) == {"Completed"})
    of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    toy.wait_for(lambda: len(ask(servers, "/api/artifacts/filter", of_run)) == 4)
    bars = ask(servers, "/api/artifacts/filter", of_run)
    assert {(bar["type"], float(bar["data"])) for bar in bars} == {("progress", 100.0)}
    logs = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200}
    toy.wait_for(
        lambda: sum(log["message"] == "learned something" for log in ask(servers, "/api/logs/filter", logs)) == 4
    )
    messages = [log["message"] for log in ask(servers, "/api/logs/filter", logs)]
    assert not any("git add" in message or "::progress" in message for message in messages)

    # The other door, from a clean clone: the same bytes. Then each door finds nothing to do.
    repeated = toy.make(tmp_path / "repeated")
    toy.dvc(repeated, "repro")
    assert (walked / "dvc.lock").read_bytes() == (repeated / "dvc.lock").read_bytes()
    toy.forget_executions(walked)
    assert "Data and pipelines are up to date." in toy.dvc(walked, "repro")
    code, output = toy.walk(walked, servers)
    assert (code, toy.executed(walked)) == (0, [])
    assert "END Completed 0 stages ran, 6 were cached" in output
    again = last_run(servers, walked)
    toy.wait_for(lambda: task_states(servers, again) == dict.fromkeys(["seed", *TRAINING, "compare"], "Cached"))


def _most_at_once(folder: Path) -> int:
    lines = [line.split() for line in (folder / ".ceteris/toy/executed").read_text().splitlines()]
    changes = sorted((float(when), -1 if name.startswith("end-of-") else 1) for name, _, when in lines)
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def test_a_failure_is_a_sentence_and_the_others_finish_and_a_lost_process_is_tried_again(
    servers: Path, tmp_path: Path
) -> None:
    home = toy.make(tmp_path / "failing", quick="mistake", slow="lost")
    code, output = toy.walk(home, servers)
    assert code == 1
    sentence = "row 3 of data.csv has no text: fill it in."
    assert f"END Failed train@quick-0: {sentence} (1 stages that need them were not run)" in output
    assert "Traceback" not in output
    # A user's mistake is not tried again; a process that was killed is, once.
    tried = toy.executed(home)
    assert {name: tried.count(name) for name in TRAINING} == {
        "train@slow-0": 2,
        "train@slow-1": 2,
        "train@quick-0": 1,
        "train@quick-1": 1,
    }
    assert "compare" not in tried
    run = last_run(servers, home)
    assert sentence in run["state"]["message"]
    expected = {"seed": "Completed", "train@quick-0": "Failed", "compare": "NotRun"}
    toy.wait_for(lambda: expected.items() <= task_states(servers, run).items())
    toy.set_params(home, quick="0.0", slow="lost")
    toy.forget_executions(home)
    (home / ".ceteris/toy/executed").write_text("".join(f"{name} 0 0\nend-of-{name} 0 0\n" for name in TRAINING))
    assert toy.walk(home, servers)[0] == 0
    assert sorted(toy.executed(home)[4:]) == ["compare", "train@quick-0", "train@quick-1"]


def test_a_reason_of_several_lines_arrives_whole(servers: Path, tmp_path: Path) -> None:
    home = toy.make(tmp_path / "mistaken", quick="mistakes", slow="0.0")
    code, output = toy.walk(home, servers)
    assert code == 1
    reason = ["data.csv has 2 mistakes:", "row 3 has no text.", "row 5 has no picture."]
    assert re.search("failed +train@quick-0 .*: " + "\n    ".join(reason), output)
    skipped = "(1 stages that need them were not run)"
    assert "\n".join(["END Failed train@quick-0: " + reason[0], *reason[1:], skipped]) in output
    run = last_run(servers, home)
    assert "\n".join(reason) in run["state"]["message"]
    failed = [task["state"]["message"] for task in _tasks(servers, run) if task["name"] == "train@quick-0"]
    assert failed == ["\n".join(reason)]
    record = last_record(home)
    assert record is not None
    assert record.failures() == {"train@quick-0": "\n".join(reason)}


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL", "cancelled on the page"])
def test_a_runner_that_ends_leaves_no_orphan_and_no_run_that_runs_for_ever(
    servers: Path, tmp_path: Path, how: str
) -> None:
    home = toy.make(tmp_path / f"ended-{how.split()[0].lower()}", slow="hang")
    process = toy.start_walk(home, servers)
    toy.wait_for(lambda: toy.executed(home).count("train@slow-0") + toy.executed(home).count("train@slow-1") == 2)
    run = last_run(servers, home)
    assert run["state_type"] == "RUNNING"
    if how.startswith("SIG"):
        process.send_signal(signal.Signals[how])
    else:
        ask(servers, f"/api/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    output, _ = process.communicate(timeout=toy.PATIENCE)
    toy.wait_for(lambda: not toy.processes_of(home))
    assert process.returncode != 0
    if how == "SIGKILL":
        assert last_run(servers, home)["state_type"] == "RUNNING"
        assert [dead.id for dead in runs.reap(toy.prefect(servers))] == [run["id"]]
    wanted = "CRASHED" if how.startswith("SIG") else "CANCELLED"
    assert last_run(servers, home)["state_type"] == wanted, output
    assert "RUNNING" not in {task["state_type"] for task in _tasks(servers, run)} or how != "SIGKILL"
    # What was done is kept, and what was not is done by the next run.
    assert plan(home).stale == {*TRAINING, "compare"}


def _tasks(servers: Path, run: dict[str, Any]) -> list[dict[str, Any]]:
    return ask(servers, "/api/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})


def test_a_killed_dvc_takes_its_stage_along_and_is_tried_again(servers: Path, tmp_path: Path) -> None:
    home = toy.make(tmp_path / "killed-dvc", slow="hang", minutes="60")
    process = toy.start_walk(home, servers, "train@slow-0")
    toy.wait_for(lambda: toy.process_with(home, "repro --single-item train@slow-0"))
    toy.wait_for(lambda: "train@slow-0" in toy.executed(home))
    first = int((home / ".ceteris/toy/executed").read_text().split("train@slow-0 ")[1].split()[0])
    _kill_dvc(home)
    toy.wait_for(lambda: toy.executed(home).count("train@slow-0") == 2)
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE
    _kill_dvc(home)
    output, _ = process.communicate(timeout=toy.PATIENCE)
    assert process.returncode == 1
    assert "END Failed train@slow-0: exit code -9" in output  # twice is enough
    assert toy.processes_of(home) == []
    assert toy.executed(home) == ["seed", "train@slow-0", "train@slow-0"]


def _kill_dvc(home: Path) -> None:
    dvc = toy.process_with(home, "repro --single-item train@slow-0")
    assert dvc is not None
    dvc.kill()


def test_a_stage_that_exceeds_its_time_limit_is_ended_and_not_tried_again(servers: Path, tmp_path: Path) -> None:
    home = toy.make(tmp_path / "limited", slow="hang", minutes="0.1")
    code, output = toy.walk(home, servers, "train@slow-0")
    assert code == 1
    limit = "stopped after 0.1 minutes, its time limit: raise meta.minutes in dvc.yaml if it needs more"
    assert f"END Failed train@slow-0: {limit}" in output
    assert toy.processes_of(home) == []
    assert toy.executed(home).count("train@slow-0") <= 1  # on a busy machine it may not have come to its command


def test_two_workspaces_share_slots_and_one_workspace_has_one_flow(servers: Path, tmp_path: Path) -> None:
    home = toy.make(tmp_path / "sharing", slow="wait")
    beside = toy.make(home / "workspaces" / "beside", slow="wait")
    first = toy.start_walk(home, servers, "train@slow-0", CETERIS_JOBS="1")
    second = toy.start_walk(beside, servers, "train@slow-0", CETERIS_JOBS="1")
    toy.wait_for(lambda: (home / ".ceteris/run.lock").is_file() and (home / ".ceteris/run.lock").read_text())
    code, output = toy.walk(home, servers)
    assert code == 1
    assert f"END Failed Process {first.pid} already runs the study in {home}: wait for it, or stop it." in output
    for folder in (home, beside):
        (folder / ".ceteris/toy").mkdir(parents=True, exist_ok=True)
        (folder / ".ceteris/toy/go").touch()
    for process in (first, second):
        assert process.communicate(timeout=toy.PATIENCE)[0].count("ran ") == 2
    notes = (home / ".ceteris/toy/executed").read_text() + (beside / ".ceteris/toy/executed").read_text()
    (tmp_path / "both/.ceteris/toy").mkdir(parents=True)
    (tmp_path / "both/.ceteris/toy/executed").write_text(notes)
    assert _most_at_once(tmp_path / "both") == 1
    assert (home / "dvc.lock").read_bytes() == (beside / "dvc.lock").read_bytes()
