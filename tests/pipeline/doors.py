"""Clean clones of the working tree, and commands run in them as a person would."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(
    command: list[str], folder: Path, check: bool = True, timeout: float = 7200
) -> subprocess.CompletedProcess[str]:
    """A command as a person would run it, in a clone."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "SHELL": "/bin/bash", "PYTHONPATH": str(folder)}
    environment.pop("PYTEST_CURRENT_TEST", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-4000:]}"
        )
    return done


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


@dataclass(frozen=True)
class Door:
    """A clone in which the smoke study was run through one of the doors."""

    home: Path
    workspace: Path
    output: str
