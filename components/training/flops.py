"""Floating-point operations, counted from the network as it runs.

Counts matrix products, convolutions and attention (two operations per multiply-add), as torch's counter does.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from components.records.training import Flops
from components.study.budget import Budget
from components.study.spending import Phase, spent
from components.training.as_trained import Batch, mean_visual_tokens, training_mode, variants, watched
from components.training.freezing import FreezingSchedule
from components.training.model_inputs import PICTURES


def count_flops(
    network: nn.Module, batch: Batch, freezing: FreezingSchedule, budget: Budget, pictures: int = 0
) -> Flops:
    """FLOPs per sample of a forward pass and of a training step, and of the whole budget, in whole steps.

    A training step is one of the last phase of the freezing schedule; the whole counts every phase's own.

    Args:
        pictures: how many the run may read. A frozen front end looks at each once, beforehand.
    """
    size = len(batch["rows"])
    was_training = network.training
    network.eval()
    with torch.no_grad():
        forward = _expected(network, variants(network, batch), backward=False) / size
    network.train(was_training)
    with watched(getattr(network, "model", network)) as seen:
        phases = flops_by_phase(network, batch, freezing)
    front = front_flops(network, batch) * pictures
    return Flops(
        forward_per_sample=forward,
        step_per_sample=phases[-1].cost,
        front=front,
        visual_tokens=mean_visual_tokens(seen),
        total=front + spent(phases, budget.steps) * budget.batch_size,
    )


def flops_by_phase(network: nn.Module, batch: Batch, freezing: FreezingSchedule) -> list[Phase]:
    """FLOPs per sample of a training step in every phase of the freezing schedule.

    Measured on one batch in training mode, in which a model may read less than when it is evaluated: what is frozen needs no
    gradient. Where steps differ, the figures are expectations over them.
    """
    phases = []
    with training_mode(network):
        for begin, _ in freezing.phases():
            freezing.apply(begin)
            cost = _expected(network, variants(network, batch), backward=True)
            phases.append(Phase(begin, cost / len(batch["rows"])))
        network.zero_grad(set_to_none=True)
    freezing.apply(0.0)
    return phases


def front_flops(network: nn.Module, batch: Batch) -> float:
    """FLOPs with which a frozen front end looks at one picture; 0 where the network has none."""
    front: Any = getattr(network, "front", None)
    pixels = batch.get(PICTURES[""])
    if front is None or pixels is None:
        return 0.0
    scaling: Any = network.get_submodule("scaling")
    given = [batch["region_boxes"], batch["region_real"]] if getattr(front, "GIVEN_BOXES", False) else []
    # It may have looked at pictures on a GPU already, while the batch and the rest are on the CPU.
    device = next(front.parameters(), pixels).device
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        front.regions(scaling(pixels).to(device), *(tensor.to(device) for tensor in given))
    return float(counter.get_total_flops()) / len(pixels)


def _expected(network: nn.Module, kinds: list[tuple[float, Batch]], *, backward: bool) -> float:
    """FLOPs of one batch, averaged over the kinds of step."""
    expected = 0.0
    for probability, batch in kinds:
        # Spelt out, as torch counts no fused attention on a CPU, and another number for it on a GPU.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            loss, _ = network(batch)
            if backward:
                loss.backward()
        expected += probability * counter.get_total_flops()
    return expected
