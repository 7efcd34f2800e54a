"""A further replicate, as DVC sees it: new stages, and nothing that the old ones declare has changed."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from dvc.repo import Repo

from components.stages.graph_node import lookup
from tests.flows import toy
from tests.study.complete import complete, write_params

SUMMARIES = {"evaluate", "compare", "package"}
"""What is made of all replicates together."""


def declared(folder: Path, replicates: list[int]) -> dict[str, Any]:
    """What every stage of the study declares: command, inputs, parameters with their values, outs."""
    folder.mkdir()
    shutil.copy(toy.ROOT / "dvc.yaml", folder / "dvc.yaml")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    write_params(folder, complete("smoke") | {"replicates": replicates})
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    with Repo(folder) as repo:
        return {
            stage.name: {
                "cmd": stage.cmd,
                "deps": sorted(dep.def_path for dep in stage.deps if not hasattr(dep, "params")),
                "params": {key: lookup(params, key) for dep in stage.deps for key in getattr(dep, "params", ())},
                "outs": sorted(out.def_path for out in stage.outs),
            }
            for stage in repo.index.stages
        }


def test_a_further_replicate_reruns_nothing_of_the_others(tmp_path: Path) -> None:
    two, three = declared(tmp_path / "two", [0, 1]), declared(tmp_path / "three", [0, 1, 2])
    assert {name for name in two if two[name] != three.get(name)} == SUMMARIES
    new = set(three) - set(two)
    assert "redraw@2" in new
    assert all(name.endswith("2") for name in new)
    trained = [name for name in three if "outputs/drawn/2" in three[name]["deps"]]
    assert {name.partition("@")[0] for name in trained} == {"pretrain_text", "pretrain_image", "pretrain", "finetune"}
    assert set(trained) < new
    drawn = {dep for name in three for dep in three[name]["deps"] if dep.startswith("outputs/drawn")}
    assert drawn == {"outputs/drawn/1", "outputs/drawn/2"}
