"""From a study to a model: its configuration, its initial weights, its starts."""

from pathlib import Path
from typing import Any

from torch import nn

from components.data.store import Store
from components.errors import CeterisError
from components.models import architectures
from components.models.architecture import Architecture, load_component
from components.models.configuration import ModelConfiguration
from components.models.pixels import PixelScaling
from components.study import Start, Study
from components.training.seeds import seed_torch
from components.training.weights import load_weights


def configuration(study: Study, store: Store) -> ModelConfiguration:
    """The size at which everything is built."""
    return ModelConfiguration(
        **study.model.model_dump(),
        vocabulary_size=store.index["vocabulary_size"],
        max_length=study.text.max_length,
        image_size=study.data.image_size,
        pad_token_id=store.index["special_tokens"]["pad"],
    )


def pixel_scaling(store: Store) -> PixelScaling:
    """How pictures of this study are standardised, for every architecture alike."""
    return PixelScaling(store.index["pixel_mean"], store.index["pixel_deviation"])


def build(name: str, study: Study, store: Store, replicate: int) -> Architecture:
    """An architecture with the replicate's initial weights.

    Raises:
        CeterisError: there is no architecture of that name.
    """
    try:
        kind = architectures.load(name)
    except ValueError as error:
        raise CeterisError(f"architectures: {error}") from None
    seed_torch(study.seed, replicate, "initialisation", name)
    return kind(configuration(study, store))


def load_start(model: Architecture, start: Start, starts: Path, pretrained: Path) -> None:
    """Put the weights of a start into a freshly built model.

    Args:
        starts: folder with one safetensors file per unimodal component.
        pretrained: folder of the multimodal intermediate step.
    """
    if start == "unimodal":
        for file in sorted(starts.glob("*.safetensors")):
            load_component(model, file.stem, load_weights(file))
    elif start == "multimodal":
        as_module(model).load_state_dict(load_weights(pretrained / "weights.safetensors"), strict=True)


def as_module(model: Any) -> nn.Module:
    """An architecture as the torch module that it is."""
    assert isinstance(model, nn.Module)
    return model
