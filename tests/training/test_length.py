"""Budgets in every currency: two arms train for as long as each can pay for, and schedules stretch to it."""

import json
import statistics
import time
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.study.arms import FreezingRule
from components.study.budget import Allowance
from components.study.schedule import learning_rate_factor
from components.study.spending import Phase, spent
from components.tracking.spool import Spool
from components.training import timing
from components.training.flops import count_flops
from components.training.freezing import FreezingSchedule
from components.training.length import decide
from components.training.pretraining import PretrainingNetwork
from components.training.weights import digest_of
from tests.training.small_run import BUDGET, PACE, Batches, network, runtime, trained

TWO = ("clip", "vilt")
FREEZING = [
    FreezingRule(pattern=r"vision_transformer\..*", share=0.3),
    FreezingRule(pattern=r"text_embedding\..*", share=0.7),
]


@cache
def flops_of_a_step(name: str) -> float:
    ours = network(name)
    found = count_flops(ours, Batches().at(0), FreezingSchedule(ours.model, []), BUDGET)
    return found.step_per_sample * BUDGET.batch_size


def test_steps_are_steps(tmp_path: Path) -> None:
    for name in TWO:
        record = trained(name, tmp_path / f"{name}.ckpt", "cpu", steps=7)
        assert (record["steps"], record["samples"]) == (7, 7 * 16)
        assert record["budget"] == {"currency": "steps", "amount": 7, "batch_size": 16, "ahead": 0.0, "costs": []}


def test_of_flops_each_takes_as_many_steps_as_it_can_pay_for(tmp_path: Path) -> None:
    amount = 20.5 * max(flops_of_a_step(name) for name in TWO)
    records = {name: trained(name, tmp_path / f"{name}.ckpt", "cpu", flops=amount) for name in TWO}
    for name, record in records.items():
        assert record["flops"]["total"] <= amount < record["flops"]["total"] + flops_of_a_step(name)
        assert record["curves"][-1]["samples"] == record["samples"] == 16 * record["steps"]
    assert len({record["steps"] for record in records.values()}) == 2


def test_an_amount_that_pays_for_no_step_buys_one(tmp_path: Path) -> None:
    assert trained("vilt", tmp_path / "last.ckpt", "cpu", flops=1.0)["steps"] == 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amount=st.floats(1, 300), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_what_is_counted_of_any_length_and_schedule_is_within_the_amount(
    amount: float, shares: tuple[float, float], tmp_path: Path
) -> None:
    ours, stream = network("vilt"), Batches()
    rules = [rule.model_copy(update={"share": share}) for rule, share in zip(FREEZING, shares, strict=True)]
    flops = amount * flops_of_a_step("vilt")
    length = decide(Allowance(flops=flops, **PACE), ours, stream, rules, 0, tmp_path / "none", runtime())
    schedule = FreezingSchedule(ours.model, rules)
    more = length.allowance.lasting(length.budget.steps + 1)
    counted = [count_flops(ours, stream.at(0), schedule, budget).total for budget in (length.budget, more)]
    assert counted[0] <= flops * (1 + 1e-12) or length.budget.steps == 1
    assert counted[1] > flops * (1 - 1e-12)
    # What is frozen costs less, so it never trains for less.
    plain = decide(Allowance(flops=flops, **PACE), ours, stream, [], 0, tmp_path / "none", runtime())
    assert length.budget.steps >= plain.budget.steps


def test_freezing_stretches_to_the_run_and_is_recorded_as_applied(tmp_path: Path) -> None:
    record = trained("vilt", tmp_path / "last.ckpt", "cpu", flops=30 * flops_of_a_step("vilt"), freezing=FREEZING)
    assert record["steps"] > 30
    for rule, applied in zip(FREEZING, record["freezing"], strict=True):
        steps = next(step for step in range(record["steps"]) if step / record["steps"] >= rule.share)
        assert applied["samples"] == 16 * steps
        names = dict(network("vilt").model.named_parameters())
        part = rule.pattern.partition("\\")[0]
        assert applied["parameters"] == sum(one.numel() for name, one in names.items() if name.startswith(part))


def test_the_learning_rate_stretches_to_the_run() -> None:
    short, long = (Allowance(flops=1.0, **PACE).lasting(steps) for steps in (100, 1000))
    for step in range(10, 100, 10):
        ours, theirs = (learning_rate_factor(step * 16 * scale, budget) for scale, budget in ((1, short), (10, long)))
        assert ours == pytest.approx(theirs)
    assert learning_rate_factor(long.samples, long) == pytest.approx(0)


