"""The smallest study, run to its end through both doors in clean clones: real DVC, Prefect, MLflow, real processes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.doors import BIN, Door, clone, run


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """`ceteris run smoke`."""
    home = clone(tmp_path_factory.mktemp("walked"))
    try:
        done = run([str(BIN / "ceteris"), "run", "smoke"], home)
        yield Door(home, home / "workspaces/smoke", done.stdout + done.stderr)
    finally:
        run([str(BIN / "ceteris"), "down", "--force"], home, check=False)


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Door:
    """`dvc repro`, in a workspace of the same study in another clone."""
    home = clone(tmp_path_factory.mktemp("reproduced"))
    program = (
        "from pathlib import Path; from flows.workspaces import workspaces\n"
        "print(workspaces.create(Path('.').resolve(), workspaces.load(Path('.').resolve(), 'smoke')))"
    )
    workspace = Path(run([sys.executable, "-c", program], home).stdout.strip().splitlines()[-1])
    done = run([str(BIN / "dvc"), "repro"], workspace)
    return Door(home, workspace, done.stdout + done.stderr)
