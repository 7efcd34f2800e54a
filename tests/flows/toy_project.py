"""A small project of the same shape as Ceteris: git, DVC, studies, and stages that take no time."""

import shutil
import subprocess
import sys
from pathlib import Path

from components.study.loading import expansion_text, load_study
from infra.environment import environment

ROOT = Path(__file__).parents[2]
SMOKE = "studies/smoke.yaml"
WORK = """
import os, pathlib, sys, yaml
name, *inputs = sys.argv[1:]
study = yaml.safe_load(open("params.yaml"))
text = "".join(pathlib.Path(path).read_text() for path in inputs)
out = pathlib.Path("outputs", name)
out.mkdir(parents=True)
(out / "x").write_text(f"{name} {study['seed']} {study['finetune']['samples'] if name == 'train' else ''} {len(text)}")
if counter := os.environ.get("TOY_COUNTER"):
    with open(counter, "a") as file:
        print(name, file=file)
if name == "train" and os.environ.get("TOY_IMPURE"):
    (out / "x").write_text(os.urandom(8).hex())
"""
GRAPH = """
stages:
  prepare:
    cmd: python work.py prepare components/data/scenes/scene.txt
    deps: [work.py, '${data.path}']
    params: [seed]
    outs: [outputs/prepare]
  train:
    cmd: python work.py train outputs/prepare/x
    deps: [work.py, outputs/prepare]
    params: [finetune]
    outs: [outputs/train]
"""


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Toy", "-c", "user.email=toy@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def commit(root: Path, message: str = "change") -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


def make(root: Path) -> Path:
    """A committed toy project with the repository's own smoke study and DVC settings."""
    root.mkdir(parents=True)
    for name in (
        ".dvc/config",
        ".dvc/.gitignore",
        ".dvcignore",
        ".gitignore",
        SMOKE,
        "studies/defaults/two_cores.yaml",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    (root / "params.yaml").write_text(expansion_text(load_study(root / SMOKE)), encoding="utf-8")
    (root / "work.py").write_text(WORK)
    (root / "dvc.yaml").write_text(GRAPH)
    (root / "constraints.txt").write_text("pip==0.0.1\n")
    (root / "components/data/scenes").mkdir(parents=True)
    (root / "components/data/scenes/scene.txt").write_text("a red circle\n")
    git(root, "init", "-q", "-b", "main")
    commit(root, "begin")
    return root


def dvc(folder: Path, *arguments: str, **variables: str) -> str:
    """Run DVC as a person would, and return what it prints."""
    command = [sys.executable, "-m", "dvc", *arguments]
    settings = environment(folder) | variables
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, as text."""
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
