"""Budgets in steps, FLOPs and seconds: one step too many is found in any currency."""

import copy

import pytest

from components.evaluation.certificate.certificate import certify
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.scoring.metrics import collect
from components.study.loading import parse_study
from components.study.study import Study
from tests.evaluation.certified import cell, faults
from tests.evaluation.fabricate import CONTROLLED, controlled_study, fabricate

AMOUNTS = {
    "steps": (500, 400),
    "flops": (3 * 4e5 * 64 * 400, 3 * 3e5 * 64 * 300),
    "seconds": (30.8, 17.3),
}
"""Of the intermediate step and of fine-tuning. One of FLOPs is a whole number of steps of most arms, for a step more or less."""


@pytest.fixture(scope="module", params=AMOUNTS)
def counted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Study, TrainingRecords]:
    """The same study with its budgets in another currency."""
    values = controlled_study(replicates=[0, 1, 2]).model_dump()
    for key, amount in zip(("pretrain", "finetune"), AMOUNTS[request.param], strict=True):
        del values[key]["samples"]
        values[key][request.param] = amount
    study = parse_study(values, "mine")
    root = fabricate(tmp_path_factory.mktemp(request.param), study, items=40, quality=CONTROLLED, pictures=False)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return request.param, study, TrainingRecords.load(study, root)


def test_equal_budgets_pass_in_any_currency(counted: tuple[str, Study, TrainingRecords]) -> None:
    currency, study, records = counted
    assert faults(study, records) == {}
    # An arm whose passes cost more trains for fewer steps, unless steps are what is equal.
    dearer, cheaper = (cell(records, arm).steps for arm in ("dense", "single"))
    assert dearer == cheaper if currency == "steps" else 0.6 * cheaper < dearer < 0.7 * cheaper


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("arm", ["single", "dense"])
def test_one_step_too_many_or_too_few_is_caught_in_any_currency(
    counted: tuple[str, Study, TrainingRecords], arm: str, more: int
) -> None:
    currency, study, records = counted
    for kept in (lambda found: cell(found, arm), lambda found: found.pretraining[arm][1]):
        broken = copy.deepcopy(records)
        record = kept(broken)
        each = record.flops.total / record.steps
        record.steps += more
        record.samples += more * study.finetune.batch_size
        record.flops.total += more * each
        assert "budget" in faults(study, broken)[arm]
        said = next(check.detail for check in certify(study, broken)[arm].checks if check.item == "budget")
        assert (currency if currency != "steps" else "instead of") in said


def test_a_run_without_its_costs_or_with_others_than_were_counted_is_caught(
    counted: tuple[str, Study, TrainingRecords],
) -> None:
    currency, study, records = counted
    if currency == "steps":
        pytest.skip("steps cost nothing but themselves")
    broken = copy.deepcopy(records)
    cell(broken, "single").budget.costs = []
    assert faults(study, broken) == {"single": {"budget"}}
    cell(broken, "single").budget.costs = [(0.0, 1.0)]
    assert faults(study, broken) == {"single": {"budget"}}


def test_runs_of_unlike_length_are_compared_as_far_as_both_came(counted: tuple[str, Study, TrainingRecords]) -> None:
    currency, study, records = counted
    if currency == "steps":
        pytest.skip("all are of one length")
    steps = cell(records, "dense").steps
    last = 1 << (steps.bit_length() - 1)
    assert last > steps / 2
    for batches, items in ((last, {"samples and their order"}), (1, set[str]())):
        broken = copy.deepcopy(records)
        cell(broken, "dense").digests_after[str(batches)].ids = "another order"
        # A chain that strayed once never comes back, so the last place that both came to tells of all before.
        assert faults(study, broken) == ({"dense": items} if items else {})
    broken = copy.deepcopy(records)
    broken.pretraining["dense"][0].digests_after = None
    assert faults(study, broken) == {"dense": {"samples and their order", "content", "corruption"}}
