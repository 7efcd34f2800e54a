"""Tasks that begin from what was learned on another one: what certifies them, and what they are charged."""

from pathlib import Path

import pytest

from components.evaluation.certificate.budgets import fault
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.leaderboard.costs import Accounts
from components.evaluation.leaderboard.leaderboard import build
from components.evaluation.report.report_data import arm_costs, cell_seconds
from components.evaluation.report.sections import means
from components.evaluation.report.terminal import render_text
from components.evaluation.scoring.metrics import collect
from components.study.cells import Cell
from components.study.study import Study
from tests.evaluation.certified import faults
from tests.evaluation.fabricate import QUALITY, fabricate, study_of

VQA, STATEMENTS = "vqa", "statements"


@pytest.fixture(scope="module")
def study() -> Study:
    values = study_of().model_dump()
    arms, tasks = values["arms"], values["tasks"]
    arms["vilt"]["matched_starts"] = ["unimodal"]
    tasks[STATEMENTS]["after"] = VQA
    return study_of(tasks=tasks, arms=arms)


@pytest.fixture(scope="module")
def root(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    quality = QUALITY | {("vilt", "unimodal_matched"): 0.6, ("vilt", "unimodal_matched_few"): 0.5}
    root = fabricate(tmp_path_factory.mktemp("further"), study, 40, quality, pictures=False, spool=True)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return root


def test_what_began_where_it_should_is_comparable(study: Study, root: Path) -> None:
    assert faults(study, TrainingRecords.load(study, root)) == {}


@pytest.mark.parametrize("change", [{"weights": "others"}, {"cell": "scratch"}, None])
def test_another_beginning_is_caught_in_that_arm_alone(study: Study, root: Path, change: dict[str, str] | None) -> None:
    records = TrainingRecords.load(study, root)
    record = records.arms["vilt"][STATEMENTS]["multimodal"][1]
    record.taught = None if change is None or record.taught is None else record.taught.model_copy(update=change)
    assert faults(study, records) == {"vilt": {"start components"}}


def test_a_twin_is_longer_on_the_task_before_alone(study: Study, root: Path) -> None:
    arms = TrainingRecords.load(study, root).arms["vilt"]
    plain, twin = (arms[VQA][cell][0] for cell in ("unimodal", "unimodal_matched"))
    assert twin.steps > plain.steps
    assert arms[STATEMENTS]["unimodal_matched"][0].steps == arms[STATEMENTS]["unimodal"][0].steps
    twin = arms[STATEMENTS]["unimodal_matched"][0]
    assert not fault(twin, twin.flops.total, study.finetune_further)


def test_a_cell_is_charged_what_was_learned_before(study: Study, root: Path) -> None:
    records = TrainingRecords.load(study, root)
    costs = Accounts(study, records, root)
    for name in ("multimodal", "unimodal_matched"):
        before, own = (costs.of(task, Cell.of("vilt", name)) for task in (VQA, STATEMENTS))
        assert own.samples.task_before == before.samples.finetuning
        assert own.samples.total == before.samples.total + study.finetune_further.samples
        record = records.arms["vilt"][STATEMENTS][name][0]
        assert own.flops.training == before.flops.training + record.flops.total
    few = costs.of(VQA, Cell.of("vilt", "multimodal_few"))
    assert few.samples.task_before == 0


def test_seconds_are_those_of_both_tasks(study: Study, root: Path) -> None:
    board = build(study, root)
    seconds = cell_seconds(root, study, board)
    # One millisecond a sample, by the clock of the fabricated spool.
    more = seconds[STATEMENTS, "vilt", "multimodal"] - seconds[VQA, "vilt", "multimodal"]
    assert more == pytest.approx(study.finetune_further.samples * 0.001)
    # Two stages of 40 seconds a replicate.
    assert arm_costs(root, study)["vilt"]["finetune"] == 80.0
    assert board.budgets["finetune_further"].amount == 8000


def test_readers_are_told_what_a_task_comes_after(study: Study, root: Path) -> None:
    board = build(study, root)
    said = "Every cell goes on from what the same start learned on VQA."
    assert render_text(board).count(said) == 1
    assert [task.notes.count(said) for task in means(board).tasks] == [0, 1]
    assert board.tasks[VQA].after is None
