"""`ceteris verdict`: what a file of scores from anywhere says, with statistics that fit what the file knows.

With samples: the two-way procedure of `statistics.py`, over replicates and test items. Without: one number a run, so
an analysis of variance over the architectures, an unpaired permutation test of every pair, and Welch's intervals.

JSON (numbers in the file's own unit; null where something cannot be estimated):

    file, confidence, alpha, margin: number | null, architectures: [str], left_out: [str], seeds: int
    grade: "exploratory" | "descriptive", grade_reason: sentence
    interval_over: "seeds" | "seeds and samples"
    measures: {MEASURE: {
        samples, clusters: int | null
        architectures: [{architecture, mean, sd, low, high, scores: [one a seed], ranks: [best, worst]}]   falling means
        anova: {f, degrees: [int, int], p} | null                              without samples
        permutation: {exact: bool, splits, smallest_p, smallest_p_holm} | null   without samples
        pairs: [{first, second, difference, low, high, p, p_holm, p_equivalence, p_equivalence_holm, verdict}]
        groups: [{first, second: {name, architectures: [str]}, difference, low, high, p,
                  pooled: {f, degrees: [int, int], p}}]                         with --groups, without samples
    }}
"""

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import CeterisError
from components.evaluation.equivalence import equivalence_p, verdict_of
from components.evaluation.permutation import Permutation, permutation_test
from components.evaluation.ranks import ranks_of
from components.evaluation.score_files import Measure, read_scores
from components.evaluation.statistics import (
    MINIMUM_REPLICATES,
    Estimate,
    estimate_difference,
    estimate_mean,
    holm,
    summarise,
)
from components.evaluation.variance_analysis import analyse_variance, welch_contrast, welch_difference, welch_mean

Json = dict[str, Any]
Groups = dict[str, list[str]]
OTHERS = "the others"


