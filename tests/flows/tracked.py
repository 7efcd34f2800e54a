"""A toy study that is tracked: its stages as processes, an MLflow store, and what was found in it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.tracking.spool import Spool
from flows.tracking.mlflow_store import Store
from infra.environment import environment
from tests.evaluation.boards import entry, leaderboard, task

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
LEADERBOARD = leaderboard(
    {"vqa": task([entry("clip/multimodal", mean=0.5, low=0.25)], floors={"selection": {"majority": 0.25}})}
)
# A stage process: a curve of as many points as asked, then the end, a kill or nothing.
STAGE = """
import os, sys, time
from pathlib import Path
from components.tracking.spool import Spool
folder, stage, first, last, pause, fate = sys.argv[1:]
spool = Spool(Path(folder), stage)
spool.start({"arm": "clip", "replicate": "0"}, "key")
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
from flows.tracking.tracker import Tracker
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
    """Every run of the experiment, the oldest first; none before the tracker has made it."""
    client = Store(uri(root)).client
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return []
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
    (root / "outputs" / "compare" / "leaderboard.json").write_text(json.dumps(LEADERBOARD.as_json()))
