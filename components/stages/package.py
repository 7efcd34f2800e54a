"""Stage: the chosen model of each task as a folder from which it can be rebuilt and asked.

`compare` has chosen arm and cell on the selection split, over replicates. Which replicate's file is packaged is
decided on validation, so that neither the selection nor the gate split is looked at twice.

`package.json`: `format` (3), `study`, `task`, `kind`; `arm`, `architecture`, `cell`, `replicate`; `answers` in the order of the
head's outputs; `arm`, the study's name of what was trained, and its `front`; `configuration`, at which the model was built;
`image_size`, and `background` and `value_range`, with which its pictures were drawn; for the model card `scores`
({split: {score, items}} of the packaged file), `chosen` and `floors` (what the leaderboard says of the choice),
`training` (the run's record without its curves); `weights` (sha256 of `model.safetensors`), `data_digest`.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.errors import CeterisError
from components.files.atomic import atomic_folder
from components.files.digests import digest_of_file
from components.files.json_files import read_json, write_json
from components.stages.stage import Stage, main
from components.study.plan import served_tasks
from components.study.study import Study

FORMAT = 3
WEIGHTS = "model.safetensors"
_ADVICE = "run the stages before package first"


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Package the chosen model of every task that is served."""
    outputs = stage.root / "outputs"
    tasks = read_json(outputs / "compare/leaderboard.json", _ADVICE)["tasks"]
    out = stage.out()
    out.mkdir(parents=True, exist_ok=True)
    for number, task in enumerate(served_tasks(study)):
        if not tasks.get(task, {}).get("chosen"):
            raise CeterisError(
                f"outputs/compare/leaderboard.json chooses no arm for {task}: see there which certificates "
                "failed, or run the compare stage again if it has no such task."
            )
        package = describe(study, task, tasks[task], outputs)
        write(package, outputs, out / task)
        stage.log(f"{task}: {package['arm']} from {package['cell']}, replicate {package['replicate']}")
        stage.progress(100 * (number + 1) / len(served_tasks(study)), f"{task} packaged")


def describe(study: Study, task: str, entry: dict[str, Any], outputs: Path) -> dict[str, Any]:
    """The content of one task's `package.json`, all but the weights' digest; `entry` is the leaderboard's of the task."""
    arm, cell = entry["chosen"]["arm"], entry["chosen"]["cell"]
    scores = scores_of(outputs / "evaluation/scores.parquet", arm, task, cell)
    replicate = best_replicate(scores, f"{arm}/{task}/{cell}")
    index = read_json(outputs / "tokens/index.json", _ADVICE)
    records = read_json(outputs / "evaluation/arms.json", _ADVICE)[arm][task][cell]
    training = records[study.replicates.index(replicate)]
    return {
        "format": FORMAT,
        "study": study.name,
        "task": task,
        "kind": study.tasks[task].kind,
        "arm": arm,
        "architecture": study.arms[arm].architecture,
        "front": study.arms[arm].front,
        "cell": cell,
        "replicate": replicate,
        "answers": index["answers"][task],
        "configuration": training["configuration"],
        "image_size": study.data.image_size,
        "background": study.data.background,
        "value_range": study.data.value_range,
        "scores": {
            row["split"]: {"score": row["score"], "items": row["items"]}
            for row in scores
            if row["replicate"] == replicate
        },
        "chosen": entry["chosen"],
        "floors": entry.get("floors", {}),
        "training": {key: value for key, value in training.items() if key != "configuration"},
        "data_digest": index["data_digest"],
    }


def scores_of(path: Path, arm: str, task: str, cell: str) -> list[dict[str, Any]]:
    """The rows of `scores.parquet` for one cell, replicates as whole numbers."""
    table = pq.read_table(path)
    for name, value in (("arm", arm), ("task", task), ("cell", cell)):
        table = table.filter(pc.equal(table[name], value))
    return sorted(
        ({**row, "replicate": int(row["replicate"])} for row in table.to_pylist()),
        key=lambda row: (row["split"], row["replicate"]),
    )


def best_replicate(scores: list[dict[str, Any]], where: str) -> int:
    """The replicate with the best validation score; the first among equals."""
    validation = {row["replicate"]: row["score"] for row in scores if row["split"] == "validation"}
    if not validation:
        raise CeterisError(
            f"outputs/evaluation/scores.parquet has no validation scores of {where}: run the evaluate stage again."
        )
    return min(validation, key=lambda replicate: (-validation[replicate], replicate))


def write(package: dict[str, Any], outputs: Path, folder: Path) -> None:
    """Write one package, complete or not at all."""
    source = outputs / "finetune" / package["arm"] / package["task"] / str(package["replicate"])
    weights = source / f"{package['cell']}.safetensors"
    if not weights.is_file():
        raise CeterisError(f"{weights} is missing: run its fine-tuning stage again.")
    with atomic_folder(folder) as beside:
        shutil.copyfile(weights, beside / WEIGHTS)
        shutil.copytree(outputs / "tokens/tokenizer", beside / "tokenizer")
        write_json(beside / "package.json", {**package, "weights": digest_of_file(weights)}, indent=2)


if __name__ == "__main__":
    main("package", run)
