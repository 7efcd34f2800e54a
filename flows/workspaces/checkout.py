"""Where things are: the clone, its sidecar folder, its workspaces."""

from pathlib import Path

from components.errors import CeterisError


def find_home(start: Path | None = None) -> Path:
    """The root of the clone that `start` (the current directory) lies in, also from inside one of its workspaces.

    Raises:
        CeterisError: this is no Git checkout, or not one of Ceteris.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            if (folder / "dvc.yaml").is_file() and (folder / ".dvc").is_dir():
                return folder
            raise CeterisError(
                f"{folder} is a Git checkout, but not of Ceteris: it has no dvc.yaml with a .dvc folder."
            )
    raise CeterisError(f"{start} is not inside a Git checkout: clone Ceteris with git and run this inside the clone.")


def home_of(workspace: Path) -> Path:
    """The clone whose servers and slots a workspace uses: itself for the root, the clone above for workspaces/NAME."""
    workspace = workspace.resolve()
    return workspace.parent.parent if workspace.parent.name == "workspaces" else workspace


def run_lock(workspace: Path) -> Path:
    """The file lock that the one flow of a workspace holds."""
    return workspace / ".ceteris" / "run.lock"


def busy(workspace: Path) -> str:
    """The refusal of a second flow; `{pid}` is filled in."""
    return f"Process {{pid}} already runs the study in {workspace}: wait for it, or stop it."
