"""The leaderboard: estimates with intervals, ties shown as ties, and what was equal.

`outputs/compare/leaderboard.json` (scores are fractions; an end of an interval is null where it cannot be estimated):

    study, confidence, margin, replicates: [int]
    protocol: hash                           of everything that is held equal (components/evaluation/certificate/protocol.py)
    grade: "controlled" | "system" | "mixed" | "descriptive"   of the study as a whole; verdicts need three replicates
    grade_reason: sentence
    interval_over: "replicates and samples" | "samples"
    contrasts: [{                            as declared, with Holm's correction over these alone
        name, question, axis, by: AXIS | null, task, margin, replicates: int, protocol
        first, second: {arm, cell}
        against: {first, second} | null      of an interaction: the other pair, whose difference is taken off the first's
        effects: [float, float] | null       these two differences
        grade: "controlled" | "system" | "descriptive", grade_reason
        DIFFERENCE, minimum_detectable_effect: float | null        at 80% power, corrected for the others
        verdict: "better" | "worse" | "equivalent" | "cannot tell" | "descriptive"; of an interaction "larger effect",
                 "smaller effect" or "equivalent effects" for the first three }]
    tasks: {TASK: {
        kind, items, groups: int             of the selection split
        cannot: {ARCHITECTURE: reason}       what has no cells here: a gap, not a zero
        floors: {SPLIT: {FLOOR: score}}
        missed: {SPLIT: share}               of the samples that can only be missed, for their answer is no class
        cut: {share, max_length} | null      of the task's texts, those longer than so many tokens; null where no arm reads texts
        chosen: {arm, cell, mean, low, high, baseline: bool, tied_with: [{arm, cell}],
                 undecided: [{arm, cell, because}]} | null      null where no arm passed its certificate
        cells: [{                            ordered: all labels first, then by falling mean
            arm, cell, start, labels: "all" | "few", labelled: int | null (the few)
            baseline, oracle, chosen, above_floors: bool
            comparable: bool                 its arm passed the certificate
            representative: bool             it stands for its arm: of all labels, the best on validation
            candidate: bool                  a representative that is ranked
            tied: bool                       not separated from the chosen one; never where all is descriptive
            undecided: "norm" | "initial_scale" | "axes" | "alike" | null   why a candidate can have no verdict against the
                                             chosen one: other norms or initial scales, they differ in too much, or in
                                             nothing; null where it can, or where all is descriptive
            ranks: [best, worst] | null      simultaneous over the candidates; null where it is not ranked
            mean, low, high, standard_error, degrees_of_freedom
            p_against_best: float | null     after Holm over the pairs; null for the best and where nothing is tested
            variance: {replicates, samples}  shares of the squared standard error
            scores: [float]                  one per replicate, in order
            items, visual: "grid" | "patches" | "none"
            parameters: {total, trained}, flops: {forward_per_sample, training}
            samples: {unimodal, tuning, pretraining, finetuning, total}   tuning: of the arm's search of a learning rate
            splits: {SPLIT: ESTIMATE}, forms: {FORM: ESTIMATE}, hard: ESTIMATE | null }]
        pairs: [{first, second: {arm, cell}, DIFFERENCE, grade, grade_reason, axis: str | null, verdict, protocol}]
                                             of candidates: exploratory, with Holm's correction over these; what can
                                             have no verdict is not tested, so its p-values are null
    }}
    pretraining: [{arm, task, labels, labelled, DIFFERENCE, grade, verdict: "helps" | "hurts" | ..., protocol
                   against: CELL             multimodal minus the unimodal start (of an arm without one, minus scratch),
                                             or minus that one's matched twin
                   extra_samples: int | null}]
    data: [{axis: "amount" | "caption_noise" | "domain", family: ARCHITECTURE, task, labels, labelled
            first, second: {arm, cell}, levels: [of the first, of the second]
            DIFFERENCE, grade, verdict: "better" | "worse" | ..., protocol}]      arms that differ in what their intermediate
                                             step reads alone; exploratory, with Holm's correction over these
    tuning: {ARCHITECTURE: {task, factor, trials: [{factor, rung, share, score, samples}]}}    no trials where none was asked for
    budgets: {KEY: {currency, amount, batch_size}}   what every arm was given alike, by its key in the study
    certificates: {ARCHITECTURE: {valid: bool, checks: [{item, equal: bool, detail}], stated: {ITEM: words}}}
    digests: {equal: bool, compared: int, violations: [{where, digest, values: {DIGEST: [WHO]}}]}

ESTIMATE is {mean, low, high, items}; DIFFERENCE is difference, low, high, p, p_holm, p_equivalence and p_equivalence_holm,
first minus second (of an interaction the first of `effects` minus the second). `hard` are the selection items that both
unimodal floors get wrong. Candidates are the representatives of arms that passed the certificate, simple baselines included,
exact boxes (`oracle`) not: where a baseline is best it is chosen, and that is the finding.
"""

