"""How long a run is: from what the study allows, and what a step of this network costs, to a number of steps."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from components.data.batches import BatchStream
from components.files.json_files import write_json
from components.records.training import RecordedBudget
from components.study.arms import FreezingRule
from components.study.budget import Allowance, Budget
from components.study.settings import RuntimeSettings
from components.study.spending import Phase, affordable
from components.training.flops import flops_by_phase, front_flops
from components.training.freezing import FreezingSchedule


@dataclass(frozen=True)
class Length:
    """How long a run is, and why.

    Attributes:
        costs: of one step in the currency of the budget, by phase of the freezing schedule; empty where costs have no say.
        ahead: what is spent before the first step, in the currency.
    """

    budget: Budget
    allowance: Allowance
    costs: tuple[Phase, ...] = ()
    ahead: float = 0.0

    def described(self) -> RecordedBudget:
        """For the record of the run."""
        costs = [(begin, cost) for begin, cost in self.costs]
        return RecordedBudget(**self.allowance.described(), ahead=self.ahead, costs=costs)


def decide(
    allowance: Allowance,
    network: nn.Module,
    stream: BatchStream,
    rules: Sequence[FreezingRule],
    seed: int,
    kept: Path,
    runtime: RuntimeSettings,
) -> Length:
    """Decide how many steps a run has, once and for all.

    FLOPs are counted on the first batch and taken to be those of every step; a frozen front end's look at the pictures is paid
    before the first. Seconds are measured, so what was decided is
    kept: a run that is resumed has as many steps as it began with.

    Args:
        kept: the file for it, in the scratch folder of the stage.
    """
    budget = allowance.known()
    if budget is not None:
        return Length(budget, allowance)
    ahead = 0.0
    if allowance.currency == "flops":
        schedule = FreezingSchedule(network.get_submodule("model"), rules)
        phases = flops_by_phase(network, stream.at(0), schedule)
        costs = [Phase(begin, cost * allowance.batch_size) for begin, cost in phases]
        if looks := front_flops(network, stream.at(0)):
            ahead = looks * stream.pictures
    else:
        # Imported where it is used: other studies need no clock.
        from components.training.timing import seconds_by_phase

        pace = allowance.lasting(1)
        costs = _kept(kept, lambda: seconds_by_phase(network, stream, pace, rules, seed, runtime))
    steps = affordable(allowance.amount - ahead, costs)
    return Length(allowance.lasting(steps), allowance, tuple(costs), ahead)


def _kept(path: Path, measure: Callable[[], list[Phase]]) -> list[Phase]:
    """What the run began with, or else what is measured now and written down, whole or not at all."""
    if not path.is_file():
        write_json(path, [list(phase) for phase in measure()])
    return [Phase(*phase) for phase in json.loads(path.read_text(encoding="utf-8"))]
