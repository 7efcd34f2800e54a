"""Freezing as a schedule: an ordered list of (pattern, share of the samples)."""

import itertools
import re
from collections.abc import Sequence

from torch import nn

from components.errors import CeterisError
from components.records.training import Frozen
from components.study.arms import FreezingRule


class FreezingSchedule:
    """Which parameters are frozen at which time; the first rule that matches a name decides."""

    def __init__(self, module: nn.Module, rules: Sequence[FreezingRule]) -> None:
        self._parameters = dict(module.named_parameters())
        self._until: dict[str, float] = {}
        self._rules = rules
        self._matched: list[list[nn.Parameter]] = [[] for _ in rules]
        patterns = [(re.compile(rule.pattern), rule.share) for rule in rules]
        for name, parameter in self._parameters.items():
            for index, (pattern, share) in enumerate(patterns):
                if pattern.fullmatch(name):
                    self._matched[index].append(parameter)
                    self._until[name] = share
                    break
        for rule, matched in zip(rules, self._matched, strict=True):
            if not matched:
                raise CeterisError(
                    f"freezing: no parameter is matched by the pattern {rule.pattern!r}; mend it in arms."
                )

    def frozen(self, progress: float) -> set[str]:
        """Names frozen after the given share of the samples, in [0, 1]."""
        return {name for name, until in self._until.items() if progress < until}

    def apply(self, progress: float) -> None:
        """Set `requires_grad` accordingly, and drop gradients of what is frozen."""
        frozen = self.frozen(progress)
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(name not in frozen)
            if name in frozen:
                parameter.grad = None

    def holding(self) -> list[bool]:
        """Of each rule, whether everything that it decides is frozen now: looked up in the parameters themselves."""
        return [not any(parameter.requires_grad for parameter in matched) for matched in self._matched]

    def applied(self, samples: Sequence[int]) -> list[Frozen]:
        """What the rules did, for the record.

        Args:
            samples: of each rule, for how many it held.
        """
        return [
            Frozen(pattern=rule.pattern, samples=count, parameters=sum(one.numel() for one in matched))
            for rule, count, matched in zip(self._rules, samples, self._matched, strict=True)
        ]

    def phases(self) -> list[tuple[float, float]]:
        """The stretches (begin, end) of the budget between which nothing changes."""
        edges = sorted({0.0, 1.0, *(share for share in self._until.values() if 0.0 < share < 1.0)})
        return list(itertools.pairwise(edges))
