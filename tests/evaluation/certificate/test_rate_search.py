"""The search of learning rates in the certificate, in the costs, in the grades and in the report."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.evaluation.certificate.certificate import certify
from components.evaluation.certificate.certificates import Certificate
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.leaderboard.grade import grade_of
from components.evaluation.leaderboard.leaderboard import build
from components.evaluation.report.report import render
from components.evaluation.scoring.metrics import collect
from components.records.training import Digests
from components.study.cells import Cell
from components.study.study import Study
from tests.evaluation.fabricate import CONTROLLED, controlled_study, fabricate, study_of

SEARCH = {"trials": 8, "lowest": 0.25, "highest": 8.0, "rungs": 2, "reduction": 4}


def searched(**changes: Any) -> Study:
    return study_of(tuning={**SEARCH, **changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, TrainingRecords]:
    study = searched()
    root = fabricate(tmp_path_factory.mktemp("search"), study, items=40)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return root, study, TrainingRecords.load(study, root)


def faults(study: Study, records: TrainingRecords) -> dict[str, str]:
    """What the check of the learning rate says, of arms that fail it; no other check fails."""
    found = {}
    for arm, certificate in certify(study, records).items():
        failed = {check.item: check.detail for check in certificate.checks if not check.equal}
        assert set(failed) <= {"learning rate"}
        found |= {arm: failed["learning rate"]} if failed else {}
    return found


def test_an_equal_search_passes_and_finds_another_rate_for_every_arm(
    finished: tuple[Path, Study, TrainingRecords],
) -> None:
    _, study, records = finished
    assert faults(study, records) == {}
    assert len({record.factor for record in records.tuning.values()}) > 1
    steps = {arm: record.step for arm, record in records.tuning.items() if record.step is not None}
    assert set(steps) == {"clip", "vilt"}
    assert len({step.factor for step in steps.values()}) > 1
    assert all(step.factor != records.tuning[arm].factor for arm, step in steps.items())


def one_more_candidate(records: TrainingRecords) -> str:
    record = records.tuning["vilt"]
    record.trials.append(record.trials[0].model_copy(update={"factor": 3.3}))
    return "fine-tuning: 9 candidates instead of 8"


def other_candidates(records: TrainingRecords) -> str:
    for trial in records.tuning["vilt"].trials:
        if trial.factor == 0.25:
            trial.factor = 0.2
    return "fine-tuning: its candidates are not the others'"


def a_longer_rung(records: TrainingRecords) -> str:
    trial = next(trial for trial in records.tuning["vilt"].trials if trial.rung == 0)
    trial.samples *= 2
    return "fine-tuning: a candidate on rung 1: 125 steps on 16,000 samples instead of 125 on 8,000"


def another_order(records: TrainingRecords) -> str:
    records.tuning["vilt"].trials[0].digests.ids = "an order of its own"
    return "fine-tuning: its candidates saw other samples, or another order"


def not_its_best(records: TrainingRecords) -> str:
    record = records.tuning["vilt"]
    best = max((t for t in record.trials if t.rung == 1), key=lambda t: t.score)
    best.score = 0.0
    return f"fine-tuning: its factor {record.factor:g} is not the best of its search"


def a_rate_of_its_own(records: TrainingRecords) -> str:
    records.arms["vilt"]["vqa"]["unimodal"][1].learning_rate = 0.5
    return "vqa, unimodal trained at a rate of 0.5, not "


def a_rate_of_its_own_before(records: TrainingRecords) -> str:
    records.pretraining["vilt"][0].learning_rate = 0.5
    return "the intermediate step trained at a rate of 0.5, not "


def the_factor_of_fine_tuning_before(records: TrainingRecords) -> str:
    for record in records.pretraining["vilt"]:
        record.learning_rate *= records.tuning["vilt"].factor / records.tuning["vilt"].step_factor
    return f"the intermediate step trained at a rate of {records.pretraining['vilt'][0].learning_rate:g}, not "


def the_factor_of_the_step_afterwards(records: TrainingRecords) -> str:
    run = records.arms["vilt"]["vqa"]["multimodal"][0]
    run.learning_rate *= records.tuning["vilt"].step_factor / records.tuning["vilt"].factor
    return f"vqa, multimodal trained at a rate of {run.learning_rate:g}, not "


def no_search_of_its_step(records: TrainingRecords) -> str:
    step = records.tuning["vilt"].step
    assert step is not None
    for record in records.pretraining["vilt"]:
        record.learning_rate /= step.factor
    records.tuning["vilt"].step = None
    return "the rate of its intermediate step was not searched"


def another_order_before(records: TrainingRecords) -> str:
    step = records.tuning["vilt"].step
    assert step is not None
    step.trials[0].digests.ids = "an order of its own"
    return "the intermediate step: its candidates saw other samples, or another order"


def not_its_best_before(records: TrainingRecords) -> str:
    step = records.tuning["vilt"].step
    assert step is not None
    max((t for t in step.trials if t.rung == 1), key=lambda t: t.score).score = 0.0
    return f"the intermediate step: its factor {step.factor:g} is not the best of its search"


def a_shorter_rung_before(records: TrainingRecords) -> str:
    step = records.tuning["vilt"].step
    assert step is not None
    next(trial for trial in step.trials if trial.rung == 1).samples //= 2
    return "the intermediate step: a candidate on rung 2: 900 steps on 28,800 samples instead of 900 on 57,600"


@pytest.mark.parametrize(
    "change",
    [
        the_factor_of_fine_tuning_before,
        the_factor_of_the_step_afterwards,
        no_search_of_its_step,
        another_order_before,
        not_its_best_before,
        a_shorter_rung_before,
        one_more_candidate,
        other_candidates,
        a_longer_rung,
        another_order,
        not_its_best,
        a_rate_of_its_own,
        a_rate_of_its_own_before,
    ],
)
def test_an_arm_that_was_searched_otherwise_is_found(
    finished: tuple[Path, Study, TrainingRecords], change: Callable[[TrainingRecords], str]
) -> None:
    _, study, records = finished
    records = copy.deepcopy(records)
    said = change(records)
    found = faults(study, records)
    assert set(found) == {"vilt"}
    assert said in found["vilt"]


def test_a_search_in_flops_gives_every_arm_as_many_and_not_as_many_samples(tmp_path: Path) -> None:
    study = controlled_study(replicates=[0, 1, 2], tuning=SEARCH)
    values = study.model_dump()
    del values["finetune"]["samples"]
    values["finetune"]["flops"] = 2.0e10
    study = Study.model_validate(values)
    root = fabricate(tmp_path, study, items=40, quality=CONTROLLED, pictures=False)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    records = TrainingRecords.load(study, root)
    assert faults(study, records) == {}
    # The passes of one arm cost more, so its candidates see fewer samples, and the same ones as far as they come.
    cheap, dear = (records.tuning[arm].trials[0] for arm in ("single", "dense"))
    assert dear.samples < cheap.samples
    longer = copy.deepcopy(records)
    trial = longer.tuning["dense"].trials[0]
    trial.steps, trial.samples = trial.steps + 1, trial.samples + 64
    trial.flops *= trial.steps / (trial.steps - 1)
    assert "more than the" in faults(study, longer)["dense"]
    dear.digests_after = {batches: Digests(ids="an order of its own") for batches in dear.digests_after}
    assert faults(study, records) == {"dense": "fine-tuning: its candidates saw other samples, or another order"}


def test_a_search_that_nobody_asked_for_is_found(finished: tuple[Path, Study, TrainingRecords]) -> None:
    _, _, records = finished
    found = faults(searched(trials=0), records)
    assert set(found) == set(records.tuning)
    assert all("which the study does not ask for" in said for said in found.values())


def test_the_cost_is_charged_to_every_cell_of_the_arm(finished: tuple[Path, Study, TrainingRecords]) -> None:
    root, study, records = finished
    board = build(study, root)
    for cell in board.tasks["vqa"].cells:
        tuned = records.tuning[cell.arm]
        trials = [*tuned.trials, *(tuned.step.trials if tuned.step and cell.start == "multimodal" else [])]
        samples = cell.samples
        assert samples.tuning == sum(trial.samples for trial in trials) > 0
        assert samples.total == samples.unimodal + samples.tuning + samples.pretraining + samples.finetuning
    assert board.tuning["vilt"].factor == records.tuning["vilt"].factor
    step = board.tuning["vilt"].step
    assert step is not None
    assert step.factor == records.tuning["vilt"].step_factor
    by_start = {cell.start: cell.samples for cell in board.tasks["vqa"].cells if cell.arm == "vilt"}
    assert by_start["multimodal"].tuning > by_start["unimodal"].tuning
    effect = next(one for one in board.pretraining if one.arm == "vilt" and one.labels == "all")
    assert effect.extra_samples == by_start["multimodal"].total - by_start["unimodal"].total


def test_two_norms_are_judged_after_a_search_alone(finished: tuple[Path, Study, TrainingRecords]) -> None:
    _, study, records = finished
    pair = Cell.of("vilt", "unimodal"), Cell.of("mmbt", "unimodal")
    assert grade_of(study, *pair, certify(study, records)).grade == "system"
    unsearched = grade_of(
        searched(trials=0), *pair, dict.fromkeys(records.tuning, Certificate(valid=True, checks=[], stated={}))
    )
    assert (unsearched.grade, unsearched.obstacle) == ("descriptive", "norm")


def test_the_report_shows_every_search(finished: tuple[Path, Study, TrainingRecords]) -> None:
    root, study, records = finished
    (root / "outputs/compare").mkdir(exist_ok=True)
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(build(study, root).as_json()), encoding="utf-8")
    text = render(root).read_text(encoding="utf-8")
    start = text.index('<section id="search">')
    shown = text[start : text.index("</section>", start)]
    assert "Every arm was given the same 8 candidates" in shown
    assert shown.count("Search of the learning rate of") == len(study.arms) + len(study.pretrained)
    assert f"× {records.tuning['vilt'].step_factor:g}" in shown
    assert f"× {records.tuning['mmbt'].factor:g}" in shown
