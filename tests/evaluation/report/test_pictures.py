"""Pictures for documents: read back as SVG and set against the leaderboard that they show."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from components.errors import CeterisError
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.plots.levels import PANEL
from components.evaluation.report.pictures import data_picture, overview_picture
from components.study.study import Study
from tests.evaluation.compared import finish
from tests.evaluation.fabricate import DATA, data_study, fabricate, study_of
from tests.evaluation.plots.resolving import without_colour

Finished = tuple[Path, Study, Leaderboard]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    study = study_of()
    root = fabricate(tmp_path_factory.mktemp("overview"), study, items=400)
    return root, study, finish(root, study)


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    study = data_study()
    root = fabricate(tmp_path_factory.mktemp("data"), study, items=400, quality=DATA)
    return root, study, finish(root, study)


def test_overview_is_one_svg(finished: Finished, tmp_path: Path) -> None:
    path = overview_picture(finished[0], tmp_path / "leaderboard.svg")
    assert without_colour(path.read_text(encoding="utf-8")) == []
    tree = ElementTree.parse(path).getroot()
    assert tree.tag == f"{SVG}svg"
    words = " ".join("".join(element.itertext()) for element in tree.iter(f"{SVG}text"))
    for arm in ("CLIP", "ViLT", "MMBT", "late fusion", "text only", "image only", "text only 40.0"):
        assert arm in words
    # One row an arm, one mark a cell: circles, squares and diamonds beside those of the legend.
    starts = [cell.start for entry in finished[2].tasks.values() for cell in entry.cells]
    markers = [element.get("class", "").split()[0] for element in tree.iter() if "halo" in element.get("class", "")]
    assert sorted(markers) == sorted([*starts, "scratch", "unimodal", "multimodal"])
    assert float(tree.get("height", "0")) < 60 * sum(len(e.cells) for e in finished[2].tasks.values())
    with pytest.raises(CeterisError, match=r"does not end in \.svg"):
        overview_picture(finished[0], tmp_path / "leaderboard.png")


def test_data_stand_against_architecture(levels: Finished, tmp_path: Path) -> None:
    root, _, board = levels
    run = [sys.executable, "-m", "components.evaluation.report.pictures", "data", str(tmp_path / "data.svg")]
    code = Path(__file__).parents[3]
    done = subprocess.run(run, cwd=root, env={"PYTHONPATH": str(code)}, check=True, capture_output=True, text=True)
    assert done.stdout == f"picture: {tmp_path / 'data.svg'}\n"
    assert without_colour((tmp_path / "data.svg").read_text(encoding="utf-8")) == []
    tree = ElementTree.parse(tmp_path / "data.svg").getroot()
    words = ["".join(element.itertext()) for element in tree.iter(f"{SVG}text")]
    for word in ("single", "crossed", "Amount", "Caption noise", "Domain", "25%", "100%", "30%", "shapes"):
        assert word in words
    assert "here: crossed (25% of the pictures)" in words
    cells = {cell.arm: cell for cell in board.tasks["vqa"].cells if cell.cell == "multimodal"}
    titles = [re.sub(r" \[.*", "", element.text or "") for element in tree.iter(f"{SVG}title")]
    assert f"single, 25%: {100 * cells['single_quarter'].mean:.1f}" in titles
    assert f"crossed (25% of the pictures), shapes: {100 * cells['crossed_shapes'].mean:.1f}" in titles
    assert len(titles) == 4 + 2 + 2  # two lines of amounts, one of noise, one of domains
    # Nothing is drawn beyond the edge.
    width = float(tree.get("width", "0"))
    for group in tree.iter(f"{SVG}g"):
        if shift := re.match(r"translate\(([\d.]+) ", group.get("transform", "")):
            assert float(shift[1]) + PANEL[0] <= width


def test_there_is_nothing_to_draw_where_all_read_the_same(finished: Finished, tmp_path: Path) -> None:
    root = finished[0]
    with pytest.raises(CeterisError, match="nothing to draw"):
        data_picture(root, tmp_path / "data.svg")
    assert not (tmp_path / "data.svg").exists()
    with pytest.raises(CeterisError, match=r"does not end in \.svg"):
        data_picture(root, tmp_path / "data.png")
    with pytest.raises(CeterisError, match="run the pipeline first"):
        data_picture(tmp_path, tmp_path / "data.svg")
