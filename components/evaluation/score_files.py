"""Reads scores from anywhere: a tidy CSV with one score a row, checked before anything is computed.

Columns, in any order: `measure`, `architecture`, one whose name ends in `seed` (the replicate), `score`; and, if scores
are of single test items, `sample`, and then `cluster` or `group` if items belong together. Other columns are ignored.
Every architecture needs a score for every seed in every measure (seeds are numbers of replicates and are not paired),
and every sample of a measure.
"""

import csv
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.errors import CeterisError

GROUPINGS = ("cluster", "group")


@dataclass(frozen=True)
class Measure:
    """The scores of one measure.

    Attributes:
        scores: per architecture (R,) one score a replicate, or (N, R) one a test item and replicate.
        clusters: (N,) codes of the items' clusters; None where scores are not of items.
    """

    scores: dict[str, NDArray[np.float64]]
    clusters: NDArray[np.int64] | None


@dataclass(frozen=True)
class ScoreFile:
    """A whole file: measures, architectures and seeds in the file's own order."""

    measures: dict[str, Measure]
    architectures: list[str]
    seeds: list[str]


class _Key(NamedTuple):
    measure: str
    architecture: str
    seed: str
    sample: str

    def __str__(self) -> str:
        sample = f", sample {self.sample}" if self.sample else ""
        return f"{self.architecture}, seed {self.seed}{sample}, on {self.measure}"


def read_scores(path: Path, leave_out: Collection[str] = ()) -> ScoreFile:
    """Read and check a file of scores.

    Args:
        leave_out: architectures whose rows are not used.

    Raises:
        CeterisError: the first thing that is wrong, with its line.
    """
    scores, groups = _read(path)
    architectures = list(dict.fromkeys(key.architecture for key in scores))
    if unknown := sorted(set(leave_out) - set(architectures)):
        raise CeterisError(
            f"{path} has no architecture {unknown[0]!r} that could be left out: it has {', '.join(architectures)}."
        )
    scores = {key: score for key, score in scores.items() if key.architecture not in leave_out}
    architectures = [name for name in architectures if name not in leave_out]
    seeds = list(dict.fromkeys(key.seed for key in scores))
    if len(architectures) < 2:
        raise CeterisError(f"{path} has scores of fewer than two architectures: a comparison needs two.")
    if len(seeds) < 2:
        raise CeterisError(f"{path} has scores of one seed only: a comparison needs at least two seeds of everything.")
    measures = {}
    for name in dict.fromkeys(key.measure for key in scores):
        samples = list(dict.fromkeys(key.sample for key in scores if key.measure == name))
        arrays = {arm: _array(path, scores, name, arm, seeds, samples) for arm in architectures}
        single = samples == [""]
        codes = None if single else _codes([groups.get((name, sample), "") or f"\0{sample}" for sample in samples])
        measures[name] = Measure({arm: values[0] if single else values for arm, values in arrays.items()}, codes)
    return ScoreFile(measures, architectures, seeds)


def _array(
    path: Path, scores: dict[_Key, float], measure: str, architecture: str, seeds: list[str], samples: list[str]
) -> NDArray[np.float64]:
    keys = [[_Key(measure, architecture, seed, sample) for seed in seeds] for sample in samples]
    for key in (key for row in keys for key in row if key not in scores):
        raise CeterisError(
            f"{path} has no score of {key}: every architecture needs a score for every seed, in every measure."
        )
    return np.array([[scores[key] for key in row] for row in keys])


def _codes(names: list[str]) -> NDArray[np.int64]:
    _, codes = np.unique(np.array(names), return_inverse=True)
    return codes.astype(np.int64)


Column = Literal["measure", "architecture", "seed", "score", "sample", "group"]


def _read(path: Path) -> tuple[dict[_Key, float], dict[tuple[str, str], str]]:
    """Scores by key, and clusters by measure and sample."""
    scores: dict[_Key, float] = {}
    groups: dict[tuple[str, str], str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, None)
            if not header:
                raise CeterisError(f"{path} is empty: it needs the columns measure, architecture, seed and score.")
            columns = _columns(path, header)
            for row in rows:
                if not row:
                    continue
                where = f"{path}, line {rows.line_num}"
                if len(row) != len(header):
                    raise CeterisError(f"{where} has {len(row)} fields, but the header names {len(header)} columns.")
                value: dict[Column, str] = {column: row[place].strip() for column, place in columns.items()}
                for column in ("measure", "architecture", "seed", "sample"):
                    if column in columns and not value[column]:
                        raise CeterisError(f"{where} has no {column}: fill it in, or take the row out.")
                key = _Key(value["measure"], value["architecture"], value["seed"], value.get("sample", ""))
                if key in scores:
                    raise CeterisError(f"{where} repeats the score of {key}: keep one row of each.")
                scores[key] = _number(where, value["score"])
                group = value.get("group", "")
                if groups.setdefault((key.measure, key.sample), group) != group:
                    raise CeterisError(f"{where} puts sample {key.sample} of {key.measure} into a second cluster.")
    except UnicodeDecodeError:
        raise CeterisError(f"{path} is not UTF-8 text: save it as a CSV file in UTF-8.") from None
    except csv.Error as error:
        raise CeterisError(f"{path} is not a CSV file that can be read: {error}.") from None
    except OSError as error:
        raise CeterisError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not scores:
        raise CeterisError(f"{path} has a header and no scores.")
    return scores, groups


def _columns(path: Path, header: list[str]) -> dict[Column, int]:
    names = [name.strip().lower() for name in header]
    found: dict[Column, int] = {}
    wanted: dict[Column, list[str]] = {
        "measure": ["measure"],
        "architecture": ["architecture"],
        "seed": [name for name in dict.fromkeys(names) if name.endswith("seed")] or ["seed"],
        "score": ["score"],
        "sample": ["sample"],
        "group": list(GROUPINGS),
    }
    for column, candidates in wanted.items():
        places = [place for place, name in enumerate(names) if name in candidates]
        if len(places) > 1:
            several = " and ".join(names[place] for place in places)
            raise CeterisError(f"{path} has more than one column for {column} ({several}): keep one of them.")
        if places:
            found[column] = places[0]
        elif column not in ("sample", "group"):
            what = "column whose name ends in seed" if column == "seed" else f"column {column}"
            raise CeterisError(f"{path} has no {what}: its columns are {', '.join(names)}.")
    if "group" in found and "sample" not in found:
        raise CeterisError(
            f"{path} has a column {names[found['group']]} but no column sample: clusters are of samples, so name them."
        )
    return found


def _number(where: str, written: str) -> float:
    try:
        score = float(written)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise CeterisError(f"{where} has the score {written!r}, which is not a number.")
    return score
