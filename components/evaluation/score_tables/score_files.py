"""Reads scores from anywhere and checks them before anything is computed.

How a file may look is said in `score_tables.py` (separators), `score_layouts.py` (columns) and `score_numbers.py`
(decimal marks). Seeds are names of replicates and are never paired, so that architectures may have seeds of other names
and in other numbers; each needs two in every measure. Samples are paired: every run of a measure needs every sample.
"""

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.errors import CeterisError
from components.evaluation.score_tables.layouts import WANTED, Key, Layout, WrittenScore, layout_of, scores_of
from components.evaluation.score_tables.numbers import Mark, decimal_mark, is_number, number, without_percent
from components.evaluation.score_tables.sample_files import samples_of
from components.evaluation.score_tables.tables import read_table
from components.evaluation.score_tables.units import refuse_mixed_units

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """The scores of one measure.

    Attributes:
        scores: per architecture (R,) one score a replicate, or (N, R) one a test item and replicate. R is the
            architecture's own.
        seeds: per architecture the names of its R replicates.
        clusters: (N,) codes of the items' clusters; None where scores are not of items.
        percent: whether its scores are written with percent signs.
    """

    scores: dict[str, Scores]
    seeds: dict[str, list[str]]
    clusters: NDArray[np.int64] | None
    percent: bool


@dataclass(frozen=True)
class ScoreFile:
    """A whole file: measures, architectures and seeds in the file's own order, and how the file was understood.

    Attributes:
        decimal_mark: None where no number has one.
    """

    measures: dict[str, Measure]
    architectures: list[str]
    seeds: list[str]
    layout: Layout
    header: list[str]
    delimiter: str
    decimal_mark: Mark | None


def read_scores(path: Path, leave_out: Collection[str] = (), told: Mark | None = None) -> ScoreFile:
    """Read and check a file of scores.

    Args:
        leave_out: architectures whose scores are not used.
        told: the decimal mark, where the file does not show it.

    Raises:
        CeterisError: the first thing that is wrong, with its line.
    """
    table = read_table(path, WANTED)
    layout = layout_of(table)
    read = samples_of if "file" in layout.columns else scores_of
    cells, groups = _collected(path, read(table, layout))
    cells = _without(path, cells, leave_out)
    architectures = list(dict.fromkeys(key.architecture for key in cells))
    if len(architectures) < 2:
        raise CeterisError(f"{path} has scores of fewer than two architectures: a comparison needs two.")
    seeds = list(dict.fromkeys(key.seed for key in cells))
    if len(seeds) < 2:
        raise CeterisError(f"{path} has scores of one seed only: a comparison needs at least two seeds of everything.")
    _refuse_look_alikes(path, "measures", (key.measure for key in cells))
    _refuse_look_alikes(path, "architectures", architectures)
    percents, mark, scores = _numbers(path, table.delimiter, cells, layout, told)
    by_measure: dict[str, dict[Key, float]] = {name: {} for name in percents}
    for key, score in scores.items():
        by_measure[key.measure][key] = score
    measures = {
        name: _measure(path, name, own, groups, architectures, percents[name]) for name, own in by_measure.items()
    }
    return ScoreFile(measures, architectures, seeds, layout, table.header, table.delimiter, mark)


def _collected(path: Path, cells: Iterable[WrittenScore]) -> tuple[dict[Key, WrittenScore], dict[tuple[str, str], str]]:
    """Scores by what they are of, and clusters by measure and sample."""
    found: dict[Key, WrittenScore] = {}
    groups: dict[tuple[str, str], str] = {}
    for cell in cells:
        key = cell.key
        if key in found:
            raise CeterisError(f"{path}, line {cell.line} repeats the score of {key}: keep one row of each.")
        found[key] = cell
        if groups.setdefault((key.measure, key.sample), cell.group) != cell.group:
            raise CeterisError(
                f"{path}, line {cell.line} puts sample {key.sample} of {key.measure} into a second cluster."
            )
    if not found:
        raise CeterisError(f"{path} has a header and no scores.")
    return found, groups


