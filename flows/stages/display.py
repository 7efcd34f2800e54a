"""Show progress in the terminal while stages run: a live table if stdout is a terminal, otherwise plain lines."""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from flows.graph.dvc_graph import Plan

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from flows.graph.walker import Result


Estimate = Callable[[], Mapping[str, float]]


class Display(Protocol):
    """Receives everything that happens in a walk; called from several threads."""

    def start(self, plan: Plan, estimate: Estimate, slots: int) -> None:
        """The walk begins."""

    def started(self, address: str) -> None:
        """A stage process starts."""

    def progress(self, address: str, percent: float, message: str) -> None:
        """A stage has reached this percentage."""

    def settled(self, address: str, result: "Result") -> None:
        """A stage ran, was cached, failed or was skipped."""

    def end(self) -> None:
        """The walk has ended, with or without success."""


def display() -> Display:
    """The display that suits stdout."""
    return LiveDisplay() if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else PlainDisplay()


@dataclass
class Tally:
    """Which stages run since when and how far, and an estimate of the time left.

    `running` holds the start time (monotonic seconds), the percentage and the last message of each running stage.
    """

    plan: Plan = field(default_factory=lambda: Plan({}))
    estimate: Estimate = dict
    slots: int = 1
    begun: float = field(default_factory=time.monotonic)
    running: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    settled: dict[str, "Result"] = field(default_factory=dict)

    def remaining(self) -> float | None:
        """Seconds left: the longest remaining chain, or the remaining work divided by the slots, whichever is longer.

        None while a remaining stage has no known duration.
        """
        left: dict[str, float] = {}
        now, known = time.monotonic(), self.estimate()
        for address in self.plan.stages:
            if address in self.settled or address not in self.plan.stale:
                continue
            since, percent, _ = self.running.get(address, (now, 0.0, ""))
            spent = now - since
            if percent >= 5:
                left[address] = spent * (100 - percent) / percent
            elif address in known:
                left[address] = max(0.0, known[address] - spent)
            else:
                return None
        chain: dict[str, float] = {}
        for address, stage in self.plan.stages.items():
            chain[address] = left.get(address, 0.0) + max((chain[up] for up in stage.upstream), default=0.0)
        return max(max(chain.values(), default=0.0), sum(left.values()) / max(1, self.slots))


def clock(seconds: float) -> str:
    """Seconds as a clock: `1:02:03` or `4:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class PlainDisplay:
    """One line for each stage that starts or ends; cached stages are counted in the first line."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._lock = threading.Lock()

    def start(self, plan: Plan, estimate: Estimate, slots: int) -> None:
        """Print how many stages are to run."""
        self._tally = Tally(plan, estimate, slots)
        _say(f"{len(plan.stages)} stages: {len(plan.cached)} cached, {len(plan.stale)} to run, {slots} at once")

    def started(self, address: str) -> None:
        """Record the time and print the stage."""
        self._tally.running[address] = (time.monotonic(), 0.0, "")
        _say(f"  start    {address}")

    def progress(self, address: str, percent: float, message: str) -> None:
        """Record the percentage for the time left; prints nothing."""
        since = self._tally.running.get(address, (time.monotonic(), 0.0, ""))[0]
        self._tally.running[address] = (since, percent, message)

    def settled(self, address: str, result: "Result") -> None:
        """Print the outcome of the stage."""
        with self._lock:
            since = self._tally.running.pop(address, None)
            self._tally.settled[address] = result
            if since is None:
                return  # cached or skipped: cached ones were counted at the start, and a failure says how many it skips
            spent = clock(time.monotonic() - since[0])
            left = self._tally.remaining()
            rest = f" (about {clock(left)} left)" if left else ""
            why = ": " + result.message.replace("\n", "\n    ") if result.state == "failed" else ""
            _say(f"  {result.state:8} {address} {spent}{rest}{why}")

    def end(self) -> None:
        """Nothing to close."""


def _say(line: str) -> None:
    print(line, flush=True)


class LiveDisplay:
    """A table of what runs, with a bar for each stage and for the whole, and the time left."""

    def __init__(self, console: "Console | None" = None) -> None:
        self._tally = Tally()
        self._lock = threading.RLock()
        self._console = console
        self._live: Live | None = None

    def start(self, plan: Plan, estimate: Estimate, slots: int) -> None:
        """Draw the table, and redraw it four times a second."""
        from rich.console import Console
        from rich.live import Live

        self._tally = Tally(plan, estimate, slots)
        console = self._console or Console()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=4)
        self._live.start()

    def started(self, address: str) -> None:
        """Add a row."""
        with self._lock:
            self._tally.running[address] = (time.monotonic(), 0.0, "")

    def progress(self, address: str, percent: float, message: str) -> None:
        """Move the bar of the stage."""
        with self._lock:
            since = self._tally.running.get(address, (time.monotonic(), 0.0, ""))[0]
            self._tally.running[address] = (since, percent, message)

    def settled(self, address: str, result: "Result") -> None:
        """Remove the row and print the outcome above the table."""
        with self._lock:
            since = self._tally.running.pop(address, None)
            self._tally.settled[address] = result
        if self._live is None:
            return
        if result.state == "failed":
            self._live.console.print(f"{result.state} {address}: {result.message}", style="red", markup=False)
        elif result.state == "ran" and since is not None:
            self._live.console.print(f"done {address} {clock(time.monotonic() - since[0])}", markup=False)

    def end(self) -> None:
        """Leave the last table on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> "RenderableType":
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            running, settled = dict(self._tally.running), len(self._tally.settled)
            left = self._tally.remaining()
        table = Table.grid(padding=(0, 2))
        for address, (since, percent, message) in sorted(running.items(), key=lambda item: item[1][0]):
            spent = clock(time.monotonic() - since)
            bar, said = ProgressBar(100, percent, width=24), Text(message[:40])  # never read as markup
            table.add_row(Text(address), bar, f"{percent:3.0f}%", spent, said)
        whole = len(self._tally.plan.stages)
        rest = "time left not known yet" if left is None else f"about {clock(left)} left" if left else ""
        spent = clock(time.monotonic() - self._tally.begun)
        table.add_row("all stages", ProgressBar(max(1, whole), settled, width=24), f"{settled}/{whole}", spent, rest)
        return table
