"""Watch where dropout acts in training mode, and let it drop the same numbers in two codes.

A place is told by what is dropped there and how often: `attention BxHxQxK p` for probabilities of attention, `states NxD p`
for N vectors of D numbers. What is dropped depends on the place alone, of vectors only on D and p: two codes that drop in the
same places give the same outputs in training mode, even where one drops words and regions together and the other apart.
"""

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
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
    """The input with some numbers set to zero: of vectors the same columns in all of them, at least one."""
    width = x.shape[-1]
    if x.ndim == 4:
        numbers = torch.arange(x.numel()) * 2654435761 + zlib.crc32(place.encode())
        kept = ((numbers % 1009) >= rate * 1009).view(x.shape)
    else:
        first = zlib.crc32(f"{width} {rate}".encode()) % width
        kept = (torch.arange(width) - first) % width >= max(1, round(rate * width))
    return x * kept / (1 - rate)


def totals(places: Iterable[str]) -> Counter[str]:
    """How often each attention is dropped, and of how many vectors of each size the numbers are, however they are grouped."""
    counted: Counter[str] = Counter()
    for place in places:
        kind, shape, rate = place.split()
        if kind == "states":
            rows, width = shape.split("x")
            counted[f"states of {width} {rate}"] += int(rows)
        else:
            counted[place] += 1
    return counted


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
