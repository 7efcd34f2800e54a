"""Freezing schedules: exactly the parameters that the schedule names, exactly as long as it says."""

import pytest
import torch
from torch import nn

from components.errors import CeterisError
from components.records.training import Frozen
from components.study.arms import FreezingRule
from components.training.freezing import FreezingSchedule


def network() -> nn.Module:
    return nn.ModuleDict({"image": nn.Linear(2, 2), "text": nn.Linear(2, 2), "head": nn.Linear(2, 2)})


def trainable(module: nn.Module) -> set[str]:
    return {name.split(".")[0] for name, parameter in module.named_parameters() if parameter.requires_grad}


def test_three_phases() -> None:
    module = network()
    schedule = FreezingSchedule(
        module, [FreezingRule(pattern=r"image\..*", share=0.1), FreezingRule(pattern=r"text\..*", share=0.2)]
    )
    expected = {
        0.0: {"head"},
        0.05: {"head"},
        0.1: {"head", "image"},
        0.15: {"head", "image"},
        0.2: {"head", "image", "text"},
    }
    for progress, names in expected.items():
        schedule.apply(progress)
        assert trainable(module) == names
    assert schedule.phases() == [(0.0, 0.1), (0.1, 0.2), (0.2, 1.0)]


def test_the_first_rule_that_matches_decides() -> None:
    module = network()
    schedule = FreezingSchedule(
        module, [FreezingRule(pattern=r"text\.bias", share=0.0), FreezingRule(pattern=r"text\..*", share=1.0)]
    )
    assert schedule.frozen(0.5) == {"text.weight"}


def test_what_a_rule_holds_is_read_off_the_parameters() -> None:
    module = network()
    rules = [FreezingRule(pattern=r"image\..*", share=0.5), FreezingRule(pattern=r"text\.bias", share=1.0)]
    schedule = FreezingSchedule(module, rules)
    assert schedule.holding() == [False, False]  # nothing was applied yet
    schedule.apply(0.0)
    assert schedule.holding() == [True, True]
    module["image"].bias.requires_grad_(True)  # whoever does that, the rule holds no longer
    assert schedule.holding() == [False, True]
    schedule.apply(0.5)
    assert schedule.holding() == [False, True]
    assert schedule.applied([10, 20]) == [
        Frozen(pattern=r"image\..*", samples=10, parameters=6),
        Frozen(pattern=r"text\.bias", samples=20, parameters=2),
    ]


def test_gradients_of_what_freezes_are_dropped() -> None:
    module = network()
    module["text"](torch.ones(1, 2)).sum().backward()
    FreezingSchedule(module, [FreezingRule(pattern=r"text\..*", share=0.5)]).apply(0.0)
    assert module["text"].weight.grad is None


def test_a_pattern_that_matches_nothing_is_a_mistake() -> None:
    with pytest.raises(CeterisError, match="no parameter is matched"):
        FreezingSchedule(network(), [FreezingRule(pattern="nothing", share=0.5)])
