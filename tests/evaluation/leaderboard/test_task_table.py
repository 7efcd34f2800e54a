"""Who stands for an arm, and what is compared: on scores made by hand, without any training record."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from components.errors import CeterisError
from components.evaluation.certificate.certificates import Certificate, DigestSummary
from components.evaluation.findings import headline
from components.evaluation.leaderboard.costs import Accounts
from components.evaluation.leaderboard.entries import (
    CellCosts,
    CellEntry,
    CellFlops,
    CellSamples,
    Leaderboard,
    TaskEntry,
)
from components.evaluation.leaderboard.grade import overall
from components.evaluation.leaderboard.task_table import TaskTable
from components.evaluation.report.terminal import render_text
from components.evaluation.scoring.scores import TaskScores
from components.records.scores import UndecidedName
from components.records.training import GivenBudget, Parameters
from components.study.cells import Cell
from components.study.plan import fine_tunings
from components.study.study import Study
from tests.evaluation.fabricate import controlled_study, study_of
from tests.evaluation.leaderboard.contrasts_by_hand import holm_by_hand

ITEMS = 400
FLOORS = {"selection": {"majority": 0.2}}
Means = Mapping[str, tuple[float, float]]
"""Mean on validation and on selection, by ARM/CELL."""

FAMILY = {
    "clip/scratch": (0.50, 0.50),
    "clip/unimodal": (0.62, 0.60),
    "clip/multimodal": (0.60, 0.70),
    "vilt/scratch": (0.58, 0.58),
    "vilt/unimodal": (0.64, 0.64),
    "vilt/multimodal": (0.74, 0.80),
    "image_only/unimodal": (0.35, 0.35),
    "late_fusion/unimodal": (0.66, 0.66),
    "mmbt/scratch": (0.60, 0.60),
    "mmbt/unimodal": (0.72, 0.72),
    "text_only/unimodal": (0.42, 0.42),
}


def small(**changes: Any) -> Study:
    """The six arms on one task, without few labels."""
    tasks = {"vqa": {"kind": "vqa", "few_labels": None}}
    return study_of(**{"tasks": tasks, **changes})


def correct(mean: float, replicates: int) -> np.ndarray:
    """(ITEMS, R): the first ones are right; replicates differ by an item."""
    counts = round(mean * ITEMS) + np.arange(replicates) - replicates // 2
    return (np.arange(ITEMS)[:, None] < counts).astype(np.float32)


def scores_of(study: Study, means: Means, validation: bool = True) -> TaskScores:
    """Names are sorted within an arm, as the stage evaluate leaves them."""
    splits = ["validation", "selection"] if validation else ["selection"]
    values = {}
    for arm in study.arms:
        for name in sorted(cell.name for cell in fine_tunings(study, arm, "vqa")):
            both = dict(zip(("validation", "selection"), means[f"{arm}/{name}"], strict=True))
            parts = [correct(both[split], len(study.replicates)) for split in splits]
            values[Cell.of(arm, name)] = np.concatenate(parts)
    count = ITEMS * len(splits)
    nothing = np.full(count, "")
    return TaskScores(values, np.arange(count), np.repeat(splits, ITEMS), nothing, np.zeros(count, dtype=bool))


class Free(Accounts):
    """Nothing costs anything."""

    def __init__(self, unimodal: Mapping[str, int | None] = {}) -> None:
        self._known = unimodal

    def of(self, task: str, cell: Cell) -> CellCosts:
        pretraining = 100 if cell.start == "multimodal" else 0
        samples = CellSamples(
            unimodal=self._known.get(cell.name, 0),
            tuning=0,
            pretraining=pretraining,
            task_before=0,
            finetuning=10,
            total=0,
        )
        return CellCosts(
            visual="none",
            parameters=Parameters(total=1, trained=1),
            flops=CellFlops(forward_per_sample=0, training=0),
            samples=samples,
        )


def table_of(study: Study, means: Means = FAMILY, validation: bool = True, broken: tuple[str, ...] = ()) -> TaskTable:
    certificates = {arm: Certificate(valid=arm not in broken, checks=[], stated={}) for arm in study.arms}
    return TaskTable(study, "vqa", scores_of(study, means, validation), certificates, "p")


def board_of(study: Study, table: TaskTable) -> Leaderboard:
    grade, reason = overall(study, table.certificates)
    return Leaderboard(
        study=study.name,
        confidence=0.95,
        margin=0.02,
        replicates=study.replicates,
        protocol="p",
        grade=grade,
        grade_reason=reason,
        interval_over="replicates and samples",
        contrasts=[],
        tasks={"vqa": built(table)},
        pretraining=[],
        gates={},
        data=[],
        tuning={},
        budgets={key: GivenBudget(**budget.described()) for key, budget in study.budgets.items()},
        certificates=dict(table.certificates),
        digests=DigestSummary(equal=True, compared=0, violations=[]),
    )


def built(table: TaskTable) -> TaskEntry:
    """The entry of a table where nothing is missed, cut or costs anything."""
    return table.build(FLOORS, {}, None, Free())


def by_name(entry: TaskEntry) -> dict[str, CellEntry]:
    return {f"{cell.arm}/{cell.cell}": cell for cell in entry.cells}


def test_the_cell_that_is_best_on_validation_stands_for_its_architecture() -> None:
    entry = built(table_of(small()))
    cells = by_name(entry)
    standing = {"vilt/multimodal", "mmbt/unimodal", "late_fusion/unimodal", "clip/unimodal"}
    standing |= {"text_only/unimodal", "image_only/unimodal"}
    # CLIP's multimodal start is the best of its own on selection, which is not asked.
    assert {name for name, cell in cells.items() if cell.representative} == standing
    assert {name for name, cell in cells.items() if cell.candidate} == standing
    for name in set(cells) - standing:
        assert [getattr(cells[name], key) for key in ("tied", "undecided", "ranks", "p_against_best", "chosen")] == [
            False, None, None, None, False
        ]  # fmt: skip
        assert cells[name].mean == pytest.approx(FAMILY[name][1], abs=1e-6)
    pairs = {tuple(sorted(getattr(pair, side).arm for side in ("first", "second"))) for pair in entry.pairs}
    assert pairs == set(itertools.combinations(sorted(small().arms), 2))
    assert len(entry.pairs) == 15


def test_another_architecture_may_be_chosen_than_that_of_the_best_cell() -> None:
    means = {**FAMILY, "clip/scratch": (0.50, 0.95)}
    entry = built(table_of(small(), means))
    assert entry.cells[0].cell == "scratch"
    assert (entry.chosen.arm, entry.chosen.cell) == ("vilt", "multimodal")


def test_twins_may_stand_and_equals_stand_in_the_studys_order() -> None:
    study = controlled_study()
    means = {
        name: (0.5, 0.5)
        for arm in study.arms
        for cell in fine_tunings(study, arm, "vqa")
        if (name := f"{arm}/{cell.name}")
    }
    # The study's order is unimodal, unimodal_matched, multimodal; that of the scores is by name.
    assert table_of(study, means).representatives["single"].name == "unimodal"
    assert table_of(study, {**means, "single/unimodal_matched": (0.6, 0.4)}).representatives["single"].matched


def test_few_labels_never_stand() -> None:
    study = study_of(tasks={"vqa": {"kind": "vqa", "few_labels": 500}})
    few = {f"{arm}/{start}_few": (0.9, 0.9) for arm in ("clip", "vilt") for start in ("unimodal", "multimodal")}
    table = table_of(study, {**FAMILY, **few})
    assert not any(cell.few for cell in table.representatives.values())


def test_without_validation_samples_nothing_chooses_between_starts() -> None:
    with pytest.raises(
        CeterisError, match="no samples in the split validation, which says which start stands for clip"
    ):
        table_of(small(), validation=False)
    study = small()
    arms = {name: {**arm.model_dump(), "starts": ["unimodal"]} for name, arm in study.arms.items()}
    arms = {name: {**arm, "few_label_starts": [], "matched_starts": []} for name, arm in arms.items()}
    assert len(table_of(small(arms=arms), validation=False).ranked) == 6


def test_arms_of_another_norm_have_no_verdict_and_take_nothing_from_the_others() -> None:
    entry = built(table_of(small()))
    norms = {
        "clip": "pre",
        "vilt": "pre",
        "image_only": None,
        "late_fusion": "post",
        "mmbt": "post",
        "text_only": "post",
    }
    tested = []
    for pair in entry.pairs:
        sides = {norms[getattr(pair, side).arm] for side in ("first", "second")}
        assert (pair.verdict == "descriptive") == (sides == {"pre", "post"})
        assert pair.low <= pair.difference <= pair.high
        if sides == {"pre", "post"}:
            assert {getattr(pair, key) for key in ("p", "p_holm", "p_equivalence", "p_equivalence_holm")} == {None}
            assert "without a search" in pair.grade_reason
        else:
            assert pair.grade == "system"
            tested.append(pair)
    # Two against three have no verdict.
    assert len(tested) == 15 - 6
    assert [pair.p_holm for pair in tested] == pytest.approx(holm_by_hand([pair.p for pair in tested]), abs=1e-5)
    chosen = entry.chosen
    assert chosen.arm == "vilt"
    assert chosen.tied_with == []
    assert chosen.undecided == [
        UndecidedName(arm=arm, cell="unimodal", because="norm") for arm in ("mmbt", "late_fusion", "text_only")
    ]
    cells = by_name(entry)
    assert cells["mmbt/unimodal"].p_against_best is None
    assert cells["clip/unimodal"].p_against_best < 0.05
    # All are far apart, so only what has no verdict keeps a rank from being known: of six, three are of another norm.
    assert cells["vilt/multimodal"].ranks == (1, 4)
    assert cells["clip/unimodal"].ranks == (2, 5)
    assert cells["mmbt/unimodal"].ranks == (1, 3)
    assert cells["text_only/unimodal"].ranks == (3, 5)
    assert cells["image_only/unimodal"].ranks == (6, 6)


def test_controlled_arms_that_differ_in_too_much_are_undecided() -> None:
    study = controlled_study()
    means = {f"{arm}/{cell.name}": (0.5, 0.5) for arm in study.arms for cell in fine_tunings(study, arm, "vqa")}
    means |= {"single/multimodal": (0.7, 0.7), "told/multimodal": (0.9, 0.9), "dense/multimodal": (0.7, 0.7)}
    table = table_of(study, means)
    entry = built(table)
    assert {cell.arm: cell.undecided for cell in entry.cells if cell.candidate} == {
        "single": None, "dense": None, "crossed": None, "both": "axes", "late_fusion": "axes", "text_only": "axes"
    }  # fmt: skip
    told = by_name(entry)["told/multimodal"]
    assert (told.representative, told.candidate) == (True, False)
    sentence = headline(board_of(study, table), "vqa")
    assert (
        "not separated from dense (multimodal); without a verdict against 3 arms with too many differences." in sentence
    )


def test_arms_of_another_initial_scale_are_undecided_without_a_search() -> None:
    values = controlled_study().model_dump()
    values["evaluation"]["contrasts"] = []
    values["arms"]["crossed"]["axes"] = values["arms"]["single"]["axes"] | {"initial_scale": "bert"}
    study = Study.model_validate(values)
    means = {f"{arm}/{cell.name}": (0.5, 0.5) for arm in study.arms for cell in fine_tunings(study, arm, "vqa")}
    means |= {"single/multimodal": (0.7, 0.7), "dense/multimodal": (0.7, 0.7)}
    table = table_of(study, means)
    cells = by_name(built(table))
    assert cells["crossed/multimodal"].undecided == "initial_scale"
    board = board_of(study, table)
    assert "1 arm of another initial scale" in headline(board, "vqa")
    assert "other initial scale, no search" in render_text(board)


def lines_of(text: str) -> dict[str, str]:
    """The mark of every cell in a terminal's table, by ARM/CELL without commas."""
    found = {}
    for line in text.splitlines():
        name, start = line[4:18].strip(), line[18:48].strip()
        if f"{name}/{start}" in FAMILY:
            found[f"{name}/{start}"] = line[2]
    return found


