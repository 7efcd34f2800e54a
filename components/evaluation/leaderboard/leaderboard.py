"""The leaderboard: estimates with intervals, ties shown as ties, and what was equal.

Its fields, with units and ranges, are in `entries.py`, and in docs/formats.md, which is made from it. Candidates are the
representatives of arms that passed the certificate, simple baselines included, exact boxes (`oracle`) not: where a baseline
is best it is chosen, and that is the finding.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.evaluation.certificate.certificate import certify
from components.evaluation.certificate.certificates import Certificate
from components.evaluation.certificate.digests import compared, summary
from components.evaluation.certificate.protocol import protocol_hash
from components.evaluation.certificate.step_gates import passes, required
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.leaderboard import contrast_results
from components.evaluation.leaderboard.costs import Accounts
from components.evaluation.leaderboard.data_effects import effects as data_effects
from components.evaluation.leaderboard.entries import (
    CutTexts,
    DataEffect,
    GateEntry,
    GivenBudget,
    Judgement,
    Leaderboard,
    RateEntry,
    SearchEntry,
    StepEffect,
    StepJudgement,
    TaskEntry,
    TrainingData,
    TrialEntry,
)
from components.evaluation.leaderboard.grade import overall
from components.evaluation.leaderboard.rounding import difference, rounded, verdict
from components.evaluation.leaderboard.task_table import Effect, Entry, TaskTable
from components.evaluation.scoring.scores import TaskScores
from components.evaluation.statistics.equivalence import equivalence_p
from components.evaluation.statistics.estimates import Arm, holm
from components.paths import evaluation_folder, floors_file, hard_samples_file, tokens_folder
from components.records.model import read
from components.records.scores import Floors
from components.records.training import RateSearch, TrainingRecord, TuningRecord
from components.study.cells import Cell
from components.study.plan import learns_from_few
from components.study.study import Study

_EFFECTS: dict[Judgement, StepJudgement] = {"better": "helps", "worse": "hurts"}


def build(study: Study, root: Path) -> Leaderboard:
    """Build the leaderboard from the outputs below `root`.

    Raises:
        CeterisError: the outputs are not those of the study.
    """
    records = TrainingRecords.load(study, root)
    sets = compared(study, records)
    certificates, protocol = certify(study, records, sets), protocol_hash(study)
    accounts = Accounts(study, records, root)
    floors = read(floors_file(root), dict[str, Floors], "run the stage floors again")
    missed = read(evaluation_folder(root) / "missed.json", dict[str, dict[str, float]], "run the stage evaluate again")
    tasks: dict[str, TaskEntry] = {}
    selection: dict[str, dict[Cell, Arm]] = {}
    effects: list[Effect[StepEffect]] = []
    data: list[Effect[DataEffect]] = []
    for task in study.tasks:
        if task not in floors:
            raise CeterisError(f"{floors_file(root)} has no floors for task {task}: run the stage floors again.")
        table = task_table(study, root, task, records, certificates)
        cut = _cut(records, task, study.text.max_length)
        tasks[task] = table.build(floors[task], missed.get(task, {}), cut, accounts)
        selection[task] = table.selection
        effects += table.effects(accounts)
        data += data_effects(study, task, table.selection, certificates)
    spent = {"finetune_few": learns_from_few(study), "finetune_further": bool(study.further_tasks)}
    grade, reason = overall(study, certificates)
    return Leaderboard(
        study=study.name,
        confidence=study.evaluation.confidence,
        margin=study.evaluation.margin,
        replicates=study.replicates,
        protocol=protocol,
        grade=grade,
        grade_reason=reason,
        interval_over="replicates and samples" if len(study.replicates) > 1 else "samples",
        training=training_data(study, root),
        contrasts=contrast_results.answer(study, selection, certificates, protocol),
        tasks=tasks,
        pretraining=_judged(study, effects, protocol, _EFFECTS),
        gates={arm: _gates(study, records.pretraining[arm]) for arm in study.pretrained},
        data=_judged(study, data, protocol, {}),
        tuning={arm: _search(records.tuning[arm]) for arm in study.arms},
        budgets={
            key: GivenBudget(**budget.described()) for key, budget in study.budgets.items() if spent.get(key, True)
        },
        certificates=certificates,
        digests=summary(sets),
    )


def training_data(study: Study, root: Path) -> TrainingData:
    """Whether the replicates learned from other training samples.

    Raises:
        CeterisError: the data is not there.
    """
    index = read(tokens_folder(root) / "index.json", dict[str, Any], "run the stage tokenize again")
    share = study.data.manifest.training_share
    return TrainingData(
        redrawn="anew" if study.drawings else "never" if share is None else "shares",
        samples=sum(index["parts"][task]["train"] for task in study.tasks),
        share=share,
    )


def _gates(study: Study, records: list[TrainingRecord]) -> list[GateEntry]:
    """What an intermediate step taught, gate by gate; nothing where a replicate did not measure it."""
    settings = study.evaluation.gates
    return [
        GateEntry(
            name=measured[0].name,
            scores=[rounded(gate.score) for gate in measured],
            references=[rounded(gate.reference) for gate in measured],
            required=[rounded(min(1.0, required(gate, settings))) for gate in measured],
            passed=[passes(gate, settings) for gate in measured],
            items=measured[0].items,
        )
        for measured in zip(*(record.gates or [] for record in records), strict=False)
    ]


def _search(record: TuningRecord) -> SearchEntry:
    """The searches of an arm, without what only its certificate needs."""
    step = RateEntry(factor=record.step.factor, trials=_trials(record.step)) if record.step else None
    return SearchEntry(task=record.task, factor=record.factor, trials=_trials(record), step=step)


def _trials(found: RateSearch) -> list[TrialEntry]:
    return [
        TrialEntry(factor=trial.factor, rung=trial.rung, share=trial.share, score=trial.score, samples=trial.samples)
        for trial in found.trials
    ]


def _cut(records: TrainingRecords, task: str, max_length: int) -> CutTexts | None:
    """The share of a task's texts that were cut. All arms that read texts read the same ones."""
    runs = [run for tasks in records.arms.values() for cell in tasks.get(task, {}).values() for run in cell]
    shares = [run.reads.truncated_texts for run in runs if run.reads and run.reads.truncated_texts is not None]
    return CutTexts(share=max(shares), max_length=max_length) if shares else None


