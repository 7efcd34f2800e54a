"""Declared contrasts against an independent recomputation, and two cells side by side."""

import itertools
import json
from pathlib import Path

import pytest

from components.errors import CeterisError
from components.evaluation.commands.side_by_side import compare_cells
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.leaderboard.leaderboard import build
from components.evaluation.report.terminal import render_text
from components.evaluation.scoring.metrics import collect
from components.study.study import Study
from tests.evaluation.fabricate import CONTROLLED, DATA, controlled_study, fabricate, interaction_study, study_of
from tests.evaluation.leaderboard.contrasts_by_hand import by_hand, holm_by_hand, of_cells, scores


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, Leaderboard]:
    study = controlled_study()
    root = fabricate(tmp_path_factory.mktemp("contrasts"), study, items=1200, quality=CONTROLLED, pictures=False)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return root, study, build(study, root)


def test_contrasts_are_what_an_independent_computation_gives(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, study, board = finished
    expected = []
    for contrast in board.contrasts:
        (first, groups), (second, _) = (scores(root, study, getattr(contrast, side)) for side in ("first", "second"))
        expected.append(by_hand(first, second, groups, study.evaluation.margin))
        for key, value in expected[-1].items():
            assert getattr(contrast, key) == pytest.approx(value, abs=2e-6), (contrast.name, key)
    for key in ("p", "p_equivalence"):
        adjusted = holm_by_hand([one[key] for one in expected])
        found = [getattr(contrast, f"{key}_holm") for contrast in board.contrasts]
        assert found == pytest.approx(adjusted, abs=5e-6)
    # The family is the declared ones: all pairs would correct far more.
    assert len(board.tasks["vqa"].pairs) == len(list(itertools.combinations(range(6), 2)))


def test_contrasts_find_what_was_put_in(finished: tuple[Path, Study, Leaderboard]) -> None:
    _, study, board = finished
    found = {contrast.name: contrast for contrast in board.contrasts}
    assert list(found) == [contrast.name for contrast in study.evaluation.contrasts]
    truth = {"crossing": 0.10, "regions": 0.0, "pairs_help": 0.08}
    for name, contrast in found.items():
        # Scores are clipped chances, which shrinks differences by a little.
        assert contrast.low - 0.015 <= truth[name] <= contrast.high + 0.015
        assert (contrast.grade, contrast.replicates) == ("controlled", 5)
        assert 0 < contrast.minimum_detectable_effect < 0.1
        assert contrast.protocol == board.protocol
    assert (found["crossing"].verdict, found["pairs_help"].verdict) == ("better", "better")
    assert found["regions"].verdict in ("cannot tell", "equivalent")
    text = render_text(board)
    assert "Does fusion matter?" in text
    assert f"Protocol {board.protocol}" in text


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, Leaderboard]:
    """The amount of data gives one arm ten points, the other half a point."""
    study = interaction_study()
    root = fabricate(tmp_path_factory.mktemp("interactions"), study, items=1200, quality=DATA, pictures=False)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return root, study, build(study, root)


def test_an_interaction_is_what_an_independent_computation_gives(crossed: tuple[Path, Study, Leaderboard]) -> None:
    root, study, board = crossed
    plain, found, turned = board.contrasts
    sides = [found.first, found.second, found.against.first, found.against.second]
    (a, groups), (b, _), (c, _), (d, _) = (scores(root, study, side) for side in sides)
    expected = of_cells([a, b, c, d], (a - b) - (c - d), groups, study.evaluation.margin)
    for key, value in expected.items():
        assert getattr(found, key) == pytest.approx(value, abs=2e-6), key
    assert found.effects == pytest.approx([(a - b).mean(), (c - d).mean()], abs=1e-6)
    assert plain.difference == found.effects[0]
    assert found.low - 0.015 <= 0.095 <= found.high + 0.015  # what was put in
    # All three are one family of declared contrasts.
    for key in ("p", "p_equivalence"):
        raw = [getattr(one, key) for one in board.contrasts]
        assert [getattr(one, f"{key}_holm") for one in board.contrasts] == pytest.approx(holm_by_hand(raw), abs=5e-6)
    # The other way round is the same question with the other answer.
    assert (turned.difference, turned.low) == pytest.approx((-found.difference, -found.high), abs=2e-6)
    assert turned.effects == found.effects[::-1]
    assert turned.minimum_detectable_effect == pytest.approx(found.minimum_detectable_effect, rel=0.01)
    assert found.minimum_detectable_effect > plain.minimum_detectable_effect


