"""What `ceteris verdict` prints: the JSON of `verdict.py` as plain text."""

import math
from typing import Any

from components.evaluation.score_tables.numbers import MARK_NAMES
from components.evaluation.score_tables.tables import DELIMITERS
from components.evaluation.statistics.estimates import MINIMUM_REPLICATES

Json = dict[str, Any]


def render_verdict(result: Json) -> str:
    """A block per measure: means, the analysis of variance, every pair with its word."""
    confidence = f"{100 * result['confidence']:.3g}%"
    left_out = f" (left out: {', '.join(result['left_out'])})" if result["left_out"] else ""
    lines = [
        f"{result['file']}: {len(result['architectures'])} architectures{left_out}, {_seeds(result)} seeds, "
        f"{confidence} intervals over {result['interval_over']}",
        _read_as(result),
        _directions(result),
        f"{result['grade'].capitalize()}. {result['grade_reason']}",
    ]
    for name, entry in result["measures"].items():
        lines += ["", name + _kind(entry) + _items(entry), *_measure(result, entry, confidence)]
    return "\n".join(lines)


def _seeds(result: Json) -> str:
    numbers = {len(row["seeds"]) for entry in result["measures"].values() for row in entry["architectures"]}
    return str(numbers.pop()) if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)}"


def _read_as(result: Json) -> str:
    """What was understood of the file, in one line."""
    how = result["read_as"]
    layout = how["layout"]
    if how["headings"]:
        layout = f"{layout} ({', '.join(_headings(result))})"
    names = {column: name for column, name in how["columns"].items() if name.lower() not in (column, "cluster")}
    named = "".join(f", column {name} as {column}" for column, name in names.items())
    if "measure" not in how["columns"] and how["headings"] != "measure":
        named += ", the measure called after the file"
    unused = f", without {', '.join(how['unused'])}" if how["unused"] else ""
    mark = f", decimal {MARK_NAMES[how['decimal_mark']]}s" if how["decimal_mark"] else ", whole numbers"
    between = DELIMITERS.get(how["delimiter"], repr(how["delimiter"]))
    return f"Read as {layout}{named}{unused}; {between} between columns{mark}."


def _directions(result: Json) -> str:
    """For which measures higher was taken to be better: nobody else says so."""
    higher = [name for name, entry in result["measures"].items() if not entry["lower_is_better"]]
    if len(higher) == len(result["measures"]):
        return "Higher is better (--lower-is-better MEASURE where it is not)."
    return f"Higher is better for {', '.join(higher)} alone." if higher else "Lower is better."


def _headings(result: Json) -> list[str]:
    rows = [row for entry in result["measures"].values() for row in entry["architectures"]]
    found = {
        "architecture": result["architectures"],
        "measure": list(result["measures"]),
        "seed": list(dict.fromkeys(seed for row in rows for seed in row["seeds"])),
    }
    return found[result["read_as"]["headings"]]


def _kind(entry: Json) -> str:
    kinds = ["in percent"] * entry["percent"] + ["lower is better"] * entry["lower_is_better"]
    return f" ({', '.join(kinds)})" if kinds else ""


def _items(entry: Json) -> str:
    if entry["samples"] is None:
        return ""
    clusters = "" if entry["clusters"] == entry["samples"] else f" in {entry['clusters']:,} clusters"
    return f": {entry['samples']:,} samples{clusters}"


