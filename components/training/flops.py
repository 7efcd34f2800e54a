"""Floating-point operations, counted from the network as it runs.

Counts matrix products, convolutions and attention (two operations per multiply-add), as torch's counter does.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from components.study import Budget
from components.training.freezing import FreezingSchedule


def count_flops(
    network: nn.Module, batch: Mapping[str, Tensor], freezing: FreezingSchedule, budget: Budget
) -> dict[str, float]:
    """FLOPs per sample of a forward pass and of a training step, and of the whole budget.

    Measured on one batch in evaluation mode (so that no running statistics move), for every phase of the freezing
    schedule: what is frozen needs no gradient.
    """
    was_training = network.training
    network.eval()
    size = len(batch["rows"])
    with torch.no_grad(), FlopCounterMode(display=False) as forward:
        network(batch)
    total = step = 0.0
    for begin, end in freezing.phases():
        freezing.apply(begin)
        with FlopCounterMode(display=False) as counter:
            loss, _ = network(batch)
            loss.backward()
        step = counter.get_total_flops() / size
        total += step * (end - begin) * budget.steps * budget.batch_size
    network.zero_grad(set_to_none=True)
    network.train(was_training)
    freezing.apply(0.0)
    return {"forward_per_sample": forward.get_total_flops() / size, "step_per_sample": step, "total": total}
