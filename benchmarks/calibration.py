"""Whether the statistics keep their promises: simulated studies whose truth is known, judged by the platform's own code.

Every cell of the table is so many simulated studies of 0/1 scores on 500 test items in 250 clusters of two. Arms differ
in how much they move from seed to seed; an interaction makes items easy for one arm and hard for another, and no number
of seeds averages that away. A bar is missed only where the simulation's own error cannot explain it: the lower 97.5%
binomial bound of an error rate lies above the bar (for power the upper one below it, for coverage either beyond its
tolerance).

    python benchmarks/calibration.py [--runs 4000] [--seed 0] [--only TEXT] [--moderated]

Exit code 1 if a bar is missed. `--moderated` shows instead how often moderated intervals cover (see moderation.py), which is
why they are not used.
"""

import argparse
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from moderation import moderated_interval
from scipy.special import betaincinv

from components.evaluation.statistics.equivalence import equivalence_p, verdict_of
from components.evaluation.statistics.estimates import (
    Arm,
    Estimate,
    estimate_contrast,
    estimate_difference,
    holm,
    summarise,
)
from components.evaluation.statistics.power import Design, detectable_effect
from components.evaluation.statistics.ranks import rank_intervals
from registry.gate import alpha_of_test, decide

ITEMS, CLUSTERS = 500, np.repeat(np.arange(250), 2)
CONFIDENCE, ALPHA, MARGIN = 0.95, 0.05, 0.05
REPLICATES = (3, 5, 10)
INTERACTION = 0.2
SPREADS = {
    "0.5 points each": (0.005, 0.005),
    "1 point each": (0.01, 0.01),
    "3 points each": (0.03, 0.03),
    "3 points and 0.5": (0.03, 0.005),
}
"""Standard deviations between replicates of the two arms that are compared."""
FOUR = {"1 point each": (0.01, 0.01, 0.01, 0.01), "0.5 to 3 points": (0.03, 0.005, 0.02, 0.01)}
"""Likewise of four arms, where the effect in the first two is set against that in the others."""
EFFECTS = (1.0, -1.0, -1.0, 1.0)
LOUD, STILL = (0.03, 0.03, 0.004, 0.004, 0.004), (0.003, 0.003, 0.02, 0.02, 0.02)
SIX = (0.01, 0.01, 0.03, 0.02, 0.005, 0.01)
DECLARED = ((0, 1), (0, 2), (0, 3), (3, 4), (4, 5))
"""Five contrasts of six arms; some share an arm, as declared ones do."""
CHALLENGERS = 20

Cell = Callable[[np.random.Generator, int], bool]
"""One simulated study with so many replicates: did it happen?"""


@dataclass(frozen=True)
class Bar:
    """What a rate, in percent of the studies, must keep to."""

    words: str
    least: Callable[[int], float] = lambda replicates: 0.0
    most: Callable[[int], float] = lambda replicates: 1.0


COVERAGE = Bar(
    "95 ± 2 / 1.5 / 1.5",
    lambda replicates: 0.93 if replicates == 3 else 0.935,
    lambda replicates: 0.97 if replicates == 3 else 0.965,
)
ERROR = Bar("≤ 5", most=lambda replicates: ALPHA)
POWER = Bar("≥ 80", least=lambda replicates: 0.8)


def draw(
    generator: np.random.Generator,
    spreads: Sequence[float],
    replicates: int,
    interaction: float,
    effects: Sequence[float] | None = None,
) -> list[Arm]:
    """One study's arms: 0/1 scores of ITEMS items; `effects` are what the arms' true means differ by."""
    clusters = len(CLUSTERS) // 2
    difficulty = generator.uniform(-0.15, 0.15, (clusters, 1))
    arms = []
    for spread, effect in zip(spreads, effects or [0.0] * len(spreads), strict=True):
        own = interaction * (2 * generator.integers(0, 2, (clusters, 1)) - 1)
        chance = 0.5 + effect + difficulty + own + generator.normal(0, spread, replicates)
        arms.append(summarise(generator.random((ITEMS, replicates)) < np.repeat(chance, 2, axis=0), CLUSTERS))
    return arms


