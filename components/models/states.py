"""What an architecture makes of a batch."""

from typing import NamedTuple

from torch import Tensor


class States(NamedTuple):
    """The outputs of one forward pass. Shapes: B batch, T text tokens, V visual tokens, D width, P readout width.

    Attributes:
        text: (B, T, D), aligned with the `input_ids` that went in, or None where the architecture reads no text.
            States of padded positions are meaningless.
        image: (B, V, D), or None where it reads no image. What a visual token is, the architecture says.
        pooled: (B, P), the paper's readout: what a task head reads.
    """

    text: Tensor | None
    image: Tensor | None
    pooled: Tensor
