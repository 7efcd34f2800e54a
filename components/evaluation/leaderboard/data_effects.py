"""What the data of the intermediate step change: arms that differ in what they read alone, set against one another."""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

from components.evaluation.leaderboard.grade import grade_of
from components.evaluation.leaderboard.task_table import Effect, Json
from components.evaluation.statistics.estimates import Arm, estimate_difference
from components.study.axes import DATA_AXES, DataAxis, PairsSettings
from components.study.cells import Cell
from components.study.differences import differences
from components.study.study import Study

DOMAINS = ("all", "shapes", "digits")
CELLS = ("multimodal", "multimodal_few")
"""Only these cells have read captioned pictures."""


class Line(NamedTuple):
    """Arms of one family at the levels of one axis, at least two of them, all else equal.

    Attributes:
        arms: by rising level; of domains, all of them come first.
    """

    axis: DataAxis
    family: str
    arms: tuple[str, ...]


def families(study: Study) -> dict[str, list[str]]:
    """Arms that differ in what they read of the captioned pictures and in nothing else, by the one that reads most as it is.

    Arms that have nobody to differ from are left out.
    """
    found: dict[str, list[str]] = {}
    for arm in sorted(study.pretrained, key=lambda arm: _plainness(study.arms[arm].pairs)):
        kin = (first for first in found if not _differences(study, first, arm) - set(DATA_AXES))
        found.setdefault(next(kin, arm), []).append(arm)
    return {first: arms for first, arms in found.items() if len({study.arms[arm].pairs for arm in arms}) > 1}


def lines(study: Study) -> list[Line]:
    """Every line, by axis and then by family."""
    found = []
    for axis in DATA_AXES:
        for family, arms in families(study).items():
            by_rest: dict[tuple[object, ...], list[str]] = {}
            for arm in sorted(arms, key=lambda arm: _place(study.arms[arm].pairs, axis)):
                levels = study.arms[arm].pairs.levels
                by_rest.setdefault(tuple(levels[other] for other in DATA_AXES if other != axis), []).append(arm)
            found += [Line(axis, family, tuple(same)) for same in by_rest.values() if len(same) > 1]
    return found


def effects(study: Study, task: str, selection: Mapping[Cell, Arm], certificates: Mapping[str, Json]) -> list[Effect]:
    """The difference between every two levels of a line, the higher minus the lower, per amount of labels.

    Args:
        selection: every cell's summary over the selection split.
    """
    found = []
    for line in lines(study):
        for (lower, higher), name in ((pair, name) for pair in combinations(line.arms, 2) for name in CELLS):
            first, second = Cell.of(higher, name), Cell.of(lower, name)
            if first not in selection or second not in selection or not _differences(study, lower, higher):
                continue
            entry = {
                "axis": line.axis,
                "family": line.family,
                "task": task,
                "labels": first.labels,
                "labelled": study.tasks[task].few_labels if first.few else None,
                "first": {"arm": higher, "cell": name},
                "second": {"arm": lower, "cell": name},
                "levels": [study.arms[arm].pairs.levels[line.axis] for arm in (higher, lower)],
            }
            estimate = estimate_difference(selection[first], selection[second], study.evaluation.confidence)
            grade = grade_of(study, Cell.of(higher, name), Cell.of(lower, name), certificates)
            valid = certificates[higher]["valid"] and certificates[lower]["valid"]
            found.append(Effect(entry, estimate, grade, valid))
    return found


def _differences(study: Study, first: str, second: str) -> set[str]:
    return set(differences(study, Cell.of(first, "multimodal"), Cell.of(second, "multimodal")))


def _plainness(pairs: PairsSettings) -> tuple[float, int, float]:
    return pairs.caption_noise, DOMAINS.index(pairs.domain), -pairs.share


def _place(pairs: PairsSettings, axis: DataAxis) -> float:
    return DOMAINS.index(pairs.domain) if axis == "domain" else float(pairs.levels[axis])
