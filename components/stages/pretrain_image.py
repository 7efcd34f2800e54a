"""Stage: pretraining on pictures alone; a visual front end that a replicate's arms share.

All front ends of a study see the same pictures with the same labels in the same order: the labels of whole pictures, or
boxes of objects with their classes and attributes. A detector learns from boxes whatever the others do.
"""

import argparse
from typing import Any

import numpy as np
import torch
from torch import nn

from components.data.batches import Batch, BatchStream, Ingredients
from components.data.store import Store
from components.data.training_store import training_store
from components.errors import CeterisError
from components.evaluation.scoring.detection import mean_average_precision
from components.models.configuration import ModelConfiguration
from components.models.front_ends import ENCODERS, dense_heads, region_detector
from components.models.pixels import PixelScaling
from components.objectives.image_labels import ImageLabels
from components.objectives.object_boxes import ObjectBoxes
from components.paths import tokens_folder
from components.stages.stage import Stage, main
from components.study.front_ends import Front
from components.study.study import Study
from components.training.building import configuration, pixel_scaling
from components.training.length import decide
from components.training.pretraining import ImagePretrainingNetwork
from components.training.region_cache import look
from components.training.run import Surroundings, hardware, train
from components.training.saving import save_run
from components.training.seeds import derive, seed_torch

DETECTOR: Front = "detector"
HELD_OUT = "validation"


class BoxStream(BatchStream):
    """Batches of pictures with boxes (B, M, 4), box_classes and box_attributes (B, M) int64, padded with -1."""

    def at(self, step: int) -> Batch:
        """The batch of one step."""
        batch = super().at(step)
        pictures = self.part.image_rows[batch["rows"].numpy()]
        return batch | {
            "boxes": torch.from_numpy(self.store.boxes[pictures]),
            "box_classes": torch.from_numpy(self.store.box_classes[pictures].astype(np.int64)),
            "box_attributes": torch.from_numpy(self.store.box_attributes[pictures].astype(np.int64)),
        }


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Pretrain one front end of one replicate."""
    replicate, front = int(arguments.replicate), arguments.front
    store = training_store(stage.root, study, replicate)
    boxed = front == DETECTOR or study.image_pretraining.labels == "boxes"
    if boxed and not store.boxes.shape[1]:
        asks = "front detector" if front == DETECTOR else "image_pretraining.labels: boxes"
        raise CeterisError(
            f"{asks} needs boxes of objects, and the data has none: give the source boxes, or use "
            "image_pretraining.labels: image with the fronts grid and patches."
        )
    seed_torch(study.seed, replicate, "initialisation", front)
    size = configuration(study, store)
    encoder = region_detector(size) if front == DETECTOR else ENCODERS[front][1](size)
    scaling = pixel_scaling(store)
    network = ImagePretrainingNetwork(
        encoder, scaling, "boxes" if boxed else "labels", objective_for(front, size, store, boxed)
    )
    allowance = study.pretrain_image
    seed = derive(study.seed, replicate, "image")
    ingredients = Ingredients(pictures=True, image_labels=not boxed)
    kind = BoxStream if boxed else BatchStream
    stream = kind(store, "images", seed, allowance.batch_size, 0, ingredients)
    surroundings = Surroundings(study.runtime, stage.spool, stage.progress, lambda: stage.stop_requested)
    with stage.loop():
        length = decide(allowance, network, stream, [], seed, stage.scratch / "seconds.json", study.runtime)
        trained = train(network, stream, length.budget, [], seed, stage.scratch / "last.ckpt", front, surroundings)
    tests = Store(tokens_folder(stage.root))
    if front == DETECTOR and tests.object_classes and HELD_OUT in tests.splits("images"):
        device = torch.device("cuda" if hardware(study.runtime)["accelerator"] == "gpu" else "cpu")
        with stage.loop():
            precision = held_out_precision(encoder, scaling, tests, device)
        trained.metrics["boxes/mean_average_precision"] = precision
        stage.spool.metrics(front, trained.samples, {"boxes/mean_average_precision": precision})
    heads = getattr(network.objective, "heads", None)
    state = None if heads is None else heads.state_dict()
    save_run(stage.out(), encoder.state_dict(), trained, state, run=vars(arguments), budget=length.described())


def objective_for(front: Any, size: ModelConfiguration, store: Store, boxed: bool) -> nn.Module:
    """What the front end learns."""
    if not boxed:
        return ImageLabels(front, size, len(store.index["image_labels"]))
    return ObjectBoxes(front, None if front == DETECTOR else dense_heads(front, size))


def held_out_precision(detector: nn.Module, scaling: PixelScaling, store: Store, device: torch.device) -> float:
    """Mean average precision at an overlap of 0.5 on pictures that were not trained on."""
    pictures = store.part("images", HELD_OUT).image_rows
    boxes, classes, scores = [], [], []
    for seen in look(DETECTOR, detector, scaling, store, pictures, device):
        objects = seen["classes"][..., :-1]  # without background
        boxes.append(seen["boxes"])
        classes.append(objects.argmax(axis=-1))
        scores.append(objects.max(axis=-1))
    return mean_average_precision(
        np.concatenate(boxes),
        np.concatenate(classes),
        np.concatenate(scores),
        store.boxes[pictures],
        store.box_classes[pictures],
    )


if __name__ == "__main__":
    main("pretrain_image", run, ["front", "replicate"])