def _without(path: Path, cells: dict[Key, WrittenScore], leave_out: Collection[str]) -> dict[Key, WrittenScore]:
    architectures = dict.fromkeys(key.architecture for key in cells)
    if unknown := sorted(set(leave_out) - set(architectures)):
        raise CeterisError(
            f"{path} has no architecture {unknown[0]!r} that could be left out: it has {', '.join(architectures)}."
        )
    return {key: cell for key, cell in cells.items() if key.architecture not in leave_out}


def _refuse_look_alikes(path: Path, what: str, names: Iterable[str]) -> None:
    """Two spellings of one name would be two halves of an architecture."""
    seen: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = seen.setdefault("".join(unicodedata.normalize("NFKC", name).casefold().split()), name)
        if other != name:
            raise CeterisError(f"{path} has the {what} {other!r} and {name!r}, which look alike: write one name.")


LARGEST = 1e100


def _numbers(
    path: Path, delimiter: str, cells: dict[Key, WrittenScore], layout: Layout, told: Mark | None
) -> tuple[dict[str, bool], Mark | None, dict[Key, float]]:
    """Whether each measure is in percent, the decimal mark, and the scores."""
    percents: dict[str, tuple[bool, WrittenScore]] = {}
    lines: dict[str, int] = {}
    bare: dict[Key, str] = {}
    for key, cell in cells.items():
        bare[key], percent = without_percent(cell.written)
        if bare[key] not in lines:
            if not is_number(bare[key]):
                raise _not_a_number(path, cell, layout)
            lines[bare[key]] = cell.line
        first = percents.setdefault(key.measure, (percent, cell))
        if first[0] != percent:
            raise CeterisError(
                f"{path}, line {cell.line} has the score {cell.written}, but line {first[1].line} has "
                f"{first[1].written}: write all scores of {key.measure} with a percent sign, or none."
            )
    mark = decimal_mark(str(path), delimiter, lines, told)
    values = {written: number(written, mark or ".") for written in lines}
    for written, value in values.items():
        if abs(value) > LARGEST:  # its square must be a number too
            raise CeterisError(
                f"{path}, line {lines[written]} has the score {written}, which is too large to compute with."
            )
    return {name: first[0] for name, first in percents.items()}, mark, {key: values[text] for key, text in bare.items()}


def _not_a_number(path: Path, cell: WrittenScore, layout: Layout) -> CeterisError:
    where = f"{path}, line {cell.line}"
    if not layout.headings:
        return CeterisError(f"{where} has the score {cell.written!r}, which is not a number.")
    heading = cell.key._asdict()[layout.headings]
    return CeterisError(
        f"{where} has {cell.written!r} under {heading}, which is not a number: leave the cell empty if there is no such run, "
        f"or take the column out if {heading} is no {layout.headings}."
    )


def _measure(
    path: Path,
    name: str,
    scores: dict[Key, float],
    groups: dict[tuple[str, str], str],
    architectures: list[str],
    percent: bool,
) -> Measure:
    samples = list(dict.fromkeys(key.sample for key in scores))
    seeds: dict[str, list[str]] = {architecture: [] for architecture in architectures}
    for architecture, seed in dict.fromkeys((key.architecture, key.seed) for key in scores):
        seeds[architecture].append(seed)
    arrays = {}
    for architecture, own in seeds.items():
        if len(own) < 2:
            count = f"one seed only ({own[0]})" if own else "no score"
            raise CeterisError(
                f"{path} has {count} of {architecture} on {name}: a comparison needs at least two seeds of every "
                "architecture in every measure."
            )
        keys = [[Key(name, architecture, seed, sample) for seed in own] for sample in samples]
        for key in (key for row in keys for key in row if key not in scores):
            raise CeterisError(f"{path} has no score of {key}: every run of a measure needs every sample.")
        arrays[architecture] = np.array([[scores[key] for key in row] for row in keys])
    single = samples == [""]
    if not percent:
        means = {architecture: values.mean(axis=0) for architecture, values in arrays.items()}
        refuse_mixed_units(path, name, means)
    return Measure(
        {architecture: values[0] if single else values for architecture, values in arrays.items()},
        seeds,
        None if single else _codes([groups.get((name, sample), "") or f"\0{sample}" for sample in samples]),
        percent,
    )


def _codes(names: list[str]) -> NDArray[np.int64]:
    _, codes = np.unique(np.array(names), return_inverse=True)
    return codes.astype(np.int64)
