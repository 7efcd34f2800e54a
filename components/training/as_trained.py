"""Run a network once as a training step runs it, to see what it does then, and leave no trace in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from components.models.states import States

_DROPOUTS = {
    F.dropout,
    F.dropout1d,
    F.dropout2d,
    F.dropout3d,
    F.alpha_dropout,
    F.feature_alpha_dropout,
    torch.dropout,
    torch.native_dropout,
}
"""Functions that drop with a probability, which is their second argument, `p`."""
_ATTENTION = F.scaled_dot_product_attention


Batch = Mapping[str, Tensor]


@runtime_checkable
class Varying(Protocol):
    """A network that does not do the same at every step."""

    def variants(self, batch: Batch) -> list[tuple[float, Batch]]:
        """What a step may be: the probability of each, and the batch with which the network does it."""


def variants(network: nn.Module, batch: Batch) -> list[tuple[float, Batch]]:
    """What a step of any network may be; of most it is one thing."""
    return network.variants(batch) if isinstance(network, Varying) else [(1.0, batch)]


@contextmanager
def training_mode(network: nn.Module) -> Iterator[None]:
    """Put a network into training mode; its mode, running statistics and torch's generators are as they were afterwards."""
    was_training = network.training
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        network.train()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, buffer in network.named_buffers():
                    buffer.copy_(buffers[name])
            network.train(was_training)


class Dropouts(TorchFunctionMode):
    """Notes every dropout that acts while it is on, inside attention too.

    Attributes:
        found: how often each probability above 0 was used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[float, int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Look at a call of torch, and make it."""
        kwargs = kwargs or {}
        if func in _DROPOUTS:
            acts = kwargs.get("training", args[2] if len(args) > 2 else True)
            probability = kwargs.get("p", args[1] if len(args) > 1 else 0.5) if acts else 0.0
        elif func is _ATTENTION:
            probability = kwargs.get("dropout_p", args[4] if len(args) > 4 else 0.0)
        else:
            probability = 0.0
        if probability > 0.0:
            self.found[probability] = self.found.get(probability, 0) + 1
        return func(*args, **kwargs)


class Reading(NamedTuple):
    """One call of `encode`.

    Attributes:
        rows: samples in the batch.
        visual_tokens: of a picture, a mean over the batch without padding; 0 where no picture is read.
        text: whether a text is read.
    """

    rows: int
    visual_tokens: float
    text: bool


@contextmanager
def watched(model: nn.Module) -> Iterator[list[Reading]]:
    """Everything that a model reads meanwhile; nothing if it has no `encode`."""
    found: list[Reading] = []
    encode: Any = getattr(model, "encode", None)
    if encode is None:
        yield found
        return

    def noted(batch: Any) -> States:
        states: States = encode(batch)
        found.append(Reading(len(states.pooled), visual_tokens(states), states.text is not None))
        return states

    # Shadows the method for as long as the work takes.
    model.__dict__["encode"] = noted
    try:
        yield found
    finally:
        del model.__dict__["encode"]


def visual_tokens(states: States) -> float:
    """Visual tokens of a picture, a mean over the batch without padding; 0 where no picture was read."""
    image: Tensor | None = states.image
    if image is None:
        return 0.0
    return float(image.shape[1]) if states.image_real is None else float(states.image_real.float().sum(dim=1).mean())


def mean_visual_tokens(seen: list[Reading]) -> float | None:
    """The mean over several readings; None where nothing was read by `encode`."""
    return sum(one.visual_tokens for one in seen) / len(seen) if seen else None


def dropouts(network: nn.Module, batch: Batch) -> dict[str, int]:
    """How often a training step drops something, by probability; empty where it drops nothing.

    Where steps differ, each kind is taken once.
    """
    with torch.no_grad(), training_mode(network), Dropouts() as acting:
        for _, variant in variants(network, batch):
            network(variant)
    return {f"{probability:g}": count for probability, count in sorted(acting.found.items())}