import json
import math
from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.evaluation.certificate.certificate import certify
from components.evaluation.certificate.digests import compared, summary
from components.evaluation.certificate.protocol import protocol_hash
from components.evaluation.certificate.training_records import Record, TrainingRecords
from components.evaluation.leaderboard import contrast_results
from components.evaluation.leaderboard.costs import Costs
from components.evaluation.leaderboard.data_effects import effects as data_effects
from components.evaluation.leaderboard.grade import overall
from components.evaluation.leaderboard.rounding import difference, verdict
from components.evaluation.leaderboard.task_table import Effect, TaskTable
from components.evaluation.scoring.scores import TaskScores
from components.evaluation.statistics.equivalence import equivalence_p
from components.evaluation.statistics.estimates import holm
from components.study.plan import learns_from_few
from components.study.study import Study

Json = dict[str, Any]
_EFFECTS = {"better": "helps", "worse": "hurts"}


def build(study: Study, root: Path) -> Json:
    """Build the leaderboard from the outputs below `root`.

    Raises:
        CeterisError: the outputs are not those of the study.
    """
    records = TrainingRecords.load(study, root)
    sets = compared(study, records)
    certificates, protocol = certify(study, records, sets), protocol_hash(study)
    costs = Costs(study, records, root / "outputs/unimodal")
    floors = json.loads((root / "outputs/floors/floors.json").read_text(encoding="utf-8"))
    missed = json.loads((root / "outputs/evaluation/missed.json").read_text(encoding="utf-8"))
    tasks: Json = {}
    selection, effects, data = {}, [], []
    for task in study.tasks:
        if task not in floors:
            raise CeterisError(f"outputs/floors/floors.json has no floors for task {task}: run the stage floors again.")
        table = task_table(study, root, task, records, certificates)
        tasks[task] = table.build(floors[task], costs) | {
            "missed": missed.get(task, {}),
            "cut": _cut(records, task, study.text.max_length),
        }
        selection[task] = table.selection
        effects += table.effects(costs)
        data += data_effects(study, task, table.selection, certificates)
    spent = {"finetune_few": learns_from_few(study), "finetune_further": bool(study.further_tasks)}
    grade, reason = overall(study, certificates)
    return {
        "study": study.name,
        "confidence": study.evaluation.confidence,
        "margin": study.evaluation.margin,
        "replicates": study.replicates,
        "protocol": protocol,
        "grade": grade,
        "grade_reason": reason,
        "interval_over": "replicates and samples" if len(study.replicates) > 1 else "samples",
        "contrasts": contrast_results.answer(study, selection, certificates, protocol),
        "tasks": tasks,
        "pretraining": _judged(study, effects, protocol, _EFFECTS),
        "data": _judged(study, data, protocol, {}),
        "tuning": {arm: _tuning(records.tuning[arm]) for arm in study.arms},
        "budgets": {key: budget.described() for key, budget in study.budgets.items() if spent.get(key, True)},
        "certificates": certificates,
        "digests": summary(sets),
    }


def _tuning(record: Record) -> Json:
    """The search of an arm, without what only its certificate needs."""
    shown = ("factor", "rung", "share", "score", "samples")
    trials = [{key: trial[key] for key in shown} for trial in record["trials"]]
    return {"task": record["task"], "factor": record["factor"], "trials": trials}


def _cut(records: TrainingRecords, task: str, max_length: int) -> Json | None:
    """The share of a task's texts that were cut. All arms that read texts read the same ones."""
    runs = [run for tasks in records.arms.values() for cell in tasks.get(task, {}).values() for run in cell]
    shares = [share for run in runs if (share := (run.get("reads") or {}).get("truncated_texts")) is not None]
    return {"share": max(shares), "max_length": max_length} if shares else None


def task_table(
    study: Study, root: Path, task: str, records: TrainingRecords, certificates: dict[str, Json]
) -> TaskTable:
    """The table of one task, over everything that was scored."""
    evaluation, hard = root / "outputs/evaluation", root / "outputs/floors/hard.parquet"
    scores = TaskScores.load(evaluation, hard, task, records.arms, study.replicates)
    return TaskTable(study, task, scores, certificates, protocol_hash(study))


def _judged(study: Study, effects: list[Effect], protocol: str, words: dict[str, str]) -> list[Json]:
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
        found.append(
            {
                **one.entry,
                **difference(one.estimate, holms[0], p_equivalence, holms[1]),
                "grade": one.grade.grade,
                "verdict": words.get(word, word),
                "protocol": protocol,
            }
        )
    return found
