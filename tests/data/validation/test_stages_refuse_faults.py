"""The stages as processes: faulty data stops them with every sentence, no traceback, and reports that stay."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.small_manifests import sound_rows, write_csv
from tests.study.complete import complete, write_params

ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace whose study reads `data/mine`; its code is this clone's."""
    shutil.copyfile(ROOT / "dvc.yaml", tmp_path / "dvc.yaml")
    study = complete("smoke")
    study["data"] |= {"source": "manifest", "redrawn": False, "path": "data/mine"}
    write_params(tmp_path, study)
    (tmp_path / "data" / "mine").mkdir(parents=True)
    return tmp_path


def stage(name: str, workspace: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"components.stages.{name}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)


def test_faults_stop_the_stages_with_every_sentence(workspace: Path) -> None:
    folder = workspace / "data" / "mine"
    rows = sound_rows(folder, 120)
    (folder / "7.png").write_bytes(b"no picture")
    broken = [dict(row) for row in rows]
    broken[3]["image"] = "gone.png"
    write_csv(broken, folder / "m.csv")
    # What cannot be read stops materialise, which then says everything, pictures included.
    done = stage("materialise", workspace)
    assert done.returncode == 2
    assert "data/mine/m.csv line 5: names a picture that does not exist ('gone.png')" in done.stderr
    assert "data/mine/m.csv line 9: has a picture that is no picture" in done.stderr
    assert "Traceback" not in done.stderr
    report = workspace / "reports" / "findings.json"
    assert len(json.loads(report.read_text(encoding="utf-8"))) == 2
    assert (workspace / "reports" / "data_docs" / "index.html").is_file()
    # What can be read but not used stops validate.
    shutil.rmtree(workspace / "reports")
    write_csv(rows, folder / "m.csv")
    assert stage("materialise", workspace).returncode == 0
    done = stage("validate", workspace)
    assert done.returncode == 2
    assert "images-00000.parquet row 8 (r7): has a picture that is no picture" in done.stderr
    assert "Traceback" not in done.stderr
    findings = json.loads(report.read_text(encoding="utf-8"))
    assert [item["rule"] for item in findings if item["severity"] == "critical"] == ["picture decodes"]
    assert (workspace / "reports" / "data_docs" / "index.html").is_file()
