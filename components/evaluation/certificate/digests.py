"""Whether the arms were handed the same: the digests that runs took of their batches, set against one another.

Runs of equal length are compared to their end. Where lengths differ (twins, budgets in FLOPs or seconds) runs are also
compared at the last power of two of batches that they came to, which lies at least halfway through the shorter one.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from components.evaluation.certificate.certificates import DigestSummary, Violation
from components.evaluation.certificate.majority import Agreement, Held, agreement
from components.evaluation.certificate.training_records import TrainingRecords
from components.models import architectures
from components.models.passes import Pretraining
from components.objectives import OBJECTIVES
from components.records.training import TrainingRecord, Trial
from components.study.plan import fine_tunings
from components.study.study import Study

Chain = Literal["ids", "content", "regions", "corruption"]
Handled = TrainingRecord | Trial
"""What holds digests of the batches that it was handed."""


class Compared(NamedTuple):
    """Runs whose digests of one kind must agree.

    Attributes:
        where: which runs, in words.
        digest: which of the four chains; "regions" are what a frozen front end saw.
    """

    where: str
    digest: Chain
    agreement: Agreement


def compared(study: Study, records: TrainingRecords) -> list[Compared]:
    """All sets of runs that must agree: of fine-tuning, of the intermediate step, and of pictures alone."""
    found = []
    for position, replicate in enumerate(study.replicates):
        for where, tuned in _finetuning(study, records, position).items():
            found += _chains(study, f"{where}, replicate {replicate}", tuned)
        runs: Runs = [(arm, arm, kept[position]) for arm, kept in records.pretraining.items()]
        where = f"intermediate pretraining, replicate {replicate}"
        handed = Handed(partial(_read, study), partial(_content, study), partial(_corruption, study))
        found += _chains(study, where, runs, handed)
        found += _pictures(study, records, position, f"pretraining on pictures, replicate {replicate}")
    return found


def summary(sets: list[Compared]) -> DigestSummary:
    """What all sets come to."""
    violations = [
        Violation(where=one.where, digest=one.digest, values=one.agreement.values)
        for one in sorted(sets, key=lambda one: one.where)
        if one.agreement.differ
    ]
    return DigestSummary(equal=not violations, compared=len({one.where for one in sets}), violations=violations)


def passes_of(study: Study, arm: str) -> Pretraining:
    """The forward passes and losses of an arm's intermediate step."""
    settings = study.arms[arm]
    if settings.axes is not None:
        from components.models.architectures.controlled import PASSES

        return PASSES[settings.axes.objectives]
    return architectures.load(settings.architecture).PRETRAINING


Runs = list[tuple[str, str, Handled]]
"""Arm, name of the run, record."""


class Stretch(NamedTuple):
    """Runs that can be compared after so many batches, or to their end where that is None.

    Attributes:
        words: what is added to `where`.
    """

    words: str
    batches: int | None
    runs: Runs


def stretches(runs: Runs) -> list[Stretch]:
    """How far runs can be compared: those of one length to the end, those of unlike lengths as far as digests were kept."""
    by_steps: dict[int, Runs] = {}
    for run in runs:
        by_steps.setdefault(run[2].steps, []).append(run)
    if len(by_steps) < 2:
        return [Stretch("", None, runs)]
    found = [Stretch(f", {steps:,} steps", None, same) for steps, same in sorted(by_steps.items())]
    for batches in sorted({1 << (steps.bit_length() - 1) for steps in by_steps}):
        came = [run for run in runs if run[2].steps >= batches]
        if len({run[2].steps for run in came}) > 1:
            found.append(Stretch(f", first {batches:,} steps", batches, came))
    return found


def _finetuning(study: Study, records: TrainingRecords, position: int) -> dict[str, Runs]:
    """Runs with as many labels, all of one task; a twin is handed the same as the others and then more."""
    runs: dict[str, Runs] = {}
    for arm, tasks in records.arms.items():
        for task in tasks:
            for cell in fine_tunings(study, arm, task):
                where = f"{task}, {'all' if cell.labels is None else 'few'} labels"
                record = records.arms[arm][task][cell.name][position]
                runs.setdefault(where, []).append((arm, f"{arm} ({cell.name})", record))
    return runs


