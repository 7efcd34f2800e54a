"""Clean clones of the working tree, and commands run in them as a person would."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.pipeline.warm_python import WarmPython

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATIENCE = 7200.0
"""Seconds after which a command is given up instead of hanging for ever; nothing is measured by it."""

SMALLEST = ["run", "smoke", "--replicates", "1", "--arms", "vilt,mmbt"]
"""The smoke study with one replicate, one arm with an intermediate step and one without."""


@dataclass(frozen=True)
class Door:
    """A clone in which a study was run, and its workspace."""

    home: Path
    workspace: Path


@dataclass(frozen=True)
class Doors:
    """The same study run through both front doors, each in a clone of its own."""

    walked: Door
    reproduced: Door


def run(
    command: list[str], folder: Path, check: bool = True, python: WarmPython | None = None
) -> subprocess.CompletedProcess[str]:
    """A command as a person would run it, in a clone.

    Args:
        python: where its stages begin; None for the interpreter itself.
    """
    environment = variables(folder)
    if python:
        environment["PATH"] = f"{python.binaries}:{environment['PATH']}"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-4000:]}"
        )
    return done


def variables(folder: Path) -> dict[str, str]:
    """The environment of a command: the interpreter of the tests, and the code of the folder."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "SHELL": "/bin/bash", "PYTHONPATH": str(folder)}
    environment.pop("PYTEST_CURRENT_TEST", None)
    return environment


def ceteris(arguments: list[str], home: Path, python: WarmPython | None = None, check: bool = True) -> str:
    """What a command of ours prints."""
    return run([str((python.binaries if python else BIN) / "ceteris"), *arguments], home, check, python).stdout


def dvc(arguments: list[str], workspace: Path, python: WarmPython | None = None) -> str:
    """What DVC prints."""
    return run([str(BIN / "dvc"), *arguments], workspace, python=python).stdout


def clone(folder: Path) -> Path:
    """A clean clone of the working tree as it is, uncommitted edits included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a clean clone"]):
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)
    return folder
