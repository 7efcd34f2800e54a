"""What `ceteris verdict` prints: the JSON of `verdict.py` as plain text."""

import math
from typing import Any

Json = dict[str, Any]


def render_verdict(result: Json) -> str:
    """A block per measure: means, the analysis of variance, every pair with its word."""
    confidence = f"{100 * result['confidence']:.3g}%"
    left_out = f" (left out: {', '.join(result['left_out'])})" if result["left_out"] else ""
    lines = [
        f"{result['file']}: {len(result['architectures'])} architectures{left_out}, {result['seeds']} seeds, "
        f"{confidence} intervals over {result['interval_over']}",
        f"{result['grade'].capitalize()}. {result['grade_reason']}",
    ]
    for name, entry in result["measures"].items():
        lines += ["", name + _items(entry), *_measure(result, entry, confidence)]
    return "\n".join(lines)


def _items(entry: Json) -> str:
    if entry["samples"] is None:
        return ""
    clusters = "" if entry["clusters"] == entry["samples"] else f" in {entry['clusters']:,} clusters"
    return f": {entry['samples']:,} samples{clusters}"


def _measure(result: Json, entry: Json, confidence: str) -> list[str]:
    digits = _digits(entry)
    width = max(12, *(len(name) for name in result["architectures"]))
    lines = [f"  {'architecture':<{width}}  {'mean':>8}  {'sd':>7}  {confidence + ' interval':<20}{'ranks':>6}"]
    for row in entry["architectures"]:
        best, worst = row["ranks"]
        ranks = str(best) if best == worst else f"{best}-{worst}"
        lines.append(
            f"  {row['architecture']:<{width}}  {row['mean']:>8.{digits}f}  {row['sd']:>7.{digits}f}  "
            f"{_ends(row, digits):<20}{ranks:>6}"
        )
    if analysis := entry["anova"]:
        lines.append(f"  Analysis of variance over the architectures: {_f(analysis)}.")
    equivalence = f"{'equivalent':>11}" if result["margin"] is not None else ""
    what = f"{'difference':<{2 * width + 3}}"
    lines.append(f"  {what}{'':>10}{confidence + ' interval':<20}{'p':>9}{'Holm':>9}{equivalence}  verdict")
    for pair in entry["pairs"]:
        equivalence = f"{_p(pair['p_equivalence_holm']):>11}" if result["margin"] is not None else ""
        names = f"{pair['first']} - {pair['second']}"
        lines.append(
            f"  {names:<{2 * width + 3}}{pair['difference']:>+8.{digits}f}  {_ends(pair, digits, '+'):<20}"
            f"{_p(pair['p']):>9}{_p(pair['p_holm']):>9}{equivalence}  {pair['verdict']}"
        )
    return [*lines, *_notes(result, entry), *(line for group in entry["groups"] for line in _group(group, digits))]


def _notes(result: Json, entry: Json) -> list[str]:
    lines = []
    if test := entry["permutation"]:
        how = f"all {test['splits']:,} splits" if test["exact"] else f"{test['splits']:,} drawn splits"
        lines.append(
            f"  p: unpaired permutation test, {how}; with {result['seeds']} seeds a side it cannot be below "
            f"{_p(test['smallest_p'])}."
        )
        if test["smallest_p_holm"] > result["alpha"]:
            corrected = f" ({_p(test['smallest_p_holm'])} after Holm's correction)" if len(entry["pairs"]) > 1 else ""
            lines.append(f"  So few seeds cannot separate any pair at the level {result['alpha']:g}{corrected}.")
    else:
        lines.append("  p: two-way analysis over seeds and samples, paired on samples.")
    if result["margin"] is not None:
        lines.append(
            f"  Equivalent: two one-sided tests against a margin of {result['margin']:g}, Holm over the pairs."
        )
    return lines


def _group(group: Json, digits: int) -> list[str]:
    first, second = group["first"], group["second"]
    return [
        f"  {first['name']} ({', '.join(first['architectures'])}) - {second['name']} "
        f"({', '.join(second['architectures'])}): {group['difference']:+.{digits}f}",
        f"    every run on its own: {_f(group['pooled'])}",
        f"    means of architectures: {_ends(group, digits, '+')}, p = {_p(group['p'])}",
    ]


def _f(analysis: Json) -> str:
    between, within = analysis["degrees"]
    f = "not known" if analysis["f"] is None else f"{analysis['f']:.4g}"
    return f"F({between}, {within}) = {f}, p = {_p(analysis['p'])}"


def _digits(entry: Json) -> int:
    """Decimals at which the smallest standard deviation has two digits."""
    deviations = [row["sd"] for row in entry["architectures"] if row["sd"] > 0]
    return min(6, max(1, 1 - math.floor(math.log10(min(deviations))))) if deviations else 3


def _ends(entry: Json, digits: int, sign: str = "") -> str:
    if entry["low"] is None:
        return "not known"
    return f"{entry['low']:{sign}.{digits}f} to {entry['high']:{sign}.{digits}f}"


def _p(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2g}"
