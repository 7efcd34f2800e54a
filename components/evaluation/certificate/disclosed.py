"""What is stated of an arm beside what is checked: how much it reads, and how long it trained in every currency."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from components.evaluation.certificate.majority import NOT_RECORDED
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.formatting import count
from components.records.training import TrainingRecord
from components.study.plan import fine_tunings
from components.study.study import Study

TOKENS, TEXTS, FORWARDS, LENGTHS = (
    "visual tokens per picture",
    "texts cut off",
    "forward passes of a sample in a step",
    "length of training",
)
STEP = "intermediate step"


def stated(study: Study, records: TrainingRecords, arm: str) -> dict[str, str]:
    """In words, by item; figures that differ between an arm's runs as their range."""
    tasks = records.arms.get(arm, {})
    tuned = {task: [record for kept in cells.values() for record in kept] for task, cells in tasks.items() if cells}
    step = {STEP: records.pretraining[arm]} if arm in records.pretraining else {}
    everything = [record for runs in (tuned | step).values() for record in runs]
    return {
        TOKENS: _range([_read(record, "visual_tokens") for record in everything]),
        TEXTS: _by(
            {task: _share([_read(record, "truncated_texts") for record in runs]) for task, runs in tuned.items()}
        ),
        FORWARDS: _by(
            {one: _range([_read(record, "forwards") for record in runs]) for one, runs in (tuned | step).items()}
        ),
        LENGTHS: "; ".join(f"{kind}: {_lengths(runs)}" for kind, runs in _kinds(study, records, arm).items()),
    }


def _read(record: TrainingRecord, what: Literal["visual_tokens", "truncated_texts", "forwards"]) -> float | str | None:
    value: float | None = getattr(record.reads, what, None)
    return NOT_RECORDED if record.reads is None else value


def _kinds(study: Study, records: TrainingRecords, arm: str) -> dict[str, list[TrainingRecord]]:
    """The runs of an arm by which budget they have."""
    kinds: dict[str, list[TrainingRecord]] = {}
    for task, cells in records.arms.get(arm, {}).items():
        for cell in fine_tunings(study, arm, task):
            kind = (
                "fine-tuning"
                + (f" after {study.tasks[task].after}" if cell.taught else "")
                + (" of twins" if cell.stretched else "")
                + ("" if cell.labels is None else " on few labels")
            )
            kinds.setdefault(kind, []).extend(cells[cell.name])
    return kinds | ({STEP: records.pretraining[arm]} if arm in records.pretraining else {})


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _lengths(runs: Sequence[TrainingRecord]) -> str:
    steps, samples = _range([record.steps for record in runs]), _range([record.samples for record in runs])
    flops = _range([record.flops.total for record in runs], count)
    return f"{steps} steps, {samples} samples, {flops} FLOPs"


def _by(values: dict[str, str]) -> str:
    """One word where all have the same, or else which has which."""
    if len(set(values.values())) < 2:
        return next(iter(values.values()), NOT_RECORDED)
    return ", ".join(f"{value} ({name.replace('_', ' ')})" for name, value in values.items())


def _share(values: Iterable[float | str | None]) -> str:
    known = set(values)
    if known == {None}:
        return "reads no text"
    return ", ".join(
        value if isinstance(value, str) else f"{100 * (value or 0.0):.2f}%" for value in sorted(known, key=str)
    )


def _range(values: Iterable[float | str | None], words: Callable[[float], str] = _number) -> str:
    known = [value for value in values if isinstance(value, int | float)]
    if not known:
        return NOT_RECORDED
    low, high = words(min(known)), words(max(known))
    return low if low == high else f"{low} to {high}"