def test_the_terminal_marks_who_stands_and_how() -> None:
    study = small()
    means = {**FAMILY, "clip/unimodal": (0.62, 0.795)}
    text = render_text(board_of(study, table_of(study, means)))
    marks = lines_of(text)
    assert set(marks) == set(FAMILY)
    assert {name: mark for name, mark in marks.items() if mark != " "} == {
        "vilt/multimodal": "*",
        "clip/unimodal": "=",
        "mmbt/unimodal": "?",
        "late_fusion/unimodal": "?",
        "text_only/unimodal": "?",
        "image_only/unimodal": "·",
    }
    assert "? no verdict: other norm, no search" in text
    assert "not separated from CLIP (unimodal); without a verdict against 3 arms of another norm." in text
    assert "the best on validation" in text


def test_better_than_whom_is_said() -> None:
    study = small()
    sentence = headline(board_of(study, table_of(study)), "vqa")
    assert sentence.startswith("Best mean: ViLT (multimodal), 80.0%")
    assert "; better than CLIP (unimodal) and image only (unimodal); without a verdict against 3 arms" in sentence
    alone = {**FAMILY, "image_only/unimodal": (0.9, 0.9)}  # without layers that have a norm, it is judged against all
    assert "better than every other arm." in headline(board_of(study, table_of(study, alone)), "vqa")


