"""How what the leaderboard holds is put into words, the same in the terminal and in the report."""

import math
from collections.abc import Mapping

from components.evaluation.formatting import (
    NOT_KNOWN,
    count,
    listed,
    percent,
    points,
    readable,
    share,
    some,
)
from components.evaluation.leaderboard.entries import (
    CellEntry,
    CellPair,
    ContrastResult,
    DataEffect,
    Difference,
    Leaderboard,
    StepEffect,
    TaskEntry,
)
from components.records.scores import Interval, Obstacle
from components.records.training import Currency, GivenBudget
from components.study.cells import Cell
from components.tasks import TASKS

OBSTACLES: dict[Obstacle, str] = {
    "norm": "of another norm",
    "initial_scale": "of another initial scale",
    "diet": "with other data or another budget",
    "axes": "with too many differences",
    "alike": "trained alike",
    "step": "for an intermediate step that did not pass its gates",
}
"""Which arms can have no verdict against the best one, by the leaderboard's word for it."""
UNRANKED = "Nothing is ranked: no arm passed its certificate."
CURRENCIES: dict[Currency, str] = {
    "samples": "samples",
    "steps": "optimiser steps",
    "flops": "FLOPs",
    "seconds": "seconds of the training loop",
}
BUDGETS = {
    "pretrain_text": "text alone",
    "pretrain_image": "pictures alone",
    "pretrain": "the intermediate step",
    "finetune": "fine-tuning",
    "finetune_few": "fine-tuning on few labels",
    "finetune_further": "fine-tuning on further tasks",
}


def name(cell: Cell) -> str:
    """A cell as a person says it: 'late fusion (unimodal)', 'CLIP (multimodal, few labels)'."""
    return f"{readable(cell.arm)} ({start_words(cell)}{', few labels' if cell.few else ''})"


def interval(estimate: Interval | Difference, signed: bool = False) -> str:
    """The interval of an estimate, in percent."""
    return interval_of(estimate.low, estimate.high, signed)


def interval_of(low: float | None, high: float | None, signed: bool = False) -> str:
    """The interval between two ends, in percent."""
    if low is None or high is None:
        return NOT_KNOWN
    show = points if signed else percent
    return f"[{show(low)}, {show(high)}]"


def labels_of(entry: CellEntry | StepEffect | DataEffect) -> str:
    """How many labels something learned from: '500 labels', 'all labels'."""
    return f"{entry.labelled:,} labels" if entry.labelled else f"{entry.labels} labels"


def start_words(cell: Cell) -> str:
    """A start, and whether it is the twin of one: 'unimodal, matched'."""
    return f"{cell.start}, matched" if cell.matched else cell.start


def start_name(entry: CellEntry) -> str:
    """'multimodal', 'unimodal, matched' for the twin that trained for longer, or 'multimodal, 500 labels'."""
    start = start_words(entry.identity)
    return start if entry.labels == "all" else f"{start}, {labels_of(entry)}"


def pairs(contrast: ContrastResult) -> list[str]:
    """What a declared contrast sets against one another: 'UNITER (multimodal) minus VisualBERT (multimodal)', once or twice."""
    sides: list[CellPair] = [contrast, contrast.against] if contrast.against else [contrast]
    return [f"{name(side.first.identity)} minus {name(side.second.identity)}" for side in sides]


def minus(effect: StepEffect) -> str:
    """What an effect of the intermediate step is measured against: 'unimodal', or 'unimodal matched' for the twin."""
    return start_words(effect.other).replace(",", "")


def ranks(entry: CellEntry) -> str:
    """The places that a cell may have among those that are ranked: '2', '1 to 4'; empty where it is not ranked."""
    if not entry.ranks:
        return ""
    best, worst = entry.ranks
    return str(best) if best == worst else f"{best} to {worst}"


def measure(entry: TaskEntry) -> str:
    """What the scores of a task's leaderboard entry are: 'accuracy'."""
    return TASKS[entry.kind].metric.words