def _measure(result: Json, entry: Json, confidence: str) -> list[str]:
    digits = _digits(entry)
    width = max(12, *(len(name) for name in result["architectures"]))
    unequal = result["seeds"] is None
    lines = [
        f"  {'architecture':<{width}}{'  seeds' * unequal}  {'mean':>8}  {'sd':>7}  {confidence + ' interval':<20}"
        f"{'ranks':>6}"
    ]
    for row in entry["architectures"]:
        best, worst = row["ranks"]
        ranks = str(best) if best == worst else f"{best}-{worst}"
        seeds = f"  {len(row['seeds']):>5}" if unequal else ""
        lines.append(
            f"  {row['architecture']:<{width}}{seeds}  {row['mean']:>8.{digits}f}  {row['sd']:>7.{digits}f}  "
            f"{_ends(row, digits):<20}{ranks:>6}"
        )
    if analysis := entry["anova"]:
        lines.append(f"  Analysis of variance over the architectures: {_f(analysis)}.")
    equivalence = f"{'equivalent':>11}" if result["margin"] is not None else ""
    what = f"{'difference':<{2 * width + 3}}"
    lines.append(f"  {what}{'':>10}{confidence + ' interval':<20}{'p':>9}{'Holm':>9}{equivalence}  verdict")
    for pair in entry["pairs"]:
        described = pair["verdict"] == "descriptive"
        equivalence = (
            f"{'-' if described else _p(pair['p_equivalence_holm']):>11}" if result["margin"] is not None else ""
        )
        names = f"{pair['first']} - {pair['second']}"
        lines.append(
            f"  {names:<{2 * width + 3}}{pair['difference']:>+8.{digits}f}  {_ends(pair, digits, '+'):<20}"
            f"{_p(pair['p']):>9}{'-' if described else _p(pair['p_holm']):>9}{equivalence}  {pair['verdict']}"
        )
    return [*lines, *_notes(result, entry), *(line for group in entry["groups"] for line in _group(group, digits))]


def _notes(result: Json, entry: Json) -> list[str]:
    lines = []
    if entry["lower_is_better"]:
        lines.append("  Lower is better: the best come first, and a difference below zero favours the first of a pair.")
    if entry["samples"] is None:
        lines += _permutations(result, entry)
    else:
        lines.append("  p: two-way analysis over seeds and samples, paired on samples.")
    few = [row for row in entry["architectures"] if len(row["seeds"]) < MINIMUM_REPLICATES]
    if few and result["grade"] != "descriptive":
        names = ", ".join(f"{row['architecture']} ({len(row['seeds'])} seeds)" for row in few)
        lines.append(f"  Descriptive: every pair with {names}, for a verdict needs {MINIMUM_REPLICATES} on both sides.")
    if result["margin"] is not None:
        lines.append(
            f"  Equivalent: two one-sided tests against a margin of {result['margin']:g}, Holm over the pairs."
        )
    return lines


def _permutations(result: Json, entry: Json) -> list[str]:
    """How p was found and how small it could be, for each two numbers of seeds that meet; and where it is doubtful."""
    counts = {row["architecture"]: len(row["seeds"]) for row in entry["architectures"]}
    kinds: dict[tuple[int, int], list[Json]] = {}
    for pair in entry["pairs"]:
        few, many = sorted(counts[pair[side]] for side in ("first", "second"))
        kinds.setdefault((few, many), []).append(pair)
    lines = []
    for (few, many), pairs in kinds.items():
        test = pairs[0]["permutation"]
        how = f"all {test['splits']:,} splits" if test["exact"] else f"{test['splits']:,} drawn splits"
        seeds = f"{few} seeds a side" if few == many else f"{few} and {many} seeds"
        which = f" ({_names(pairs)})" if len(kinds) > 1 else ""
        lines.append(
            f"  p: unpaired permutation test, {how}; with {seeds} it cannot be below {_p(test['smallest_p'])}{which}."
        )
    beyond = [pair for pair in entry["pairs"] if (pair["permutation"]["smallest_p_holm"] or 0.0) > result["alpha"]]
    if beyond:
        corrected = {_p(pair["permutation"]["smallest_p_holm"]) for pair in beyond}
        bound = f" ({corrected.pop()} after Holm's correction)" if len(corrected) == 1 < len(entry["pairs"]) else ""
        which = "any pair" if len(beyond) == len(entry["pairs"]) else _names(beyond)
        lines.append(f"  So few seeds cannot separate {which} at the level {result['alpha']:g}{bound}.")
    for pair in entry["pairs"]:
        if pair["unequal_variances"]:
            ratio = pair["variance_ratio"]
            differ = "only one side varies" if ratio is None else f"the variances differ by a factor of {ratio:.0f}"
            lines.append(
                f"  {_names([pair])}: {differ}, but the permutation test's p = {_p(pair['p'])} leans on equal variances; "
                f"Welch's p = {_p(pair['p_welch'])} does not."
            )
    return lines


def _names(pairs: list[Json]) -> str:
    return ", ".join(f"{pair['first']} - {pair['second']}" for pair in pairs)


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