def true_design(spreads: tuple[float, ...], replicates: int, interaction: float) -> Design:
    """The variances that `draw` draws from: of 0/1 scores with a mean of a half, for any small effect."""
    residual = (0.25 - 0.15**2 / 3 - interaction**2) / ITEMS
    variances, clusters, arms = tuple(spread**2 + residual for spread in spreads), len(CLUSTERS) // 2, len(spreads)
    return Design(variances, arms * interaction**2 / clusters, arms * residual, clusters, (replicates,) * arms)


@cache
def planned_effect(spreads: tuple[float, ...], replicates: int, interaction: float, alpha: float) -> float:
    """What `power.py` calls detectable where the true variances are known."""
    return detectable_effect(true_design(spreads, replicates, interaction), replicates, alpha)


def covers(spreads: tuple[float, float], interaction: float) -> Cell:
    def happens(generator: np.random.Generator, replicates: int) -> bool:
        estimate = estimate_difference(*draw(generator, spreads, replicates, interaction), CONFIDENCE)
        return estimate.low <= 0.0 <= estimate.high

    return happens


def moderated_covers(spreads: Sequence[float], interaction: float) -> Cell:
    def happens(generator: np.random.Generator, replicates: int) -> bool:
        low, high = moderated_interval(draw(generator, spreads, replicates, interaction), CONFIDENCE)
        return low <= 0.0 <= high

    return happens


def false_difference(contrasts: Sequence[tuple[int, int]], interaction: float, effects: Sequence[float]) -> Cell:
    """A verdict better or worse that the truth does not bear out, for any of the contrasts."""

    def happens(generator: np.random.Generator, replicates: int) -> bool:
        found = _estimates(draw(generator, SIX, replicates, interaction, effects), contrasts)
        adjusted = holm([estimate.p for estimate in found])
        for (first, second), estimate, p in zip(contrasts, found, adjusted, strict=True):
            truth = effects[first] - effects[second]
            word = verdict_of(estimate, p, float("nan"), ALPHA)
            if (word == "better" and truth <= 0) or (word == "worse" and truth >= 0):
                return True
        return False

    return happens


def false_equivalence(contrasts: Sequence[tuple[int, int]], interaction: float) -> Cell:
    """A verdict equivalent where every true difference is exactly the margin, for any of the contrasts."""
    effects = [sign * MARGIN / 2 for sign in (-1, 1, 1, 1, -1, 1)]

    def happens(generator: np.random.Generator, replicates: int) -> bool:
        found = _estimates(draw(generator, SIX, replicates, interaction, effects), contrasts)
        differ = holm([estimate.p for estimate in found])
        equal = holm([equivalence_p(estimate, MARGIN) for estimate in found])
        words = [verdict_of(*each, ALPHA) for each in zip(found, differ, equal, strict=True)]
        return "equivalent" in words

    return happens


def detects(spreads: tuple[float, float], interaction: float) -> Cell:
    """The effect that `power.py` calls detectable is found, by a study that declares this contrast alone."""

    def happens(generator: np.random.Generator, replicates: int) -> bool:
        effect = planned_effect(spreads, replicates, interaction, ALPHA)
        arms = draw(generator, spreads, replicates, interaction, [effect / 2, -effect / 2])
        estimate = estimate_difference(*arms, CONFIDENCE)
        return verdict_of(estimate, estimate.p, float("nan"), ALPHA) == "better"

    return happens


def detects_among_five(interaction: float) -> Cell:
    """The same for the first of five declared contrasts, planned at a fifth of the level; the others are null."""

    def happens(generator: np.random.Generator, replicates: int) -> bool:
        effect = planned_effect((SIX[4], SIX[5]), replicates, interaction, ALPHA / len(DECLARED))
        arms = draw(generator, SIX, replicates, interaction, [effect / 2] * 5 + [-effect / 2])
        found = _estimates(arms, DECLARED)
        adjusted = holm([estimate.p for estimate in found])
        return verdict_of(found[4], adjusted[4], float("nan"), ALPHA) == "better"

    return happens


def covers_two_effects(spreads: tuple[float, ...], interaction: float) -> Cell:
    def happens(generator: np.random.Generator, replicates: int) -> bool:
        estimate = estimate_contrast(draw(generator, spreads, replicates, interaction), EFFECTS, CONFIDENCE)
        return estimate.low <= 0.0 <= estimate.high

    return happens


