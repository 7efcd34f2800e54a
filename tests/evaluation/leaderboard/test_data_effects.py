"""Levels of the data: which arms belong together, what a level changes, and the picture of it."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from components.evaluation.leaderboard.data_effects import Line, families, lines
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.report.report import render
from components.study.study import Study
from tests.evaluation.compared import finish
from tests.evaluation.fabricate import DATA, WHOLE, controlled_study, data_study, fabricate, study_of
from tests.evaluation.leaderboard.contrasts_by_hand import by_hand, holm_by_hand, scores
from tests.evaluation.report.page_reader import Page

Finished = tuple[Path, Study, Leaderboard]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    study = data_study()
    root = fabricate(tmp_path_factory.mktemp("data"), study, items=400, quality=DATA)
    return root, study, finish(root, study)


def test_arms_that_differ_in_their_data_alone_are_a_family() -> None:
    study = data_study()
    assert families(study) == {
        "single": ["single", "single_quarter", "single_noisy"],
        "crossed": ["crossed", "crossed_quarter", "crossed_shapes"],
    }
    assert lines(study) == [
        Line("amount", "single", ("single_quarter", "single")),
        Line("amount", "crossed", ("crossed_quarter", "crossed")),
        Line("caption_noise", "single", ("single", "single_noisy")),
        Line("domain", "crossed", ("crossed_quarter", "crossed_shapes")),
    ]
    assert families(controlled_study()) == families(study_of()) == {}


def test_every_two_levels_are_compared_with_all_else_equal(finished: Finished) -> None:
    root, study, board = finished
    assert board.data
    named = {(one.first.arm, one.second.arm, one.labels) for one in board.data}
    compared = [(higher, lower) for line in lines(study) for lower, higher in pairwise(line.arms)]
    assert named == {(*pair, labels) for pair in compared for labels in ("all", "few")}
    assert len(board.data) == len(named)
    expected = []
    for effect in board.data:
        (first, groups), (second, _) = (scores(root, study, getattr(effect, side)) for side in ("first", "second"))
        expected.append(by_hand(first, second, groups, study.evaluation.margin))
        for key, value in expected[-1].items():
            assert getattr(effect, key) == pytest.approx(value, abs=2e-6)
        assert (effect.grade, effect.protocol) == ("controlled", board.protocol)
    for key in ("p", "p_equivalence"):
        found = [getattr(effect, f"{key}_holm") for effect in board.data]
        assert found == pytest.approx(holm_by_hand([one[key] for one in expected]), abs=5e-6)
    by_name = {(one.axis, one.family, one.labels): one for one in board.data}
    assert by_name["amount", "single", "all"].levels == (1.0, 0.25)
    assert by_name["amount", "single", "all"].verdict == "better"
    assert by_name["caption_noise", "single", "few"].verdict == "worse"
    assert by_name["amount", "crossed", "all"].verdict in ("cannot tell", "equivalent")


def test_the_picture_has_a_line_for_each_architecture(finished: Finished) -> None:
    root, _, board = finished
    text = render(root).read_text(encoding="utf-8")
    (drawn,) = re.findall(r'<section id="data">.*?</section>', text, re.DOTALL)
    cells = {(cell.arm, cell.cell): cell for cell in board.tasks["vqa"].cells}
    titles = re.findall(r"<title>(.*?)</title>", drawn)
    for name, cell, level in (
        ("single", "single_quarter/multimodal", "25%"),
        ("crossed", "crossed/multimodal", "100%"),
        ("single", "single_noisy/multimodal_few", "30%"),
        ("crossed (25% of the pictures)", "crossed_shapes/multimodal", "shapes"),
    ):
        found = cells[tuple(cell.split("/"))]
        said = f"{name}, {level}: {100 * found.mean:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"
        assert said in titles
    # Two panels with two marks of either line, and one each with two of a single line; all and few labels.
    assert len(titles) == 2 * (4 + 2 + 2)
    assert len(re.findall(r'<path d="[^"]*" [^>]*class="series-[ab] line"/>', drawn)) == 2 * 4 + 2
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', drawn)
    assert len(rows) == len(board.data)
    assert "<td>shapes − all</td>" in drawn
    assert Page(text).ids.count("data") == 1


def test_higher_means_stand_higher(finished: Finished) -> None:
    text = render(finished[0]).read_text(encoding="utf-8")
    (drawn,) = re.findall(r'<section id="data">.*?</section>', text, re.DOTALL)
    panel = drawn.split("<h4>")[1]
    spots = re.findall(r'<title>[^:]*: ([\d.]+) [^<]*</title><line [^>]*/><circle cx="([\d.]+)" cy="([\d.]+)"', panel)
    assert len(spots) == 2  # the first line's marks are circles
    (low, left, below), (high, right, above) = sorted(spots, key=lambda spot: float(spot[0]))
    assert float(low) < float(high)
    assert float(left) < float(right)
    assert float(below) > float(above)


def test_a_study_of_equal_data_has_no_such_section(tmp_path: Path) -> None:
    study = study_of(replicates=[0, 1, 2])
    root = fabricate(tmp_path, study, items=80)
    board = finish(root, study)
    assert board.data == []
    assert '<section id="data">' not in render(root).read_text(encoding="utf-8")


def test_an_arm_that_is_not_comparable_is_shown_and_not_tested(tmp_path: Path) -> None:
    study = data_study()
    root = fabricate(tmp_path, study, items=80, quality=DATA)
    path = root / "outputs/starts/0/single_noisy/record.json"
    path.write_text("{}", encoding="utf-8")
    effects = {(one.first.arm, one.labels): one for one in finish(root, study).data}
    broken = effects["single_noisy", "all"]
    assert (broken.verdict, broken.p_holm, broken.grade) == ("descriptive", None, "descriptive")
    assert effects["crossed_shapes", "all"].p_holm is not None


def test_levels_of_a_faithful_arm_are_a_family_too() -> None:
    values = study_of().model_dump()
    values["arms"]["vilt_half"] = {**values["arms"]["vilt"], "pairs": WHOLE | {"share": 0.5}}
    assert lines(Study.model_validate(values)) == [Line("amount", "vilt", ("vilt_half", "vilt"))]
