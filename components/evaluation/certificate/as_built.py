"""What the built networks and the consumed batches were, held against what the study and the architecture's file declare.

The other checks compare what was declared and handed over. These compare what was measured while it trained: where a network
dropped something, how many words and regions were masked, the optimiser that was built, the scale of fresh weights, what came
from pretraining, and what the counted step read.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from components.evaluation.certificate.digests import passes_of
from components.evaluation.certificate.majority import NOT_RECORDED, Held, agreement
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.certificate.training_runs import Run, every_run
from components.models import architectures
from components.models.passes import MASKED_WORDS, Pretraining
from components.records.training import Beginnings, Optimiser, TrainingRecord
from components.study.plan import FineTuning, fine_tunings
from components.study.schedule import factors
from components.study.study import Study

Faults = dict[str, list[str]]

ERRORS = 6.0
"""How many standard errors a share of masked words or regions may be away from what was declared."""
CLUSTERS = 4.0
"""Where whole words are masked their tokens go together, which makes the variance of the share larger, by less than this."""
SCHEDULE = 0.01
"""By how much a factor of the learning rate may be off: steps are whole."""
TOKENS = 0.05
"""By which share the visual tokens of the counted step may differ from those of the first step that was run."""


def dropout(study: Study, records: TrainingRecords) -> Faults:
    """Whether every run dropped with the study's probability, or nothing."""
    allowed = {f"{study.model.dropout:g}"} if study.model.dropout else set()
    faults: Faults = {}
    for run in every_run(study, records):
        acting = run.record.dropout
        strays = None if acting is None else sorted(set(acting) - allowed)
        if acting is None or strays:
            said = NOT_RECORDED if strays is None else f"drops with {', '.join(strays)}, not {study.model.dropout:g}"
            faults.setdefault(run.arm, []).append(f"{run.name}: {said}")
    return faults


def masking(study: Study, records: TrainingRecords) -> Faults:
    """Whether as many words and regions were masked as the study and the passes say."""
    faults: Faults = {}
    for run, passes, words in _masking_runs(study, records):
        found = run.record.consumed
        if found is None:
            faults.setdefault(run.arm, []).append(f"{run.name}: what was masked was {NOT_RECORDED}")
            continue
        regions = next((one.regions.share for one in passes.passes if one.regions is not None), 0.0)
        words = words if any(one.words for one in passes.passes) else 0.0
        for what, declared, masked, of in (
            ("words", words, found.masked_words, found.words),
            ("regions", regions, found.masked_regions, found.regions),
        ):
            if not _about(masked, of, declared):
                share = masked / of if of else 0.0
                said = f"{100 * share:.1f}% of the {what} were masked, not {100 * declared:g}%"
                faults.setdefault(run.arm, []).append(f"{run.name}: {said}")
    return faults


def _masking_runs(study: Study, records: TrainingRecords) -> Iterator[tuple[Run, Pretraining, float]]:
    """Runs with masked words or regions, with their passes and the share of words that they should mask."""
    for run in every_run(study, records):
        if run.kind == "text":
            yield run, MASKED_WORDS, study.text.masked_share
        elif run.kind == "step":
            yield run, passes_of(study, run.arm), study.arms[run.arm].masked_words


def _about(count: int, of: int, share: float) -> bool:
    """Whether a count is what chance makes of a share."""
    if not share:
        return not count
    if not of:
        return False
    return abs(count / of - share) <= ERRORS * math.sqrt(CLUSTERS * share * (1 - share) / of)


def optimiser(study: Study, records: TrainingRecords) -> Faults:
    """Whether all runs had the same optimiser, and each the schedule of its budget."""
    faults: Faults = {}
    held = []
    for run in every_run(study, records):
        found = run.record.optimiser
        words = None
        if found is not None:
            words = f"{found.name} with betas {found.betas[0]:g} and {found.betas[1]:g}, epsilon {found.epsilon:g}"
            known = run.allowance.known() if run.twin is None else None
            wanted = factors(known or run.allowance.lasting(run.record.steps))
            if not all(math.isclose(*pair, abs_tol=SCHEDULE) for pair in zip(found.schedule, wanted, strict=True)):
                faults.setdefault(run.arm, []).append(f"{run.name}: another schedule of the learning rate")
            if _sides(found) != _declared_sides(run.allowance.weight_decay):
                said = ", ".join(f"{key} on tensors of {value} dimensions" for key, value in _sides(found).items())
                faults.setdefault(run.arm, []).append(f"{run.name}: weight decay of {said}")
        held.append(Held(run.arm, run.name, words))
    for arm in agreement(held).differ:
        others = {one.value or NOT_RECORDED: one.run for one in held if one.arm == arm}
        faults.setdefault(arm, []).extend(f"{run}: {value}" for value, run in others.items())
    return faults


