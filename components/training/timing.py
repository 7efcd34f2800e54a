"""How long a step takes on this machine: the training loop itself, run for a few steps on a copy of the network."""

import copy
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from components.data.batches import BatchStream
from components.study.arms import FreezingRule
from components.study.budget import Budget
from components.study.settings import RuntimeSettings
from components.study.spending import Phase
from components.training.as_trained import variants
from components.training.freezing import FreezingSchedule
from components.training.module import TrainingModule
from components.training.run import bare_trainer, configure_torch

WARM_UP, MEASURED = 3, 7
"""Steps of each kind: the first allocate the optimiser's moments, and on a GPU choose kernels and fill the allocator."""


def seconds_by_phase(
    network: nn.Module,
    stream: BatchStream,
    pace: Budget,
    rules: Sequence[FreezingRule],
    seed: int,
    runtime: RuntimeSettings,
) -> list[Phase]:
    """Seconds of a training step in every phase of the freezing schedule.

    The median over a few steps on the stream's first batches, from the end of one step to the end of the next, so that
    making the batch and the trainer's own work count too; where steps differ, the expectation over their kinds. The network
    and torch's generators are left as they were.

    Args:
        pace: how fast to train; how long does not matter.
    """
    configure_torch(runtime)
    begins = [begin for begin, _ in FreezingSchedule(network.get_submodule("model"), rules).phases()]
    found = []
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        for begin in begins:
            copied = copy.deepcopy(network)
            batches = Repeated(copied, stream)
            # What is frozen in this phase stays so for as long as it is measured.
            held = [rule.model_copy(update={"share": float(begin < rule.share)}) for rule in rules]
            budget = pace.model_copy(update={"samples": batches.steps * pace.batch_size})
            schedule = FreezingSchedule(copied.get_submodule("model"), held)
            clock = Clock()
            bare_trainer(batches.steps, clock, runtime).fit(
                TrainingModule(copied, budget, schedule, seed), DataLoader(batches, batch_size=None, num_workers=0)
            )
            found.append(Phase(begin, batches.expected(clock.seconds())))
    return found


class Repeated(IterableDataset):
    """Batches of each kind of step in turn, warm-up included."""

    def __init__(self, network: nn.Module, stream: BatchStream) -> None:
        self.network = network
        self.stream = stream
        self.probabilities = [probability for probability, _ in self._variants(0)]

    def _variants(self, step: int) -> list[tuple[float, Any]]:
        batch = self.stream.at(step)
        return variants(self.network, batch)

    @property
    def steps(self) -> int:
        """How many batches."""
        return len(self.probabilities) * (WARM_UP + MEASURED)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for kind in range(len(self.probabilities)):
            for step in range(WARM_UP + MEASURED):
                yield self._variants(step)[kind][1]

    def expected(self, seconds: Sequence[float]) -> float:
        """From what each step took to what a step takes."""
        each = WARM_UP + MEASURED
        return sum(
            probability * statistics.median(seconds[kind * each + WARM_UP : (kind + 1) * each])
            for kind, probability in enumerate(self.probabilities)
        )


class Clock(L.Callback):
    """Notes when each step has ended, all its kernels too."""

    def __init__(self) -> None:
        self._marks: list[float] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """The first step begins."""
        self._mark(pl_module)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """A step has ended."""
        self._mark(pl_module)

    def _mark(self, module: L.LightningModule) -> None:
        if module.device.type == "cuda":
            torch.cuda.synchronize(module.device)
        self._marks.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """What each step took."""
        return [end - begin for begin, end in zip(self._marks, self._marks[1:], strict=False)]
