"""One Prefect task for every stage: what the walker decides, carried out and shown on the Prefect page."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import allow_failure, get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State as PrefectState
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed

from flows.graph.durations import Durations
from flows.graph.dvc_graph import Plan, Stage
from flows.graph.walker import Done, Result
from flows.stages.display import Display
from flows.stages.resources import Grant
from flows.stages.supervisor import DRAIN_SECONDS, GRACE_SECONDS, Exit, Listener, stage_command, supervise

PROGRESS_SECONDS = 2.0
_LOST = "Lost"  # state of an attempt that another attempt may help


@dataclass
class Attempt:
    """What a stage's task needs to know; the same object for every attempt."""

    workspace: Path
    stage: Stage
    environment: Mapping[str, str]
    stop: threading.Event
    display: Display
    attempts: int = 0

    @property
    def log(self) -> Path:
        """Where all of the stage's output goes."""
        return self.workspace / ".ceteris" / "logs" / "stages" / f"{self.stage.address}.log"


# DVC is the cache: Prefect keeps neither results nor keys.
@task(name="stage", task_run_name="{address}", cache_policy=NO_CACHE, persist_result=False, retry_delay_seconds=2)
def run_stage(address: str, attempt: Attempt) -> PrefectState[Any]:
    """Run one stage in a process of its own; a retry waits until nothing is left of the attempt before."""
    logger = get_run_logger()
    attempt.attempts += 1
    bar = _ProgressArtifact(address)

    def progress(percent: float, message: str) -> None:
        attempt.display.progress(address, percent, message)
        bar.update(percent, message)

    ended = supervise(
        stage_command(address),
        cwd=attempt.workspace,
        environment=attempt.environment,
        log=attempt.log,
        listener=Listener(logger.info, progress),
        stop=attempt.stop,
        limit_seconds=attempt.stage.minutes * 60,
        append=attempt.attempts > 1,
    )
    state = _state(attempt, ended)
    if state.is_completed():
        bar.finish()
    else:
        logger.error("%s (all of its output: %s)", state.message, attempt.log.relative_to(attempt.workspace))
    return state


def _state(attempt: Attempt, ended: Exit) -> PrefectState[Any]:
    if ended.stopped:
        return Cancelled(message="stopped, as it was told to")
    if ended.out_of_time:
        minutes = f"{attempt.stage.minutes:g} minutes"
        return Failed(
            message=f"stopped after {minutes}, its time limit: raise meta.minutes in dvc.yaml if it needs more"
        )
    if ended.code == 0:
        return Completed(name="Cached", message="restored, not run") if ended.unchanged else Completed()
    return Failed(name=_LOST if ended.lost else "Failed", message=ended.sentence)


@task(name="stage", task_run_name="{address}", cache_policy=NO_CACHE, persist_result=False)
def note_stage(address: str, result: Result) -> PrefectState[Any]:
    """Show a stage that needs no process."""
    if result.state == "cached":
        return Completed(name="Cached", message=result.message)
    return Cancelled(name="NotRun", message=result.message)


class _ProgressArtifact:
    """The bar of a task on the Prefect page. A server that is away delays it, and never the stage."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._artifact: Any = None
        self._sent = -PROGRESS_SECONDS

    def update(self, percent: float, message: str = "") -> None:
        """Show how far the stage is, at most every `PROGRESS_SECONDS`."""
        if time.monotonic() - self._sent < PROGRESS_SECONDS:
            return
        self._send(percent, f"{self._address} {message}".strip())

    def finish(self) -> None:
        """Fill the bar."""
        if self._artifact is not None:
            self._send(100.0, self._address)

    def _send(self, percent: float, description: str) -> None:
        try:
            if self._artifact is None:
                key = re.sub(r"[^a-z0-9]+", "-", f"stage-{self._address}".lower()).strip("-")
                self._artifact = create_progress_artifact(progress=percent, key=key, description=description)
            else:
                update_progress_artifact(self._artifact, progress=percent, description=description)
        except Exception as error:
            get_run_logger().warning("the Prefect server did not take the progress: %s", error)
            self._sent = time.monotonic() + 30.0  # leave it alone for a while
            return
        self._sent = time.monotonic()


@dataclass
class StageTasks:
    """Executor of the walker: submits tasks to the flow run that this is used in."""

    workspace: Path
    plan: Plan
    environment: Mapping[str, str]
    display: Display
    durations: Durations
    stop: threading.Event
    poll: Callable[[], None]
    _states: dict[str, Any] = field(default_factory=dict)
    _live: set[str] = field(default_factory=set)

    def run(self, stage: Stage, grant: Grant, done: Done) -> None:
        """Submit the task of a stage that may have to run."""
        environment = {**self.environment, **grant.environment}
        attempt = Attempt(self.workspace, stage, environment, self.stop, self.display)
        begun = time.monotonic()
        options = run_stage.with_options(
            retries=stage.retries,
            tags=[stage.slot],
            retry_condition_fn=lambda task, run, state: state.name == _LOST and not self.stop.is_set(),
        )
        self._live.add(stage.address)
        self.display.started(stage.address)
        future = options.submit(stage.address, attempt, return_state=False, wait_for=self._upstream(stage))
        self._states[stage.address] = future

        def finished(future: PrefectFuture[Any]) -> None:
            result = _result(future)
            if result.state == "ran":
                self.durations.record(stage.address, time.monotonic() - begun)
            self._live.discard(stage.address)
            self.display.settled(stage.address, result)
            done(result)

        future.add_done_callback(finished)

    def skip(self, stage: Stage, result: Result, done: Done) -> None:
        """Note a stage that needs no process, here and now."""
        self._states[stage.address] = note_stage(
            stage.address, result, wait_for=self._upstream(stage), return_state=True
        )
        self.display.settled(stage.address, result)
        done(result)

    def tick(self) -> None:
        """Look whether the run was cancelled."""
        self.poll()

    def end(self) -> None:
        """Stop every process and wait until all have gone."""
        self.stop.set()
        deadline = time.monotonic() + GRACE_SECONDS + DRAIN_SECONDS + 60.0
        while self._live and time.monotonic() < deadline:
            time.sleep(0.05)

    def _upstream(self, stage: Stage) -> list[Any]:
        """The arrows of the graph on the page. The walker has waited already, so a failure above is not waited for."""
        return [allow_failure(self._states[upstream]) for upstream in stage.upstream]


def _result(future: PrefectFuture[Any]) -> Result:
    """What became of a finished task; whatever it is, the walk must hear of it, or it would wait for ever."""
    try:
        future.wait()  # without, Prefect asks the server, which may be away and often does not know yet
    except Exception as error:
        return Result("failed", f"{type(error).__name__}: {error}")
    state = future.state
    if state.is_completed():
        return Result("cached" if state.name == "Cached" else "ran", state.message or "")
    return Result("failed", state.message or state.name or "it did not end")
