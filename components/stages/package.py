"""Stage: the chosen model of each task as a folder from which it can be rebuilt and asked.

`compare` has chosen arm and cell on the selection split, over replicates. Which replicate's file is packaged is
decided on validation, so that neither the selection nor the gate split is looked at twice.

What `package.json` says is in `components/records/package.py`.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.errors import CeterisError
from components.evaluation.leaderboard.entries import read_leaderboard
from components.files.atomic import atomic_folder
from components.files.digests import digest_of_file
from components.files.json_files import write_json
from components.paths import evaluation_folder, finetuned_folder, leaderboard_file, tokens_folder
from components.records.model import read
from components.records.package import FORMAT, PACKAGE_FILE, Package, SplitScore
from components.records.scores import ChosenCell, Floors
from components.records.training import Arms
from components.stages.stage import Stage, main
from components.study.plan import served_tasks
from components.study.study import Study

WEIGHTS = "model.safetensors"
_ADVICE = "run the stages before package first"


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Package the chosen model of every task that is served."""
    board = read_leaderboard(stage.root)
    out = stage.out()
    out.mkdir(parents=True, exist_ok=True)
    for number, task in enumerate(served_tasks(study)):
        entry = board.tasks.get(task)
        if entry is None or entry.chosen is None:
            raise CeterisError(
                f"{leaderboard_file(Path())} chooses no arm for {task}: see there which certificates "
                "failed, or run the compare stage again if it has no such task."
            )
        package = describe(study, task, entry.chosen, entry.floors, stage.root)
        write(package, stage.root, out / task)
        stage.log(f"{task}: {package.arm} from {package.cell}, replicate {package.replicate}")
        stage.progress(100 * (number + 1) / len(served_tasks(study)), f"{task} packaged")


def describe(study: Study, task: str, chosen: ChosenCell, floors: Floors, root: Path) -> Package:
    """What one task's `package.json` says, as the leaderboard chose.

    Raises:
        CeterisError: something that it rests on is missing.
    """
    arm, cell = chosen.arm, chosen.cell
    scores = scores_of(evaluation_folder(root) / "scores.parquet", arm, task, cell)
    replicate = best_replicate(scores, f"{arm}/{task}/{cell}")
    index = read(tokens_folder(root) / "index.json", dict[str, Any], _ADVICE)
    records = read(evaluation_folder(root) / "arms.json", Arms, _ADVICE)[arm][task][cell]
    training = records[study.replicates.index(replicate)]
    if training.configuration is None:
        raise CeterisError(f"{evaluation_folder(root)} does not say how {arm}/{task}/{cell} was built: {_ADVICE}.")
    return Package(
        format=FORMAT,
        study=study.name,
        task=task,
        kind=study.tasks[task].kind,
        arm=arm,
        architecture=study.arms[arm].architecture,
        front=study.arms[arm].front,
        cell=cell,
        replicate=replicate,
        answers=index["answers"][task],
        configuration=training.configuration,
        image_size=study.data.image_size,
        background=study.data.background,
        value_range=study.data.value_range,
        scores={
            row["split"]: SplitScore(score=row["score"], items=row["items"])
            for row in scores
            if row["replicate"] == replicate
        },
        chosen=chosen,
        floors=floors,
        training=training.without("configuration"),
        data_digest=index["data_digest"],
        weights=digest_of_file(weights_file(root, arm, task, cell, replicate)),
    )


def weights_file(root: Path, arm: str, task: str, cell: str, replicate: int) -> Path:
    """The weights of one fine-tuning.

    Raises:
        CeterisError: they are missing.
    """
    weights = finetuned_folder(root, arm, task, replicate) / f"{cell}.safetensors"
    if not weights.is_file():
        raise CeterisError(f"{weights} is missing: run its fine-tuning stage again.")
    return weights


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
            f"{evaluation_folder(Path()) / 'scores.parquet'} has no validation scores of {where}: run the evaluate stage again."
        )
    return min(validation, key=lambda replicate: (-validation[replicate], replicate))


def write(package: Package, root: Path, folder: Path) -> None:
    """Write one package, complete or not at all."""
    weights = weights_file(root, package.arm, package.task, package.cell, package.replicate)
    with atomic_folder(folder) as beside:
        shutil.copyfile(weights, beside / WEIGHTS)
        shutil.copytree(tokens_folder(root) / "tokenizer", beside / "tokenizer")
        write_json(beside / PACKAGE_FILE, package.as_json(), indent=2)


if __name__ == "__main__":
    main("package", run)