def task_table(
    study: Study, root: Path, task: str, records: TrainingRecords, certificates: dict[str, Certificate]
) -> TaskTable:
    """The table of one task, over everything that was scored."""
    evaluation, hard = evaluation_folder(root), hard_samples_file(root)
    scores = TaskScores.load(evaluation, hard, task, records.arms, study.replicates)
    return TaskTable(study, task, scores, certificates, protocol_hash(study))


def _judged(
    study: Study, effects: list[Effect[Entry]], protocol: str, words: Mapping[Judgement, StepJudgement]
) -> list[Entry]:
    """Effects of one kind, with Holm's correction over all tasks; what is not comparable is not tested.

    Args:
        words: what verdicts are called, where not as they are.
    """
    margin, confidence = study.evaluation.margin, study.evaluation.confidence
    equivalences = [equivalence_p(one.estimate, margin) if one.comparable else math.nan for one in effects]
    corrected = zip(
        holm([one.estimate.p if one.comparable else math.nan for one in effects]), holm(equivalences), strict=True
    )
    found = []
    for one, p_equivalence, holms in zip(effects, equivalences, corrected, strict=True):
        word = verdict(one.estimate, *holms, confidence, one.grade)
        figures = dict(difference(one.estimate, holms[0], p_equivalence, holms[1]))
        found.append(one.entry(**figures, grade=one.grade.grade, verdict=words.get(word, word), protocol=protocol))
    return found
