"""Every training run that an arm rests on, with what the study says of it."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from components.evaluation.certificate.budgets import component_allowance, twin_steps
from components.evaluation.certificate.training_records import TrainingRecords
from components.records.training import TrainingRecord
from components.study.arms import FreezingRule
from components.study.budget import Allowance
from components.study.plan import fine_tunings, freezing
from components.study.study import Study


class Run(NamedTuple):
    """One run.

    Attributes:
        name: which of the arm's runs, in words; its replicate too.
        kind: fine-tuning on a task, the intermediate step, or the pretraining of a component on texts or pictures.
        allowance: what the study gives it.
        rules: what it freezes.
        twin: the optimiser steps of a twin, which are not the study's but follow from those of other runs.
    """

    arm: str
    name: str
    record: TrainingRecord
    allowance: Allowance
    kind: Literal["task", "step", "text", "pictures"]
    rules: Sequence[FreezingRule] = ()
    twin: int | None = None


def every_run(study: Study, records: TrainingRecords) -> Iterator[Run]:
    """Fine-tuning, the intermediate step, and the components, which are runs of every arm that takes them."""
    for position, replicate in enumerate(study.replicates):
        for arm, tasks in records.arms.items():
            for task in tasks:
                for cell in fine_tunings(study, arm, task):
                    record = tasks[task][cell.name][position]
                    rules = freezing(study, cell)
                    twin = twin_steps(records, arm, task, cell, position) if cell.stretched else None
                    yield Run(
                        arm, f"{task}, {cell.name}, replicate {replicate}", record, cell.budget, "task", rules, twin
                    )
            if arm in records.pretraining:
                record = records.pretraining[arm][position]
                yield Run(arm, f"the intermediate step, replicate {replicate}", record, study.pretrain, "step")
            for component in study.arms[arm].components:
                pretrained = records.components[component][position]
                if pretrained is not None:
                    allowance = component_allowance(study, component)
                    kind: Literal["text", "pictures"] = "text" if component == "text" else "pictures"
                    yield Run(arm, f"{component}, replicate {replicate}", pretrained, allowance, kind)