def begins(entry: TaskEntry) -> str:
    """What all cells of a further task begin from; empty where they begin from their starts."""
    return f"Every cell goes on from what the same start learned on {readable(entry.after)}." if entry.after else ""


def gaps(entry: TaskEntry) -> str:
    """Which arms cannot do a task, and why; empty where all can."""
    by_reason: dict[str, list[str]] = {}
    for arm, reason in entry.cannot.items():
        by_reason.setdefault(reason, []).append(readable(arm))
    if not by_reason:
        return ""
    return f"Cannot do this task: {'; '.join(f'{listed(names)} ({reason})' for reason, names in by_reason.items())}."


def limits(entry: TaskEntry) -> str:
    """What keeps scores down whatever is trained: answers that are no class, and texts that were cut; empty without either."""
    said = []
    missed, cut = entry.missed.get("selection", 0.0), entry.cut
    if missed:
        # Rounded down, so that nobody is promised what cannot be reached.
        most = math.floor(1000 * (1 - missed) + 1e-6) / 10
        said.append(
            f"{share(missed)} of these samples can only be missed, for their answer is no class: "
            f"{most:.1f}% is the most that can be scored."
        )
    if cut and cut.share:
        said.append(f"{share(cut.share)} of the texts were cut, being longer than {cut.max_length} tokens.")
    return " ".join(said)


def budgets(given: Mapping[str, GivenBudget]) -> str:
    """In which currency the budgets are equal, and what they are, as a sentence."""
    by_currency: dict[str, list[str]] = {}
    for key, budget in given.items():
        said = f"{count(budget.amount)} for {BUDGETS[key]}"
        by_currency.setdefault(CURRENCIES[budget.currency], []).append(said)
    return (
        f"Budgets are equal in {'; in '.join(f'{currency}: {listed(said)}' for currency, said in by_currency.items())}."
    )


def training(board: Leaderboard) -> str:
    """Which training samples the replicates learned from, and so what the findings hold for, as a sentence."""
    found = board.training
    labelled = f"{found.samples:,} labelled samples"
    if found.redrawn == "anew":
        return "Training scenes are drawn anew in each replicate."
    if found.share is not None:
        return f"Each replicate trains on its own {100 * found.share:.3g}% of the groups of {labelled}."
    if len(board.replicates) == 1:
        return f"One replicate trains on {labelled}: what is said holds for these."
    return f"All replicates train on the same {labelled}: what is said holds for these."


def headline(leaderboard: Leaderboard, task: str) -> str:
    """The finding of one task in a sentence or two."""
    chosen = leaderboard.tasks[task].chosen
    if chosen is None:
        return UNRANKED
    standing = "".join(f"; {words}" for words in standings(leaderboard, task))
    sentence = f"Best mean: {name(chosen.identity)}, {percent(chosen.mean)}% {interval(chosen)}{standing}."
    if chosen.baseline:
        sentence += " It is one of the simple baselines: no arm with more machinery did better here."
    return sentence


def standings(leaderboard: Leaderboard, task: str) -> list[str]:
    """How the chosen cell stands to the other ranked ones, as parts of a sentence; none where it is the only one."""
    if leaderboard.grade == "descriptive":
        return ["descriptive, without a verdict"]
    entry = leaderboard.tasks[task]
    chosen = entry.chosen
    if chosen is None:
        return []
    worse = [
        name(cell.identity)
        for cell in entry.cells
        if cell.candidate and not (cell.chosen or cell.tied or cell.undecided)
    ]
    said = []
    if chosen.tied_with:
        said.append(f"not separated from {some([name(cell.identity) for cell in chosen.tied_with])}")
    elif worse:
        said.append(f"better than {some(worse) if chosen.undecided else 'every other arm'}")
    if chosen.undecided:
        because = [cell.because for cell in chosen.undecided]
        kinds = [
            f"{because.count(kind)} arm{'s' if because.count(kind) > 1 else ''} {words}"
            for kind, words in OBSTACLES.items()
            if kind in because
        ]
        said.append(f"without a verdict against {listed(kinds)}")
    return said
