"""A stage that loads undeclared code fails and names it; a declared one passes."""

import subprocess
import sys
from pathlib import Path

import yaml

from components.models.architectures import ARCHITECTURES
from components.stages.source_closure import source_digests

STAGE = """
import argparse
from components.stages.stage import Stage, main

def run(study, arguments, stage):
    import components.extra
    stage.out().write_text("done")

if __name__ == "__main__":
    main("toy", run)
"""


def project(folder: Path, dependencies: str) -> None:
    root = Path(__file__).parents[2]
    framework = ["__init__", "errors", "stages/__init__", "stages/stage", "stages/graph_node", "stages/closure"]
    framework += ["tracking/__init__", "tracking/spool"]
    framework += [f"study/{path.stem}" for path in (root / "components/study").glob("*.py")]
    framework += [
        "catalogue",
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
        f"stages:\n  toy:\n    cmd: python -m components.stages.toy\n    deps: {dependencies}\n    outs: [out.txt]\n"
    )


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "components.stages.toy"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_undeclared_code_fails_the_stage_and_is_named(tmp_path: Path) -> None:
    project(tmp_path, "[components/stages/toy.py]")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "components/extra.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_declared_code_passes(tmp_path: Path) -> None:
    project(tmp_path, "[components/stages/toy.py, components/extra.py]")
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "done"


def test_a_broken_study_is_one_sentence(tmp_path: Path) -> None:
    project(tmp_path, "[components/stages/toy.py]")
    (tmp_path / "params.yaml").write_text("name: x\n")
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_whatever_the_arm_a_task_loads_nothing_undeclared() -> None:
    """An arm's own files differ; what every task needs of the models must be declared, or be among each arm's."""
    root = Path(__file__).parents[2]
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    files = [file.relative_to(root).as_posix() for file in (root / "components/tasks").glob("*.py")]
    needed = {path for file in files for path in source_digests(root, file)}
    models = {path for path in needed if path.startswith("components/models/") and not path.endswith("__init__.py")}
    for name in ("tune", "tune_direct", "finetune", "finetune_direct", "finetune_further", "finetune_further_direct"):
        undeclared = models - set(stages[name]["deps"])
        for arm, row in ARCHITECTURES.items():
            own = source_digests(root, row.place.split(":")[0].replace(".", "/") + ".py")
            assert undeclared <= set(own), (name, arm)