def _sides(optimiser: Optimiser) -> dict[str, str]:
    """Which tensors each weight decay acts on, by how many dimensions they have."""
    words = {True: "two or more", False: "fewer than two"}
    return {
        key: " and ".join(sorted({words[count > 1] for count in counts})) for key, counts in optimiser.decay.items()
    }


def _declared_sides(decay: float) -> dict[str, str]:
    """Weight decay acts on matrices alone, as usual for transformers."""
    if not decay:
        return {"0": "fewer than two and two or more"}
    return {f"{decay:g}": "two or more", "0": "fewer than two"}


def initial_scale(study: Study, records: TrainingRecords) -> Faults:
    """Whether fresh weights had the scale of the arm's rule, and of its paper where that says zero."""
    faults: Faults = {}
    for run in every_run(study, records):
        if run.kind not in ("task", "step"):
            continue
        begins, axes = run.record.begins, study.arms[run.arm].axes
        said = ""
        if begins is None:
            said = f"what it began with was {NOT_RECORDED}"
        elif begins.scale not in (None, axes.initial_scale if axes else "common"):
            said = f"fresh weights are drawn by the rule {begins.scale}"
        elif begins.strays:
            more = f" and {len(begins.strays) - 1} more" if len(begins.strays) > 1 else ""
            said = f"{begins.strays[0]}{more}"
        if said:
            faults.setdefault(run.arm, []).append(f"{run.name}: {said}")
    return faults


class _Expected(NamedTuple):
    """What a run should have taken from pretraining, by part."""

    name: str
    record: TrainingRecord
    parts: dict[str, bool]


def kept(study: Study, records: TrainingRecords) -> Faults:
    """Whether a run took from pretraining what its start and its architecture's file say, and nothing else."""
    faults: Faults = {}
    for arm in study.arms:
        for expected in _expected(study, records, arm):
            begins: Beginnings | None = expected.record.begins
            if begins is None:
                faults.setdefault(arm, []).append(f"{expected.name}: what it began with was {NOT_RECORDED}")
                continue
            for part, loaded in expected.parts.items():
                if (begins.loaded.get(part, 0.0) > 0.0) != loaded:
                    said = "is fresh, and should have been kept" if loaded else "was kept, and should be fresh"
                    faults.setdefault(arm, []).append(f"{expected.name}: {part} {said}")
    return faults


def _expected(study: Study, records: TrainingRecords, arm: str) -> Iterator[_Expected]:
    settings = study.arms[arm]
    takes_text = "text" in settings.unimodal
    for position, replicate in enumerate(study.replicates):
        for task, cells in records.arms[arm].items():
            for cell in fine_tunings(study, arm, task):
                parts = {
                    "model": bool(
                        cell.taught or cell.start == "multimodal" or (cell.start == "unimodal" and settings.unimodal)
                    ),
                    "head": _keeps_head(study, arm, task, cell),
                }
                yield _Expected(f"{task}, {cell.name}, replicate {replicate}", cells[cell.name][position], parts)
        if arm in records.pretraining:
            losses = passes_of(study, arm).losses
            parts = {loss: loss == "mlm" and takes_text for loss in losses} | {"model": bool(settings.unimodal)}
            name = f"the intermediate step, replicate {replicate}"
            yield _Expected(name, records.pretraining[arm][position], parts)


def _keeps_head(study: Study, arm: str, task: str, cell: FineTuning) -> bool:
    """Whether the head of a task begins with something of a loss's head."""
    kept_head = architectures.load(study.arms[arm].architecture).KEEPS.get(study.tasks[task].kind)
    if kept_head is None or cell.taught or cell.start == "scratch":
        return False
    if cell.start == "multimodal":
        return kept_head.objective in passes_of(study, arm).losses
    return kept_head.objective == "mlm" and "text" in study.arms[arm].unimodal


def counted(study: Study, records: TrainingRecords) -> Faults:
    """Whether the step whose FLOPs were counted is the one that was run, and a frozen front end was charged."""
    faults: Faults = {}
    for run in every_run(study, records):
        if run.kind not in ("task", "step"):
            continue
        flops, consumed, said = run.record.flops, run.record.consumed, []
        looks = study.arms[run.arm].front not in ("pixels", "precomputed")
        if consumed is None:
            said.append(f"what it read was {NOT_RECORDED}")
        elif (flops.visual_tokens is None) != (consumed.visual_tokens is None) or (
            flops.visual_tokens is not None
            and consumed.visual_tokens is not None
            and not math.isclose(flops.visual_tokens, consumed.visual_tokens, rel_tol=TOKENS)
        ):
            said.append(
                f"FLOPs were counted with {flops.visual_tokens} visual tokens, and it trained with {consumed.visual_tokens}"
            )
        if looks != (flops.front > 0):
            said.append(
                "its front end's look at the pictures was not charged" if looks else "it is charged for a front end"
            )
        faults.setdefault(run.arm, []).extend(f"{run.name}: {one}" for one in said)
    return {arm: found for arm, found in faults.items() if found}