def detects_two_effects(spreads: tuple[float, ...], interaction: float) -> Cell:
    """As `detects`, of an effect that is so much larger in the first two arms than in the others."""

    def happens(generator: np.random.Generator, replicates: int) -> bool:
        effect = planned_effect(spreads, replicates, interaction, ALPHA)
        arms = draw(generator, spreads, replicates, interaction, [effect / 4 * sign for sign in EFFECTS])
        estimate = estimate_contrast(arms, EFFECTS, CONFIDENCE)
        return verdict_of(estimate, estimate.p, float("nan"), ALPHA) == "better"

    return happens


def ranks_miss(effects: Sequence[float], interaction: float) -> Cell:
    """Any arm's true rank lies outside its interval."""

    def happens(generator: np.random.Generator, replicates: int) -> bool:
        intervals = rank_intervals(draw(generator, SIX, replicates, interaction, effects), CONFIDENCE)
        return any(
            best > 1 + sum(other > effect for other in effects) or worst < sum(other >= effect for other in effects)
            for (best, worst), effect in zip(intervals, effects, strict=True)
        )

    return happens


def promotes_falsely(generator: np.random.Generator, _: int) -> bool:
    """Any of twenty challengers, each as good as the champion, takes its place; all are asked the same gate items."""
    chance = np.repeat(generator.uniform(0.35, 0.95, len(CLUSTERS) // 2), 2)
    right = generator.random((CHALLENGERS + 1, ITEMS)) < chance
    for number in range(1, CHALLENGERS + 1):
        # What is not ahead cannot be promoted: not asking spares half of the time.
        ahead = right[number].sum() > right[0].sum()
        if ahead and decide(right[number], right[0], CLUSTERS, {"none": 0.0}, alpha_of_test(number)).promoted:
            return True
    return False


def _estimates(arms: Sequence[Arm], contrasts: Sequence[tuple[int, int]]) -> list[Estimate]:
    return [estimate_difference(arms[first], arms[second], CONFIDENCE) for first, second in contrasts]


def cells() -> list[tuple[str, Bar, Cell]]:
    """All promises, in the order of the table."""
    found: list[tuple[str, Bar, Cell]] = []
    interactions = {"": 0.0, ", interaction": INTERACTION}
    for name, spreads in SPREADS.items():
        for suffix, interaction in interactions.items():
            found.append((f"95% interval covers: {name}{suffix}", COVERAGE, covers(spreads, interaction)))
    equal, partly = [0.0] * 6, [0.04, 0.04, 0.04, -0.04, -0.04, 0.04]
    for suffix, interaction in interactions.items():
        found += [
            (f"false better or worse: one contrast{suffix}", ERROR, false_difference(DECLARED[:1], interaction, equal)),
            (
                f"false better or worse: any of five, Holm{suffix}",
                ERROR,
                false_difference(DECLARED, interaction, equal),
            ),
            (f"the same where two of the five differ{suffix}", ERROR, false_difference(DECLARED, interaction, partly)),
            (
                f"false equivalent at the margin: one contrast{suffix}",
                ERROR,
                false_equivalence(DECLARED[:1], interaction),
            ),
            (
                f"false equivalent at the margin: any of five, Holm{suffix}",
                ERROR,
                false_equivalence(DECLARED, interaction),
            ),
            (f"any true rank outside its interval: six equal arms{suffix}", ERROR, ranks_miss(equal, interaction)),
            (
                f"the same, two ties among six{suffix}",
                ERROR,
                ranks_miss([-0.02, -0.02, 0.02, 0.02, 0.06, -0.06], interaction),
            ),
        ]
    for name, spreads in SPREADS.items():
        for suffix, interaction in interactions.items():
            found.append((f"detectable effect found: {name}{suffix}", POWER, detects(spreads, interaction)))
    for suffix, interaction in interactions.items():
        found.append((f"detectable effect found: one of five, Holm{suffix}", POWER, detects_among_five(interaction)))
    for name, spreads in FOUR.items():
        for suffix, interaction in interactions.items():
            words = f"{name}{suffix}"
            found += [
                (f"of two effects, 95% interval covers: {words}", COVERAGE, covers_two_effects(spreads, interaction)),
                (f"of two effects, detectable one found: {words}", POWER, detects_two_effects(spreads, interaction)),
            ]
    return found


def moderated_cells() -> list[tuple[str, Bar, Cell]]:
    """Coverage of the rule that is not used."""
    patterns = {"five arms alike": (0.01,) * 5, "the two that move most": LOUD, "the two that move least": STILL}
    return [
        (f"moderated interval covers: {name}{suffix}", COVERAGE, moderated_covers(spreads, interaction))
        for name, spreads in patterns.items()
        for suffix, interaction in {"": 0.0, ", interaction": INTERACTION}.items()
    ]


def count(name: str, cell: Cell, replicates: int, runs: int, seed: int) -> int:
    """In how many of the runs it happens; every cell has its own stream."""
    generator = np.random.default_rng([seed, zlib.crc32(name.encode()), replicates])
    return sum(cell(generator, replicates) for _ in range(runs))


def bounds(hits: int, runs: int) -> tuple[float, float]:
    """The one-sided 97.5% bounds of a rate (Clopper and Pearson)."""
    low = float(betaincinv(hits, runs - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, runs - hits, 0.975)) if hits < runs else 1.0
    return low, high


def keeps(bar: Bar, hits: int, runs: int, replicates: int) -> bool:
    """Whether the bar is kept, as far as so many runs can tell."""
    low, high = bounds(hits, runs)
    return low <= bar.most(replicates) and high >= bar.least(replicates)


def table(chosen: Sequence[tuple[str, Bar, Cell]], only: str, runs: int, seed: int) -> bool:
    """Print a row per promise, a column per number of replicates; tell whether all bars are kept."""
    print(f"| in % of {runs:,} studies | bar | " + " | ".join(f"{r} replicates" for r in REPLICATES) + " |")
    print("|---|---|" + "---|" * len(REPLICATES), flush=True)
    passed = True
    for place, (name, bar, cell) in enumerate(chosen):
        if only not in name:
            continue
        row = []
        for replicates in REPLICATES:
            hits = count(f"{place} {name}", cell, replicates, runs, seed)
            kept = keeps(bar, hits, runs, replicates)
            row.append(f"{100 * hits / runs:.1f}{'' if kept else ' **missed**'}")
            passed &= kept
        print(f"| {name} | {bar.words} | {' | '.join(row)} |", flush=True)
    return passed


def gate(runs: int, seed: int) -> bool:
    """The same for the gate, which knows no replicates."""
    hits = count("gate", promotes_falsely, 1, runs, seed)
    kept = keeps(ERROR, hits, runs, 1)
    print(
        f"\nThe gate: in {100 * hits / runs:.1f}% of {runs:,} sequences any of {CHALLENGERS} equal challengers is "
        f"promoted (bar: {ERROR.words}){'' if kept else ' **missed**'}."
    )
    return kept


def deviations() -> None:
    """Print what is detectable in standard deviations of one replicate's score, where items are beyond doubt."""
    design = Design((1.0, 1.0), 0.0, 0.0, ITEMS, (REPLICATES[0], REPLICATES[0]))
    print("\nDetectable differences, in standard deviations of one replicate's score, at 3 / 5 / 10 replicates:")
    for words, contrasts in (("one contrast", 1), ("one of five declared contrasts", len(DECLARED))):
        found = [detectable_effect(design, replicates, ALPHA / contrasts) for replicates in REPLICATES]
        print(f"{words}: {' / '.join(f'{effect:.1f}' for effect in found)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="rows whose name holds this, the same figures as in the whole table")
    parser.add_argument("--moderated", action="store_true")
    chosen = parser.parse_args()
    if chosen.moderated:
        table(moderated_cells(), chosen.only, chosen.runs, chosen.seed)
        return
    passed = [table(cells(), chosen.only, chosen.runs, chosen.seed)]
    if chosen.only in "the gate":
        passed.append(gate(chosen.runs, chosen.seed))
    if chosen.only in "deviations":
        deviations()
    print("\n" + ("All bars are kept." if all(passed) else "Not all bars are kept."))
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
