"""The Lightning module: one trainable network under one budget."""

from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn

from components.records.training import Optimiser
from components.study.budget import Budget
from components.study.schedule import POINTS, learning_rate_factor
from components.training.as_trained import mean_visual_tokens, watched
from components.training.consumed import ConsumedBatches
from components.training.digests import BatchDigests
from components.training.freezing import FreezingSchedule
from components.training.process import software
from components.training.seeds import seed_torch

BETAS = (0.9, 0.98)
CURVE_POINTS = 40


class TrainingModule(L.LightningModule):
    """Trains a network for a budget; knows its curve, its digests and when which parameter is frozen.

    Everything it needs to continue lies in the checkpoint as tensors and plain values. It draws no random number that
    depends on how it got to a step: torch is seeded anew at each one.

    Attributes:
        frozen_steps: of each freezing rule, the steps during which all that it decides was frozen.
        consumed: counts of what the batches held.
        optimiser: what was built to train with; None before it was.
        visual_tokens: of a picture, in the first step that was run; None where the loss runs the model by itself.
        ran_on: what the run was computed with; more than one entry where it was resumed elsewhere.
    """

    def __init__(self, network: nn.Module, budget: Budget, freezing: FreezingSchedule, seed: int) -> None:
        super().__init__()
        self.network = network
        self.budget = budget
        self.freezing = freezing
        self.seed = seed
        self.digests = BatchDigests()
        self.consumed = ConsumedBatches()
        self.optimiser: Optimiser | None = None
        self.visual_tokens: float | None = None
        self.curve: list[dict[str, float]] = []
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._every = max(1, budget.steps // CURVE_POINTS)
        self._phase_edges = {begin for begin, _ in freezing.phases()}
        self._frozen_until_applied: float | None = None
        self._holding: list[bool] = []
        self.frozen_steps = [0] * len(freezing.holding())
        self.ran_on: list[dict[str, Any]] = []

    def configure_optimizers(self) -> Any:
        """AdamW; weight decay on matrices only, as usual for transformers."""
        trained = [value for name, value in self.network.named_parameters() if not name.startswith("front.")]
        decayed = [parameter for parameter in trained if parameter.ndim > 1]
        plain = [parameter for parameter in trained if parameter.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.budget.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        # Half precision scales the loss, and the fused optimiser would unscale gradients only after they were clipped.
        fused = self.trainer.precision != "16-mixed"
        optimizer = torch.optim.AdamW(groups, lr=self.budget.learning_rate, betas=BETAS, fused=fused)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step * self.budget.batch_size, self.budget)
        )
        self.optimiser = described(optimizer, scheduler, self.budget.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the norm of all gradients. Lightning's own refuses fused optimisers under any autocast, bf16's included."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        nn.utils.clip_grad_norm_(parameters, self.budget.gradient_clip)

    def on_before_batch_transfer(self, batch: dict[str, Tensor], dataloader_idx: int) -> dict[str, Tensor]:
        """Digest the batch as it is handed over."""
        if self.trainer.training:
            self.digests.update(batch)
            self.consumed.update(batch)
        return batch

    def on_train_start(self) -> None:
        """Note on what the run goes on, if that is not what it went on so far."""
        here = software(self.trainer.precision, self.device)
        if here not in self.ran_on:
            self.ran_on.append(here)

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Seed the step, apply the freezing schedule where it changes, and count for how long each of its rules holds."""
        seed_torch(self.seed, "step", self.global_step)
        progress = self.global_step / self.budget.steps
        begun = max(edge for edge in self._phase_edges if edge <= progress)
        if begun != self._frozen_until_applied:
            self._frozen_until_applied = begun
            self.freezing.apply(begun)
            self._holding = self.freezing.holding()
        self.frozen_steps = [steps + held for steps, held in zip(self.frozen_steps, self._holding, strict=True)]

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """One forward pass; metrics are summed here and written every few steps, which costs less than `self.log`."""
        if self.global_step == 0:
            with watched(getattr(self.network, "model", self.network)) as seen:
                loss, metrics = self.network(batch)
            self.visual_tokens = mean_visual_tokens(seen)
        else:
            loss, metrics = self.network(batch)
        for name, value in {"loss": loss.detach(), **metrics}.items():
            # Each by itself: where one of several passes is drawn, a step has the figures of that one alone.
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
            self._counts[name] = self._counts.get(name, 0) + 1
        return loss

    def close_point(self) -> None:
        """Close a point of the learning curve where one is due; `Keeper` calls it after every step.

        No hook of this module's: Lightning calls those of callbacks first, so a checkpoint would lack the point that is
        due at its own step, and the run that resumes there would never close it.
        """
        if self.global_step % self._every == 0 or self.global_step == self.budget.steps:
            point: dict[str, float] = {"samples": self.global_step * self.budget.batch_size}
            point |= {name: float(value) / self._counts[name] for name, value in self._sums.items()}
            self.curve.append(point)
            self._sums, self._counts = {}, {}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What resuming needs beside weights and optimiser."""
        checkpoint["ceteris"] = {
            "digests": self.digests.kept(),
            "consumed": self.consumed.kept(),
            "visual_tokens": self.visual_tokens,
            "curve": list(self.curve),
            "sums": dict(self._sums),
            "counts": dict(self._counts),
            "frozen_steps": list(self.frozen_steps),
            "ran_on": list(self.ran_on),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore it."""
        kept = checkpoint["ceteris"]
        self.digests.restore(kept["digests"])
        self.consumed.restore(kept["consumed"])
        self.visual_tokens = kept["visual_tokens"]
        self.curve = list(kept["curve"])
        self._sums = dict(kept["sums"])
        self._counts = dict(kept["counts"])
        self.frozen_steps = list(kept["frozen_steps"])
        self.ran_on = list(kept["ran_on"])


def described(optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LambdaLR, steps: int) -> Optimiser:
    """The optimiser and its schedule, for the record, read off what was built."""
    decay: dict[str, set[int]] = {}
    for group in optimizer.param_groups:
        decay.setdefault(f"{group['weight_decay']:g}", set()).update(one.ndim for one in group["params"])
    first, second = optimizer.defaults["betas"]
    factor = scheduler.lr_lambdas[0]
    return Optimiser(
        name=type(optimizer).__name__,
        betas=(first, second),
        epsilon=optimizer.defaults["eps"],
        decay={key: sorted(dimensions) for key, dimensions in decay.items()},
        schedule=[round(float(factor(round(share * steps))), 6) for share in POINTS],
    )
