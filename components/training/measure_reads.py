"""What a model reads of every sample: visual tokens, texts that were cut, and how often it is run."""

from typing import Any

import torch

from components.records.training import Reads
from components.training.as_trained import Batch, Reading, mean_visual_tokens, training_mode, variants, watched
from components.training.model_inputs import looked_at


def what_is_read(network: Any, batch: Batch, truncated: float) -> Reads:
    """Measured on one batch in training mode, by watching `encode` of the network's model.

    Args:
        truncated: the share of the texts that were cut off at the maximum length.

    Returns:
        `visual_tokens` of a picture, a mean over the pictures without padding (0 where no picture is read);
        `truncated_texts`, or None where no text is read; `forwards`, how often the model is run for one sample of a step, an
        expectation where steps differ. A loss that runs the model itself, such as that of two towers, runs it once.
    """
    size, forwards = len(batch["rows"]), 0.0
    seen: list[Reading] = []
    with torch.no_grad(), training_mode(network):
        for probability, variant in variants(network, batch):
            with watched(network.model) as ran:
                network(variant)
            forwards += probability * (sum(one.rows for one in ran) / size or 1.0)
            seen += ran
        if not seen:
            with watched(network.model) as seen:
                network.model.encode(looked_at(batch, network.scaling, network.front))
    return Reads(
        visual_tokens=mean_visual_tokens(seen) or 0.0,
        truncated_texts=truncated if seen[0].text else None,
        forwards=forwards,
    )
