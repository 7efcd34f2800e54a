"""Stage: the multimodal intermediate step of one arm, from its unimodal components."""

import argparse
from typing import Any

from components import objectives
from components.data.batches import BatchStream, Ingredients
from components.data.pairs import select_pairs
from components.data.store import Store
from components.data.training_store import training_store
from components.errors import CeterisError
from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.passes import Pretraining
from components.objectives.mlm import MaskedLanguageModelling
from components.objectives.objective import Objective
from components.objectives.regions import share_transform
from components.paths import starts_folder
from components.stages.stage import Stage, main
from components.study.study import Study
from components.training.beginnings import FreshWeights
from components.training.building import (
    as_module,
    build,
    build_front,
    configuration,
    initial_scale,
    load_start,
    pixel_scaling,
    pretrained_heads,
    region_arrays,
)
from components.training.learning_rate import at_found_rate
from components.training.length import decide
from components.training.measure_reads import what_is_read
from components.training.pretraining import PretrainingNetwork
from components.training.run import Surroundings, train
from components.training.saving import save_run
from components.training.seeds import derive, seed_torch


def ingredients_for(pretraining: Pretraining, masked_words: float, regions: bool) -> Ingredients:
    """What a batch must carry for these passes.

    Args:
        masked_words: share of words that are masked.
        regions: the arm reads what a frozen front end saw.
    """
    passes = pretraining.passes
    rows = [objectives.OBJECTIVES[loss] for loss in pretraining.losses]
    return Ingredients(
        pictures=True,
        texts=True,
        regions=regions,
        masked_share=masked_words if any(one_pass.words for one_pass in passes) else 0.0,
        whole_words=any(one_pass.whole_words for one_pass in passes),
        masked_region_share=next((one_pass.regions.share for one_pass in passes if one_pass.regions), 0.0),
        mismatches=any(one_pass.mismatched for one_pass in passes),
        pass_draw=pretraining.drawn,
        further=tuple(dict.fromkeys(name for row in rows for name in (*row.content, *row.corruption))),
    )


def objectives_for(model: Architecture, size: ModelConfiguration, store: Store) -> dict[str, Objective]:
    """The model's objectives by name, freshly initialised."""
    built: dict[str, Objective] = {}
    for name in model.PRETRAINING.losses:
        kind: Any = objectives.load(name)
        built[name] = kind.for_answers(model, size, len(store.index["answers"].get("pairs", [])))
    share_transform([built[name] for name in model.PRETRAINING.shared_transform])
    return built


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Pretrain one arm of one replicate.

    Raises:
        CeterisError: its objectives ask for what its front end does not know.
    """
    replicate, arm = int(arguments.replicate), arguments.arm
    store = training_store(stage.root, study, replicate)
    model = build(arm, study, store, replicate)
    fresh = FreshWeights(initial_scale(study, arm), model.ZEROS)
    fresh.note("model", model)
    starts = starts_folder(stage.root, arm, replicate)
    load_start(model, "unimodal", starts, stage.root)
    model.begin_pretraining()
    seed_torch(study.seed, replicate, "objectives", arm)
    try:
        losses = objectives_for(model, configuration(study, store, arm), store)
    except ValueError as error:
        raise CeterisError(f"arms.{arm}: {error}; give the arm another front.") from None
    for name, loss in losses.items():
        fresh.note(name, loss)
    heads = pretrained_heads("unimodal", starts, stage.root)
    word_head = losses.get("mlm")
    if heads and isinstance(word_head, MaskedLanguageModelling):
        word_head.begin(heads)
    begins = fresh.beginnings({"model": as_module(model), **losses})
    front = build_front(arm, study, store, starts)
    network = PretrainingNetwork(as_module(model), pixel_scaling(store), model.PRETRAINING, losses, front)
    regions = region_arrays(arm, study, store, front, replicate, stage.root)
    allowance = at_found_rate(study.pretrain, stage.root, arm)
    seed = derive(study.seed, replicate, "pairs")
    rows, captions = select_pairs(store, study.arms[arm].pairs, seed, allowance.batch_size, arm)
    stream = BatchStream(
        store,
        "pairs",
        seed,
        allowance.batch_size,
        0,
        ingredients_for(model.PRETRAINING, study.arms[arm].masked_words, regions is not None),
        subset=rows,
        regions=regions,
        captions=captions,
    )
    surroundings = Surroundings(study.runtime, stage.spool, stage.progress, lambda: stage.stop_requested)
    reads = what_is_read(network, stream.at(0), store.index["truncated"]["pairs"])
    with stage.loop():
        length = decide(allowance, network, stream, [], seed, stage.scratch / "seconds.json", study.runtime)
        trained = train(network, stream, length.budget, [], seed, stage.scratch / "last.ckpt", "pretrain", surroundings)
    state, run_of = as_module(model).state_dict(), vars(arguments)
    more = {"run": run_of, "budget": length.described(), "reads": reads, "begins": begins}
    save_run(stage.out(), state, trained, network.objectives.state_dict(), **more)


if __name__ == "__main__":
    main("pretrain", run, ["arm", "replicate"])
