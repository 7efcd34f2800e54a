"""The frame of a stage process: arguments, parameters, progress, signals, the spool, the closing checks."""

import argparse
import ctypes
import gc
import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

from components.errors import CeterisError
from components.stages.closure import check_closure, check_sources
from components.stages.graph_node import Declared, declared
from components.study.loading import load_study
from components.study.study import Study
from components.tracking.spool import Spool

SIDECAR = Path(".ceteris")
_PR_SET_PDEATHSIG = 1

Status = Literal["finished", "failed", "killed"]
Run = Callable[[Study, argparse.Namespace, "Stage"], None]


class Stage:
    """One execution of one node of the graph."""

    def __init__(self, node: Declared, root: Path) -> None:
        self.node = node
        self.root = root
        self.spool = Spool(root / SIDECAR / "spool", node.address)
        self.loop_cpu_seconds = 0.0
        self._last_progress = 0.0
        self._in_loop = False
        self._signal: int | None = None

    def log(self, text: str) -> None:
        """Print one line of log."""
        print(text, flush=True)

    def progress(self, percent: float, message: str) -> None:
        """Say how far the stage is; at most twice a second, and always at 100."""
        now = time.monotonic()
        if percent >= 100 or now - self._last_progress > 0.5:
            self._last_progress = now
            print(f"::progress {percent:.1f} {message}", flush=True)

    @contextmanager
    def loop(self) -> Iterator[None]:
        """Count the CPU time inside as time spent in a training or prediction loop.

        Inside, a signal to stop only sets `stop_requested`, so that the loop can keep what it has and leave by `stop`.
        """
        begin = time.process_time()
        self._in_loop = True
        try:
            yield
        finally:
            self._in_loop = False
            self.loop_cpu_seconds += time.process_time() - begin
        if self.stop_requested:
            self.stop()

    @property
    def stop_requested(self) -> bool:
        """Whether a signal asked this process to stop."""
        return self._signal is not None

    def stop(self) -> NoReturn:
        """Leave with the exit code that the signal asks for."""
        raise SystemExit(128 + (self._signal or signal.SIGTERM))

    def handle_signal(self, number: int, frame: FrameType | None) -> None:
        """Stop now, or at the next safe point of a loop."""
        self._signal = number
        if not self._in_loop:
            self.stop()

    @cached_property
    def scratch(self) -> Path:
        """Where this stage may keep checkpoints: outside all outs, keyed by everything that decides its outs.

        Folders under other keys belong to other parameters, inputs or code, and are removed.
        """
        family = self.root / SIDECAR / "scratch" / self.node.address
        folder = family / self.scratch_key
        if family.is_dir():
            for other in family.iterdir():
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def scratch_key(self) -> str:
        """The hash of command, parameters, inputs and code."""
        return self.node.key(self.root)

    def out(self, index: int = 0) -> Path:
        """The declared output, emptied: DVC does the same before it runs a stage."""
        path = self.root / self.node.outs[index]
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def main(module: str, run: Run, options: Sequence[str] = ()) -> None:
    """Run a stage as a process and exit.

    Args:
        module: name of the module in `components.stages`.
        run: what the stage does.
        options: names of its string options, such as `arm`.
    """
    _die_with_parent()
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # a terminal that lacks a letter gets its number, and no stage fails for it
        sys.stdout.reconfigure(errors="backslashreplace")
    # What was imported stays to the end: the collector, paused by this package, need not look through it, not even at exit.
    gc.freeze()
    gc.enable()
    parser = argparse.ArgumentParser(prog=f"python -m components.stages.{module}")
    for option in options:
        parser.add_argument(f"--{option}", required=True)
    arguments = parser.parse_args()
    root = Path.cwd()
    try:
        node = declared(root, module, arguments)
        study = load_study(root / "params.yaml")
    except CeterisError as error:
        _fail(str(error))
    stage = Stage(node, root)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stage.handle_signal)
    stage.spool.start(vars(arguments), stage.scratch_key)
    status: Status = "failed"
    message = ""
    try:
        check_sources(root, node)
        run(study, arguments, stage)
        check_closure(root, node)
        shutil.rmtree(root / SIDECAR / "scratch" / node.address, ignore_errors=True)
        status = "finished"
    except CeterisError as error:
        message = str(error)
    except SystemExit:
        status, message = "killed", "stopped by a signal"
        # Lightning leaves by an exception whose exit code is 0, which DVC would take for success.
        stage.stop()
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        raise
    finally:
        stage.spool.end(status, stage.loop_cpu_seconds, message)
    if message:
        _fail(message)


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr, flush=True)
    raise SystemExit(2)


def _die_with_parent() -> None:
    """Ask Linux to end this process when DVC dies, so that no orphan writes beside its successor."""
    if sys.platform == "linux" and os.getppid() != 1:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
