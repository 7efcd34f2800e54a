"""Copy the weights of Hugging Face classes into ours, module by module. Only for tests."""

import torch
from torch import Tensor, nn


def copy(target: nn.Module | Tensor, source: nn.Module | Tensor) -> None:
    """Copy one module of equal names and shapes, or one tensor of equal size."""
    if isinstance(target, nn.Module):
        assert isinstance(source, nn.Module)
        target.load_state_dict(source.state_dict(), strict=True)
    else:
        assert isinstance(source, Tensor)
        assert target.numel() == source.numel()
        with torch.no_grad():
            target.copy_(source.reshape(target.shape))


def copy_layers(ours: nn.Module, parts: list[dict[str, list[nn.Module] | nn.Module]]) -> None:
    """Copy the layers of our `Transformer`: `parts` names, for each layer, the modules that correspond."""
    assert len(ours.layers) == len(parts)
    for layer, part in zip(ours.layers, parts, strict=True):
        query_key_value = part.pop("attention.qkv")
        copy(layer.attention.qkv.weight, torch.cat([one.weight for one in query_key_value]))
        copy(layer.attention.qkv.bias, torch.cat([one.bias for one in query_key_value]))
        for name, source in part.items():
            copy(layer.get_submodule(name), source)


def randomise(module: nn.Module) -> None:
    """Give every parameter a random value, so that no zero bias and no unit weight hides a mistake."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.3 if parameter.ndim else 0.01)