def judge(
    path: Path,
    leave_out: Sequence[str] = (),
    groups: Sequence[str] = (),
    margin: float | None = None,
    confidence: float = 0.95,
) -> Json:
    """Analyse a file of scores.

    Args:
        leave_out: architectures to leave out.
        groups: NAME=ARCHITECTURE,ARCHITECTURE to be compared as groups; one alone is compared with all others.
        margin: of equivalence, in the unit of the scores; None for no such test.

    Raises:
        CeterisError: the file or an option is not what it should be.
    """
    if margin is not None and not (margin > 0 and math.isfinite(margin)):
        raise CeterisError(f"--margin is {margin:g}: it must be above zero, in the unit of the scores.")
    if not 0.5 < confidence < 1:
        raise CeterisError(f"--confidence is {confidence:g}: it must lie between 0.5 and 1.")
    file = read_scores(path, leave_out)
    grouped = parse_groups(groups, file.architectures)
    with_samples = any(measure.clusters is not None for measure in file.measures.values())
    if grouped and with_samples:
        raise CeterisError(
            f"{path} has samples, and --groups compares scores of whole runs: take the samples' mean first."
        )
    descriptive = len(file.seeds) < MINIMUM_REPLICATES
    build = _with_samples if with_samples else _without_samples
    measures = {
        name: build(measure, margin, confidence, descriptive) | {"groups": _groups(measure, grouped, confidence)}
        for name, measure in file.measures.items()
    }
    return {
        "file": str(path),
        "confidence": confidence,
        "alpha": _number(1 - confidence),
        "margin": margin,
        "architectures": file.architectures,
        "left_out": list(leave_out),
        "seeds": len(file.seeds),
        "grade": "descriptive" if descriptive else "exploratory",
        "grade_reason": (
            f"With {len(file.seeds)} seeds nothing is decided: a verdict needs at least {MINIMUM_REPLICATES}."
            if descriptive
            else "All pairs are compared, with Holm's correction over the pairs of a measure."
        ),
        "interval_over": "seeds and samples" if with_samples else "seeds",
        "measures": measures,
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


def _with_samples(measure: Measure, margin: float | None, confidence: float, descriptive: bool) -> Json:
    arms = {name: summarise(scores, measure.clusters) for name, scores in _by_mean(measure).items()}
    means = {name: estimate_mean(arm, confidence) for name, arm in arms.items()}
    pairs = list(combinations(arms, 2))
    estimates = [estimate_difference(arms[first], arms[second], confidence) for first, second in pairs]
    runs = {name: arm.replicate_means for name, arm in arms.items()}
    some = next(iter(arms.values()))
    return {
        "samples": some.items,
        "clusters": len(some.deviations),
        **_table(means, runs, pairs, estimates, [e.p for e in estimates], margin, confidence, descriptive),
        "anova": None,
        "permutation": None,
    }


def _without_samples(measure: Measure, margin: float | None, confidence: float, descriptive: bool) -> Json:
    runs = _by_mean(measure)
    means = {name: welch_mean(scores, confidence) for name, scores in runs.items()}
    pairs = list(combinations(runs, 2))
    estimates = [welch_difference(runs[first], runs[second], confidence) for first, second in pairs]
    tests = [permutation_test(runs[first], runs[second]) for first, second in pairs]
    analysis = analyse_variance(list(runs.values()))
    return {
        "samples": None,
        "clusters": None,
        **_table(means, runs, pairs, estimates, [test.p for test in tests], margin, confidence, descriptive),
        "anova": {
            "f": _number(analysis.f),
            "degrees": [analysis.between_degrees, analysis.within_degrees],
            "p": _number(analysis.p),
        },
        "permutation": _permutation(tests[0], len(pairs)),
    }


def _by_mean(measure: Measure) -> dict[str, np.ndarray]:
    """The architectures' scores by falling mean: the first of a pair is then never the one with less."""
    return dict(sorted(measure.scores.items(), key=lambda item: -float(item[1].mean())))


def _permutation(test: Permutation, pairs: int) -> Json:
    """What all pairs of a measure share, for every architecture has as many seeds."""
    return {
        "exact": test.exact,
        "splits": test.splits,
        "smallest_p": _number(test.smallest_p),
        "smallest_p_holm": _number(min(1.0, test.smallest_p * pairs)),
    }


def _table(
    means: dict[str, Estimate],
    runs: dict[str, np.ndarray],
    pairs: list[tuple[str, str]],
    estimates: list[Estimate],
    p_values: list[float],
    margin: float | None,
    confidence: float,
    descriptive: bool,
) -> Json:
    alpha = 1 - confidence
    equivalence = [math.nan if margin is None else equivalence_p(estimate, margin) for estimate in estimates]
    adjusted, equivalence_adjusted = holm(p_values), holm(equivalence)
    entries, separated = [], []
    for (first, second), estimate, p, p_holm, p_equal, p_equal_holm in zip(
        pairs, estimates, p_values, adjusted, equivalence, equivalence_adjusted, strict=True
    ):
        word = verdict_of(estimate, p_holm, p_equal_holm, alpha)
        if p_holm <= alpha and estimate.mean > 0:
            separated.append((list(means).index(first), list(means).index(second)))
        entries.append(
            {
                "first": first,
                "second": second,
                **_interval("difference", estimate),
                "p": _number(p),
                "p_holm": _number(p_holm),
                "p_equivalence": _number(p_equal),
                "p_equivalence_holm": _number(p_equal_holm),
                "verdict": "descriptive" if descriptive else word,
            }
        )
    ranks = dict(zip(means, ranks_of([] if descriptive else separated, len(means)), strict=True))
    table = [
        {
            "architecture": name,
            **_interval("mean", estimate),
            "sd": _number(float(np.std(runs[name], ddof=1))),
            "scores": [_number(score) for score in runs[name]],
            "ranks": list(ranks[name]),
        }
        for name, estimate in means.items()
    ]
    return {"architectures": table, "pairs": entries}


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