def test_where_no_arm_passes_all_is_shown_and_nothing_ranked() -> None:
    study = small()
    table = table_of(study, broken=tuple(study.arms))
    board = board_of(study, table)
    entry = board.tasks["vqa"]
    assert entry.chosen is None
    assert entry.pairs == []
    assert len(entry.cells) == len(FAMILY)
    text = render_text(board)
    assert "Nothing is ranked: no arm passed its certificate." in text
    assert set(lines_of(text).values()) == {"x"}


def test_with_few_replicates_nothing_is_undecided_for_all_is_descriptive() -> None:
    study = small(replicates=[0, 1])
    table = table_of(study)
    entry = built(table)
    assert {cell.undecided for cell in entry.cells} == {None}
    assert not any(cell.tied for cell in entry.cells)
    assert "?" not in lines_of(render_text(board_of(study, table))).values()


def test_an_arm_without_a_unimodal_start_is_measured_against_scratch() -> None:
    values = small().model_dump()
    values["arms"]["vilt"] |= {
        "starts": ["scratch", "multimodal"],
        "few_label_starts": [],
        "matched_starts": ["scratch"],
    }
    study = Study.model_validate(values)
    means = {**FAMILY, "vilt/scratch_matched": (0.6, 0.7)}
    table = table_of(study, means)
    effects = {
        (one.entry.keywords["arm"], one.entry.keywords["against"]): one
        for one in table.effects(Free({"multimodal": 7}))
    }
    assert set(effects) == {("clip", "unimodal"), ("vilt", "scratch"), ("vilt", "scratch_matched")}
    assert effects["vilt", "scratch"].estimate.mean == pytest.approx(0.80 - 0.58)
    assert effects["vilt", "scratch_matched"].estimate.mean == pytest.approx(0.80 - 0.70)
    assert effects["vilt", "scratch"].grade.axis == "start"
    # What came before the step counts, where the other start went without it; what is not known is not guessed.
    assert effects["vilt", "scratch"].entry.keywords["extra_samples"] == 107
    unknown = table.effects(Free({"multimodal": None}))
    assert {one.entry.keywords["extra_samples"] for one in unknown} == {None}


def test_ranks_without_a_verdict_would_be_narrower_if_they_were_judged() -> None:
    """The same scores for arms of one norm: everything is told apart, so the wide ranks above come from the norm alone."""
    values = small().model_dump()
    for arm in values["arms"].values():
        arm["architecture"] = "mmbt"
    study = Study.model_validate(values)
    entry = built(table_of(study))
    cells = by_name(entry)
    assert cells["vilt/multimodal"].ranks == (1, 1)
    assert all(cell.undecided is None for cell in cells.values())
    assert cells["mmbt/unimodal"].p_against_best < 0.05
