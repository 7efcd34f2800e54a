"""Stage: hand each arm of a replicate the pretrained components that it begins from.

A folder per arm, so that a change in a component re-runs only the arms that use it:

    NAME.safetensors     unimodally pretrained components that the arm takes
    heads/text.safetensors     the word head that the text encoder was pretrained with, for arms that take it
    front/               the frozen visual front end, for arms that read regions
    record.json          digests and costs of the components
"""

import argparse
import shutil
from pathlib import Path

from components.files.atomic import atomic_folder
from components.files.json_files import write_json
from components.paths import HEADS, RECORD, WEIGHTS, components_folder
from components.records.training import Component, read_record
from components.stages.stage import Stage, main
from components.study.arms import ArmSettings
from components.study.front_ends import FRONT_COMPONENTS
from components.study.study import Study


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Copy components and write down their digests."""
    source = components_folder(stage.root, int(arguments.replicate))
    with atomic_folder(stage.out()) as folder:
        for name in study.arms:
            hand_over(source, study.arms[name], folder / name)


def hand_over(source: Path, arm: ArmSettings, folder: Path) -> None:
    """Fill the folder of one arm."""
    folder.mkdir(parents=True)
    for component in arm.unimodal:
        shutil.copyfile(source / component / WEIGHTS, folder / f"{component}.safetensors")
        if component == "text":
            (folder / "heads").mkdir()
            shutil.copyfile(source / component / HEADS, folder / "heads/text.safetensors")
    if front := FRONT_COMPONENTS[arm.front]:
        (folder / "front").mkdir()
        for file in sorted((source / front).glob("*.safetensors")):
            shutil.copyfile(file, folder / "front" / file.name)
    records = {}
    for name in arm.components:
        record = read_record(source / name, f"the stage that pretrains {name}")
        taken = Component(weights=record.weights, samples=record.samples, flops=record.flops.total, heads=record.heads)
        records[name] = taken.as_json()
    write_json(folder / RECORD, records)


if __name__ == "__main__":
    main("initial_weights", run, ["replicate"])