def test_an_interaction_is_put_into_words(crossed: tuple[Path, Study, Leaderboard]) -> None:
    root, study, board = crossed
    plain, found, turned = board.contrasts
    assert [one.verdict for one in (plain, found, turned)] == ["better", "larger effect", "smaller effect"]
    assert (found.axis, found.by, found.grade) == ("amount", "fusion", "controlled")
    assert found.grade_reason == (
        "Within the pairs amount of captioned pictures alone differs, between them fusion alone."
    )
    assert (plain.by, plain.against, plain.effects) == (None, None, None)
    text = render_text(board)
    assert f"larger effect on vqa, {100 * found.difference:+.1f} [" in text
    assert f"  {100 * found.effects[0]:+.1f}: single (multimodal) minus single quarter (multimodal)\n" in text
    assert "better: single (multimodal) minus single quarter (multimodal) on vqa, " in text
    values = study.model_dump()
    values["evaluation"]["margin"] = 0.4
    wide = build(Study.model_validate(values), root).contrasts
    assert [one.verdict for one in wide] == ["equivalent", "equivalent effects", "equivalent effects"]


def test_a_wide_margin_makes_arms_equivalent(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, study, _ = finished
    values = study.model_dump()
    values["evaluation"]["margin"] = 0.2
    board = build(Study.model_validate(values), root)
    assert {contrast.verdict for contrast in board.contrasts} == {"equivalent"}
    assert all(contrast.p_equivalence_holm < 0.05 for contrast in board.contrasts)


def test_a_broken_arm_takes_no_part_in_a_contrast(finished: tuple[Path, Study, Leaderboard], tmp_path: Path) -> None:
    root, study, before = finished
    for path in (root / "outputs").rglob("*"):
        if path.is_file() and "finetune" not in path.parts:
            place = tmp_path / path.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    path = tmp_path / "outputs/pretrain/crossed/3/record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"steps": 1}))
    board = build(study, tmp_path)
    broken, *others = board.contrasts
    assert (broken.verdict, broken.p, broken.p_holm) == ("descriptive", None, None)
    assert broken.difference == before.contrasts[0].difference
    assert "crossed failed the certificate" in broken.grade_reason
    # Two are left to correct for.
    raw = [contrast.p for contrast in others]
    assert [contrast.p_holm for contrast in others] == pytest.approx(holm_by_hand(raw), abs=5e-6)
    cells = {cell.arm: cell for cell in board.tasks["vqa"].cells}
    assert (cells["crossed"].comparable, cells["crossed"].ranks) == (False, None)
    assert cells["both"].comparable
    assert cells["told"].comparable
    assert cells["told"].ranks is None  # exact boxes


def test_ranks_agree_with_the_pairs(finished: tuple[Path, Study, Leaderboard]) -> None:
    _, _, board = finished
    entry = board.tasks["vqa"]
    ranked = {(cell.arm, cell.cell): cell for cell in entry.cells if cell.candidate}
    better = dict.fromkeys(ranked, 0)
    worse = dict.fromkeys(ranked, 0)
    for pair in entry.pairs:
        first, second = ((side.arm, side.cell) for side in (pair.first, pair.second))
        # What can have no verdict is not tested.
        assert (pair.p_holm is None) == (pair.verdict == "descriptive")
        if pair.p_holm is not None and pair.p_holm <= 0.05:
            winner, loser = (first, second) if pair.difference > 0 else (second, first)
            better[loser] += 1
            worse[winner] += 1
    for key, cell in ranked.items():
        assert cell.ranks == (1 + better[key], len(ranked) - worse[key])


def test_two_cells_side_by_side(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, study, board = finished
    text = compare_cells(study, root, "single", "crossed/multimodal")
    contrast = board.contrasts[0]
    assert f"difference    {100 * contrast.difference:+.1f} points" in text
    assert "verdict       better" in text
    assert (
        "grade         controlled. The two differ in fusion and in nothing else, at equal depth and unequal parameters."
        in text
    )
    assert "Certificate of crossed: every check passed" in text
    assert "(selection)" in text
    with pytest.raises(CeterisError, match="no arm 'uniter': choose from single"):
        compare_cells(study, root, "single", "uniter")
    with pytest.raises(CeterisError, match=r"crossed has no cell 'scratch' .* choose from multimodal"):
        compare_cells(study, root, "single", "crossed/scratch")
    with pytest.raises(CeterisError, match="with itself"):
        compare_cells(study, root, "single", "single/multimodal")


def test_arms_without_a_task_in_common_are_said() -> None:
    tasks = {
        "finding": {"kind": "retrieval", "few_labels": None},
        "pointing": {"kind": "grounding", "few_labels": None},
    }
    study = study_of(tasks=tasks)
    with pytest.raises(CeterisError, match="clip and text_only have no task"):
        compare_cells(study, Path("nowhere"), "clip", "text_only")
