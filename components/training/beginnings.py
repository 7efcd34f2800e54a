"""What a run begins with: which parameters came from pretraining, and the scale at which fresh ones were drawn.

Both are read off the tensors: what differs from its fresh value was loaded, and the scale is a standard deviation.
"""

import hashlib
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from components.models.configuration import InitialScale
from components.records.training import Beginnings

EMBEDDINGS: dict[InitialScale, float] = {"common": 0.5, "bert": 0.02}
"""Standard deviation of embeddings by each rule; that of linear layers is 1/sqrt(fan-in) by the common one, else the same. Spelt
here anew, for what is measured must not follow what drew it."""
TOLERANCE = 6.0
"""How many standard errors a measured deviation may be away from its rule. That of n numbers has an error of 1/sqrt(2n)."""


class FreshWeights:
    """Remembers fresh parameters, so that what is loaded over them can be told.

    Args:
        scale: the rule by which they should have been drawn; None where some of them came with a checkpoint of a hub.
        zero: names of parameters that begin at zero by their paper.
    """

    def __init__(self, scale: InitialScale | None, zero: tuple[str, ...] = ()) -> None:
        self._scale = scale
        self._zero = zero
        self._fresh: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._strays: list[str] = []
        self._measured = 0

    def note(self, part: str, module: nn.Module) -> None:
        """Remember one part of a network, just after it was built."""
        for name, parameter in module.named_parameters():
            self._fresh[f"{part}.{name}"] = _digest(parameter)
            self._sizes[f"{part}.{name}"] = parameter.numel()
        if self._scale is not None:
            for name, (tensor, rule) in measured(module).items():
                self._measured += 1
                wanted = 0.0 if name in self._zero else _wanted(rule, tensor, self._scale)
                if strays(tensor, wanted):
                    self._strays.append(f"{part}.{name}: {deviation(tensor):.3g} instead of {wanted:.3g}")

    def beginnings(self, parts: Mapping[str, nn.Module]) -> Beginnings:
        """What was loaded since, by part."""
        shares = {}
        for part, module in parts.items():
            names = {f"{part}.{name}": parameter for name, parameter in module.named_parameters()}
            loaded = sum(self._sizes[name] for name, value in names.items() if _digest(value) != self._fresh[name])
            shares[part] = loaded / max(1, sum(self._sizes[name] for name in names))
        return Beginnings(loaded=shares, scale=self._scale, measured=self._measured, strays=self._strays)


def measured(module: nn.Module) -> dict[str, tuple[Tensor, str]]:
    """The tensors of a module that a rule of initial scale is about, by name, with their kind: 'layer' or 'embedding'."""
    found: dict[str, tuple[Tensor, str]] = {}
    for path, part in module.named_modules():
        prefix = f"{path}." if path else ""
        if isinstance(part, nn.Linear | nn.Conv2d):
            found[f"{prefix}weight"] = (part.weight.detach(), "layer")
        elif isinstance(part, nn.Embedding):
            found[f"{prefix}weight"] = (part.weight.detach(), "embedding")
        elif not isinstance(part, nn.LayerNorm | _BatchNorm | ParametrizationList) and not _inside(path):
            for name, parameter in part.named_parameters(recurse=False):
                if parameter.ndim >= 2 and not is_parametrized(part, name):
                    found[f"{prefix}{name}"] = (parameter.detach(), "embedding")
    return found


def strays(tensor: Tensor, wanted: float) -> bool:
    """Whether the entries of a fresh tensor are of another size than they should be."""
    if wanted == 0.0:
        return deviation(tensor) != 0.0
    return abs(deviation(tensor) / wanted - 1) * math.sqrt(2 * tensor.numel()) > TOLERANCE


def deviation(tensor: Tensor) -> float:
    """Root mean square: the standard deviation of what has a mean of zero."""
    return float(tensor.float().pow(2).mean().sqrt())


def _inside(path: str) -> bool:
    return "parametrizations" in path.split(".")


def _wanted(rule: str, tensor: Tensor, scale: InitialScale) -> float:
    if rule == "layer" and scale == "common":
        return tensor[0].numel() ** -0.5
    return EMBEDDINGS[scale]


def _digest(parameter: Tensor) -> str:
    plain = parameter.detach().cpu().contiguous()
    return hashlib.sha256(plain.reshape(-1).view(torch.uint8).numpy().data).hexdigest()
