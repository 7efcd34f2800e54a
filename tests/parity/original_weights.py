"""Fill our modules with the arrays of an original code: its weights, or the gradients of a loss for them.

The same function fills in both, so that a gradient is looked for where the weight went. Only for tests.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from components.models.bimodal import AttentionSide, FeedForwardSide
from tests.parity.weight_copying import copy


class Arrays:
    """Arrays by name, which notes those that were taken."""

    def __init__(self, arrays: Mapping[str, Tensor]) -> None:
        self.arrays = arrays
        self.taken: set[str] = set()

    def __getitem__(self, name: str) -> Tensor:
        self.taken.add(name)
        return self.arrays[name]

    def left(self) -> set[str]:
        """Names of the arrays that nothing was filled with."""
        return set(self.arrays) - self.taken

    def fill(self, module: nn.Module, name: str) -> None:
        """A module whose parameters have the original's names: linear layers, norms, tables."""
        for kind, parameter in module.named_parameters():
            copy(parameter, self[f"{name}.{kind}"])

    def fill_attention(self, side: AttentionSide, parts: Iterable[str], output: str, norm: str) -> None:
        """A side of an attention sub-layer from the projections named, in the order query, key, value."""
        parts = list(parts)
        for kind in ("weight", "bias"):
            copy(side.projection.get_parameter(kind), torch.cat([self[f"{part}.{kind}"] for part in parts]))
        self.fill(side.output, output)
        self.fill(side.residual.norm, norm)

    def fill_feed_forward(self, side: FeedForwardSide, expand: str, contract: str, norm: str) -> None:
        """A side of a feed-forward sub-layer."""
        self.fill(side.network.expand, expand)
        self.fill(side.network.contract, contract)
        self.fill(side.residual.norm, norm)

    def fill_bert_layer(self, attention: AttentionSide, feed_forward: FeedForwardSide, layer: str) -> None:
        """Our two sub-layers from a layer with BERT's names."""
        parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        self.fill_attention(attention, parts, f"{layer}.attention.output.dense", f"{layer}.attention.output.LayerNorm")
        self.fill_feed_forward(
            feed_forward, f"{layer}.intermediate.dense", f"{layer}.output.dense", f"{layer}.output.LayerNorm"
        )

    def fill_word_head(self, head: nn.Module, name: str) -> None:
        """The head of masked words from `cls.predictions` or the like. The originals do not scale its logits."""
        self.fill(head.transform, f"{name}.transform.dense")
        self.fill(head.norm, f"{name}.transform.LayerNorm")
        copy(head.bias, self[f"{name}.bias"])
        head.logit_scale = 1.0


Filling = Callable[[nn.ModuleDict, Arrays], None]


def filled(network: nn.ModuleDict, arrays: Mapping[str, Tensor], fill: Filling, *, rest: float = torch.nan) -> set[str]:
    """Fill a network in double precision, switch training mode off, and return the names of the arrays not used.

    Args:
        rest: what parameters become that the original has not. Of weights there should be none.
    """
    network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(rest)
    given = Arrays(arrays)
    fill(network, given)
    assert all(parameter.isfinite().all() for parameter in network.parameters()), "a weight was not filled"
    return given.left()


def assert_gradients(loss: Tensor, network: nn.ModuleDict, expected: nn.ModuleDict) -> None:
    """The gradients of a loss for all parameters are those that `expected` has as parameters."""
    parameters = dict(network.named_parameters())
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True, retain_graph=True)
    expectations = dict(expected.named_parameters())
    assert any(gradient is not None for gradient in found)
    for name, gradient in zip(parameters, found, strict=True):
        ours = torch.zeros_like(parameters[name]) if gradient is None else gradient
        # They are stored in single precision.
        torch.testing.assert_close(
            ours, expectations[name].detach(), atol=1e-6, rtol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )
