"""What the losses on masked regions share: which regions they ask for, and the head that reads them.

Shapes: B batch, R regions, D width of visual states, M regions asked for.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.initialisation import initialised
from components.models.states import Batch, States

NORM_EPSILON = 1e-12


def image_width(model: Any, configuration: ModelConfiguration) -> int:
    """D of `States.image`: the configuration's width, unless the model says another by `image_width`."""
    return int(getattr(model, "image_width", configuration.width))


def transform(width: int) -> nn.Sequential:
    """Linear, GELU, LayerNorm, as before BERT's vocabulary and every region head: (..., D) to (..., D)."""
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width, eps=NORM_EPSILON))


def region_head(model: Any, configuration: ModelConfiguration, outputs: int, *, normed: bool = True) -> nn.Sequential:
    """The transform and a linear layer: (..., D) to (..., outputs).

    Args:
        normed: whether the transform ends with its LayerNorm.
    """
    width = image_width(model, configuration)
    linear, activation, norm = transform(width)
    before = (linear, activation, norm) if normed else (linear, activation)
    return initialised(nn.Sequential(*before, nn.Linear(width, outputs)), configuration.initial_scale)


def share_transform(objectives: Sequence[Any]) -> None:
    """Give the heads of several losses on regions one transform, that of the first; each keeps its last layer."""
    for other in objectives[1:]:
        for place in range(len(other.head) - 1):
            other.head[place] = objectives[0].head[place]


def asked_regions(states: States, batch: Batch) -> Tensor:
    """Which regions are asked for, (B, R) bool: of those asked for by the pass the real ones."""
    asked = batch["region_asked"] & batch["region_real"].bool()
    return asked if states.image_real is None else asked & states.image_real


def asked_states(states: States, asked: Tensor) -> Tensor:
    """(M, D): the visual states of the regions that `asked` (B, R) names.

    Raises:
        ValueError: visual tokens are not the regions.
    """
    if states.image is None or states.image.shape[:2] != asked.shape:
        shape = None if states.image is None else tuple(states.image.shape)
        raise ValueError(f"masked regions need one visual state for each of {tuple(asked.shape)} regions, not {shape}")
    return states.image[asked]
