"""The transformer layer and the stack of layers for the encoders that are built here.

Shapes: B batch, T tokens, D width, H heads.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Activation = Literal["gelu", "quick_gelu"]
NormPlacement = Literal["pre", "post"]


def quick_gelu(x: Tensor) -> Tensor:
    """CLIP's approximation of GELU: x times sigmoid(1.702 x), any shape."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "quick_gelu": quick_gelu}


class SelfAttention(nn.Module):
    """Multi-head self-attention; one matrix product computes queries, keys and values."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """Apply self-attention.

        Args:
            x: (B, T, D).
            mask: bool, broadcastable to (B, H, T, T), True where a query may attend; not together with `causal`.
            causal: whether a token attends only to itself and to the tokens before it.

        Returns:
            (B, T, D).
        """
        batch, tokens, width = x.shape
        query, key, value = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout, is_causal=causal)
        return self.output(mixed.transpose(1, 2).reshape(batch, tokens, width))


class FeedForward(nn.Module):
    """Two linear layers with an activation between them."""

    def __init__(self, width: int, hidden: int, activation: Activation) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token separately: (B, T, D) to (B, T, D)."""
        return self.contract(self.activation(self.expand(x)))


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward network, each inside a residual connection.

    Pre-norm (ViT, ViLT, CLIP) normalises the input of a sub-layer; post-norm (BERT) the sum of its input and output.

    Args:
        dropout: rate of the output of a sub-layer.
        attention_dropout: rate of attention probabilities; the same one where it is None.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        feed_forward: int,
        *,
        dropout: float = 0.0,
        attention_dropout: float | None = None,
        activation: Activation = "gelu",
        norm: NormPlacement = "pre",
        norm_epsilon: float = 1e-12,
    ) -> None:
        super().__init__()
        self.norm_first = norm == "pre"
        self.attention = SelfAttention(width, heads, dropout if attention_dropout is None else attention_dropout)
        self.attention_norm = nn.LayerNorm(width, eps=norm_epsilon)
        self.feed_forward = FeedForward(width, feed_forward, activation)
        self.feed_forward_norm = nn.LayerNorm(width, eps=norm_epsilon)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """One layer: (B, T, D) to (B, T, D). `mask` and `causal` as in `SelfAttention`."""
        if self.norm_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), mask, causal))
            return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, mask, causal)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class Transformer(nn.Module):
    """A stack of equal layers, without a final normalisation."""

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        feed_forward: int,
        *,
        dropout: float = 0.0,
        attention_dropout: float | None = None,
        activation: Activation = "gelu",
        norm: NormPlacement = "pre",
        norm_epsilon: float = 1e-12,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TransformerLayer(
                width,
                heads,
                feed_forward,
                dropout=dropout,
                attention_dropout=attention_dropout,
                activation=activation,
                norm=norm,
                norm_epsilon=norm_epsilon,
            )
            for _ in range(layers)
        )

    def forward(self, x: Tensor, real: Tensor | None = None, causal: bool = False) -> Tensor:
        """Run all layers.

        Args:
            x: (B, T, D).
            real: (B, T), True (or not zero) at tokens and False at padding, to which nothing attends; None where nothing
                is padded. The caller decides this. Testing the mask here would stall a GPU and make the code path depend
                on the data, and on a CPU a mask costs no measurable time.
            causal: whether a token attends only to itself and to the tokens before it.

        Returns:
            (B, T, D); padded positions hold meaningless numbers.
        """
        mask = None if real is None else real.bool()[:, None, None, :]
        if mask is not None and causal:
            tokens = x.shape[1]
            mask = mask & torch.ones(tokens, tokens, dtype=torch.bool, device=x.device).tril()
            causal = False
        for layer in self.layers:
            x = layer(x, mask, causal)
        return x
