"""A stage that loads code which the stage `code` has not seen fails and names it, and so does one whose code has changed."""

import json
import subprocess
import sys
from pathlib import Path

from components.code.reached import Entry, Sources
from components.stages.closure import FRAME, note_sources

STAGE = """
import argparse
from components.stages.stage import Stage, main

def run(study, arguments, stage):
    import importlib
    importlib.import_module("components.extra")
    stage.out().write_text("done")

if __name__ == "__main__":
    main("toy", run)
"""


def project(folder: Path, *modules: str) -> None:
    """A stage, and what the stage `code` would say if its walk began at these modules."""
    root = Path(__file__).parents[2]
    framework = ["__init__", "errors", "stages/__init__", "stages/stage", "stages/graph_node", "stages/closure"]
    framework += ["tracking/__init__", "tracking/spool"]
    framework += [f"code/{path.stem}" for path in (root / "components/code").glob("*.py")]
    framework += [f"study/{path.stem}" for path in (root / "components/study").glob("*.py")]
    framework += [
        "catalogue",
        "paths",
        "models/__init__",
        "models/architectures/__init__",
        "objectives/__init__",
        "tasks/__init__",
    ]
    framework += ["data/__init__", "data/scenes/__init__", "data/scenes/settings"]
    framework += ["data/sources/__init__", "data/sources/manifest_settings"]
    for path in framework:
        target = folder / f"components/{path}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((root / f"components/{path}.py").read_text())
    (folder / "components/extra.py").write_text("x = 1\n")
    (folder / "components/stages/toy.py").write_text(STAGE)
    (folder / "params.yaml").write_text((root / "params.yaml").read_text())
    (folder / "dvc.yaml").write_text(
        "stages:\n  toy:\n    cmd: python -m components.stages.toy\n    deps: [outputs/code/toy.json]\n    outs: [out.txt]\n"
    )
    digests = Sources(folder).digests(Entry(tuple(f"components.{module}" for module in modules)), FRAME)
    (folder / "outputs/code").mkdir(parents=True)
    (folder / "outputs/code/toy.json").write_text(json.dumps({"names": [], "skipped": [], "files": digests}))


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "components.stages.toy"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_code_that_the_walk_has_not_seen_fails_the_stage_and_is_named(tmp_path: Path) -> None:
    project(tmp_path, "stages.toy")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "components/extra.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_code_that_it_has_seen_passes(tmp_path: Path) -> None:
    project(tmp_path, "stages.toy", "extra")
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "done"


def test_code_that_was_changed_in_the_meantime_stops_the_stage_before_it_runs(tmp_path: Path) -> None:
    project(tmp_path, "stages.toy", "extra")
    note_sources(tmp_path, ["components/stages/toy.py", "components/extra.py"])
    (tmp_path / "components/extra.py").write_text('"""The same in other words."""\n\nx: int = 1\n')
    assert run(tmp_path).returncode == 0
    (tmp_path / "out.txt").unlink()
    (tmp_path / "components/extra.py").write_text("x = 2\n")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "components/extra.py has changed since the stage code ran" in done.stderr
    assert not (tmp_path / "out.txt").exists()


def test_without_the_stage_code_a_stage_says_what_to_run(tmp_path: Path) -> None:
    project(tmp_path, "stages.toy", "extra")
    (tmp_path / "outputs/code/toy.json").unlink()
    done = run(tmp_path)
    assert done.returncode == 2
    assert "outputs/code/toy.json is missing: run the stage code first" in done.stderr


def test_a_broken_study_is_one_sentence(tmp_path: Path) -> None:
    project(tmp_path, "stages.toy")
    (tmp_path / "params.yaml").write_text("name: x\n")
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1
