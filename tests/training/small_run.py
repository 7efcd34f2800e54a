"""A small pretraining run through `train`, on the processor asked for. Only for tests."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from components.models.architecture import Architecture
from components.models.architectures import load as load_architecture
from components.models.pixels import PixelScaling
from components.objectives import load
from components.study.arms import FreezingRule
from components.study.budget import Allowance
from components.study.settings import RuntimeSettings
from components.tracking.spool import Spool
from components.training.length import decide
from components.training.pretraining import PretrainingNetwork
from components.training.run import Surroundings, train
from components.training.weights import digest_of
from tests.objectives.small_batches import SMALL, batch

PACE = {"batch_size": 16, "learning_rate": 3e-3, "warmup": 0.1, "weight_decay": 0.01, "gradient_clip": 1.0}
BUDGET = Allowance(samples=1280, **PACE).known()
"""80 steps, of which every second closes a point of the curve."""


class Batches(IterableDataset):
    """Two batches over and over; stands where the batch stream stands."""

    def __init__(self) -> None:
        self.start = self.steps = 0
        self.batches = [as_streamed(seed) for seed in range(2)]

    def at(self, step: int) -> dict[str, Tensor]:
        """The batch of one step."""
        return self.batches[step % 2]

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return (self.at(step) for step in range(self.start, self.steps))


def as_streamed(seed: int) -> dict[str, Tensor]:
    """A batch with stored pictures, whole numbers from 0 to 255."""
    count, generator = BUDGET.batch_size, torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 32, 32, 3), generator=generator).to(torch.uint8)
    return {**batch(count, seed), "pixels": pixels, "rows": torch.arange(count)}


def model(name: str) -> Architecture:
    """An arm with the same weights every time."""
    torch.manual_seed(0)
    return load_architecture(name)(SMALL)


class Recorder(Spool):
    """Keeps the points of the curve that are reported."""

    def __init__(self) -> None:
        super().__init__(None, "test")
        self.points: list[int] = []

    def metrics(self, name: str, samples: int, values: Any) -> None:
        """Remember at which sample."""
        self.points.append(samples)


def network(name: str) -> PretrainingNetwork:
    """An arm under its own objectives, with the same weights every time."""
    arm = model(name)
    heads: dict[str, Any] = {}
    for loss in arm.PRETRAINING.losses:
        kind: Any = load(loss)
        heads[loss] = kind.for_answers(arm, SMALL, 7)
    return PretrainingNetwork(arm, PixelScaling(), arm.PRETRAINING, heads)


def runtime(accelerator: Literal["cpu", "gpu"] = "cpu", precision: str = "auto") -> RuntimeSettings:
    """One thread, and no checkpoint but when asked to stop."""
    return RuntimeSettings(
        threads=1,
        accelerator=accelerator,
        devices="auto",
        precision=precision,
        checkpoint_seconds=1e6,
        prediction_batch_size=16,
    )


def trained(
    name: str,
    checkpoint: Path,
    accelerator: Literal["cpu", "gpu"],
    *,
    stop_after: int | None = None,
    spool: Spool | None = None,
    freezing: Sequence[FreezingRule] = (),
    precision: str = "auto",
    **amount: float,
) -> dict[str, Any]:
    """The record of a run that continues at the checkpoint, if there is one, and is asked to stop after some steps.

    Args:
        amount: what it may take, in one currency; `BUDGET` where none is said.
    """
    ours, stream, rules = network(name), Batches(), list(freezing)
    steps: list[str] = []
    surroundings = Surroundings(
        runtime(accelerator, precision),
        spool or Spool(None, "test"),
        lambda percent, message: steps.append(message),
        lambda: stop_after is not None and len(steps) >= stop_after,
    )
    allowance = Allowance.model_validate({**(amount or {"samples": BUDGET.samples}), **PACE})
    kept = checkpoint.with_suffix(".seconds.json")
    length = decide(allowance, ours, stream, rules, 0, kept, surroundings.runtime)
    record = train(ours, stream, length.budget, rules, 0, checkpoint, "pretrain", surroundings)
    return record.as_json() | {"budget": length.described().as_json(), "state": digest_of(ours.state_dict())}
