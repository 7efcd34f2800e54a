"""Floating-point operations, counted from the network as it runs.

Counts matrix products, convolutions and attention (two operations per multiply-add), as torch's counter does.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from components.records.training import Flops
from components.study.budget import Budget
from components.study.spending import Phase, spent
from components.training.freezing import FreezingSchedule

Batch = Mapping[str, Tensor]


@runtime_checkable
class Varying(Protocol):
    """A network that does not do the same at every step."""

    def variants(self, batch: Batch) -> list[tuple[float, Batch]]:
        """What a step may be: the probability of each, and the batch with which the network does it."""


def count_flops(network: nn.Module, batch: Batch, freezing: FreezingSchedule, budget: Budget) -> Flops:
    """FLOPs per sample of a forward pass and of a training step, and of the whole budget, in whole steps.

    A training step is one of the last phase of the freezing schedule; the whole counts every phase's own.
    """
    forward, phases = flops_by_phase(network, batch, freezing)
    total = spent(phases, budget.steps) * budget.batch_size
    return Flops(forward_per_sample=forward, step_per_sample=phases[-1].cost, total=total)


def flops_by_phase(network: nn.Module, batch: Batch, freezing: FreezingSchedule) -> tuple[float, list[Phase]]:
    """FLOPs per sample of a forward pass, and of a training step in every phase of the freezing schedule.

    Measured on one batch in evaluation mode (so that no running statistics move): what is frozen needs no gradient, and a
    frozen front end is counted as often as it looks. Where steps differ, the figures are expectations over them.
    """
    was_training = network.training
    network.eval()
    variants = network.variants(batch) if isinstance(network, Varying) else [(1.0, batch)]
    size = len(batch["rows"])
    with torch.no_grad():
        forward = _expected(network, variants, backward=False) / size
    phases = []
    for begin, _ in freezing.phases():
        freezing.apply(begin)
        phases.append(Phase(begin, _expected(network, variants, backward=True) / size))
    network.zero_grad(set_to_none=True)
    network.train(was_training)
    freezing.apply(0.0)
    return forward, phases


def _expected(network: nn.Module, variants: list[tuple[float, Batch]], *, backward: bool) -> float:
    """FLOPs of one batch, averaged over the variants."""
    expected = 0.0
    for probability, batch in variants:
        # Spelt out, as torch counts no fused attention on a CPU, and another number for it on a GPU.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            loss, _ = network(batch)
            if backward:
                loss.backward()
        expected += probability * counter.get_total_flops()
    return expected
