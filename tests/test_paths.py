"""Paths of outputs are spelt in one module, as dvc.yaml spells the outs."""

import re
from pathlib import Path

import yaml

from components import paths

ROOT = Path(__file__).parents[1]
HERE = Path()
SPELT = {
    "code": {paths.code_folder(HERE)},
    "materialise": {paths.data_folder(HERE)},
    "validate": {paths.verdict_file(HERE), paths.findings_file(HERE)},
    "tokenize": {paths.tokens_folder(HERE)},
    "redraw": {paths.drawn_folder(HERE, 7)},
    "floors": {paths.floors_file(HERE).parent},
    "pretrain_text": {paths.component_folder(HERE, "text", 7)},
    "pretrain_image": {paths.component_folder(HERE, "FRONT", 7)},
    "starts": {paths.starts_folder(HERE, "ARM", 7).parent},
    "tune": {paths.tuning_folder(HERE, "ARM")},
    "pretrain": {paths.pretrained_folder(HERE, "ARM", 7)},
    "finetune": {paths.finetuned_folder(HERE, "ARM", "TASK", 7)},
    "evaluate": {paths.evaluation_folder(HERE)},
    "compare": {paths.leaderboard_file(HERE).parent},
    "package": {paths.package_folder(HERE, "TASK").parent},
}
FILLED = {"item.arm": "ARM", "item.task": "TASK", "item.front": "FRONT", "item.replicate": "7"}


def test_every_out_of_the_graph_is_where_the_module_says() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in stages.items():
        stage = stage.get("do", stage)
        outs = {Path(re.sub(r"\$\{([a-z.]+)\}", lambda found: FILLED[found[1]], out)) for out in stage["outs"]}
        module = stage["cmd"].split()[2].rpartition(".")[2]
        assert outs == SPELT["starts" if module == "initial_weights" else module], name


def test_no_other_module_spells_a_path_of_outputs() -> None:
    for package in ("components", "flows", "registry"):
        for path in (ROOT / package).rglob("*.py"):
            if path == ROOT / "components/paths.py":
                continue
            spelt = re.findall(r'/ "outputs"|"outputs/', path.read_text(encoding="utf-8"))
            assert not spelt, f"{path.relative_to(ROOT)} spells {spelt}: use components/paths.py"
