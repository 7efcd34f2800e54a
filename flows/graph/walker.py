"""Walk the graph: decide which stage starts next, and skip stages below a failure. Independent of DVC and Prefect."""

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Literal, Protocol

from flows.graph.dvc_graph import Plan, Stage
from flows.stages.resources import Grant, Slots

State = Literal["ran", "cached", "failed", "skipped"]


@dataclass(frozen=True)
class Result:
    """The outcome of a stage, with one sentence on the reason where it is needed."""

    state: State
    message: str = ""

    @property
    def good(self) -> bool:
        """Whether the stages that depend on this one can run."""
        return self.state in ("ran", "cached")


Done = Callable[[Result], None]


class Executor(Protocol):
    """Carries out the walker's decisions; `done` may be called from any thread."""

    def run(self, stage: Stage, grant: Grant, done: Done) -> None:
        """Start a stale stage."""

    def skip(self, stage: Stage, result: Result, done: Done) -> None:
        """Record a stage that is cached, or that cannot run because an upstream stage failed."""

    def tick(self) -> None:
        """Called a few times a second; may raise to end the walk."""

    def end(self) -> None:
        """End all running stages, and return when their processes are gone."""


def priorities(plan: Plan, seconds: Mapping[str, float]) -> dict[str, float]:
    """Length of the longest chain from each stage to the end of the graph."""
    downstream = plan.downstream()
    result: dict[str, float] = {}
    for address in reversed(list(plan.stages)):
        below = max((result[stage] for stage in downstream[address]), default=0.0)
        result[address] = seconds[address] + below
    return result


@dataclass
class Walker:
    """Runs every stage of a plan once its upstream stages are good and a slot is free.

    Among the stages that can start, the one with the longest chain of stages below it starts first. `seconds` is the
    estimated duration of each stage; only the order depends on it. Once `stop` is set, no stage is started.
    """

    plan: Plan
    slots: Slots
    executor: Executor
    seconds: Mapping[str, float]
    stop: Event = field(default_factory=Event)
    pause: float = 0.2
    _results: dict[str, Result] = field(default_factory=dict)
    _running: dict[str, Grant | None] = field(default_factory=dict)
    _finished: "queue.SimpleQueue[tuple[str, Result]]" = field(default_factory=queue.SimpleQueue)

    def walk(self) -> dict[str, Result]:
        """Run the plan; returns the result of every settled stage.

        It blocks until every stage is settled or, after a stop, until no stage runs. If an exception is raised, all running
        stages are ended first.
        """
        rank = priorities(self.plan, self.seconds)
        waiting = sorted(self.plan.stages, key=lambda address: -rank[address])
        try:
            while waiting or self._running:
                if not self.stop.is_set():
                    waiting = self._start_all(waiting)
                self.executor.tick()
                if self.stop.is_set() and not self._running:
                    break
                self._collect()
        except BaseException:
            self.stop.set()
            self.executor.end()
            raise
        finally:
            for address in list(self._running):
                self._release(address)
        return {address: self._results[address] for address in self.plan.stages if address in self._results}

    def _start_all(self, waiting: list[str]) -> list[str]:
        """Start the stages that can start; returns those that still have to wait."""
        left: list[str] = []
        full: set[str] = set()
        for address in waiting:
            stage = self.plan.stages[address]
            if not all(upstream in self._results for upstream in stage.upstream) or stage.slot in full:
                left.append(address)
            elif not self._start(stage):
                full.add(stage.slot)
                left.append(address)
        return left

    def _start(self, stage: Stage) -> bool:
        """Start or skip a stage whose upstream is settled; False when there is no slot for it."""

        def done(result: Result) -> None:
            self._finished.put((stage.address, result))

        causes = self._failures_above(stage)
        if causes or stage.address not in self.plan.stale:
            self._running[stage.address] = None
            why = (
                Result("skipped", f"not run because of {', '.join(causes)}")
                if causes
                else Result("cached", "unchanged")
            )
            self.executor.skip(stage, why, done)
            return True
        grant = self.slots.acquire(stage.slot)
        if grant is None:
            return False
        self._running[stage.address] = grant
        self.executor.run(stage, grant, done)
        return True

    def _failures_above(self, stage: Stage) -> list[str]:
        """Stages whose failure keeps this one from running, directly or through other stages."""
        causes: set[str] = set()
        for upstream in stage.upstream:
            if self._results[upstream].state == "failed":
                causes.add(upstream)
            elif self._results[upstream].state == "skipped":
                causes.update(self._failures_above(self.plan.stages[upstream]))
        return sorted(causes)

    def _collect(self) -> None:
        """Wait a moment for a stage to finish, and settle all stages that have finished."""
        wait = self.pause
        while True:
            try:
                address, result = self._finished.get(timeout=wait)
            except queue.Empty:
                return
            self._release(address)
            self._results[address] = result
            wait = 0.0

    def _release(self, address: str) -> None:
        grant = self._running.pop(address)
        if grant is not None:
            grant.release()
