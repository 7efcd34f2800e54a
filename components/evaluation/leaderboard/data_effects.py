"""What the data of the intermediate step change: arms that differ in what they read alone, set against one another."""

from collections.abc import Mapping
from functools import partial
from itertools import combinations
from typing import NamedTuple

from components.evaluation.certificate.certificates import Certificate
from components.evaluation.leaderboard.entries import DataEffect
from components.evaluation.leaderboard.grade import grade_of
from components.evaluation.leaderboard.task_table import Effect
from components.evaluation.statistics.estimates import Arm, estimate_difference
from components.records.scores import CellName
from components.study.axes import DATA_AXES, DataAxis, PairsSettings
from components.study.cells import Cell
from components.study.differences import differences
from components.study.study import Study

DOMAINS = ("all", "shapes", "digits")
START = "multimodal"
"""Only cells with this start have read captioned pictures."""


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


def effects(
    study: Study, task: str, selection: Mapping[Cell, Arm], certificates: Mapping[str, Certificate]
) -> list[Effect[DataEffect]]:
    """The difference between every two levels of a line, the higher minus the lower, per amount of labels.

    Args:
        selection: every cell's summary over the selection split.
    """
    found = []
    for line in lines(study):
        for (lower, higher), few in ((pair, few) for pair in combinations(line.arms, 2) for few in (False, True)):
            first, second = Cell(higher, START, few), Cell(lower, START, few)
            if first not in selection or second not in selection or not _differences(study, lower, higher):
                continue
            upper, under = (study.arms[arm].pairs.levels[line.axis] for arm in (higher, lower))
            entry = partial(
                DataEffect,
                axis=line.axis,
                family=line.family,
                task=task,
                labels=first.labels,
                labelled=study.tasks[task].few_labels if few else None,
                first=CellName.of(first),
                second=CellName.of(second),
                levels=(upper, under),
            )
            estimate = estimate_difference(selection[first], selection[second], study.evaluation.confidence)
            grade = grade_of(study, first, second, certificates)
            valid = certificates[higher].valid and certificates[lower].valid
            found.append(Effect(entry, estimate, grade, valid and grade.obstacle != "step"))
    return found


def _differences(study: Study, first: str, second: str) -> set[str]:
    return set(differences(study, Cell(first, START), Cell(second, START)))


def _plainness(pairs: PairsSettings) -> tuple[float, int, float]:
    return pairs.caption_noise, DOMAINS.index(pairs.domain), -pairs.share


def _place(pairs: PairsSettings, axis: DataAxis) -> float:
    return DOMAINS.index(pairs.domain) if axis == "domain" else float(pairs.levels[axis])
