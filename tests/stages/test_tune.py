"""The stage of the search: nothing to do without one, and the same rate afterwards for every run of the arm."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.stages import tune
from components.study.study import Study
from components.training.learning_rate import at_found_rate
from tests.study.complete import complete

ROOT = Path(__file__).parents[2]


def study_of(trials: int, kind: str = "vqa") -> Study:
    values = complete()
    values["tasks"] = {"asked": {"kind": kind, "few_labels": None}}
    values["evaluation"]["contrasts"] = []
    values["tuning"]["trials"] = trials
    return Study.model_validate(values)


def run(study: Study, folder: Path, arm: str) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    out = folder / "outputs/tuning" / arm
    out.parent.mkdir(parents=True)
    stage: Any = SimpleNamespace(root=folder, out=lambda: out, progress=lambda _, message: said.append(message))
    tune.run(study, argparse.Namespace(arm=arm), stage)
    return json.loads((out / "record.json").read_text(encoding="utf-8")), said


@pytest.mark.parametrize(("trials", "kind"), [(0, "vqa"), (8, "grounding")])
def test_without_a_search_or_a_task_the_rates_are_the_studys_own(trials: int, kind: str, tmp_path: Path) -> None:
    study = study_of(trials, kind)
    record, said = run(study, tmp_path, "text_only")
    assert record == {"run": {"arm": "text_only"}, "task": None, "factor": 1.0, "trials": []}
    assert said == ["nothing to search: the study's own rates"]
    assert at_found_rate(study.finetune, tmp_path, "text_only") == study.finetune


def test_the_rate_of_every_budget_is_multiplied(tmp_path: Path) -> None:
    study = study_of(0)
    run(study, tmp_path, "clip")
    path = tmp_path / "outputs/tuning/clip/record.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"factor": 1.0', '"factor": 2.0'), encoding="utf-8")
    for budget in (study.pretrain, study.finetune, study.finetune_few, study.finetune_further):
        found = at_found_rate(budget, tmp_path, "clip")
        assert found.learning_rate == 2 * budget.learning_rate
        assert found.model_copy(update={"learning_rate": budget.learning_rate}) == budget


def test_a_stage_that_searches_nothing_does_not_load_torch() -> None:
    program = "import sys, components.stages.tune; print('torch' in sys.modules, 'optuna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
