"""`ceteris verdict`: what a file of scores from anywhere says, with statistics that fit what the file knows.

With samples: the two-way procedure of `statistics.py`, over replicates and test items. Without: one number a run, so
an analysis of variance over the architectures, an unpaired permutation test of every pair, and Welch's intervals.

JSON (numbers in the file's own unit; null where something cannot be estimated):

    file, confidence, alpha, margin: number | null, architectures: [str], left_out: [str]
    read_as: {layout, columns: {COLUMN: name in the file}, headings: str | null, unused: [str], delimiter,
              decimal_mark: "." | "," | null}
    seeds: int | null                                                     null where architectures differ in it
    grade: "exploratory" | "descriptive", grade_reason: sentence
    interval_over: "seeds" | "seeds and samples"
    measures: {MEASURE: {
        lower_is_better, percent: bool; samples, clusters: int | null
        architectures: [{architecture, mean, sd, low, high, seeds: [str], scores: [one a seed], ranks: [best, worst]}]
        anova: {f, degrees: [int, int], p} | null                              without samples
        permutation: the pairs' | null                                          without samples, if it is one for all
        pairs: [{first, second, difference, low, high, p, p_holm, p_equivalence, p_equivalence_holm, verdict,
                 permutation: {exact: bool, splits, smallest_p, smallest_p_holm} | null      without samples
                 p_welch, variance_ratio, unequal_variances: bool | null}]                   likewise
        groups: [{first, second: {name, architectures: [str]}, difference, low, high, p,
                  pooled: {f, degrees: [int, int], p}}]                         with --groups, without samples
    }}

Architectures come best first, and the first of a pair is never the worse one by its mean. Differences keep the sign of
first minus second, so that they are not above zero where lower is better. A pair of which one side has fewer than three
seeds is descriptive, and Holm's correction does not count it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import CeterisError
from components.evaluation.score_tables.directions import lower_is_better as directions
from components.evaluation.score_tables.numbers import Mark
from components.evaluation.score_tables.score_files import Measure, ScoreFile, read_scores
from components.evaluation.statistics.equivalence import VerdictWord, equivalence_p, verdict_of
from components.evaluation.statistics.estimates import (
    MINIMUM_REPLICATES,
    Estimate,
    estimate_difference,
    estimate_mean,
    holm,
    summarise,
)
from components.evaluation.statistics.permutation import Permutation, permutation_test
from components.evaluation.statistics.ranks import ranks_of
from components.evaluation.statistics.variance import (
    analyse_variance,
    variance_ratio,
    welch_contrast,
    welch_difference,
    welch_mean,
)

Json = dict[str, Any]
Groups = dict[str, list[str]]
Pair = tuple[str, str]
OTHERS = "the others"
DOUBTFUL_RATIO = 10.0
"""Where two variances differ by this factor, the permutation test is doubtful: it needs scores that could be exchanged."""


_TURNED: dict[VerdictWord, VerdictWord] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class _Rules:
    """What a measure is judged by."""

    margin: float | None
    confidence: float
    lower_is_better: bool


def judge(
    path: Path,
    leave_out: Sequence[str] = (),
    groups: Sequence[str] = (),
    margin: float | None = None,
    confidence: float = 0.95,
    lower_is_better: Sequence[str] = (),
    higher_is_better: Sequence[str] = (),
    decimal: Mark | None = None,
) -> Json:
    """Analyse a file of scores.

    Args:
        leave_out: architectures to leave out.
        groups: NAME=ARCHITECTURE,ARCHITECTURE to be compared as groups; one alone is compared with all others.
        margin: of equivalence, in the unit of the scores; None for no such test.
        lower_is_better, higher_is_better: measures; one whose name suggests that lower is better needs to be in either.
        decimal: the decimal mark, where the file does not show it.

    Raises:
        CeterisError: the file or an option is not what it should be.
    """
    if margin is not None and not (margin > 0 and math.isfinite(margin)):
        raise CeterisError(f"--margin is {margin:g}: it must be above zero, in the unit of the scores.")
    if not 0.5 < confidence < 1:
        raise CeterisError(f"--confidence is {confidence:g}: it must lie between 0.5 and 1.")
    file = read_scores(path, leave_out, decimal)
    lower = directions(path, file.measures, lower_is_better, higher_is_better)
    grouped = parse_groups(groups, file.architectures)
    with_samples = any(measure.clusters is not None for measure in file.measures.values())
    if grouped and with_samples:
        raise CeterisError(
            f"{path} has samples, and --groups compares scores of whole runs: take the samples' mean first."
        )
    build = _with_samples if with_samples else _without_samples
    measures = {
        name: {"lower_is_better": lower[name], "percent": measure.percent}
        | build(measure, _Rules(margin, confidence, lower[name]))
        | {"groups": _groups(measure, grouped, confidence)}
        for name, measure in file.measures.items()
    }
    return {
        "file": str(path),
        "confidence": confidence,
        "alpha": _number(1 - confidence),
        "margin": margin,
        "architectures": file.architectures,
        "left_out": list(leave_out),
        "read_as": _read_as(file),
        **_grade(file),
        "interval_over": "seeds and samples" if with_samples else "seeds",
        "measures": measures,
    }


def _read_as(file: ScoreFile) -> Json:
    return {
        "layout": file.layout.name,
        "columns": {column: file.header[place] for column, place in file.layout.columns.items()},
        "headings": file.layout.headings,
        "unused": file.layout.unused,
        "delimiter": file.delimiter,
        "decimal_mark": file.decimal_mark,
    }


def _grade(file: ScoreFile) -> Json:
    """How many seeds there are, and what that allows."""
    numbers = {len(seeds) for measure in file.measures.values() for seeds in measure.seeds.values()}
    undecided = [
        pair in _undecided(measure)
        for measure in file.measures.values()
        for pair in combinations(file.architectures, 2)
    ]
    reason = "All pairs are compared, with Holm's correction over the pairs of a measure."
    if all(undecided):
        few = f"With {numbers.copy().pop()} seeds" if len(numbers) == 1 else "With so few seeds"
        reason = f"{few} nothing is decided: a verdict needs at least {MINIMUM_REPLICATES}."
    elif any(undecided):
        reason = (
            "All pairs are compared, with Holm's correction over the pairs of a measure that have at least "
            f"{MINIMUM_REPLICATES} seeds on both sides; the others are descriptive."
        )
    return {
        "seeds": numbers.pop() if len(numbers) == 1 else None,
        "grade": "descriptive" if all(undecided) else "exploratory",
        "grade_reason": reason,
    }


def parse_groups(texts: Sequence[str], architectures: Sequence[str]) -> Groups:
    """Read NAME=ARCHITECTURE,ARCHITECTURE; a single group is set against all other architectures.

    Raises:
        CeterisError: it is written otherwise, names what is not there, or names something twice.
    """
    groups: Groups = {}
    for text in texts:
        name, sign, rest = (part.strip() for part in text.partition("="))
        members = [member.strip() for member in rest.split(",")]
        if not (name and sign and all(members)) or name in groups:
            raise CeterisError(f"--groups {text!r} is not a new NAME=ARCHITECTURE,ARCHITECTURE: write it like that.")
        for member in members:
            if member not in architectures:
                raise CeterisError(f"--groups names {member!r}, which is not among {', '.join(architectures)}.")
            if member in [other for taken in groups.values() for other in taken] or members.count(member) > 1:
                raise CeterisError(f"--groups names {member} twice: groups must not overlap.")
        groups[name] = members
    if len(groups) == 1:
        rest_of = [name for name in architectures if name not in next(iter(groups.values()))]
        if not rest_of:
            raise CeterisError("--groups names one group of all architectures: there is none to compare it with.")
        groups[OTHERS] = rest_of
    return groups


def _with_samples(measure: Measure, rules: _Rules) -> Json:
    arms = {name: summarise(measure.scores[name], measure.clusters) for name in _best_first(measure, rules)}
    means = {name: estimate_mean(arm, rules.confidence) for name, arm in arms.items()}
    estimates = {
        pair: estimate_difference(arms[pair[0]], arms[pair[1]], rules.confidence) for pair in combinations(arms, 2)
    }
    runs = {name: arm.replicate_means for name, arm in arms.items()}
    pairs, separated = _pairs(estimates, [estimate.p for estimate in estimates.values()], _undecided(measure), rules)
    nothing = {"permutation": None, "p_welch": None, "variance_ratio": None, "unequal_variances": None}
    some = next(iter(arms.values()))
    return {
        "samples": some.items,
        "clusters": len(some.deviations),
        "architectures": _table(measure, means, runs, separated),
        "anova": None,
        "permutation": None,
        "pairs": [pair | nothing for pair in pairs],
    }


def _without_samples(measure: Measure, rules: _Rules) -> Json:
    runs = {name: measure.scores[name] for name in _best_first(measure, rules)}
    means = {name: welch_mean(scores, rules.confidence) for name, scores in runs.items()}
    estimates = {
        pair: welch_difference(runs[pair[0]], runs[pair[1]], rules.confidence) for pair in combinations(runs, 2)
    }
    tests = {pair: permutation_test(runs[pair[0]], runs[pair[1]]) for pair in estimates}
    undecided = _undecided(measure)
    pairs, separated = _pairs(estimates, [test.p for test in tests.values()], undecided, rules)
    smallest = holm([math.nan if pair in undecided else test.smallest_p for pair, test in tests.items()])
    permutations = [_permutation(test, one) for test, one in zip(tests.values(), smallest, strict=True)]
    ratios = [variance_ratio(runs[first], runs[second]) for first, second in estimates]
    analysis = analyse_variance(list(runs.values()))
    return {
        "samples": None,
        "clusters": None,
        "architectures": _table(measure, means, runs, separated),
        "anova": {
            "f": _number(analysis.f),
            "degrees": [analysis.between_degrees, analysis.within_degrees],
            "p": _number(analysis.p),
        },
        "permutation": permutations[0] if all(one == permutations[0] for one in permutations) else None,
        "pairs": [
            entry
            | {
                "permutation": permutation,
                "p_welch": _number(estimate.p),
                "variance_ratio": _number(ratio),
                "unequal_variances": ratio >= DOUBTFUL_RATIO,
            }
            for entry, permutation, estimate, ratio in zip(pairs, permutations, estimates.values(), ratios, strict=True)
        ],
    }


def _best_first(measure: Measure, rules: _Rules) -> list[str]:
    means = {name: float(scores.mean(axis=0).mean()) for name, scores in measure.scores.items()}
    return sorted(means, key=lambda name: means[name] if rules.lower_is_better else -means[name])


def _undecided(measure: Measure) -> set[Pair]:
    """The pairs, either way round, of which a side has too few seeds for a verdict."""
    few = {name for name, seeds in measure.seeds.items() if len(seeds) < MINIMUM_REPLICATES}
    return {(one, other) for one in measure.seeds for other in measure.seeds if one in few or other in few}


def _permutation(test: Permutation, smallest_holm: float) -> Json:
    """What the numbers of seeds on the two sides allow; `smallest_holm` with every pair at its smallest p."""
    return {
        "exact": test.exact,
        "splits": test.splits,
        "smallest_p": _number(test.smallest_p),
        "smallest_p_holm": _number(smallest_holm),
    }


def _pairs(
    estimates: dict[Pair, Estimate], p_values: Sequence[float], undecided: set[Pair], rules: _Rules
) -> tuple[list[Json], list[Pair]]:
    """Every pair with its p-values and its word, and the pairs that differ for sure, the better one first.

    A pair that can have no verdict is not corrected for.
    """
    equivalence = [
        math.nan if rules.margin is None else equivalence_p(estimate, rules.margin) for estimate in estimates.values()
    ]
    adjusted, equivalence_adjusted = (
        holm([math.nan if pair in undecided else p for pair, p in zip(estimates, values, strict=True)])
        for values in (p_values, equivalence)
    )
    entries, separated = [], []
    for (pair, estimate), p, p_holm, p_equal, p_equal_holm in zip(
        estimates.items(), p_values, adjusted, equivalence, equivalence_adjusted, strict=True
    ):
        word = verdict_of(estimate, p_holm, p_equal_holm, 1 - rules.confidence)
        if rules.lower_is_better:
            word = _TURNED.get(word, word)
        if p_holm <= 1 - rules.confidence and estimate.mean != 0.0:
            separated.append(pair)
        entries.append(
            {
                "first": pair[0],
                "second": pair[1],
                **_interval("difference", estimate),
                "p": _number(p),
                "p_holm": _number(p_holm),
                "p_equivalence": _number(p_equal),
                "p_equivalence_holm": _number(p_equal_holm),
                "verdict": "descriptive" if pair in undecided else word,
            }
        )
    return entries, separated


def _table(
    measure: Measure, means: dict[str, Estimate], runs: dict[str, np.ndarray], separated: list[Pair]
) -> list[Json]:
    """The architectures, best first, with the ranks that the separated pairs leave to each."""
    order = list(means)
    places = [(order.index(first), order.index(second)) for first, second in separated]
    ranks = dict(zip(order, ranks_of(places, len(order)), strict=True))
    return [
        {
            "architecture": name,
            **_interval("mean", estimate),
            "sd": _number(float(np.std(runs[name], ddof=1))),
            "seeds": measure.seeds[name],
            "scores": [_number(score) for score in runs[name]],
            "ranks": list(ranks[name]),
        }
        for name, estimate in means.items()
    ]


def _groups(measure: Measure, groups: Groups, confidence: float) -> list[Json]:
    """Groups of architectures against each other, in two ways.

    `pooled` is what publications print: every run counts on its own, as if architectures of a group were alike. The
    interval and p beside it compare the means of the architectures' means, each with the variance of its own runs.
    Neither says anything of architectures that are not in the file.
    """
    found = []
    for first, second in combinations(groups, 2):
        sides = [[measure.scores[name] for name in groups[side]] for side in (first, second)]
        weights = [1 / len(sides[0])] * len(sides[0]) + [-1 / len(sides[1])] * len(sides[1])
        estimate = welch_contrast([*sides[0], *sides[1]], weights, confidence)
        pooled = analyse_variance([np.concatenate(side) for side in sides])
        found.append(
            {
                "first": {"name": first, "architectures": groups[first]},
                "second": {"name": second, "architectures": groups[second]},
                **_interval("difference", estimate),
                "p": _number(estimate.p),
                "pooled": {
                    "f": _number(pooled.f),
                    "degrees": [pooled.between_degrees, pooled.within_degrees],
                    "p": _number(pooled.p),
                },
            }
        )
    return found


def _interval(name: str, estimate: Estimate) -> Json:
    return {name: _number(estimate.mean), "low": _number(estimate.low), "high": _number(estimate.high)}


def _number(value: float) -> float | None:
    """Six significant digits for JSON; null where not finite."""
    return float(f"{value:.6g}") + 0.0 if math.isfinite(value) else None
