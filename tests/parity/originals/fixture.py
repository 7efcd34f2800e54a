"""A fixture: what an original code made of small inputs, as arrays in one file.

Weights and gradients lie end to end in one row each, in single precision, which holds the weights exactly (they were drawn
so). Everything was computed in double precision.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parents[1] / "fixtures"


@dataclass(frozen=True)
class Fixture:
    """The arrays of a fixture.

    Attributes:
        inputs: what both codes read.
        weights: the original's parameters by its names.
        outputs: what it made of the inputs.
        gradients: of every loss, for every parameter.
        places: where dropout acted in training mode, for each thing that was computed in it.
    """

    inputs: dict[str, Tensor]
    weights: dict[str, Tensor]
    outputs: dict[str, Tensor]
    gradients: dict[str, dict[str, Tensor]]
    places: dict[str, list[str]]


def load(name: str) -> Fixture:
    """The fixture of that name."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        arrays = {path: file[path] for path in file.files}
    names = arrays["names"].tolist()
    shapes = [tuple(map(int, filter(None, shape.split("x")))) for shape in arrays["shapes"].tolist()]

    def apart(values: np.ndarray) -> dict[str, Tensor]:
        pieces = torch.from_numpy(values).double().split([math.prod(shape) for shape in shapes])
        return {one: piece.view(shape) for one, piece, shape in zip(names, pieces, shapes, strict=True)}

    def under(part: str) -> dict[str, np.ndarray]:
        return {path.removeprefix(part): array for path, array in arrays.items() if path.startswith(part)}

    return Fixture(
        inputs={one: torch.from_numpy(array) for one, array in under("inputs/").items()},
        weights=apart(arrays["weights"]),
        outputs={one: torch.from_numpy(array) for one, array in under("outputs/").items()},
        gradients={loss: apart(array) for loss, array in under("gradients/").items()},
        places={one: array.tolist() for one, array in under("dropout/").items()},
    )


def save(
    name: str,
    *,
    inputs: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    gradients: Mapping[str, Mapping[str, Tensor]],
    places: Mapping[str, list[str]],
) -> None:
    """Write a fixture. A weight without a gradient has the gradient zero."""

    def together(tensors: Mapping[str, Tensor]) -> np.ndarray:
        return (
            torch.cat([tensors.get(one, torch.zeros_like(weights[one])).flatten() for one in weights])
            .detach()
            .float()
            .numpy()
        )

    arrays = {"names": np.array(list(weights)), "weights": together(weights)}
    arrays["shapes"] = np.array(["x".join(map(str, tensor.shape)) for tensor in weights.values()])
    arrays |= {f"inputs/{one}": tensor.numpy() for one, tensor in inputs.items()}
    arrays |= {f"outputs/{one}": tensor.detach().numpy() for one, tensor in outputs.items()}
    arrays |= {f"gradients/{loss}": together(tensors) for loss, tensors in gradients.items()}
    arrays |= {f"dropout/{one}": np.array(places[one]) for one in places}
    np.savez_compressed(FOLDER / f"{name}.npz", allow_pickle=False, **arrays)


def draw_weights(module: nn.Module, seed: int) -> None:
    """Give every parameter a value that single precision holds, and make the module double precision.

    No bias is zero and no norm is one, so none of them hides a mistake. Rows of padding stay zero, which is what a lookup
    of them gives.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            drawn = 0.4 * torch.randn(parameter.shape, generator=generator)
            norm = name.endswith("weight") and parameter.ndim == 1
            parameter.copy_(1 + drawn if norm else drawn)
        for part in module.modules():
            if isinstance(part, nn.Embedding) and part.padding_idx is not None:
                part.weight[part.padding_idx] = 0.0
    module.double()


def gradients_of(loss: Tensor, module: nn.Module) -> dict[str, Tensor]:
    """The gradient of a loss for every parameter that it has one for, by the parameter's name."""
    named = dict(module.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True, retain_graph=True)
    return {name: gradient for name, gradient in zip(named, found, strict=True) if gradient is not None}
