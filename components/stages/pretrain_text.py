"""Stage: masked language modelling on text alone; the text encoder that a replicate's arms share."""

import argparse

from components.data.batches import BatchStream, Ingredients
from components.data.training_store import training_store
from components.errors import CeterisError
from components.models.encoders import text_encoder
from components.models.passes import MASKED_WORDS
from components.models.word_head import word_head
from components.objectives.mlm import MaskedLanguageModelling
from components.stages.stage import Stage, main
from components.study.study import Study
from components.training.building import configuration, pixel_scaling
from components.training.length import decide
from components.training.pretraining import PretrainingNetwork
from components.training.run import Surroundings, train
from components.training.saving import save_run
from components.training.seeds import derive, seed_torch


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Pretrain the text encoder of one replicate.

    Raises:
        CeterisError: the text encoder that the study names cannot be had.
    """
    replicate = int(arguments.replicate)
    store = training_store(stage.root, study, replicate)
    seed_torch(study.seed, replicate, "initialisation", "text")
    size = configuration(study, store)
    try:
        encoder = text_encoder(size)
    except (OSError, ValueError) as error:  # of a checkpoint that is not there, transformers says so in many lines
        raise CeterisError(f"model: {' '.join(str(error).split())}; mend it in the study.") from None
    objective = MaskedLanguageModelling(encoder, size)
    if theirs := word_head(size):
        objective.begin(theirs)
    network = PretrainingNetwork(encoder, pixel_scaling(store), MASKED_WORDS, {"mlm": objective})
    allowance = study.pretrain_text
    seed = derive(study.seed, replicate, "text")
    stream = BatchStream(
        store,
        "text",
        seed,
        allowance.batch_size,
        0,
        Ingredients(texts=True, masked_share=study.text.masked_share),
    )
    surroundings = Surroundings(study.runtime, stage.spool, stage.progress, lambda: stage.stop_requested)
    with stage.loop():
        length = decide(allowance, network, stream, [], seed, stage.scratch / "seconds.json", study.runtime)
        trained = train(network, stream, length.budget, [], seed, stage.scratch / "last.ckpt", "text", surroundings)
    heads, run_of = network.objectives.state_dict(), vars(arguments)
    save_run(stage.out(), encoder.state_dict(), trained, heads, run=run_of, budget=length.described())


if __name__ == "__main__":
    main("pretrain_text", run, ["replicate"])
