"""What the commands do: choose a workspace, connect to the servers, run the flow, tell the person how it went."""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from components.errors import CeterisError
from components.files.locks import is_locked, only_one
from components.paths import outputs_folder, report_file
from components.study.loading import load_study
from components.study.study import Study
from flows.leaderboard_text import LEADERBOARD, leaderboard_text
from flows.servers import flow_runs, services
from flows.workspaces import workspaces
from flows.workspaces.checkout import busy, run_lock
from infra.environment import apply

if TYPE_CHECKING:
    from flows.pipeline import Record

STOP_SECONDS = 300.0


def connect(home: Path) -> dict[str, services.Service]:
    """Have both servers up, and point this process and its children at them."""
    apply(home)
    if not any(service.pid for service in services.running(home)):
        print("starting the Prefect and MLflow servers of this clone", flush=True)
    running = services.up(home)
    services.connect(running)
    return running


def choose_workspace(
    home: Path, name: str | None, replicates: int | None, arms: list[str] | None, scale: float | None
) -> Path:
    """The root for the default study as it stands in params.yaml; for anything else a workspace, brought up to date.

    Raises:
        CeterisError: there is no such study, or the variation is not a valid study.
    """
    default = load_study(home / "params.yaml")
    wanted = default if name is None else workspaces.load(home, name)
    if (replicates, arms, scale) != (None, None, None):
        wanted = workspaces.override(wanted, replicates, arms, scale)
    return home if wanted == default else workspaces.create(home, wanted)


def workspace_of(home: Path, name: str | None, finished: bool = True) -> Path:
    """Where a study that has been run lies: by name, or by the name of its workspace.

    One that was run only as a variation (`ceteris run NAME --scale 0.5`) lies where that variation does; standard error
    says so.

    Args:
        finished: whether the study must have come to its comparison; otherwise its own folder will do as it is.

    Raises:
        CeterisError: it has no workspace yet, or has been run only as several variations; the message lists them.
    """
    own = _own_folder(home, name)
    if own is not None and (not finished or (own / LEADERBOARD).is_file()):
        return own
    name = name or load_study(home / "params.yaml").name
    variations = _variations(home, name)
    if len(variations) == 1:
        print(
            f"taking {os.path.relpath(variations[0])}, the only variation of {name} that has been run", file=sys.stderr
        )
        return variations[0]
    if variations:
        places = ", ".join(place.name for place in variations)
        raise CeterisError(
            f"The study {name} has been run only as variations: say which of {places} instead of {name}."
        )
    if own is not None:
        return own
    raise CeterisError(f"The study {name} has not been run here yet: start it with `ceteris run {name}`.")


def _own_folder(home: Path, name: str | None) -> Path | None:
    """The folder of a study as its file has it, or of the workspace of that name; None where there is none yet."""
    if name is None:
        return home
    if (folder := home / "workspaces" / name).is_dir():
        return folder
    return home if workspaces.load(home, name) == load_study(home / "params.yaml") else None


def _variations(home: Path, name: str) -> list[Path]:
    """The workspaces in which a variation of a study has come to its comparison."""
    folders = (home / "workspaces").glob("*") if (home / "workspaces").is_dir() else ()
    variation = re.compile(re.escape(name) + "-[0-9a-f]{8}")
    return sorted(folder for folder in folders if variation.fullmatch(folder.name) and (folder / LEADERBOARD).is_file())


