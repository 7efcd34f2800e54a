"""A budget is in one currency; everything else is one sentence."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.errors import CeterisError
from components.evaluation.certificate.protocol import protocol_hash
from components.study.budget import CURRENCIES, Allowance, Budget
from components.study.loading import parse_study
from components.study.study import Study
from tests.study.complete import complete

ROOT = Path(__file__).parents[2]
PACE = {"batch_size": 32, "learning_rate": 1e-3, "warmup": 0.1, "weight_decay": 0.01, "gradient_clip": 1.0}


def study(**finetune: Any) -> Study:
    values = complete()
    values["finetune"] = {**finetune, **PACE}
    return parse_study(values, "studies/mine.yaml")


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ({"samples": 44800}, "samples"),
        ({"steps": 700}, "steps"),
        ({"flops": 2.0e12}, "flops"),
        ({"seconds": 90}, "seconds"),
    ],
)
def test_each_currency_is_read_and_written_as_it_stands(amount: dict[str, Any], currency: str) -> None:
    found = study(**amount)
    assert (found.finetune.currency, found.finetune.amount) == (currency, amount[currency])
    assert list(found.model_dump(mode="json")["finetune"]) == [currency, *PACE]
    assert parse_study(yaml.safe_load(yaml.safe_dump(found.model_dump(mode="json"))), "again") == found
    assert protocol_hash(found) != protocol_hash(study(samples=99))


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ({}, "finetune: says how long training is in nothing: give exactly one of samples, steps, flops, seconds"),
        ({"samples": 64, "flops": 1e9}, "finetune: says how long training is in samples and flops: give exactly one"),
        ({"samples": 0}, "finetune.samples"),
        ({"steps": -3}, "finetune.steps"),
        ({"flops": -2.0e12}, "finetune.flops"),
        ({"flops": float("inf")}, "finetune.flops"),
        ({"seconds": 0}, "finetune.seconds"),
        ({"epochs": 3}, "finetune.epochs"),
    ],
)
def test_none_two_or_what_is_no_amount_is_one_sentence(amount: dict[str, Any], said: str) -> None:
    with pytest.raises(CeterisError, match=said) as error:
        study(**amount)
    assert "\n" not in str(error.value)


def test_samples_and_steps_are_known_beforehand_and_the_others_are_not() -> None:
    assert Allowance(samples=100, **PACE).known() == Budget(samples=100, **PACE)
    assert Allowance(samples=100, **PACE).known().steps == 3
    assert Allowance(steps=3, **PACE).known() == Budget(samples=96, **PACE)
    assert Allowance(flops=1e9, **PACE).known() is None
    assert Allowance(seconds=9, **PACE).known() is None


@given(currency=st.sampled_from(CURRENCIES), amount=st.integers(1, 10**6), factor=st.floats(0.001, 100))
def test_a_variation_is_so_many_times_as_long_and_at_least_a_batch(currency: str, amount: int, factor: float) -> None:
    scaled = Allowance.model_validate({currency: amount, **PACE}).scaled(factor)
    least = {"samples": 32, "steps": 1}.get(currency, 0)
    assert scaled.currency == currency
    assert scaled.amount == pytest.approx(max(least, amount * factor), abs=0.5 if least else 0)
