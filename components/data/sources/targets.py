"""Survey the targets of rows before training: the number of classes, how balanced they are, and oddities."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat

from components.data.findings import QUOTED, Findings, Severity, finding
from components.data.sources.look_alikes import LookAlikes, look_alikes, visible

FEWEST_ROWS = 4
"""A class with fewer rows can hardly have one in every split."""
_OPEN_SHARE = 0.05
"""Answers count as open only if targets that occur once make up this share of the rows; fewer may be slips among classes."""


@dataclass(frozen=True)
class TargetSurvey:
    """The targets of a set of rows; rows without a target do not count.

    Attributes:
        counts: rows by target, the most frequent first, equal ones in alphabetical order.
        alone: number of targets that occur in one group only.
        untrained: by split, number of rows with a target that no row of `train` has; empty where no splits are given.
        open: whether answers are free, so that most of them are given once.
        alike: groups of targets that look alike.
    """

    counts: dict[str, int]
    alone: int
    untrained: dict[str, int]
    open: bool
    alike: list[LookAlikes]

    @property
    def rows(self) -> int:
        """Number of rows with a target."""
        return sum(self.counts.values())

    @property
    def singletons(self) -> int:
        """Number of targets that occur in one row only."""
        return sum(count == 1 for count in self.counts.values())

    @property
    def majority(self) -> float:
        """The share of the rows that have the most frequent target."""
        return next(iter(self.counts.values())) / self.rows if self.counts else 0.0

    @property
    def frequent(self) -> list[tuple[str, int]]:
        """The three most frequent targets with their numbers of rows."""
        return list(self.counts.items())[:QUOTED]

    @property
    def rarest(self) -> list[tuple[str, int]]:
        """The three rarest targets with their numbers of rows, the rarest first."""
        return sorted(self.counts.items(), key=lambda item: (item[1], item[0]))[:QUOTED]

    def sentences(self, closed: bool = False) -> list[str]:
        """Describe the targets in sentences; none of them is about a fault.

        Args:
            closed: whether all targets are classes, however rare, as in a classification.
        """
        if not self.counts:
            return ["No row has a target."]
        several = len(self.counts) > 1
        said = [
            f"{len(self.counts):,} class{'es' if several else ''} in {self.rows:,} rows; the most frequent "
            f"{_listed(self.frequent)}"
            + (f", the rarest {_listed(self.rarest)}" if len(self.counts) > QUOTED else "")
            + "."
            + (
                f" Saying {visible(self.frequent[0][0])} every time is right in {_share(self.majority)}."
                if several
                else ""
            )
        ]
        if self.singletons == len(self.counts):
            return said
        if self.open and not closed:
            return [
                *said,
                f"Answers are open: {self.singletons:,} of {len(self.counts):,} are given once, by "
                f"{_share(self.singletons / self.rows)} of the rows. Frequent ones become classes, the others can only be missed.",
            ]
        if rare := [(target, count) for target, count in self.counts.items() if count < FEWEST_ROWS]:
            shown = sorted(rare, key=lambda item: (item[1], item[0]))
            said.append(
                f"{len(rare):,} class{'es have' if rare[1:] else ' has'} fewer than {FEWEST_ROWS} rows "
                f"({', '.join(visible(target) for target, _ in shown[:QUOTED])}{', ...' if rare[QUOTED:] else ''}): "
                f"{'they stay in training and are' if rare[1:] else 'it stays in training and is'} hardly tested."
            )
        return said

    def findings(self, file: str) -> Findings:
        """Findings about the targets of a file: targets from which nothing can be learned, and look-alikes."""
        found: list[tuple[Severity, str, str, str]] = []
        if len(self.counts) == 1:
            problem = f"all rows have the target {visible(next(iter(self.counts)))}, so there is nothing to tell apart"
            found.append(("critical", "one class", problem, "add rows with another target, or name another column"))
        # Where the user gives splits, a class may have one row in each of them.
        elif len(self.counts) > 1 and self.alone == len(self.counts) and not self.untrained:
            what = "row" if self.singletons == len(self.counts) else "group of rows that belong together"
            which = _examples(self.counts)
            problem = f"every class has one {what} only ({which}), so nothing can be asked that was seen in training"
            advice = "add rows, give coarser targets, or name another column"
            found.append(("critical", "classes seen once", problem, advice))
        if self.alike:
            spellings = sum(len(alike.counts) for alike in self.alike)
            shown = "; ".join(map(str, self.alike[:QUOTED])) + ("; ..." if self.alike[QUOTED:] else "")
            problem = f"{spellings:,} targets look like {len(self.alike):,} ({shown})"
            found.append(("warning", "look-alikes", problem, "write each in one way, unless they differ on purpose"))
        return Findings([finding(severity, rule, file, [], *words) for severity, rule, *words in found])


def survey(
    targets: Iterable[str | None],
    splits: Iterable[str | None] | None = None,
    groups: Iterable[str] | None = None,
) -> TargetSurvey:
    """Survey the targets of all rows.

    Args:
        targets: of every row; None where a row has none.
        splits: of every row, if the user gives splits; None where a row has none.
        groups: of every row; rows of one group must stay in one split. By default each row is a group.
    """
    counts: Counter[str] = Counter()
    homes: dict[str, str | None] = {}
    several: set[str] = set()
    by_split: dict[str, Counter[str]] = {}
    for row, (target, split, group) in enumerate(
        zip(
            targets,
            repeat(None) if splits is None else splits,
            repeat(None) if groups is None else groups,
            strict=False,
        )
    ):
        if not target:
            continue
        counts[target] += 1
        home = group if group is not None else str(row)
        if homes.setdefault(target, home) != home:
            several.add(target)
        if split is not None:
            by_split.setdefault(split, Counter())[target] += 1
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    trained = by_split.get("train", Counter())
    untrained = {
        split: sum(count for target, count in found.items() if target not in trained)
        for split, found in sorted(by_split.items())
        if split != "train"
    }
    return TargetSurvey(ordered, len(counts) - len(several), untrained, are_open(ordered), look_alikes(ordered))


def are_open(counts: Mapping[str, int]) -> bool:
    """Whether answers are free: more than half of the different ones (but not all) are given once, by enough of the rows.

    Args:
        counts: number of rows of each target.
    """
    single = sum(count == 1 for count in counts.values())
    return 2 * single > len(counts) > single and single >= _OPEN_SHARE * sum(counts.values())


def _listed(counted: list[tuple[str, int]]) -> str:
    return ", ".join(f"{visible(target)} ({count:,})" for target, count in counted)


def _examples(counts: Mapping[str, int]) -> str:
    return ", ".join(visible(target) for target in sorted(counts)[:QUOTED]) + (", ..." if len(counts) > QUOTED else "")


def _share(share: float) -> str:
    return f"{100 * share:.1f}%"
