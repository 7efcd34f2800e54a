"""Stage: image classification on pictures alone; a visual front end that a replicate's architectures share.

All front ends of a study see the same pictures with the same labels in the same order.
"""

import argparse

from components.data.batches import BatchStream, Ingredients
from components.data.store import Store
from components.models.encoders import grid_encoder, patch_encoder
from components.objectives.image_labels import ImageLabels
from components.stages.stage import Stage, main
from components.study import Study
from components.training.building import configuration, pixel_scaling
from components.training.pretraining import PretrainingNetwork
from components.training.run import Surroundings, train
from components.training.saving import save_run
from components.training.seeds import derive, seed_torch


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Pretrain one front end of one replicate."""
    replicate, front = int(arguments.replicate), arguments.front
    store = Store(stage.root / "outputs/tokens")
    seed_torch(study.seed, replicate, "initialisation", front)
    size = configuration(study, store)
    encoder = grid_encoder(size) if front == "grid" else patch_encoder(size)
    objective = ImageLabels(front, size, len(store.index["image_labels"]))
    network = PretrainingNetwork(encoder, pixel_scaling(store), [("labels", 1.0, objective)])
    budget = study.pretrain_image
    seed = derive(study.seed, replicate, "image")
    stream = BatchStream(
        store, "images", seed, budget.batch_size, budget.steps, Ingredients(pictures=True, image_labels=True)
    )
    surroundings = Surroundings(study.runtime, stage.spool, stage.progress, lambda: stage.stop_requested)
    with stage.loop():
        record = train(network, stream, budget, [], seed, stage.scratch / "last.ckpt", front, surroundings)
    save_run(stage.out(), encoder.state_dict(), record, vars(arguments))


if __name__ == "__main__":
    main("pretrain_image", run, ["front", "replicate"])
