"""Layouts of equal size: feed-forward networks so wide that one stack has as many parameters as another of the same depth."""

from dataclasses import replace

import torch

from components.models.bimodal import BimodalStack, Sizes
from components.models.layouts import Layout


def parameters(layout: Layout, sizes: Sizes) -> int:
    """How many parameters the stack of a layout has. Nothing is allocated or drawn."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in BimodalStack(layout, sizes).parameters())


def as_large_as(other: Layout, layout: Layout, sizes: Sizes) -> Sizes:
    """Sizes at which a layout has as many parameters as another has at the sizes given.

    Every feed-forward network of the layout gets equally many further hidden units, so the two agree to within half a unit of
    each network. A layout that is as large already gets none.
    """
    small = parameters(layout, sizes)
    unit = parameters(layout, replace(sizes, further_units=1)) - small
    return replace(sizes, further_units=max(0, round((parameters(other, sizes) - small) / unit)))
