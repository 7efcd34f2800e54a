"""Stage: the multimodal intermediate step of one arm, from its unimodal components, and what it has taught the arm."""

import argparse

from components.data.predicted import predicted_pictures
from components.data.store import Store
from components.data.training_store import training_store
from components.paths import tokens_folder
from components.stages.stage import Stage, main
from components.study.study import Study
from components.training.building import as_module, region_arrays
from components.training.learning_rate import at_found_step_rate
from components.training.length import decide
from components.training.measure_reads import what_is_read
from components.training.run import Surroundings, train
from components.training.saving import save_run
from components.training.step_run import put_together


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Pretrain one arm of one replicate, and measure it.

    Raises:
        CeterisError: its objectives ask for what its front end does not know.
    """
    replicate, arm = int(arguments.replicate), arguments.arm
    store, tests = training_store(stage.root, study, replicate), Store(tokens_folder(stage.root))
    allowance = at_found_step_rate(study.pretrain, stage.root, arm)
    step = put_together(study, stage.root, store, arm, replicate, allowance.batch_size)
    network, stream, seed = step.network, step.stream, step.seed
    surroundings = Surroundings(study.runtime, stage.spool, stage.progress, lambda: stage.stop_requested)
    reads = what_is_read(network, stream.at(0), store.index["truncated"]["pairs"])
    with stage.loop():
        length = decide(allowance, network, stream, [], seed, stage.scratch / "seconds.json", study.runtime)
        trained = train(network, stream, length.budget, [], seed, stage.scratch / "last.ckpt", "pretrain", surroundings)
    pictures = None if tests.folder == store.folder else predicted_pictures(tests, study.tasks)
    with stage.loop():
        regions = region_arrays(arm, study, tests, network.front, replicate, stage.root, pictures)
        gates = step.measured(tests, regions, study.runtime)
    for gate in gates:
        stage.log(f"{gate.name}: {gate.score:.4f} against {gate.reference:.4f}, {gate.items} items")
    state, run_of = as_module(network.model).state_dict(), vars(arguments)
    more = {"run": run_of, "budget": length.described(), "begins": step.begins, "reads": reads, "gates": gates}
    save_run(stage.out(), state, trained, network.objectives.state_dict(), **more)


if __name__ == "__main__":
    main("pretrain", run, ["arm", "replicate"])
