"""Resumable checkpoints, progress, and stopping between two steps."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch

from components.files.atomic import atomic_file
from components.training.module import TrainingModule


class Keeper(L.Callback):
    """Saves a checkpoint every few seconds and when asked to stop; reports progress.

    Args:
        path: the one checkpoint file, replaced atomically.
        seconds: time between checkpoints.
        stop_requested: whether the process was asked to stop.
        report: called with (samples seen, samples in all, last point of the curve or None).
        saving: called before each checkpoint, so that what was reported up to it is on disk with it.
    """

    def __init__(
        self,
        path: Path,
        seconds: float,
        stop_requested: Callable[[], bool],
        report: Callable[[int, int, dict[str, float] | None], None],
        saving: Callable[[], None],
    ) -> None:
        self.path = path
        self.seconds = seconds
        self.stop_requested = stop_requested
        self.report = report
        self.saving = saving
        self._saved = time.monotonic()
        self._points = 0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Between two steps everything is consistent: the only place where checkpoints are made."""
        module = pl_module
        assert isinstance(module, TrainingModule)
        module.close_point()
        done = trainer.global_step
        point = module.curve[-1] if len(module.curve) > self._points else None
        self._points = len(module.curve)
        self.report(done * module.budget.batch_size, module.budget.samples, point)
        stopping = self.stop_requested()
        if stopping or (time.monotonic() - self._saved > self.seconds and done < module.budget.steps):
            self.save(trainer)
        if stopping:
            trainer.should_stop = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """A resumed run has written its earlier points already."""
        assert isinstance(pl_module, TrainingModule)
        self._points = len(pl_module.curve)

    def save(self, trainer: L.Trainer) -> None:
        """Replace the checkpoint; a machine that loses power has the old one or the new one."""
        self.saving()
        with atomic_file(self.path, durable=True) as beside:
            trainer.save_checkpoint(beside)
        self._saved = time.monotonic()


def step_of(path: Path) -> int | None:
    """The optimiser step of a checkpoint; None where there is none that can be read (a torn one is dropped)."""
    if not path.is_file():
        return None
    try:
        return int(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["global_step"])
    except Exception as error:  # a torn file raises whatever its first wrong byte leads to
        print(f"checkpoint {path.name} cannot be read ({type(error).__name__}): starting over", flush=True)
        path.unlink()
        return None
