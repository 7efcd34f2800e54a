"""Studies run to their end in clean clones: real DVC, Prefect and MLflow, real processes, each run shared by many tests.

Modules are of one of two groups, which run beside each other: `smoke`, both front doors and the whole smoke study, and
`studies`, everything else, in one clone.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.workspaces import workspaces
from infra.environment import environment
from tests.pipeline import made_studies, warm_python
from tests.pipeline.doors import SMALLEST, Door, Doors, ceteris, clone, dvc
from tests.pipeline.warm_python import WarmPython


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    folder = tmp_path_factory.mktemp("warm")
    python = warm_python.start(folder, environment(folder))
    yield python
    python.stop()


@pytest.fixture(scope="session")
def doors(warm: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The smallest study through both doors in two clean clones, every stage executed in both: one warm, one cold."""
    walked, reproduced = (clone(tmp_path_factory.mktemp(name)) for name in ("walked", "reproduced"))
    smallest = workspaces.override(workspaces.load(reproduced, "smoke"), replicates=1, arms=["vilt", "mmbt"])
    workspace = workspaces.create(reproduced, smallest)
    try:
        with ThreadPoolExecutor() as pool:
            both = pool.submit(ceteris, SMALLEST, walked, warm), pool.submit(dvc, ["repro"], workspace)
            for one in both:
                one.result()
        yield Doors(Door(walked, walked / workspace.relative_to(reproduced)), Door(reproduced, workspace))
    finally:
        ceteris(["down", "--force"], walked, check=False)


@pytest.fixture(scope="session")
def smoke(warm: WarmPython, doors: Doors) -> Door:
    """`ceteris run smoke` in the clone in which the smallest one has been walked."""
    home = doors.walked.home
    ceteris(["run", "smoke"], home, warm)
    return Door(home, home / "workspaces/smoke")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone for all other studies, whose servers end with the tests."""
    folder = clone(tmp_path_factory.mktemp("studies"))
    yield folder
    ceteris(["down", "--force"], folder, check=False)


@pytest.fixture(scope="session")
def further(warm: WarmPython, home: Path) -> Path:
    """The finished workspace of two arms, with a task that begins from what was learned on another one."""
    workspace = made_studies.further_tasks(home)
    dvc(["repro"], workspace, warm)
    return workspace
