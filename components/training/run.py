"""One training run: a network, a stream of batches and a budget, resumable at any step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from torch import nn
from torch.utils.data import DataLoader

from components.data.batches import BatchStream
from components.records.training import Digests, Parameters, Software, Trained
from components.study.arms import FreezingRule
from components.study.budget import Budget
from components.study.settings import RuntimeSettings
from components.tracking.spool import Spool
from components.training.as_trained import dropouts
from components.training.checkpoints import Keeper, step_of
from components.training.flops import count_flops
from components.training.freezing import FreezingSchedule
from components.training.module import TrainingModule
from components.training.process import keep_freed_memory, quieten


@dataclass(frozen=True)
class Surroundings:
    """What a run reports to and is stopped by; supplied by the stage."""

    runtime: RuntimeSettings
    spool: Spool
    progress: Callable[[float, str], None]
    stop_requested: Callable[[], bool]


def train(
    network: nn.Module,
    stream: BatchStream,
    budget: Budget,
    freezing: list[FreezingRule],
    seed: int,
    checkpoint: Path,
    name: str,
    surroundings: Surroundings,
) -> Trained:
    """Train the network in place and return what the loop knows of itself.

    If `checkpoint` exists the run continues there, to the same final weights, bit for bit on one kind of CPU. When the
    process was asked to stop, the network is left unfinished and the checkpoint holds where it was: the caller must
    check `stop_requested` before it uses the result.
    """
    configure_torch(surroundings.runtime)
    # Rules name the arm's own parameters; a head or an objective is never frozen.
    schedule = FreezingSchedule(network.get_submodule("model"), freezing)
    first = stream.at(0)
    looks = getattr(network, "front", None) is not None
    flops = count_flops(network, first, schedule, budget, stream.pictures if looks else 0)
    dropped = dropouts(network, first)
    module = TrainingModule(network, budget, schedule, seed)
    resumed = step_of(checkpoint)
    stream.start, stream.steps = resumed or 0, budget.steps

    def report(samples: int, total: int, point: dict[str, float] | None) -> None:
        surroundings.progress(100.0 * samples / total, f"{name} {samples}/{total} samples")
        if point is not None:
            values = {key: value for key, value in point.items() if key != "samples"}
            surroundings.spool.metrics(name, int(point["samples"]), values)

    keeper = Keeper(
        checkpoint,
        surroundings.runtime.checkpoint_seconds,
        surroundings.stop_requested,
        report,
        surroundings.spool.flush,
    )
    if resumed:
        surroundings.spool.resumed(resumed * budget.batch_size)
        print(f"{name}: continuing at {resumed * budget.batch_size} of {budget.samples} samples", flush=True)
    trainer = bare_trainer(budget.steps, keeper, surroundings.runtime)
    # The stream hands out whole batches; workers would only copy what the page cache already holds.
    loader = DataLoader(stream, batch_size=None, num_workers=0)
    begin = time.monotonic()
    trainer.fit(module, loader, ckpt_path=checkpoint if resumed else None, weights_only=True)
    surroundings.spool.trained(name, trainer.global_step - stream.start, time.monotonic() - begin)
    if not surroundings.stop_requested() and trainer.global_step != budget.steps:
        raise RuntimeError(f"{name} ended after {trainer.global_step} of {budget.steps} steps")
    return Trained(
        samples=budget.steps * budget.batch_size,
        steps=budget.steps,
        learning_rate=budget.learning_rate,
        parameters=thawed(network),
        flops=flops,
        digests=Digests(**module.digests.chains),
        digests_after={str(batches): Digests(**chains) for batches, chains in module.digests.after.items()},
        dropout=dropped,
        optimiser=module.optimiser,
        consumed=module.consumed.described(module.visual_tokens),
        freezing=schedule.applied([steps * budget.batch_size for steps in module.frozen_steps]),
        ran_on=[Software(**one) for one in module.ran_on],
        curves=module.curve,
        metrics={key: value for key, value in module.curve[-1].items() if key != "samples"} if module.curve else {},
    )


def thawed(network: nn.Module) -> Parameters:
    """Give back their gradients to all parameters that were trained, and count them.

    A front end was pretrained before and stays as it is: it is part of the model, and no part of what was trained.
    """
    total = trained = 0
    for name, parameter in network.named_parameters():
        total += parameter.numel()
        if not name.startswith("front."):
            parameter.requires_grad_(True)
            trained += parameter.numel()
    return Parameters(total=total, trained=trained)


def bare_trainer(steps: int, callback: L.Callback, runtime: RuntimeSettings) -> L.Trainer:
    """Lightning's loop for so many steps, with one callback and none of its own extras."""
    return L.Trainer(
        max_steps=steps,
        max_epochs=-1,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **hardware(runtime),
    )


def configure_torch(runtime: RuntimeSettings) -> None:
    """Thread count and determinism: one and two threads give different sums. Freed memory is kept."""
    quieten()
    keep_freed_memory()
    torch.set_num_threads(runtime.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)


def hardware(runtime: RuntimeSettings) -> dict[str, Any]:
    """Trainer settings for this machine: a GPU in bf16 where there is one, else the CPU in full precision."""
    on_gpu = runtime.accelerator == "gpu" or (runtime.accelerator == "auto" and torch.cuda.is_available())
    precision = runtime.precision
    if precision == "auto":
        precision = "bf16-mixed" if on_gpu else "32-true"
    # One device per stage: more devices run more stages at once, which is what many small runs need.
    devices = 1 if runtime.devices == "auto" else runtime.devices
    return {"accelerator": "gpu" if on_gpu else "cpu", "devices": devices, "precision": precision}
