"""Readouts and task heads shared by several architectures, and what task heads keep of pretraining's."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from components.models.configuration import InitialScale
from components.models.initialisation import initialised


@dataclass(frozen=True)
class KeptHead:
    """What the head of a task keeps of the head of an objective.

    Attributes:
        objective: whose head it is.
        parameters: parameter of the task head to parameter of the objective.
        row: the only row that is kept; None for all of them.
    """

    objective: str
    parameters: Mapping[str, str]
    row: int | None = None


MATCHING = KeptHead("itm", {"weight": "head.weight", "bias": "head.bias"}, row=1)
"""A pair's score begins as the logit that text and picture belong together (code: ChenRocks/UNITER, `init_output`)."""
WORD_TRANSFORM = KeptHead(
    "mlm",
    {"0.weight": "transform.weight", "0.bias": "transform.bias", "2.weight": "norm.weight", "2.bias": "norm.bias"},
)
"""The first layers of an answer head begin as those before the vocabulary (code: jackroos/VL-BERT)."""


def keep(head: nn.Module, kept: KeptHead, heads: Mapping[str, Tensor]) -> bool:
    """Load into a fresh task head what it keeps.

    Args:
        heads: heads of losses, each parameter behind its objective's name, such as `itm.head.weight`.

    Returns:
        whether there was anything of that objective to keep.

    Raises:
        RuntimeError: the shapes do not fit.
    """
    named = {ours: heads.get(f"{kept.objective}.{theirs}") for ours, theirs in kept.parameters.items()}
    found = {name: tensor for name, tensor in named.items() if tensor is not None}
    if len(found) < len(named):
        return False
    rows = found if kept.row is None else {name: tensor[kept.row : kept.row + 1] for name, tensor in found.items()}
    head.load_state_dict(rows, strict=False)
    return True


def linear_head(inputs: int, outputs: int, scale: InitialScale = "common") -> nn.Linear:
    """One linear layer (BERT, MMBT): (B, inputs) to (B, outputs)."""
    return initialised(nn.Linear(inputs, outputs), scale)


def mlp_head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """ViLT's two-layer head (linear, LayerNorm, GELU, linear): (B, inputs) to (B, outputs)."""
    return initialised(
        nn.Sequential(nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, outputs))
    )


def pool_grid(grid: Tensor) -> Tensor:
    """The mean and the maximum of every channel over the grid: (B, C, height, width) to (B, 2C).

    The maximum says that something is somewhere, which the mean of a mostly empty picture hardly shows.
    """
    return torch.cat([grid.mean(dim=(2, 3)), grid.amax(dim=(2, 3))], dim=1)
