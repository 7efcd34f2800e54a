"""The stage of the search: nothing to do without one, and the same rate afterwards for every run of the arm."""

import argparse
import json
import math
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.records.training import Trial
from components.stages import tune
from components.study.study import Study
from components.tracking.spool import Spool
from components.training import step_trials, trials
from components.training.halving import candidates
from components.training.learning_rate import at_found_rate, at_found_step_rate
from tests.study.complete import complete

ROOT = Path(__file__).parents[2]


def study_of(count: int, kind: str = "vqa") -> Study:
    values = complete()
    values["tasks"] = {"asked": {"kind": kind, "few_labels": None}}
    values["evaluation"]["contrasts"] = []
    values["tuning"]["trials"] = count
    return Study.model_validate(values)


def run(study: Study, folder: Path, arm: str) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    out = folder / "outputs/tuning" / arm
    out.parent.mkdir(parents=True)
    stage: Any = SimpleNamespace(
        root=folder,
        scratch=folder / "scratch",
        out=lambda: out,
        progress=lambda _, message: said.append(message),
        log=lambda _: None,
        loop=nullcontext,
        spool=Spool(None, "test"),
        stop_requested=False,
    )
    tune.run(study, argparse.Namespace(arm=arm), stage)
    return json.loads((out / "record.json").read_text(encoding="utf-8")), said


@pytest.mark.parametrize(("count", "kind"), [(0, "vqa"), (8, "grounding")])
def test_without_a_search_or_a_task_the_rates_are_the_studys_own(count: int, kind: str, tmp_path: Path) -> None:
    study = study_of(count, kind)
    record, said = run(study, tmp_path, "text_only")
    assert record == {"run": {"arm": "text_only"}, "task": None, "factor": 1.0, "trials": [], "step": None}
    assert said == ["nothing to search: the study's own rates"]
    assert at_found_rate(study.finetune, tmp_path, "text_only") == study.finetune


def test_each_search_has_a_factor_of_its_own(tmp_path: Path) -> None:
    study = study_of(0)
    run(study, tmp_path, "clip")
    path = tmp_path / "outputs/tuning/clip/record.json"
    record = json.loads(path.read_text(encoding="utf-8")) | {"factor": 2.0, "step": {"factor": 0.5, "trials": []}}
    path.write_text(json.dumps(record), encoding="utf-8")
    for budget in (study.finetune, study.finetune_few, study.finetune_further):
        found = at_found_rate(budget, tmp_path, "clip")
        assert found.learning_rate == 2 * budget.learning_rate
        assert found.model_copy(update={"learning_rate": budget.learning_rate}) == budget
    found = at_found_step_rate(study.pretrain, tmp_path, "clip")
    assert found.learning_rate == study.pretrain.learning_rate / 2
    assert found.model_copy(update={"learning_rate": study.pretrain.learning_rate}) == study.pretrain


class Planted:
    """Stands where trials stand: nothing is trained, and one factor is the best.

    Attributes:
        tried: factor and rung, in the order in which they were asked for.
    """

    of = "something"

    def __init__(self, best: float) -> None:
        self.best = best
        self.tried: list[tuple[float, int]] = []

    def score(self, factor: float, rung: int) -> float:
        self.tried.append((factor, rung))
        return 0.9 - 0.1 * abs(math.log2(factor / self.best))

    def finished(self) -> list[Trial]:
        return []


@pytest.mark.parametrize(("arm", "steps"), [("vilt", True), ("mmbt", False)])
def test_the_best_rates_of_both_searches_are_found_and_written(
    arm: str, steps: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(7)
    planted = {"finetune": Planted(4.0), "pretrain": Planted(0.25)}
    monkeypatch.setattr(trials, "fine_tunings", lambda _study, _root, _arm, _task, folder, _: planted[folder.name])
    monkeypatch.setattr(step_trials, "steps", lambda _study, _root, _arm, folder, _: planted[folder.name])
    record, said = run(study, tmp_path, arm)
    assert (record["task"], record["factor"]) == ("asked", 4.0)
    assert record["step"] == ({"factor": 0.25, "trials": []} if steps else None)
    assert said[-1] == "factor 4" + (", of the intermediate step 0.25" if steps else "")
    # The same candidates, in the same order.
    tried = {name: list(dict.fromkeys(factor for factor, _ in one.tried)) for name, one in planted.items()}
    assert tried["finetune"] == candidates(study.tuning, study.seed)
    assert tried["pretrain"] == (tried["finetune"] if steps else [])


def test_a_step_of_which_nothing_can_be_measured_is_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "fine_tunings", lambda *_: Planted(4.0))
    monkeypatch.setattr(step_trials, "gates_of", lambda *_: [])
    record, _ = run(study_of(7), tmp_path, "vilt")
    assert (record["factor"], record["step"]) == (4.0, None)


def test_a_stage_that_searches_nothing_does_not_load_torch() -> None:
    program = "import sys, components.stages.tune; print('torch' in sys.modules, 'optuna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
