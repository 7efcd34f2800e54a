"""The served deployment: the form, what it refuses, and a run from it in a workspace of its own."""

import json
import shutil
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.study.loading import load_study
from flows.servers import flow_runs as runs
from flows.workspaces import workspaces
from infra.environment import environment
from tests.flows import toy

pytestmark = pytest.mark.xdist_group("servers")

# A graph for the parameters of a real study.
DVC_YAML = """
stages:
  pretend:
    matrix:
      replicate: ${replicates}
    cmd: python step.py ${item.replicate}
    deps: [step.py]
    params: [finetune]
    outs: ["outputs/pretend/${item.replicate}"]
"""
STEP = """
import sys
from pathlib import Path
out = Path("outputs/pretend", sys.argv[1])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("done")
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = toy.make(tmp_path_factory.mktemp("served") / "ceteris")
    (home / "dvc.yaml").write_text(DVC_YAML)
    (home / "step.py").write_text(STEP)
    shutil.copytree(toy.ROOT / "studies/defaults", home / "studies/defaults")
    for name in ("laptop", "smoke"):
        (home / "studies" / f"{name}.yaml").write_bytes((toy.ROOT / "studies" / f"{name}.yaml").read_bytes())
    (home / "params.yaml").write_bytes((toy.ROOT / "params.yaml").read_bytes())
    (home / "components/data/scenes").mkdir(parents=True)
    (home / "components/data/scenes/generate.py").write_text("# what the study's data depends on\n")
    toy.git(home, "add", "-A")
    toy.git(home, "commit", "-q", "-m", "study")
    return home


@pytest.fixture(scope="module")
def deployment(servers: Path, clone: Path) -> Iterator[dict[str, Any]]:
    """The deployment as the server knows it, while `ceteris serve` runs; then what became of it."""
    server = toy.prefect(servers)
    code = "import sys; from pathlib import Path; from flows.servers.serve import serve_study; serve_study(Path.cwd(), sys.argv[1])"
    settings = {**environment(servers), "PREFECT_API_URL": f"{server}/api", "PYTHONPATH": str(toy.ROOT)}
    settings.pop("MLFLOW_TRACKING_URI", None)
    process = subprocess.Popen([sys.executable, "-c", code, server], cwd=clone, env=settings)
    wanted = {"deployments": {"name": {"any_": ["local"]}}}
    toy.wait_for(lambda: runs._post(server, "/api/deployments/filter", wanted))
    yield runs._post(server, "/api/deployments/filter", wanted)[0]
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=toy.PATIENCE)
    assert runs._post(server, "/api/deployments/filter", wanted)[0]["paused"] is False


def start(servers: Path, deployment: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    body = {"parameters": {"form": form}, "state": {"type": "SCHEDULED"}}
    return runs._post(toy.prefect(servers), f"/api/deployments/{deployment['id']}/create_flow_run", body)


def test_the_form_is_typed(deployment: dict[str, Any]) -> None:
    schema = deployment["parameter_openapi_schema"]
    form = schema["definitions"]["StudyForm"]
    properties = form["properties"]
    assert properties["study"]["enum"] == ["laptop", "smoke"]
    known = {name for study in ("laptop", "smoke") for name in workspaces.load(toy.ROOT, study).arms}
    assert properties["arms"]["items"]["enum"] == sorted(known)
    (number, _) = properties["replicates"]["anyOf"]
    assert (number["type"], number["minimum"], number["maximum"]) == ("integer", 1, 10)
    assert (properties["scale"]["minimum"], properties["scale"]["maximum"]) == (0.1, 10.0)
    assert form["required"] == ["study"]


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"study": "nothing"}, "nothing"),
        ({"study": "smoke", "replicates": 11}, "11"),
        ({"study": "smoke", "scale": 0.01}, "0.01"),
        ({"study": "smoke", "arms": ["gpt"]}, "gpt"),
        ({"study": "smoke", "epochs": 3}, "epochs"),
        ({}, "study"),
    ],
)
def test_a_wrong_value_is_refused_before_a_run_exists(
    servers: Path, deployment: dict[str, Any], form: dict[str, Any], word: str
) -> None:
    of_this = {"flow_runs": {"deployment_id": {"any_": [deployment["id"]]}}}
    before = runs._post(toy.prefect(servers), "/api/flow_runs/count", of_this)
    with pytest.raises(urllib.error.HTTPError) as refused:
        start(servers, deployment, form)
    assert refused.value.code in (409, 422)
    assert word in json.dumps(json.load(refused.value))
    assert runs._post(toy.prefect(servers), "/api/flow_runs/count", of_this) == before


def test_a_run_from_the_page_runs_in_its_own_workspace(servers: Path, clone: Path, deployment: dict[str, Any]) -> None:
    run = start(servers, deployment, {"study": "smoke", "replicates": 3, "scale": 2.0})["id"]
    server = toy.prefect(servers)
    toy.wait_for(lambda: runs.state(server, run) in ("COMPLETED", "FAILED", "CRASHED"))
    assert runs.state(server, run) == "COMPLETED"
    (workspace,) = (clone / "workspaces").iterdir()
    assert workspace.name.startswith("smoke-")
    study, original = (load_study(path) for path in (workspace / "params.yaml", clone / "studies/smoke.yaml"))
    assert study.replicates == [0, 1, 2]
    assert study.finetune.samples == 2 * original.finetune.samples
    assert sorted(path.name for path in (workspace / "outputs/pretend").iterdir()) == ["0", "1", "2"]
    assert not (clone / "outputs").exists()
    tasks = runs._post(server, "/api/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    assert sorted(task["name"] for task in tasks) == ["pretend@0", "pretend@1", "pretend@2"]
