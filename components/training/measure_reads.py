"""What a model reads of every sample: visual tokens, texts that were cut, and how often it is run."""

from typing import Any

import torch
from torch import Tensor, nn

from components.models.states import States
from components.records.training import Reads
from components.training.flops import Batch, Varying
from components.training.model_inputs import looked_at


def what_is_read(network: Any, batch: Batch, truncated: float) -> Reads:
    """Measured on one batch in evaluation mode, by watching `encode` of the network's model.

    Args:
        truncated: the share of the texts that were cut off at the maximum length.

    Returns:
        `visual_tokens` of a picture, a mean over the pictures without padding (0 where no picture is read);
        `truncated_texts`, or None where no text is read; `forwards`, how often the model is run for one sample of a step, an
        expectation where steps differ. A loss that runs the model itself, such as that of two towers, runs it once.
    """
    was_training = network.training
    network.eval()
    variants = network.variants(batch) if isinstance(network, Varying) else [(1.0, batch)]
    size, forwards = len(batch["rows"]), 0.0
    seen: list[States] = []
    with torch.no_grad():
        for probability, variant in variants:
            ran = _encoded(network.model, lambda variant=variant: network(variant))
            forwards += probability * (sum(len(states.pooled) for states in ran) / size or 1.0)
            seen += ran
        if not seen:
            seen.append(network.model.encode(looked_at(batch, network.scaling, network.front)))
    network.train(was_training)
    return Reads(
        visual_tokens=sum(_visual_tokens(states) for states in seen) / len(seen),
        truncated_texts=None if seen[0].text is None else truncated,
        forwards=forwards,
    )


def _encoded(model: nn.Module, work: Any) -> list[States]:
    """What the model made of everything that it read during some work."""
    found: list[States] = []
    encode: Any = model.encode

    def watched(batch: Batch) -> States:
        states: States = encode(batch)
        found.append(states)
        return states

    # Shadows the method for as long as the work takes.
    model.__dict__["encode"] = watched
    try:
        work()
    finally:
        del model.__dict__["encode"]
    return found


def _visual_tokens(states: States) -> float:
    image: Tensor | None = states.image
    if image is None:
        return 0.0
    return float(image.shape[1]) if states.image_real is None else float(states.image_real.float().sum(dim=1).mean())
