"""Stage: fine-tune one architecture on one task from each of its starts, and predict.

A *cell* is a start with an amount of labels; what an architecture cannot do has no cells. Finished cells are kept in the
scratch folder, so that a killed stage continues in the cell, and at the step, where it was.
"""

import argparse
import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from components import tasks
from components.data.regions import RegionArrays
from components.data.samples import GENERALISATION_PREFIX
from components.data.store import Store
from components.data.task_batches import TaskStream, few
from components.stages.stage import Stage, main
from components.study import Cell, Study
from components.training import prediction
from components.training.building import (
    as_module,
    build,
    build_front,
    configuration,
    load_start,
    pixel_scaling,
    region_arrays,
)
from components.training.finetuning import FinetuningNetwork, needs_of
from components.training.run import Surroundings, hardware, train
from components.training.saving import write_json
from components.training.seeds import derive, seed_torch
from components.training.weights import save_weights


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Fine-tune every cell, then write all outs at once."""
    cells = study.cells(arguments.architecture, arguments.task)
    for index, cell in enumerate(cells):
        if not (stage.scratch / f"{cell.name}.json").is_file():
            finetune(study, arguments, stage, cell, (index, len(cells)))
    out = stage.out()
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for cell in cells:
        shutil.copyfile(stage.scratch / f"{cell.name}.safetensors", beside / f"{cell.name}.safetensors")
    records = {
        cell.name: json.loads((stage.scratch / f"{cell.name}.json").read_text(encoding="utf-8")) for cell in cells
    }
    write_json(beside / "record.json", {"cells": records})
    prediction.write(
        [pq.read_table(stage.scratch / f"{cell.name}.parquet") for cell in cells], beside / "predictions.parquet"
    )
    os.replace(beside, out)
    reason = study.cannot(arguments.architecture, arguments.task)
    stage.progress(100, f"{arguments.architecture} cannot do {arguments.task}: {reason}" if reason else "fine-tuned")


def finetune(study: Study, arguments: argparse.Namespace, stage: Stage, cell: Cell, place: tuple[int, int]) -> None:
    """One cell, to three files in the scratch folder; the record comes last and says that the cell is whole."""
    store = Store(stage.root / "outputs/tokens")
    replicate, architecture, task = int(arguments.replicate), arguments.architecture, arguments.task
    model = build(architecture, study, store, replicate)
    starts = stage.root / "outputs/starts" / arguments.replicate / architecture
    load_start(model, cell.start, starts, stage.root / "outputs/pretrain" / architecture / arguments.replicate)
    seed_torch(study.seed, replicate, "head", architecture, task)
    kind = tasks.load(study.tasks[task].kind)
    head = kind.head(model, len(store.index["answers"][task]))
    front = build_front(architecture, study, store, starts)
    network = FinetuningNetwork(as_module(model), pixel_scaling(store), head, kind, front)
    regions = region_arrays(architecture, study, store, front, replicate, stage.root)
    seed = derive(study.seed, replicate, "task", task, cell.labels)
    needs, subset = needs_of(kind), None
    if cell.labels is not None:
        subset = few(cell.labels, task, derive(study.seed, replicate, "few"), store, needs.pool)
    batch_size, steps = cell.budget.batch_size, cell.budget.steps
    stream = TaskStream(store, task, seed, batch_size, steps, needs, subset, regions)

    def progress(percent: float, message: str) -> None:
        stage.progress((place[0] * 100 + percent * 0.9) / place[1], message)

    surroundings = Surroundings(study.runtime, stage.spool, progress, lambda: stage.stop_requested)
    freezing = [] if cell.start == "scratch" else study.arms[architecture].freezing
    checkpoint = stage.scratch / f"{cell.name}.ckpt"
    with stage.loop():
        record = train(network, stream, cell.budget, freezing, seed, checkpoint, cell.name, surroundings)
    digest = save_weights(network.state_dict(), stage.scratch / f"{cell.name}.safetensors")
    with stage.loop():
        write_predictions(study, stage, store, regions, network, task, cell)
    run_of: dict[str, Any] = {**vars(arguments), "start": cell.start, "labels": cell.labels}
    size = dataclasses.asdict(configuration(study, store, architecture))
    finished = stage.scratch / f"{cell.name}.json.part"
    write_json(finished, {"run": run_of, **record, "configuration": size, "weights": digest})
    os.replace(finished, stage.scratch / f"{cell.name}.json")
    checkpoint.unlink(missing_ok=True)


def write_predictions(
    study: Study,
    stage: Stage,
    store: Store,
    regions: RegionArrays | None,
    network: FinetuningNetwork,
    task: str,
    cell: Cell,
) -> None:
    """Predict every split but `train` and `gate`, which only promotion may look at."""
    device = torch.device("cuda" if hardware(study.runtime)["accelerator"] == "gpu" else "cpu")
    network.to(device)
    splits = [
        split
        for split in store.splits(task)
        if split in ("validation", "selection") or split.startswith(GENERALISATION_PREFIX)
    ]
    tables = [
        prediction.table(network, store, regions, task, split, cell.name, study.runtime.prediction_batch_size, device)
        for split in splits
    ]
    path: Path = stage.scratch / f"{cell.name}.parquet"
    prediction.write(tables, path)


if __name__ == "__main__":
    main("finetune", run, ["architecture", "task", "replicate"])
