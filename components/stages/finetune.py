"""Stage: fine-tune one arm on one task from each of its starts, and predict.

A *cell* is a start with an amount of labels; what an arm cannot do has no cells. Finished cells are kept in the
scratch folder, so that a killed stage continues in the cell, and at the step, where it was.
"""

import argparse
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from components.data.predicted import predicted_pictures, predicted_splits
from components.data.regions import RegionArrays
from components.data.store import Store
from components.data.task_batches import TaskStream
from components.data.training_store import training_store
from components.files.atomic import atomic_folder
from components.files.json_files import write_json
from components.paths import PREDICTIONS, RECORD, pretrained_folder, tokens_folder
from components.records.training import TrainingRecord, read_record
from components.stages.stage import Stage, main
from components.study.arms import FreezingRule
from components.study.budget import Budget
from components.study.plan import FineTuning, cannot, fine_tunings
from components.study.study import Study
from components.training import prediction
from components.training.building import configuration, region_arrays
from components.training.finetuning import FinetuningNetwork
from components.training.flops import count_flops
from components.training.freezing import FreezingSchedule
from components.training.learning_rate import at_found_rate
from components.training.length import decide
from components.training.measure_reads import what_is_read
from components.training.run import Surroundings, hardware, train
from components.training.task_run import put_together
from components.training.weights import save_weights


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Fine-tune every cell, then write all outs at once."""
    cells = fine_tunings(study, arguments.arm, arguments.task)
    for index, cell in enumerate(cells):
        if not (stage.scratch / f"{cell.name}.json").is_file():
            finetune(study, arguments, stage, cell, (index, len(cells)))
    with atomic_folder(stage.out()) as folder:
        for cell in cells:
            shutil.copyfile(stage.scratch / f"{cell.name}.safetensors", folder / f"{cell.name}.safetensors")
        records = {
            cell.name: json.loads((stage.scratch / f"{cell.name}.json").read_text(encoding="utf-8")) for cell in cells
        }
        write_json(folder / RECORD, {"cells": records})
        prediction.write(
            [pq.read_table(stage.scratch / f"{cell.name}.parquet") for cell in cells], folder / PREDICTIONS
        )
    reason = cannot(study, arguments.arm, arguments.task)
    stage.progress(100, f"{arguments.arm} cannot do {arguments.task}: {reason}" if reason else "fine-tuned")


def finetune(
    study: Study, arguments: argparse.Namespace, stage: Stage, cell: FineTuning, place: tuple[int, int]
) -> None:
    """One cell, to three files in the scratch folder; the record comes last and says that the cell is whole."""
    replicate, arm, task = int(arguments.replicate), arguments.arm, arguments.task
    store, tests = training_store(stage.root, study, replicate), Store(tokens_folder(stage.root))
    allowance = at_found_rate(cell.budget, stage.root, arm)
    prepared = put_together(study, stage.root, store, arm, task, replicate, cell, allowance.batch_size)
    network, stream, freezing = prepared.network, prepared.stream, prepared.freezing
    reads = what_is_read(network, stream.at(0), tests.index["truncated"][task])

    def progress(percent: float, message: str) -> None:
        stage.progress((place[0] * 100 + percent * 0.9) / place[1], message)

    surroundings = Surroundings(study.runtime, stage.spool, progress, lambda: stage.stop_requested)
    checkpoint = stage.scratch / f"{cell.name}.ckpt"
    # Cells whose steps cost the same are measured once, so that starts which take as long also train for as long.
    kept = stage.scratch / f"seconds{'' if cell.labels is None else '_few'}{'_freezing' if freezing else ''}.json"
    with stage.loop():
        length = decide(allowance, network, stream, freezing, prepared.seed, kept, study.runtime)
        budget = length.budget
        if cell.stretched:
            pretrained = pretrained_folder(stage.root, arm, replicate)
            budget = matched_budget(network, stream, budget, freezing, pretrained)
        trained = train(network, stream, budget, freezing, prepared.seed, checkpoint, cell.name, surroundings)
    digest = save_weights(network.state_dict(), stage.scratch / f"{cell.name}.safetensors")
    regions = prepared.regions
    if tests.folder != store.folder:
        pictures = predicted_pictures(tests, study.tasks)
        regions = region_arrays(arm, study, tests, network.front, replicate, stage.root, pictures)
    with stage.loop():
        write_predictions(study, stage, tests, regions, network, task, cell)
    run_of: dict[str, Any] = {**vars(arguments), "start": cell.start, "labels": cell.labels}
    size = dataclasses.asdict(configuration(study, store, arm))
    more: dict[str, Any] = {"run": run_of, "budget": length.described(), "reads": reads, "configuration": size}
    more["begins"] = prepared.begins
    if cell.taught is not None:
        more["taught"] = {"task": study.tasks[task].after, "cell": cell.taught, "weights": prepared.taught}
    write_json(stage.scratch / f"{cell.name}.json", TrainingRecord.of(trained, weights=digest, **more).as_json())
    checkpoint.unlink(missing_ok=True)


def matched_budget(
    network: FinetuningNetwork, stream: TaskStream, budget: Budget, freezing: list[FreezingRule], pretrained: Path
) -> Budget:
    """The budget of a start's twin: as many more samples as the intermediate step costs in FLOPs.

    What the multimodal start is ahead of it by is then not that it was trained for longer. The schedule of learning
    rates stretches with the budget; the samples are those of the twin, in the same order, and go on where they ended.

    Args:
        pretrained: the folder of the intermediate step, whose record has its FLOPs.
    """
    step = read_record(pretrained, "the intermediate step").flops.total
    schedule = FreezingSchedule(network.get_submodule("model"), freezing)
    # Without its front end's look at the pictures, which is not repeated.
    own = count_flops(network, stream.at(0), schedule, budget).total
    batches = round(budget.steps * (1 + step / own))
    return budget.model_copy(update={"samples": batches * budget.batch_size})


def write_predictions(
    study: Study,
    stage: Stage,
    store: Store,
    regions: RegionArrays | None,
    network: FinetuningNetwork,
    task: str,
    cell: FineTuning,
) -> None:
    """Predict every split that is scored here."""
    device = torch.device("cuda" if hardware(study.runtime)["accelerator"] == "gpu" else "cpu")
    network.to(device)
    tables = [
        prediction.table(network, store, regions, task, split, cell.name, study.runtime.prediction_batch_size, device)
        for split in predicted_splits(store, task)
    ]
    path: Path = stage.scratch / f"{cell.name}.parquet"
    prediction.write(tables, path)


if __name__ == "__main__":
    main("finetune", run, ["arm", "task", "replicate"])
