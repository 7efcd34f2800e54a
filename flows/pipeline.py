"""The Prefect flow that walks DVC's graph.

No `from __future__ import annotations` here: a flow that runs from a deployment reads its types at run time.
"""

import json
import logging
import os
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State as PrefectState
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from components.errors import CeterisError
from components.files.json_files import write_json
from components.files.locks import only_one
from components.paths import report_file
from flows import conclusion
from flows.graph import dvc_graph, lockfile
from flows.graph.durations import Durations
from flows.graph.walker import Result, Walker
from flows.servers import flow_runs
from flows.stages.display import display
from flows.stages.resources import Slots
from flows.stages.stage_tasks import StageTasks
from flows.workspaces import workspaces
from flows.workspaces.checkout import busy, home_of, run_lock
from infra.environment import environment

POLL_SECONDS = 5.0
_log = logging.getLogger(__name__)


class _CancelledOnPage(Exception):  # noqa: N818 - an order, not an error
    """A person cancelled the run on the Prefect page."""


@dataclass
class Record:
    """How the last run of a workspace went; kept in `.ceteris/last_run.json` for the command line."""

    page: str
    state: str = "Running"
    message: str = ""
    stages: dict[str, Result] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    decided_from: str = ""

    def count(self, state: str) -> int:
        """Stages that ended in a state."""
        return sum(result.state == state for result in self.stages.values())

    def failures(self) -> dict[str, str]:
        """What failed, and why."""
        return {address: result.message for address, result in self.stages.items() if result.state == "failed"}

    def save(self, workspace: Path) -> None:
        """Write it, atomically."""
        write_json(record_path(workspace), asdict(self), sort_keys=False)


def record_path(workspace: Path) -> Path:
    """Where the record of a workspace's last run lies."""
    return workspace / ".ceteris" / "last_run.json"


def last_record(workspace: Path) -> Record | None:
    """The record of the last run, or None."""
    try:
        content = json.loads(record_path(workspace).read_text(encoding="utf-8"))
        content["stages"] = {address: Result(**fields) for address, fields in content["stages"].items()}
        return Record(**content)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


@flow(name="ceteris-study", persist_result=False, validate_parameters=False)
def ceteris_study(
    workspace: str, targets: list[str] | None = None, tracking_uri: str | None = None
) -> PrefectState[Any]:
    """Run what has to run of the graph in a workspace; without a tracking URI nothing is tracked or promoted."""
    return carry_out(Path(workspace), targets, tracking_uri)


def carry_out(
    workspace: Path, targets: Sequence[str] | None = None, tracking_uri: str | None = None
) -> PrefectState[Any]:
    """The body of the flow, for use inside any flow run; returns the state that the run ends in."""
    workspace = workspace.resolve()
    server = os.environ["PREFECT_API_URL"].removesuffix("/api")
    flow_runs.reap(server)
    run = str(flow_run.get_id())
    with get_client(sync_client=True) as client:
        tags = {*flow_run.get_tags(), flow_runs.process_tag(os.getpid()), workspace.name}
        client.update_flow_run(UUID(run), name=f"{workspace.name}-{run[-6:]}", tags=sorted(tags))
    record = Record(flow_runs.page(server, run))
    try:
        with only_one(run_lock(workspace), busy(workspace)):
            before = last_record(workspace)
            try:
                state = _walk(workspace, targets, tracking_uri, record, before, _Poll(server, run))
            except _CancelledOnPage:
                state = Cancelled(message="Cancelled on the Prefect page; what had finished is kept.")
            except CeterisError as error:
                state = Failed(message=str(error))
            except BaseException as error:
                record.state, record.message = "Crashed", type(error).__name__
                record.save(workspace)
                raise
            record.state, record.message = state.name or "", state.message or ""
            record.save(workspace)
            return state
    except CeterisError as error:  # another process runs here: its record is not touched
        return Failed(message=str(error))


