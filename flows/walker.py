"""The order of work: which stage starts next, and what a failure leaves undone. Knows neither DVC nor Prefect."""

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Literal, Protocol

from flows.graph import Plan, Stage
from flows.resources import Grant, Slots

State = Literal["ran", "cached", "failed", "skipped"]


@dataclass(frozen=True)
class Result:
    """What became of a stage, and in one sentence why, where that needs saying."""

    state: State
    message: str = ""

    @property
    def good(self) -> bool:
        """Whether what depends on the stage can run."""
        return self.state in ("ran", "cached")


class Executor(Protocol):
    """Carries out what the walker decides; `done` may be called from any thread."""

    def run(self, stage: Stage, grant: Grant, done: Callable[[Result], None]) -> None:
        """Start a stage that may have to run."""

    def skip(self, stage: Stage, result: Result, done: Callable[[Result], None]) -> None:
        """Note a stage that is cached, or that cannot run because of one above it."""

    def tick(self) -> None:
        """Called a few times a second; may raise to end the walk."""


def priorities(plan: Plan, seconds: Mapping[str, float]) -> dict[str, float]:
    """Length of the longest chain from each stage to the end, so that long chains start first."""
    downstream = plan.downstream()
    result: dict[str, float] = {}
    for address in reversed(list(plan.stages)):
        below = max((result[stage] for stage in downstream[address]), default=0.0)
        result[address] = seconds[address] + below
    return result


def walk(
    plan: Plan, slots: Slots, executor: Executor, seconds: Mapping[str, float], stop: Event, pause: float = 0.2
) -> dict[str, Result]:
    """Run every stage of the plan once its upstream stages are good and a slot is free; block until all are settled.

    Args:
        seconds: how long each stage is thought to take; only the order depends on it.
        stop: once set, nothing is started any more.
    """
    rank = priorities(plan, seconds)
    waiting = sorted(plan.stages, key=lambda address: -rank[address])
    finished: queue.SimpleQueue[tuple[str, Grant | None, Result]] = queue.SimpleQueue()
    results: dict[str, Result] = {}
    running: dict[str, Grant | None] = {}
    try:
        while waiting or running:
            for address in _ready(waiting, plan, results):
                if stop.is_set() or not _start(plan, address, slots, executor, results, running, finished):
                    continue
                waiting.remove(address)
            executor.tick()
            if not running and stop.is_set():
                break
            try:
                address, grant, result = finished.get(timeout=pause)
            except queue.Empty:
                continue
            if grant is not None:
                grant.release()
            running.pop(address)
            results[address] = result
    finally:
        for grant in running.values():
            if grant is not None:
                grant.release()
    return results


def _ready(waiting: list[str], plan: Plan, results: Mapping[str, Result]) -> list[str]:
    return [address for address in waiting if all(up in results for up in plan.stages[address].upstream)]


def _start(
    plan: Plan,
    address: str,
    slots: Slots,
    executor: Executor,
    results: Mapping[str, Result],
    running: dict[str, Grant | None],
    finished: "queue.SimpleQueue[tuple[str, Grant | None, Result]]",
) -> bool:
    """Start or skip a stage whose upstream is settled; False when it has to wait for a slot."""
    stage = plan.stages[address]
    bad = [up for up in stage.upstream if not results[up].good]
    grant = None
    if bad or address not in plan.stale:
        why = Result("skipped", f"not run because of {', '.join(bad)}") if bad else Result("cached", "unchanged")
        running[address] = None
        executor.skip(stage, why, lambda result: finished.put((address, None, result)))
        return True
    grant = slots.acquire(stage.slot)
    if grant is None:
        return False
    running[address] = grant
    executor.run(stage, grant, lambda result: finished.put((address, grant, result)))
    return True
