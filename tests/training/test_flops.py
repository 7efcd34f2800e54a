"""Floating-point operations against a count by hand."""

import pytest
import torch
from torch import Tensor, nn

from components.models.transformer import SelfAttention
from components.study.arms import FreezingRule
from components.study.budget import Budget
from components.training.flops import count_flops
from components.training.freezing import FreezingSchedule

BUDGET = Budget(samples=60, batch_size=6, learning_rate=1e-3, warmup=0.1, weight_decay=0.0, gradient_clip=1.0)
TOKENS, WIDTH, HEADS = 10, 16, 2


class Attending(nn.Module):
    """One attention layer whose mean is the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = SelfAttention(WIDTH, HEADS, dropout=0.0)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        return self.layer(batch["x"], batch["mask"]).mean(), {}


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_counted(masked: bool) -> None:
    """It runs fused, and torch has no count of fused attention on a CPU."""
    network = Attending()
    mask = torch.ones(6, 1, 1, TOKENS, dtype=torch.bool) if masked else None
    x = torch.randn(6, TOKENS, WIDTH, requires_grad=True)
    batch = {"rows": torch.arange(6), "x": x, "mask": mask}
    flops = count_flops(network, batch, FreezingSchedule(network, []), BUDGET)
    # Queries, keys, values and the output; then scores and mixing. Each product goes backward twice.
    projections, attention = 2 * TOKENS * 4 * WIDTH**2, 2 * 2 * TOKENS**2 * WIDTH
    assert flops.forward_per_sample == projections + attention
    assert flops.step_per_sample == 3 * (projections + attention)


def test_the_whole_is_counted_in_the_steps_of_each_phase() -> None:
    """What is frozen needs no gradient of its own: the values' product is one of the two that go backward."""
    network = Attending()
    x = torch.randn(6, TOKENS, WIDTH, requires_grad=True)
    batch = {"rows": torch.arange(6), "x": x, "mask": None}
    rules = [FreezingRule(pattern=r".*weight", share=0.25)]
    flops = count_flops(network, batch, FreezingSchedule(network, rules), BUDGET)
    projections, attention = 2 * TOKENS * 4 * WIDTH**2, 2 * 2 * TOKENS**2 * WIDTH
    free, frozen = 3 * (projections + attention), 2 * projections + 3 * attention
    assert flops.step_per_sample == free
    # Ten steps, of which three begin before a quarter is done.
    assert flops.total == 6 * (3 * frozen + 7 * free)
