"""Which degrees of freedom a difference should have whose variance comes from replicates and from items.

The normal theory of `components/evaluation/statistics/estimates.py`, many studies at once: six equal arms, three or five
replicates, variances between replicates alike or not, an interaction of 10 or 20 points on 250 clusters of items. Printed is in how
many percent of the studies Holm's procedure finds any difference (5 at most), over one, five or all fifteen pairs, with
the parts of the variance weighed by their squares (Satterthwaite) and by themselves (the harmonic mean that is used).

    python benchmarks/degrees_of_freedom.py [--runs 60000]
"""

import argparse
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import special

SPREADS = {
    "1 point each": (0.01,) * 6,
    "3 points each": (0.03,) * 6,
    "0.5 to 3 points": (0.01, 0.01, 0.03, 0.02, 0.005, 0.01),
    "3 points and 0.5 in turn": (0.03, 0.005) * 3,
}
PAIRS = list(combinations(range(6), 2))
FAMILIES: dict[str, Sequence[tuple[int, int]]] = {
    "1": PAIRS[:1],
    "5": [(0, 1), (0, 2), (0, 3), (3, 4), (4, 5)],
    "15": PAIRS,
}
ITEMS, CLUSTERS = 500, 250


def errors(spreads: Sequence[float], interaction: float, replicates: int, power: float, runs: int) -> list[float]:
    """The share of studies with any false difference, per family; `power` is that of the parts of the variance."""
    generator = np.random.default_rng(0)
    true = np.square(spreads) + (0.25 - interaction**2) / ITEMS
    noise = np.sqrt(true / replicates), interaction / np.sqrt(CLUSTERS)
    means = sum(generator.normal(size=(runs, 6)) * one for one in noise)
    found = true * generator.chisquare(replicates - 1, (runs, 6)) / (replicates - 1)
    p_values = {}
    for first, second in PAIRS:
        between = (found[:, first] + found[:, second]) / replicates
        items = 2 * interaction**2 / CLUSTERS * generator.chisquare(CLUSTERS - 1, runs) / (CLUSTERS - 1)
        squares = (found[:, first] ** 2 + found[:, second] ** 2) / (replicates - 1)
        welch = (found[:, first] + found[:, second]) ** 2 / squares
        variance = between + items
        below = (between / variance) ** power / welch + (items / variance) ** power / (CLUSTERS - 1)
        t = np.abs(means[:, first] - means[:, second]) / np.sqrt(variance)
        p_values[first, second] = 2 * special.stdtr(1 / below, -t)
    # With no true difference Holm's procedure errs exactly where its first step rejects anything.
    return [
        float((np.min([p_values[pair] for pair in family], axis=0) <= 0.05 / len(family)).mean())
        for family in FAMILIES.values()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=60_000)
    runs = parser.parse_args().runs
    print(
        f"| any false difference, % of {runs:,} studies | replicates | Satterthwaite: 1 / 5 / 15 pairs | harmonic mean |"
    )
    print("|---|---|---|---|")
    for name, spreads in SPREADS.items():
        for interaction in (0.1, 0.2):
            for replicates in (3, 5):
                cells = [
                    " / ".join(f"{100 * rate:.1f}" for rate in errors(spreads, interaction, replicates, power, runs))
                    for power in (2, 1)
                ]
                print(f"| {name}, interaction {100 * interaction:.0f} points | {replicates} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
