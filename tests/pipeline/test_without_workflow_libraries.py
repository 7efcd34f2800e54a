"""A training machine may lack prefect, mlflow, dvc and great_expectations."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("studies")

BLOCKER = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"prefect", "mlflow", "dvc", "great_expectations"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def test_components_train_and_predict_without_them(further: Path, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    shutil.copytree(further, folder, symlinks=True, ignore=shutil.ignore_patterns(".ceteris", "cache"))
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent/sitecustomize.py").write_text(BLOCKER)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path / 'absent'}:{folder}"}
    check = subprocess.run([sys.executable, "-c", "import mlflow"], env=environment, capture_output=True, text=True)
    assert check.returncode == 1
    assert "No module named 'mlflow'" in check.stderr
    before = (folder / "outputs/finetune/clip/vqa/0/record.json").read_bytes()
    for command in ("pretrain --arm clip", "finetune --arm clip --task vqa"):
        stage, *arguments = command.split()
        subprocess.run(
            [sys.executable, "-m", f"components.stages.{stage}", *arguments, "--replicate", "0"],
            cwd=folder,
            env=environment,
            check=True,
        )
    assert (folder / "outputs/finetune/clip/vqa/0/record.json").read_bytes() == before