def run_study(
    home: Path,
    name: str | None,
    replicates: int | None,
    arms: list[str] | None,
    scale: float | None,
    targets: Sequence[str] | None = None,
) -> int:
    """Run a study through the Prefect flow and print what it came to; returns the exit code."""
    workspace = choose_workspace(home, name, replicates, arms, scale)
    with only_one(run_lock(workspace), busy(workspace)):
        pass  # asked before servers are started and a run exists; the flow asks again
    running = connect(home)
    from prefect.exceptions import TerminationSignal

    from flows.pipeline import ceteris_study, last_record, tracking_page

    print(f"study in {workspace}, watch it at {running['prefect'].url}/runs", flush=True)
    uri = running["mlflow"].url
    # Prefect ends the flow on SIGTERM and then sends the signal to this process once more.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        state = ceteris_study(str(workspace), list(targets) if targets else None, uri, return_state=True)
    except (KeyboardInterrupt, SystemExit, TerminationSignal) as told:
        print("\nstopped; what had finished is kept, and the same command goes on from there", file=sys.stderr)
        return 130 if isinstance(told, KeyboardInterrupt) else 143
    record = last_record(workspace)
    if not state.is_completed() or record is None:
        failed = record.failures() if record else {}
        for sentence in [f"{address}: {why}" for address, why in failed.items()] or [state.message or "it did not end"]:
            print(f"error: {sentence}", file=sys.stderr)
        print(f"\nrun       {record.page if record else running['prefect'].url}")
        return 1
    print("\n".join(["", *summary(workspace, record, tracking_page(uri, workspace))]))
    return 0


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(143)


def summary(workspace: Path, record: "Record", tracking: str) -> list[str]:
    """The end of `ceteris run`: leaderboard, decisions, report and both pages."""
    lines = []
    if (workspace / LEADERBOARD).is_file():
        lines += [leaderboard_text(workspace), ""]
    lines += [*record.decisions, ""] if record.decisions else []
    if (report := report_file(workspace)).is_file():
        lines.append(f"report    {os.path.relpath(report)}")
    return [*lines, f"run       {record.page}", f"tracking  {tracking}", f"stages    {record.message}"]


def busy_workspaces(home: Path) -> list[Path]:
    """Workspaces of the clone in which a flow runs now."""
    folders = [home, *sorted(path for path in (home / "workspaces").glob("*") if path.is_dir())]
    return [folder for folder in folders if is_locked(run_lock(folder))]


def stop_studies(home: Path) -> list[Path]:
    """Tell every flow of the clone to stop, as Ctrl-C does, and wait for it; returns the workspaces where one ran.

    Their servers must not end before them: a flow that has lost its server asks again for minutes before it gives up.
    """
    folders = busy_workspaces(home)
    for folder in folders:
        holder = run_lock(folder).read_text(encoding="utf-8").strip()
        with contextlib.suppress(ValueError, ProcessLookupError):  # it has just ended, or only just begun
            os.kill(int(holder), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(is_locked(run_lock(folder)) for folder in folders) and time.monotonic() < deadline:
        time.sleep(0.1)
    return folders


def describe(home: Path) -> list[str]:
    """Servers, flow runs and workspaces of the clone; runs of dead processes are marked Crashed on the way."""
    lines = []
    for service in services.running(home):
        health = "" if service.healthy else "  (does not answer)"
        lines.append(f"{service.name:8} {service.url}  pid {service.pid or 'elsewhere'}{health}")
        if service.name == "prefect" and not health:
            lines += [f"crashed  {run.name}: its process has gone" for run in flow_runs.reap(service.url)]
            lines += [
                f"run      {run.name}  {run.state}  {flow_runs.page(service.url, run.id)}"
                for run in flow_runs.unfinished(service.url)
            ]
    lines += [f"busy     {folder}" for folder in busy_workspaces(home)]
    return lines or ["no server of this clone is running; `ceteris up` or `ceteris run` starts them"]


def list_studies(home: Path) -> list[str]:
    """One line per study: where it runs, and whether its data is there."""
    default = load_study(home / "params.yaml")
    names = sorted(path.stem for path in (home / "studies").glob("*.yaml"))
    return [_study_line(home, workspaces.load(home, name), default) for name in names]


def _study_line(home: Path, study: Study, default: Study) -> str:
    folder = home if study == default else workspaces.location(home, study)
    data = "" if (home / study.data.path).exists() else f" (put it there: {study.data.path} is missing)"
    state = "run before" if outputs_folder(folder).is_dir() else "not run yet"
    place = "the root" if folder == home else os.path.relpath(folder, home)
    return f"{study.name:12} {state:12} in {place:24} data {study.data.source}{data}"
