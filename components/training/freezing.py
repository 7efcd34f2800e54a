"""Freezing as a schedule: an ordered list of (pattern, share of the samples)."""

import itertools
import re
from collections.abc import Sequence

from torch import nn

from components.errors import CeterisError
from components.study import FreezingRule


class FreezingSchedule:
    """Which parameters are frozen at which time; the first rule that matches a name decides."""

    def __init__(self, module: nn.Module, rules: Sequence[FreezingRule]) -> None:
        self._parameters = dict(module.named_parameters())
        self._until: dict[str, float] = {}
        patterns = [(re.compile(rule.pattern), rule.share) for rule in rules]
        used = set()
        for name in self._parameters:
            for index, (pattern, share) in enumerate(patterns):
                if pattern.fullmatch(name):
                    used.add(index)
                    self._until[name] = share
                    break
        for index, rule in enumerate(rules):
            if index not in used:
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

    def phases(self) -> list[tuple[float, float]]:
        """The stretches (begin, end) of the budget between which nothing changes."""
        edges = sorted({0.0, 1.0, *(share for share in self._until.values() if 0.0 < share < 1.0)})
        return list(itertools.pairwise(edges))
