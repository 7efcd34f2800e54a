"""Query and clean up the flow runs of the Prefect server, over plain HTTP. This avoids the slow import of Prefect.

A run whose process was killed with SIGKILL stays Running for ever on the server. Therefore every run has a tag that names its
process, and `reap` marks the runs of dead processes Crashed.
"""

import json
import socket
import time
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

from infra.processes import identity

_TAG = "process="
_BUSY = 503
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between attempts while the server answers that it is busy, as Prefect does while its database is locked."""


@dataclass(frozen=True)
class FlowRun:
    """A run that is unfinished according to the server."""

    id: str
    name: str
    state: str
    tags: tuple[str, ...]

    @property
    def dead(self) -> bool:
        """Whether the process in its tag ran on this machine and no longer exists."""
        for tag in self.tags:
            if tag.startswith(_TAG):
                host, pid, process = tag.removeprefix(_TAG).split(":", 2)
                return host == socket.gethostname() and identity(int(pid)) != process
        return False


def process_tag(pid: int) -> str:
    """The tag that names the process of a run."""
    return f"{_TAG}{socket.gethostname()}:{pid}:{identity(pid)}"


def page(server: str, run: str) -> str:
    """Address of a flow run's page."""
    return f"{server}/runs/flow-run/{run}"


def unfinished(server: str) -> list[FlowRun]:
    """Runs that are running, stopping or about to start according to the server."""
    states = {"state": {"type": {"any_": ["RUNNING", "CANCELLING", "PENDING"]}}}
    return [
        FlowRun(run["id"], run["name"], run["state_name"] or run["state_type"], tuple(run["tags"]))
        for run in _post(server, "/api/flow_runs/filter", {"flow_runs": states, "limit": 200})
    ]


def reap(server: str) -> list[FlowRun]:
    """Mark unfinished runs of dead processes Crashed, with their tasks; returns them."""
    dead = [run for run in unfinished(server) if run.dead]
    crashed = {"type": "CRASHED", "name": "Crashed", "message": "Its process ended without a word."}
    for run in dead:
        tasks = {"flow_runs": {"id": {"any_": [run.id]}}, "task_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        for task in _post(server, "/api/task_runs/filter", {**tasks, "limit": 200}):
            _post(server, f"/api/task_runs/{task['id']}/set_state", {"state": crashed, "force": True})
        _post(server, f"/api/flow_runs/{run.id}/set_state", {"state": crashed, "force": True})
    return dead


def state(server: str, run: str) -> str:
    """The type of a run's state, e.g. RUNNING or CANCELLING."""
    with urllib.request.urlopen(f"{server}/api/flow_runs/{run}", timeout=5) as response:
        return str(json.load(response)["state_type"])


def _post(server: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        server + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    for pause in _PAUSES:
        try:
            return _answer(request)
        except HTTPError as error:
            if error.code != _BUSY:
                raise
            time.sleep(pause)
    return _answer(request)


def _answer(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
