"""One pipeline, two front doors."""

import json
import re
import socket
from pathlib import Path

import mlflow
import pandas as pd
import yaml
from mlflow import MlflowClient

from tests.pipeline.doors import BIN, Door, run


def entries(workspace: Path) -> dict:
    return yaml.safe_load((workspace / "dvc.lock").read_text(encoding="utf-8"))["stages"]


def test_both_doors_leave_equal_locks(walked: Door, reproduced: Door) -> None:
    ours, theirs = entries(walked.workspace), entries(reproduced.workspace)
    assert set(ours) == set(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_a_second_run_of_either_door_executes_nothing(walked: Door, reproduced: Door) -> None:
    before = sorted((walked.workspace / ".ceteris/spool").glob("*/*.jsonl"))
    again = run([str(BIN / "ceteris"), "run", "smoke"], walked.home)
    assert sorted((walked.workspace / ".ceteris/spool").glob("*/*.jsonl")) == before
    assert "promoted" not in again.stdout.lower() or "already" in again.stdout.lower()
    assert "Running stage" not in run([str(BIN / "dvc"), "repro"], reproduced.workspace).stdout


def test_every_architecture_was_handed_the_same(walked: Door) -> None:
    arms = json.loads((walked.workspace / "outputs/evaluation/arms.json").read_text(encoding="utf-8"))
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


def test_outs_name_no_host_path_or_time(walked: Door) -> None:
    telling = [str(walked.home), str(walked.workspace), socket.gethostname()]
    for path in (walked.workspace / "outputs").rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not [word for word in telling if len(word) > 3 and word in text], path
        assert not re.search(r"20\d\d-\d\d-\d\dT\d\d:", text), path


def test_mlflow_shows_one_tree_of_runs(walked: Door) -> None:
    client = MlflowClient(f"sqlite:///{walked.home}/mlflow.db")
    experiment = client.get_experiment_by_name("smoke")
    runs = client.search_runs([experiment.experiment_id], max_results=500)
    assert {found.info.status for found in runs} == {"FINISHED"}
    children = [found for found in runs if found.data.tags.get("mlflow.parentRunId")]
    stages = {found.data.tags["mlflow.runName"] for found in children}
    assert stages == set(entries(walked.workspace))
    trained = [found for found in children if "train" in found.data.tags["stage"] or "tune" in found.data.tags["stage"]]
    ran = [found for found in trained if "cached" not in found.data.tags]
    assert ran
    assert all(found.data.metrics for found in ran)
    made = {found.info.run_id for found in ran}
    assert {found.data.tags["made_by"] for found in trained if "cached" in found.data.tags} <= made


def test_a_twin_costs_what_the_intermediate_step_costs(walked: Door) -> None:
    outputs = walked.workspace / "outputs"
    step = json.loads((outputs / "pretrain/vilt/0/record.json").read_text(encoding="utf-8"))
    cells = json.loads((outputs / "finetune/vilt/vqa/0/record.json").read_text(encoding="utf-8"))["cells"]
    plain, twin, multimodal = (cells[name] for name in ("scratch", "scratch_matched", "multimodal"))
    batch = twin["flops"]["step_per_sample"] * twin["samples"] / twin["steps"]
    assert abs(twin["flops"]["total"] - multimodal["flops"]["total"] - step["flops"]["total"]) <= batch
    assert twin["samples"] > plain["samples"]
    # It is the same start on the same samples, for longer: the weights differ, the way there does not.
    assert twin["weights"] != plain["weights"]
    assert twin["parameters"] == plain["parameters"]


def test_the_leaderboard_and_the_report_are_there(walked: Door) -> None:
    board = json.loads((walked.workspace / "outputs/compare/leaderboard.json").read_text(encoding="utf-8"))
    study = yaml.safe_load((walked.workspace / "params.yaml").read_text(encoding="utf-8"))
    assert list(board["tasks"]) == list(study["tasks"])
    page = (walked.workspace / "outputs/report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert not re.search(r'(src|href)="https?://', page)
    printed = run([str(BIN / "ceteris"), "leaderboard", "smoke"], walked.home).stdout
    assert all(name in printed for name in study["arms"])


def test_the_registered_model_answers(walked: Door, tmp_path: Path) -> None:
    services = json.loads((walked.home / ".ceteris/services.json").read_text(encoding="utf-8"))
    mlflow.set_tracking_uri(services["mlflow"]["url"])
    models = {model.name: model for model in MlflowClient().search_registered_models()}
    assert len(models) == 1
    model = next(model for name, model in models.items() if "vqa" in name)
    assert {"champion", "challenger"} & set(model.aliases)
    pictures = pd.read_parquet(next((walked.workspace / "outputs/data").glob("images-*.parquet")))
    alias = next(iter(model.aliases))
    loaded = mlflow.pyfunc.load_model(f"models:/{model.name}@{alias}")
    questions = pd.DataFrame({"image": pictures.image[:3], "text": ["is there a red circle?"] * 3})
    answers = loaded.predict(questions)
    assert len(answers) == 3
    assert set(answers.answer) <= set(
        json.loads((walked.workspace / "outputs/package/vqa/package.json").read_text(encoding="utf-8"))["answers"]
    )
