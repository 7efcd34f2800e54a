"""Stage: what can be scored without understanding."""

import argparse

import pyarrow.parquet as pq

from components.data.store import Store
from components.evaluation.scoring.floors import compute_floors
from components.files.atomic import atomic_folder
from components.files.json_files import write_json
from components.paths import floors_file, hard_samples_file, tokens_folder
from components.stages.stage import Stage, main
from components.study.study import Study


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Write outputs/floors."""
    store = Store(tokens_folder(stage.root))
    kinds = {task: settings.kind for task, settings in study.tasks.items()}
    scores, hard = compute_floors(store, kinds, study.seed, stage.progress)
    with atomic_folder(stage.out()) as folder:
        write_json(folder / floors_file(stage.root).name, scores, indent=2)
        pq.write_table(hard, folder / hard_samples_file(stage.root).name, compression="zstd")
    for task, splits in scores.items():
        for split, floors in splits.items():
            stage.log(f"{task}, {split}: " + ", ".join(f"{name} {value:.3f}" for name, value in floors.items()))
    stage.progress(100, "floors computed")


if __name__ == "__main__":
    main("floors", run)