class Slow(timing.Clock):
    """A clock by which a step takes as long as it is told, after a warm-up that takes forever."""

    step = 0.5

    def seconds(self) -> list[float]:
        each = [1e6] * timing.WARM_UP + [self.step] * timing.MEASURED
        return [*each, *each][: len(super().seconds())]


def test_of_seconds_each_takes_as_many_steps_as_it_can_pay_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in zip(TWO, (0.5, 0.25), strict=True):
        monkeypatch.setattr(timing, "Clock", type("Told", (Slow,), {"step": seconds}))
        record = trained(name, tmp_path / f"{name}.ckpt", "cpu", seconds=6.1)
        assert record["steps"] == int(6.1 / seconds)
        assert record["budget"]["costs"] == [[0.0, seconds]]
        assert record["curves"][-1]["samples"] == 16 * record["steps"]


class Times(Spool):
    """When each point of the curve was reported."""

    def __init__(self) -> None:
        super().__init__(None, "test")
        self.at: list[float] = []

    def metrics(self, prefix: str, samples: int, values: Any) -> None:
        self.at.append(time.perf_counter())


def test_measured_seconds_are_those_of_the_training_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on with the work alone: a second for each forward pass, a quarter for each batch."""
    now, forward, at = [0.0], PretrainingNetwork.forward, Batches.at

    def working(seconds: float, work: Callable[..., Any]) -> Callable[..., Any]:
        def worked(*arguments: Any, **options: Any) -> Any:
            now[0] += seconds
            return work(*arguments, **options)

        return worked

    monkeypatch.setattr(PretrainingNetwork, "forward", working(1.0, forward))
    monkeypatch.setattr(Batches, "at", working(0.25, at))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    (phase,) = timing.seconds_by_phase(network("vilt"), Batches(), BUDGET, [], 0, runtime())
    times = Times()
    trained("vilt", tmp_path / "last.ckpt", "cpu", steps=40, spool=times)
    each = statistics.median(end - begin for begin, end in pairwise(times.at))
    assert phase.cost == each == 1.25


def test_measuring_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, stream = network("vilt"), Batches()
    before, generator = digest_of(ours.state_dict()), torch.get_rng_state()
    phases = timing.seconds_by_phase(ours, stream, BUDGET, FREEZING, 0, runtime())
    assert [phase.begin for phase in phases] == [0.0, 0.3, 0.7]
    assert all(phase.cost > 0 for phase in phases)
    assert digest_of(ours.state_dict()) == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(one.requires_grad and one.grad is None for one in ours.parameters())
    # As long as it is told, for on a busy machine any number of steps might come out.
    monkeypatch.setattr(timing, "Clock", Slow)
    measured = trained("vilt", tmp_path / "measured.ckpt", "cpu", seconds=30.0)
    plain = trained("vilt", tmp_path / "plain.ckpt", "cpu", steps=measured["steps"])
    for key in ("state", "digests", "curves", "flops"):
        assert measured[key] == plain[key]


def test_a_run_that_is_resumed_has_as_many_steps_as_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "Clock", Slow)
    stopped = trained("vilt", tmp_path / "last.ckpt", "cpu", stop_after=9, seconds=12.0)
    assert stopped["curves"][-1]["samples"] == 9 * 16
    # By now the machine is twice as fast, and what was decided stands.
    monkeypatch.setattr(timing, "Clock", type("Faster", (Slow,), {"step": 0.25}))
    resumed = trained("vilt", tmp_path / "last.ckpt", "cpu", seconds=12.0)
    assert resumed["steps"] == 24
    assert json.loads((tmp_path / "last.seconds.json").read_text(encoding="utf-8")) == [[0.0, 0.5]]
    straight = trained("vilt", tmp_path / "straight.ckpt", "cpu", steps=24)
    assert resumed["state"] == straight["state"]
    assert trained("vilt", tmp_path / "anew.ckpt", "cpu", seconds=12.0)["steps"] == 48


def test_seconds_of_unlike_steps_are_the_expectation(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kinds(timing.Clock):
        def seconds(self) -> list[float]:
            each = timing.WARM_UP + timing.MEASURED
            return [1.0 + index // each for index in range(len(super().seconds()))]

    monkeypatch.setattr(timing, "Clock", Kinds)
    ours = network("uniter")
    probabilities = [probability for probability, _ in ours.variants(Batches().at(0))]
    assert len(probabilities) > 1
    (phase,) = timing.seconds_by_phase(ours, Batches(), BUDGET, [], 0, runtime())
    assert phase.cost == pytest.approx(sum(share * (1 + kind) for kind, share in enumerate(probabilities)))
    assert spent([Phase(0.0, phase.cost)], 10) == pytest.approx(10 * phase.cost)