BESIDE_IDS: tuple[Chain, ...] = ("content", "corruption")


def _pictures(study: Study, records: TrainingRecords, position: int, where: str) -> list[Compared]:
    """Front ends see the same pictures; those with the same labels the same labels."""
    runs: dict[str, Runs] = {}
    for arm, settings in study.arms.items():
        for component in settings.components:
            record = records.components[component][position]
            if component != "text" and record is not None:
                boxed = component == "detector" or study.image_pretraining.labels == "boxes"
                runs.setdefault("boxes" if boxed else "image", []).append((arm, component, record))
    if not runs:
        return []
    found = []
    for words, batches, chosen in stretches([one for same in runs.values() for one in same]):
        found.append(Compared(where + words, "ids", agreement(held(chosen, "ids", batches))))
    for same in runs.values():
        for words, batches, chosen in stretches(same):
            found += [Compared(where + words, chain, agreement(held(chosen, chain, batches))) for chain in BESIDE_IDS]
    return found


def _alike(arm: str) -> object:
    return None


class Handed(NamedTuple):
    """Which arms must have been handed the same samples, content and corruption: those of which a function says the same."""

    ids: Callable[[str], object] = _alike
    content: Callable[[str], object] = _alike
    corruption: Callable[[str], object] = _alike


ALL_ALIKE = Handed()


def _chains(study: Study, where: str, runs: Runs, handed: Handed = ALL_ALIKE) -> list[Compared]:
    """The four chains of some runs. What a front end saw follows from the samples and from which one it is."""

    def by(key: Callable[[str], object], chain: Chain, chosen: Runs) -> list[Compared]:
        groups: dict[object, Runs] = {}
        for run in chosen:
            groups.setdefault(key(run[0]), []).append(run)
        return [
            Compared(where + words, chain, agreement(held(alike, chain, batches)))
            for group in groups.values()
            for words, batches, alike in stretches(group)
        ]

    looked = [run for run in runs if study.arms[run[0]].front != "pixels"]
    return [
        *by(handed.ids, "ids", runs),
        *by(handed.content, "content", runs),
        *by(lambda arm: (study.arms[arm].front, handed.ids(arm)), "regions", looked),
        *by(handed.corruption, "corruption", runs),
    ]


def _read(study: Study, arm: str) -> object:
    """Which captioned pictures an arm reads. A wrong caption is another text beside the same picture in the same place."""
    pairs = study.arms[arm].pairs
    return pairs.share, pairs.domain


def _content(study: Study, arm: str) -> object:
    """Which content an arm is handed. One whose objectives read more of the samples shares it only with those that do too."""
    further = sorted({name for loss in passes_of(study, arm).losses for name in OBJECTIVES[loss].content})
    return tuple(further), study.arms[arm].pairs


def _corruption(study: Study, arm: str) -> object:
    """Equal passes ask for equal corruption of equal pairs; masked regions depend on which regions there are."""
    passes = passes_of(study, arm)
    front = study.arms[arm].front if any(one.regions for one in passes.passes) else None
    words = study.arms[arm].masked_words if any(one.words for one in passes.passes) else None
    return passes, front, words, study.arms[arm].pairs


def held(runs: Runs, chain: Chain, batches: int | None) -> list[Held]:
    """What some runs hold of a chain after so many batches, or at their end."""
    found = []
    for arm, name, record in runs:
        digests = record.digests if batches is None else (record.digests_after or {}).get(str(batches))
        value = None if digests is None else getattr(digests, chain)
        # Nothing corrupted is an empty chain; samples without ids or content there are none.
        found.append(Held(arm, name, None if value == "" and chain in ("ids", "content", "regions") else value))
    return found
