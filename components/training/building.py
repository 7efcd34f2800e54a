"""From a study to a model: its configuration, its initial weights, its starts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from components.data.regions import RegionArrays
from components.data.store import Store
from components.errors import CeterisError
from components.models import architectures
from components.models.architecture import Architecture, load_component
from components.models.configuration import Axes, InitialScale, ModelConfiguration
from components.models.encoders import TINY
from components.models.pixels import PixelScaling
from components.paths import HEADS
from components.study.study import Study
from components.training.seeds import seed_torch
from components.training.weights import digest_of, load_weights


def configuration(study: Study, store: Store, arm: str | None = None) -> ModelConfiguration:
    """The size at which everything is built; for an arm, also what it is on its axes and what its regions are."""
    settings = None if arm is None else study.arms[arm]
    axes = settings.axes if settings else None
    # Cells know of objects only if their encoder was trained on boxes.
    named = settings is None or settings.front in ("detector", "boxes") or study.image_pretraining.labels == "boxes"
    size = ModelConfiguration(
        **study.model.model_dump(),
        vocabulary_size=store.index["vocabulary_size"],
        max_length=study.text.max_length,
        image_size=study.data.image_size,
        pad_token_id=store.index["special_tokens"]["pad"],
        regions=study.image_pretraining.regions,
        # Background and "none" are classes too.
        object_classes=1 + named * len(store.index["object_classes"]),
        object_attributes=1 + named * len(store.index["object_attributes"]),
        axes=Axes(**axes.model_dump()) if axes else None,
    )
    if settings is None or settings.front == "pixels":
        return size
    if settings.front == "precomputed":
        told = store.index["regions"]
        known = {"object_classes": told["classes"], "object_attributes": told["attributes"]}
        return replace(size, regions=told["most"], region_features=told["features"], **known)
    # Imported where it is used: an architecture that looks itself does not depend on the front ends' code.
    from components.models.front_ends import region_features

    return replace(size, region_features=region_features(settings.front, size))


def pixel_scaling(store: Store) -> PixelScaling:
    """How pictures of this study are standardised, for every architecture alike."""
    return PixelScaling(store.index["pixel_mean"], store.index["pixel_deviation"])


def build(name: str, study: Study, store: Store, replicate: int) -> Architecture:
    """The architecture of an arm with the replicate's initial weights.

    Raises:
        CeterisError: there is no architecture of that name, or it cannot be built as the study asks.
    """
    try:
        kind = architectures.load(study.arms[name].architecture)
    except ValueError as error:
        raise CeterisError(f"architectures: {error}") from None
    # Keyed by the architecture: arms that differ in their front end alone begin with the same weights.
    seed_torch(study.seed, replicate, "initialisation", study.arms[name].architecture)
    try:
        return kind(configuration(study, store, name))
    except (OSError, ValueError) as error:  # of a checkpoint that is not there, transformers says so in many lines
        raise CeterisError(f"arms.{name}: {' '.join(str(error).split())}; mend it in the study.") from None


def build_front(name: str, study: Study, store: Store, starts: Path) -> nn.Module | None:
    """The frozen front end of an arm with its pretrained weights; None where nothing of ours looks at the pictures for it.

    Args:
        starts: the folder of the arm that the stage `starts` wrote.
    """
    kind = study.arms[name].front
    if kind in ("pixels", "precomputed"):
        return None
    from components.models.front_ends import load_region_front, region_front

    front = region_front(kind, configuration(study, store, name))
    weights = {file.stem: load_weights(file) for file in sorted((starts / "front").glob("*.safetensors"))}
    load_region_front(front, weights)
    return front.requires_grad_(False).eval()


def region_arrays(
    name: str,
    study: Study,
    store: Store,
    front: nn.Module | None,
    replicate: int,
    root: Path,
    pictures: np.ndarray | None = None,
) -> RegionArrays | None:
    """What the front end of an arm saw in every picture; None where the architecture reads pixels itself.

    Computed by the first process that asks, for all arms of a replicate that share the front end.

    Args:
        pictures: rows of the store's pictures that are asked for, where it is not the one that is trained on: the rest of the
            arrays is empty. None for all of them.
    """
    kind = study.arms[name].front
    if kind == "precomputed":
        return RegionArrays.open(store.folder / "regions")
    if front is None:
        return None
    from components.training import region_cache

    folder = root / ".ceteris/regions" / kind / f"{replicate}{'' if pictures is None else '-tests'}"
    return region_cache.region_arrays(
        kind, front, pixel_scaling(store), store, folder, study.runtime, pictures=pictures
    )


def load_start(model: Architecture, start: str, starts: Path, pretrained: Path) -> None:
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


def pretrained_heads(start: str, starts: Path, pretrained: Path) -> dict[str, Tensor]:
    """The heads of losses that a start comes with, each parameter behind its objective's name; none from scratch.

    Args:
        starts: folder of the arm's unimodal components.
        pretrained: folder of the multimodal intermediate step.
    """
    files = {"unimodal": sorted(starts.glob("heads/*.safetensors")), "multimodal": [pretrained / HEADS]}
    return {name: tensor for file in files.get(start, []) for name, tensor in load_weights(file).items()}


def initial_scale(study: Study, arm: str) -> InitialScale | None:
    """The rule by which an arm's fresh weights are drawn; None where some of them come with a checkpoint of a hub."""
    model, axes = study.model, study.arms[arm].axes
    if {model.text_encoder, model.grid_encoder, model.patch_encoder} != {TINY}:
        return None
    return axes.initial_scale if axes else "common"


def load_taught(model: Architecture, file: Path) -> str:
    """Put into a freshly built model what it learned on another task, without that task's head.

    Args:
        file: the weights that the fine-tuning on the other task left.

    Returns:
        the digest of the whole file's weights, as the record beside it has it.
    """
    weights = load_weights(file)
    own = {name.removeprefix("model."): tensor for name, tensor in weights.items() if name.startswith("model.")}
    as_module(model).load_state_dict(own, strict=True)
    return digest_of(weights)


def as_module(model: Any) -> nn.Module:
    """An architecture as the torch module that it is."""
    assert isinstance(model, nn.Module)
    return model
