"""Stage: hand each architecture of a replicate the unimodal components that it begins from.

A folder per architecture, so that a change in a component re-runs only the architectures that use it.
"""

import argparse
import json
import os
import shutil

from components.stages.stage import Stage, main
from components.study import Study


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Copy components and write down their digests."""
    source = stage.root / "outputs/unimodal" / arguments.replicate
    out = stage.out()
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    for architecture in study.architectures.all:
        folder = beside / architecture
        folder.mkdir(parents=True)
        digests = {}
        for component in study.arms[architecture].unimodal:
            shutil.copyfile(source / component / "weights.safetensors", folder / f"{component}.safetensors")
            record = json.loads((source / component / "record.json").read_text(encoding="utf-8"))
            digests[component] = {
                "weights": record["weights"],
                "samples": record["samples"],
                "flops": record["flops"]["total"],
            }
        (folder / "record.json").write_text(json.dumps(digests, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, out)


if __name__ == "__main__":
    main("starts", run, ["replicate"])
