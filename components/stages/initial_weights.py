"""Stage: hand each arm of a replicate what it is made of and what it begins from.

A folder per arm, so that a change in a component, or in the code of one architecture, re-runs only the arms that use it:

    NAME.safetensors     unimodally pretrained components that the arm takes
    front/               the frozen visual front end, for arms that read regions
    record.json          digests and costs of the components
    code.json            its architecture's source files (and all they import) with their sha256
"""

import argparse
import json
import os
import shutil
from pathlib import Path

from components.errors import CeterisError
from components.models.architectures import ARCHITECTURES
from components.stages.source_closure import source_digests
from components.stages.stage import Stage, main
from components.study.arms import ArmSettings
from components.study.front_ends import FRONT_COMPONENTS
from components.study.study import Study

FRONTS = "components/models/front_ends.py"


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Copy components and write down their digests."""
    source = stage.root / "outputs/unimodal" / arguments.replicate
    out = stage.out()
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    for name in study.architectures.all:
        hand_over(stage.root, source, study.arms[name], beside / name)
    os.replace(beside, out)


def hand_over(root: Path, source: Path, arm: ArmSettings, folder: Path) -> None:
    """Fill the folder of one arm.

    Raises:
        CeterisError: there is no such architecture.
    """
    if arm.architecture not in ARCHITECTURES:
        raise CeterisError(
            f"arms: there is no architecture {arm.architecture!r}; known are {', '.join(sorted(ARCHITECTURES))}."
        )
    folder.mkdir(parents=True)
    for component in arm.unimodal:
        shutil.copyfile(source / component / "weights.safetensors", folder / f"{component}.safetensors")
    if front := FRONT_COMPONENTS[arm.front]:
        (folder / "front").mkdir()
        for file in sorted((source / front).glob("*.safetensors")):
            shutil.copyfile(file, folder / "front" / file.name)
    records = {}
    for name in arm.components:
        record = json.loads((source / name / "record.json").read_text(encoding="utf-8"))
        records[name] = {
            "weights": record["weights"],
            "samples": record["samples"],
            "flops": record["flops"]["total"],
        }
    module = ARCHITECTURES[arm.architecture].place.split(":")[0]
    code = source_digests(root, module.replace(".", "/") + ".py")
    if arm.front != "pixels":
        code |= source_digests(root, FRONTS)
    for file_name, content in (("record.json", records), ("code.json", code)):
        (folder / file_name).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main("starts", run, ["replicate"])
