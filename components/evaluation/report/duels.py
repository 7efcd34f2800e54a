"""Wins and losses between any two arms, with pictures: everything is in the page, a few lines of script choose."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.evaluation.findings import start_words
from components.evaluation.formatting import readable
from components.evaluation.report.examples import Duels, Example


@dataclass(frozen=True)
class Answer:
    """What an arm said, and whether that is right; `on` are those of the pair that is shown first."""

    arm: str
    name: str
    words: str
    right: bool
    on: bool


@dataclass(frozen=True)
class Sample:
    """One sample with all answers.

    Attributes:
        pictures: data URIs.
        right: arms.
        shown: whether it is among those of the pair that is shown first.
    """

    id: str
    pictures: Sequence[str]
    small: bool
    text: str
    target: str
    form: str
    answers: Sequence[Answer]
    right: Sequence[str]
    shown: bool


@dataclass(frozen=True)
class Duel:
    """One task.

    Attributes:
        arms: how each is written in the choosers.
        wins: of every arm against every other, as JSON for the script.
        first: right, in the pair that is shown first.
        second: wrong in it.
    """

    items: int
    wins: str
    arms: Mapping[str, str]
    first: str
    second: str
    pair: str
    said: str
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Examples:
    """All tasks whose pictures are at hand, by name."""

    lead: str
    duels: Sequence[tuple[str, Duel]]


def examples(by_task: Mapping[str, Duels]) -> Examples | None:
    """A chooser with samples per task; none where pictures are not at hand."""
    lead = (
        "The cell that stands for each arm, first replicate. Samples are chosen so that every pair of "
        "arms has some, not for how usual they are: the numbers beside the chooser say how often it happens."
    )
    return Examples(lead, [(readable(task), _duel(found)) for task, found in by_task.items()]) if by_task else None


def _duel(found: Duels) -> Duel:
    first, second = found.pair
    wins = {
        name: dict(zip(found.starts, (int(count) for count in row), strict=True))
        for name, row in zip(found.starts, found.wins, strict=True)
    }
    samples = [_sample(example, found.pair) for example in found.examples]
    shown = sum(sample.shown for sample in samples)
    return Duel(
        items=found.items,
        wins=json.dumps(wins, sort_keys=True),
        arms={name: f"{readable(name)} ({start_words(cell)})" for name, cell in found.starts.items()},
        first=first,
        second=second,
        pair=f"{readable(first)} is right and {readable(second)} is wrong:",
        said=f"{wins[first][second]:,} of {found.items:,} samples; the other way round {wins[second][first]:,}. "
        f"Shown here: {shown}.",
        samples=samples,
    )


def _sample(example: Example, pair: tuple[str, str]) -> Sample:
    right = [name for name, (_, is_right) in example.predictions.items() if is_right]
    return Sample(
        id=example.id,
        pictures=example.pictures,
        small=example.small,
        text=example.text,
        target=example.target,
        form=readable(example.form),
        answers=[
            Answer(name, readable(name), words, is_right, name in pair)
            for name, (words, is_right) in example.predictions.items()
        ],
        right=right,
        shown=pair[0] in right and pair[1] not in right,
    )
