"""One pipeline, two front doors."""

import json
import re
import socket
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from components.study.loading import load_study
from flows.workspaces import workspaces
from tests.pipeline.doors import SMALLEST, Door, Doors, ceteris, dvc
from tests.pipeline.warm_python import WarmPython

pytestmark = pytest.mark.xdist_group("smoke")


def entries(workspace: Path) -> dict:
    return yaml.safe_load((workspace / "dvc.lock").read_text(encoding="utf-8"))["stages"]


def executed(workspace: Path) -> list[Path]:
    """A file for every process of a stage that has begun in the workspace, in a folder named after the stage."""
    return sorted((workspace / ".ceteris/spool").glob("*/*.jsonl"))


def test_both_doors_leave_equal_locks(doors: Doors) -> None:
    ours, theirs = entries(doors.walked.workspace), entries(doors.reproduced.workspace)
    assert set(ours) == set(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
    for door in (doors.walked, doors.reproduced):  # each of them in truth, nothing came from a cache
        assert {path.parent.name for path in executed(door.workspace)} == set(ours)


@pytest.mark.slow
def test_the_whole_smoke_study_comes_to_the_same_in_cold_processes(doors: Doors, smoke: Door) -> None:
    home = doors.reproduced.home
    workspace = workspaces.create(home, workspaces.load(home, "smoke"))
    dvc(["repro"], workspace)
    assert entries(workspace) == entries(smoke.workspace)


def test_a_second_run_of_either_door_executes_nothing(warm: WarmPython, doors: Doors) -> None:
    walked, reproduced = doors.walked, doors.reproduced
    before = executed(walked.workspace), executed(reproduced.workspace)
    again = ceteris(SMALLEST, walked.home, warm)
    assert "promoted" not in again.lower() or "already" in again.lower()
    assert "Running stage" not in dvc(["repro"], reproduced.workspace)
    assert (executed(walked.workspace), executed(reproduced.workspace)) == before


def test_added_arms_and_replicates_run_nothing_again(doors: Doors, smoke: Door) -> None:
    before, after = entries(doors.walked.workspace), entries(smoke.workspace)
    same = {name for name in before if before[name] == after[name]}
    assert {name.partition("@")[0] for name in same} >= {"materialise", "pretrain_text", "tune", "pretrain", "finetune"}
    assert {path.parent.name for path in executed(smoke.workspace)} == set(after) - same


def test_every_architecture_was_handed_the_same(smoke: Door) -> None:
    arms = json.loads((smoke.workspace / "outputs/evaluation/arms.json").read_text(encoding="utf-8"))
    handed: dict[tuple, set] = {}
    for tasks in arms.values():
        for task, cells in tasks.items():
            for cell, records in cells.items():
                if "_matched" in cell:  # a twin is handed the same and then more
                    continue
                for replicate, record in enumerate(records):
                    key = (task, cell.endswith("_few"), replicate)
                    handed.setdefault(key, set()).add((record["digests"]["ids"], record["digests"]["content"]))
    assert handed
    assert all(len(digests) == 1 for digests in handed.values())
    replicates = {key[2]: digests for key, digests in handed.items() if not key[1] and key[0] == "vqa"}
    assert len(set(map(str, replicates.values()))) == len(replicates)


def test_outs_name_no_host_path_or_time(smoke: Door) -> None:
    telling = [str(smoke.home), str(smoke.workspace), socket.gethostname()]
    for path in (smoke.workspace / "outputs").rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not [word for word in telling if len(word) > 3 and word in text], path
        assert not re.search(r"20\d\d-\d\d-\d\dT\d\d:", text), path


def test_mlflow_shows_one_tree_of_runs(smoke: Door) -> None:
    client = MlflowClient(f"sqlite:///{smoke.home}/mlflow.db")
    experiment = client.get_experiment_by_name("smoke")
    runs = client.search_runs([experiment.experiment_id], max_results=500)
    assert {found.info.status for found in runs} == {"FINISHED"}
    children = [found for found in runs if found.data.tags.get("mlflow.parentRunId")]
    stages = {found.data.tags["mlflow.runName"] for found in children}
    assert stages == set(entries(smoke.workspace))
    trained = [found for found in children if "train" in found.data.tags["stage"] or "tune" in found.data.tags["stage"]]
    ran = [found for found in trained if "cached" not in found.data.tags]
    assert ran
    assert all(found.data.metrics for found in ran)
    made = {found.info.run_id for found in ran}
    assert {found.data.tags["made_by"] for found in trained if "cached" in found.data.tags} <= made


def test_a_twin_costs_what_the_intermediate_step_costs(smoke: Door) -> None:
    outputs = smoke.workspace / "outputs"
    step = json.loads((outputs / "pretrain/vilt/0/record.json").read_text(encoding="utf-8"))
    cells = json.loads((outputs / "finetune/vilt/vqa/0/record.json").read_text(encoding="utf-8"))["cells"]
    plain, twin, multimodal = (cells[name] for name in ("scratch", "scratch_matched", "multimodal"))
    batch = twin["flops"]["step_per_sample"] * twin["samples"] / twin["steps"]
    assert abs(twin["flops"]["total"] - multimodal["flops"]["total"] - step["flops"]["total"]) <= batch
    assert twin["samples"] > plain["samples"]
    # It is the same start on the same samples, for longer: the weights differ, the way there does not.
    assert twin["weights"] != plain["weights"]
    assert twin["parameters"] == plain["parameters"]


def test_the_leaderboard_and_the_report_are_there(smoke: Door) -> None:
    board = json.loads((smoke.workspace / "outputs/compare/leaderboard.json").read_text(encoding="utf-8"))
    study = load_study(smoke.workspace / "params.yaml")
    assert list(board["tasks"]) == list(study.tasks)
    page = (smoke.workspace / "outputs/report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert not re.search(r'(src|href)="https?://', page)
    printed = ceteris(["leaderboard", "smoke"], smoke.home)
    assert all(name in printed for name in study.arms)


def test_the_registered_model_answers(smoke: Door, tmp_path: Path) -> None:
    services = json.loads((smoke.home / ".ceteris/services.json").read_text(encoding="utf-8"))
    mlflow.set_tracking_uri(services["mlflow"]["url"])
    models = {model.name: model for model in MlflowClient().search_registered_models()}
    assert len(models) == 1
    model = next(model for name, model in models.items() if "vqa" in name)
    assert {"champion", "challenger"} & set(model.aliases)
    pictures = pd.read_parquet(next((smoke.workspace / "outputs/data").glob("images-*.parquet")))
    alias = next(iter(model.aliases))
    loaded = mlflow.pyfunc.load_model(f"models:/{model.name}@{alias}")
    questions = pd.DataFrame({"image": pictures.image[:3], "text": ["is there a red circle?"] * 3})
    answers = loaded.predict(questions)
    assert len(answers) == 3
    assert set(answers.answer) <= set(
        json.loads((smoke.workspace / "outputs/package/vqa/package.json").read_text(encoding="utf-8"))["answers"]
    )