def _walk(
    workspace: Path,
    targets: Sequence[str] | None,
    tracking_uri: str | None,
    record: Record,
    before: Record | None,
    poll: "_Poll",
) -> PrefectState[Any]:
    plan = dvc_graph.plan(workspace, targets)
    slots = _slots(workspace)
    durations, shown, stop = Durations(workspace), display(), threading.Event()
    tasks = StageTasks(workspace, plan, environment(home_of(workspace)), shown, durations, stop, poll)
    tracking = _Tracking(workspace, tracking_uri, plan.cached)
    shown.start(plan, lambda: durations.estimate(plan), slots.total)
    try:
        try:
            record.stages = Walker(plan, slots, tasks, durations.ranking(plan), stop).walk()
        finally:
            shown.end()
        lockfile.reorder(workspace)
        state = _verdict(record)
        if state.is_completed() and not targets:
            workspaces.record_lock(workspace)
        if state.is_completed() and tracking_uri and not targets:  # a part of the graph decides nothing
            _conclude(workspace, tracking_uri, record, before, stop)
        tracking.end("finished" if state.is_completed() else "failed")
        return state
    except CeterisError:
        tracking.end("failed")
        raise
    except BaseException:
        tracking.end("killed")
        raise


def _slots(workspace: Path) -> Slots:
    """The clone's slots under the workspace's runtime settings, which the whole study is checked for elsewhere."""
    path = workspace / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    settings = (content or {}).get("runtime", {})
    chosen = {key: settings[key] for key in ("threads", "accelerator", "devices") if key in settings}
    return Slots.of(home_of(workspace), **chosen)


def _verdict(record: Record) -> PrefectState[Any]:
    if failed := record.failures():
        skipped = record.count("skipped")
        left = [f"({skipped} stages that need them were not run)"] if skipped else []
        said = [f"{address}: {message}" for address, message in failed.items()]
        if any("\n" in message for message in failed.values()):
            return Failed(message="\n".join([*said, *left]))
        return Failed(message=" ".join(["; ".join(said), *left]))
    return Completed(message=f"{record.count('ran')} stages ran, {record.count('cached')} were cached")


def _conclude(workspace: Path, tracking_uri: str, record: Record, before: Record | None, stop: threading.Event) -> None:
    """Promote and report, unless nothing has changed since the last time."""
    record.decided_from = conclusion.fingerprint(workspace, tracking_uri)
    if before is not None and before.decided_from == record.decided_from:
        record.decisions = before.decisions
        if report_file(workspace).is_file():
            return
    else:
        try:
            record.decisions = conclusion.promote(workspace, tracking_uri, stop)
        except BaseException:
            record.decided_from = ""
            raise
    conclusion.report(workspace, record.decisions, tracking_page(tracking_uri, workspace))


def tracking_page(tracking_uri: str, workspace: Path) -> str:
    """Address of the study's runs in MLflow: straight to its experiment, or the front page while there is none."""
    content = yaml.safe_load((workspace / "params.yaml").read_text(encoding="utf-8")) or {}
    query = urllib.parse.urlencode({"experiment_name": content.get("name", "")})
    try:
        address = f"{tracking_uri}/api/2.0/mlflow/experiments/get-by-name?{query}"
        with urllib.request.urlopen(address, timeout=10) as response:
            return f"{tracking_uri}/#/experiments/{json.load(response)['experiment']['experiment_id']}/runs"
    except (OSError, ValueError, KeyError):
        return tracking_uri


class _Poll:
    """Asks the server now and then whether the run was cancelled there."""

    def __init__(self, server: str, run: str) -> None:
        self._server, self._run = server, run
        self._next = time.monotonic() + POLL_SECONDS

    def __call__(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + POLL_SECONDS
        try:
            state = flow_runs.state(self._server, self._run)
        except (OSError, ValueError, KeyError) as error:
            _log.warning("the Prefect server does not answer, the stages go on: %s", error)
            self._next = time.monotonic() + 30.0
            return
        if state in ("CANCELLING", "CANCELLED"):
            raise _CancelledOnPage


class _Tracking:
    """The tracker of the run, where there is a server to track in."""

    def __init__(self, workspace: Path, tracking_uri: str | None, cached: Sequence[str]) -> None:
        self._tracker = None
        if tracking_uri:
            from flows.tracking.tracker import Tracker

            self._tracker = Tracker(workspace, tracking_uri, cached)
            self._tracker.start()

    def end(self, status: str) -> None:
        """Deliver the rest and say how the run ended."""
        if self._tracker is not None:
            self._tracker.finish(status)
