"""Watch where dropout acts in training mode, and let it drop the same numbers in two codes.

A place is told by what is dropped there and how often: `attention BxHxQxK p` for probabilities of attention, `states NxD p`
for N vectors of D numbers. In all places of equal description the same numbers are dropped, whichever code runs, so two codes
that drop in the same places give the same outputs in training mode.
"""

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor


def described(x: Tensor, rate: float) -> str:
    """What is dropped, and its rate."""
    if x.ndim == 4:
        return f"attention {'x'.join(map(str, x.shape))} {rate}"
    return f"states {x.numel() // x.shape[-1]}x{x.shape[-1]} {rate}"


def dropped(x: Tensor, rate: float, place: str) -> Tensor:
    """The input with its share of numbers set to zero; which ones, the place says alone."""
    numbers = torch.arange(x.numel()) * 2654435761 + zlib.crc32(place.encode())
    kept = (numbers % 1009) >= rate * 1009
    return x * kept.view(x.shape) / (1 - rate)


@contextmanager
def watched_dropout() -> Iterator[list[str]]:
    """While open, dropout drops as this module says, and adds its places to the list that is handed out."""
    places: list[str] = []

    def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or p == 0:
            return x
        place = described(x, p)
        places.append(place)
        return dropped(x, p, place)

    def attention(
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        **_: Any,
    ) -> Tensor:
        assert not is_causal
        scores = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, -math.inf)
        elif attn_mask is not None:
            scores = scores + attn_mask
        return dropout(scores.softmax(dim=-1), dropout_p) @ value

    with mock.patch.object(F, "dropout", dropout), mock.patch.object(F, "scaled_dot_product_attention", attention):
        yield places
