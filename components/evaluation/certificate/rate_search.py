"""Whether every arm had the same searches of its learning rates, and trained at the rates that they found."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from components.evaluation.certificate.budgets import component_allowance, fault
from components.evaluation.certificate.digests import Runs, held, stretches
from components.evaluation.certificate.majority import Held, agreement
from components.evaluation.certificate.training_records import TrainingRecords
from components.records.training import RateSearch, TrainingRecord
from components.study.budget import Allowance
from components.study.plan import fine_tunings
from components.study.study import Study

Faults = dict[str, list[str]]


class _Search(NamedTuple):
    """One search of an arm.

    Attributes:
        of: what was searched, as it stands before its trials in a sentence.
        samples: what its trials must have seen the same of as the others'.
    """

    arm: str
    of: str
    samples: tuple[object, ...]
    whole: Allowance
    found: RateSearch


def faults(study: Study, records: TrainingRecords) -> Faults:
    """What is wrong with the searches of each arm, and with the rates of its runs."""
    found: Faults = {}
    searches = list(_searches(study, records))
    for arm in records.tuning:
        for sentence in [*_asked(study, records, arm), *_rates(study, records, arm)]:
            found.setdefault(arm, []).append(sentence)
    for search in searches:
        for sentence in _made(study, search):
            found.setdefault(search.arm, []).append(sentence)
    for search in _other_orders(searches):
        found.setdefault(search.arm, []).append(f"{search.of}: its candidates saw other samples, or another order")
    for of in dict.fromkeys(search.of for search in searches):
        alike = [search for search in searches if search.of == of]
        for arm in agreement([Held(one.arm, one.arm, _tried(one.found)) for one in alike]).differ:
            found.setdefault(arm, []).append(f"{of}: its candidates are not the others'")
    return found


def _searches(study: Study, records: TrainingRecords) -> Iterator[_Search]:
    """The searches that were made. One on a task is held against those on the same task, one of the intermediate step against
    those that read the same captioned pictures.
    """
    for arm, record in records.tuning.items():
        if record.task is not None:
            yield _Search(arm, "fine-tuning", (record.task,), study.finetune, record)
        if record.step is not None:
            pairs = study.arms[arm].pairs
            # A wrong caption leaves the pictures and their order as they are.
            read = (pairs.share, pairs.domain)
            yield _Search(arm, "the intermediate step", read, study.pretrain, record.step)


def _tried(found: RateSearch) -> str:
    return ", ".join(f"{factor:g}" for factor in sorted({trial.factor for trial in found.trials}))


def _asked(study: Study, records: TrainingRecords, arm: str) -> list[str]:
    """Whether an arm was searched for what the study asks; one that can do none of its tasks is not searched."""
    record = records.tuning[arm]
    if not study.tuning.trials or record.task is None:
        searched = record.factor != 1.0 or record.trials or record.step is not None
        return ["it was searched, which the study does not ask for"] if searched else []
    # Where no loss of the step can be measured, no rate is better than another.
    measured = any(one.gates for one in records.pretraining.get(arm, []))
    if measured == (record.step is not None):
        return []
    return [f"the rate of its intermediate step was {'not ' if measured else ''}searched"]


def _made(study: Study, search: _Search) -> list[str]:
    """Whether a search is the one that the study asks for."""
    settings, trials, factor = study.tuning, search.found.trials, search.found.factor
    if not settings.trials:
        return []
    said = []
    if (count := len({trial.factor for trial in trials})) != settings.trials:
        said.append(f"{count} candidates instead of {settings.trials}")
    for trial in trials:
        share = 1 / settings.reduction ** (settings.rungs - 1 - trial.rung)
        if strayed := fault(trial, trial.flops, search.whole.scaled(share)):
            said.append(f"a candidate on rung {trial.rung + 1}: {strayed}")
    whole = {trial.factor: trial.score for trial in trials if trial.rung == settings.rungs - 1}
    if factor not in whole or whole[factor] < max(whole.values()):
        said.append(f"its factor {factor:g} is not the best of its search")
    return [f"{search.of}: {sentence}" for sentence in said]


def _other_orders(searches: list[_Search]) -> list[_Search]:
    """Searches whose candidates were handed other samples than those that should have seen the same."""
    runs: dict[tuple[object, ...], Runs] = {}
    for search in searches:
        for trial in search.found.trials:
            name = f"{search.arm}, factor {trial.factor:g}"
            runs.setdefault((search.of, *search.samples, trial.rung), []).append((search.arm, name, trial))
    differ = {
        (of, arm)
        for (of, *_), alike in runs.items()
        for _, batches, chosen in stretches(alike)
        for arm in agreement(held(chosen, "ids", batches)).differ
    }
    return [search for search in searches if (search.of, search.arm) in differ]


def _rates(study: Study, records: TrainingRecords, arm: str) -> list[str]:
    """Whether the runs of an arm trained at its rates, and its components at the study's own."""
    tuned = records.tuning[arm]
    runs: list[tuple[str, TrainingRecord, float]] = []
    for task, cells in records.arms[arm].items():
        for cell in fine_tunings(study, arm, task):
            rate = cell.budget.learning_rate * tuned.factor
            runs += [(f"{task}, {cell.name}", one, rate) for one in cells[cell.name]]
    step = study.pretrain.learning_rate * tuned.step_factor
    runs += [("the intermediate step", one, step) for one in records.pretraining.get(arm, [])]
    for component in study.arms[arm].components:
        own = component_allowance(study, component).learning_rate
        runs += [(component, one, own) for one in records.components[component] if one is not None]
    return [
        f"{name} trained at a rate of {one.learning_rate:g}, not {rate:g}"
        for name, one, rate in runs
        if not math.isclose(one.learning_rate, rate, rel_tol=1e-9)
    ]
