"""Whether every arm had the same search of a learning rate, and trained at the rate that its search found."""

import math

from components.evaluation.certificate.budgets import component_allowance, fault
from components.evaluation.certificate.digests import Runs, held, stretches
from components.evaluation.certificate.majority import Held, agreement
from components.evaluation.certificate.training_records import TrainingRecords
from components.records.training import TrainingRecord, TuningRecord
from components.study.plan import fine_tunings
from components.study.study import Study

Faults = dict[str, list[str]]


def faults(study: Study, records: TrainingRecords) -> Faults:
    """What is wrong with the search of each arm, and with the rates of its runs."""
    found: Faults = {}
    for arm, record in records.tuning.items():
        for sentence in [*_searched(study, record), *_rates(study, records, arm, record.factor)]:
            found.setdefault(arm, []).append(sentence)
    for arm in _other_orders(records):
        found.setdefault(arm, []).append("its candidates saw other samples, or another order")
    tried = [Held(arm, arm, _tried(record)) for arm, record in records.tuning.items() if record.task is not None]
    for arm in agreement(tried).differ:
        found.setdefault(arm, []).append("its candidates are not the others'")
    return found


def _tried(record: TuningRecord) -> str:
    return ", ".join(f"{factor:g}" for factor in sorted({trial.factor for trial in record.trials}))


def _searched(study: Study, record: TuningRecord) -> list[str]:
    """Whether a search is the one that the study asks for; an arm that can do none of its tasks has none."""
    settings, trials, factor = study.tuning, record.trials, record.factor
    if not settings.trials or record.task is None:
        return [] if factor == 1.0 and not trials else ["it was searched, which the study does not ask for"]
    said = []
    if (count := len({trial.factor for trial in trials})) != settings.trials:
        said.append(f"{count} candidates instead of {settings.trials}")
    for trial in trials:
        share = 1 / settings.reduction ** (settings.rungs - 1 - trial.rung)
        if strayed := fault(trial, trial.flops, study.finetune.scaled(share)):
            said.append(f"a candidate on rung {trial.rung + 1}: {strayed}")
    whole = {trial.factor: trial.score for trial in trials if trial.rung == settings.rungs - 1}
    if factor not in whole or whole[factor] < max(whole.values()):
        said.append(f"its factor {factor:g} is not the best of its search")
    return said


def _other_orders(records: TrainingRecords) -> set[str]:
    """Arms whose candidates were handed other samples than those of the others that searched on the same task."""
    runs: dict[tuple[str, int], Runs] = {}
    for arm, record in records.tuning.items():
        for trial in record.trials:
            name = f"{arm}, factor {trial.factor:g}"
            runs.setdefault((str(record.task), trial.rung), []).append((arm, name, trial))
    return {
        arm
        for alike in runs.values()
        for _, batches, chosen in stretches(alike)
        for arm in agreement(held(chosen, "ids", batches)).differ
    }


def _rates(study: Study, records: TrainingRecords, arm: str, factor: float) -> list[str]:
    """Whether the runs of an arm trained at its rate, and its components at the study's own."""
    runs: list[tuple[str, TrainingRecord, float]] = []
    for task, cells in records.arms[arm].items():
        for cell in fine_tunings(study, arm, task):
            runs += [(f"{task}, {cell.name}", one, cell.budget.learning_rate * factor) for one in cells[cell.name]]
    step = study.pretrain.learning_rate * factor
    runs += [("the intermediate step", one, step) for one in records.pretraining.get(arm, [])]
    for component in study.arms[arm].components:
        own = component_allowance(study, component).learning_rate
        runs += [(component, one, own) for one in records.components[component] if one is not None]
    return [
        f"{name} trained at a rate of {one.learning_rate:g}, not {rate:g}"
        for name, one, rate in runs
        if not math.isclose(one.learning_rate, rate, rel_tol=1e-9)
    ]
