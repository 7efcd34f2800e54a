"""Compare the targets of one split with those of training: some may be unknown there, or written differently."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.data.findings import QUOTED, quoted
from components.data.sources.look_alikes import counterparts, visible

_MOST_MISSED = 0.5
"""If training lacks the targets of a larger share of a split's rows, the two are probably written differently."""


@dataclass(frozen=True)
class TargetProblems:
    """Problems of a task's targets in one split, in words; empty where there is no such problem.

    Attributes:
        one: all rows of `train` have the same target.
        outside: some rows have a target that training lacks.
        foreign: most rows have a target that training lacks, and not because answers are free.
    """

    one: str = ""
    outside: str = ""
    foreign: str = ""


def target_problems(samples: pd.DataFrame, split: str) -> TargetProblems:
    """Find the problems of one split.

    Args:
        samples: the rows of one task in all splits, with the columns `file`, `row`, `name`, `split`, `target` and `missed`.
        split: the split to check.
    """
    mine = samples[samples["split"] == split]
    if split == "train":
        targets = mine["target"][mine["target"] != ""].unique()
        if len(targets) != 1:
            return TargetProblems()
        return TargetProblems(
            one=f"all training rows have the target {visible(targets[0])}, so there is nothing to tell apart"
        )
    missed = mine[mine["missed"]]
    if missed.empty:
        return TargetProblems()
    share = f"{len(missed):,} of {len(mine):,} rows ({_percent(len(missed) / len(mine))})"
    problem = f"{share} have a target that is no class of the training rows"
    trained = samples.loc[(samples["split"] == "train") & (samples["target"] != ""), "target"]
    spellings = counterparts(missed["target"], trained)
    if len(missed) > _MOST_MISSED * len(mine):
        if 2 * missed["target"].isin(spellings).sum() > len(missed):
            pairs = [f"{visible(here)} here is {visible(there)} there" for here, there in spellings.items()]
            return TargetProblems(foreign=f"{problem}, because it is written differently{quoted(pairs)}")
        if not _are_open(missed, mine):
            known = ", ".join(visible(target) for target in trained.value_counts().index[:QUOTED]) or "none"
            return TargetProblems(
                foreign=f"{problem} ({_examples(missed)}; training has {known}), so the two may be written differently"
            )
    return TargetProblems(outside=f"{problem}, so they can only be missed ({_examples(missed)})")


def _are_open(missed: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """Whether targets seem to be free answers, most of them given once, so that training cannot know them."""
    return len(missed) < len(rows) and 2 * missed["target"].nunique() > len(missed)


def _examples(missed: pd.DataFrame) -> str:
    """A few of the missed targets, each with the first row that has it."""
    first = missed.drop_duplicates("target")
    shown = [
        f"{visible(target)} in {name or f'{Path(file).name}:{row}'}"
        for target, name, file, row in zip(
            *(first[column][:QUOTED] for column in ("target", "name", "file", "row")), strict=True
        )
    ]
    return ", ".join(shown) + (", ..." if len(first) > QUOTED else "")


def _percent(share: float) -> str:
    return "under 0.1%" if share < 0.001 else f"{100 * share:.1f}%"
