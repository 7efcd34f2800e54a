"""Stage: the multimodal intermediate step of one architecture, from its unimodal components."""

import argparse

from components import objectives
from components.data.batches import BatchStream, Ingredients
from components.data.store import Store
from components.stages.stage import Stage, main
from components.study import Study
from components.training.building import as_module, build, configuration, load_start, pixel_scaling
from components.training.pretraining import PretrainingNetwork
from components.training.run import Surroundings, train
from components.training.saving import save_run
from components.training.seeds import derive, seed_torch


def ingredients_for(names: set[str], masked_share: float) -> Ingredients:
    """What a batch must carry for these objectives."""
    return Ingredients(
        pictures=True,
        texts=True,
        masked_share=masked_share if "mlm" in names else 0.0,
        mismatches="itm" in names,
        truth="contrastive" in names,
    )


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Pretrain one architecture of one replicate."""
    replicate, architecture = int(arguments.replicate), arguments.architecture
    store = Store(stage.root / "outputs/tokens")
    model = build(architecture, study, store, replicate)
    load_start(model, "unimodal", stage.root / "outputs/starts" / arguments.replicate / architecture, stage.root)
    seed_torch(study.seed, replicate, "objectives", architecture)
    size = configuration(study, store)
    losses = [(name, weight, objectives.load(name)(model, size)) for name, weight in model.OBJECTIVES]
    network = PretrainingNetwork(as_module(model), pixel_scaling(store), losses)
    budget = study.pretrain
    seed = derive(study.seed, replicate, "pairs")
    stream = BatchStream(
        store,
        "pairs",
        seed,
        budget.batch_size,
        budget.steps,
        ingredients_for({name for name, _ in model.OBJECTIVES}, study.text.masked_share),
    )
    surroundings = Surroundings(study.runtime, stage.spool, stage.progress, lambda: stage.stop_requested)
    with stage.loop():
        record = train(network, stream, budget, [], seed, stage.scratch / "last.ckpt", "pretrain", surroundings)
    save_run(stage.out(), as_module(model).state_dict(), record, vars(arguments))


if __name__ == "__main__":
    main("pretrain", run, ["architecture", "replicate"])
