"""The report: loads nothing, says what the leaderboard says, and renders whatever the study looked like."""

import io
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fabricate import classification_study, fabricate, study_of
from PIL import Image

from components.errors import CeterisError
from components.evaluation.leaderboard import build
from components.evaluation.metrics import collect
from components.evaluation.plots import ticks
from components.evaluation.report import overview_picture, render
from components.evaluation.report_data import architecture_costs, data_uri, examples, stage_costs
from components.study import Study

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Page(HTMLParser):
    """Collects references, ids and words, and checks that every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.unnamed: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.append(tag)
        self.references += [given[name] or "" for name in ("src", "href", "srcset", "data", "action") if name in given]
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag in ("svg", "img") and not (given.get("aria-label") or given.get("alt") or given.get("aria-hidden")):
            self.unnamed.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words += data + " "


def finish(root: Path, study: Study) -> dict[str, Any]:
    """Evaluate and compare in this process."""
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    leaderboard = build(study, root)
    (root / "outputs/compare").mkdir()
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(leaderboard))
    return leaderboard


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, dict[str, Any]]:
    study = study_of()
    root = fabricate(tmp_path_factory.mktemp("report"), study, items=400, spool=True)
    return root, study, finish(root, study)


def test_the_page_loads_nothing_and_is_whole(finished: tuple[Path, Study, dict[str, Any]]) -> None:
    root, _, leaderboard = finished
    path = render(root)
    assert path == root / "outputs/report.html"
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert all(reference.startswith(("#", "data:image/")) for reference in page.references)
    assert {reference[1:] for reference in page.references if reference.startswith("#")} <= set(page.ids)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://", text)
    assert not page.unnamed
    for task, entry in leaderboard["tasks"].items():
        assert f"{100 * entry['chosen']['mean']:.1f}" in page.words
        assert {"vqa": "VQA", "statements": "statements"}[task] in page.words
    for heading in ("Means and intervals", "The intermediate step", "Learning curves", "Example predictions", "Costs"):
        assert heading in page.words
    assert "<red>" in page.words  # the questions hold markup, which must come out as words
    assert "<red>" not in text
    assert list((root / "outputs").glob(".*partial")) == []


def test_the_same_inputs_give_the_same_page(finished: tuple[Path, Study, dict[str, Any]]) -> None:
    assert render(finished[0]).read_bytes() == render(finished[0]).read_bytes()


def test_examples_are_half_right_and_agree_with_the_data(finished: tuple[Path, Study, dict[str, Any]]) -> None:
    root, study, leaderboard = finished
    shown = examples(root, study, leaderboard, "vqa")
    assert len(shown) == study.evaluation.examples == 12
    assert [example.right for example in shown] == [True] * 6 + [False] * 6
    assert len({example.id for example in shown}) == 12
    assert {example.form for example in shown} == {"colour", "count", "exists", "relation"}
    for example in shown:
        assert {name for name, *_ in example.predictions} == set(study.architectures.all)
        assert all((said == example.target) == right for _, _, said, right in example.predictions)
        assert example.pictures[0].startswith("data:image/png;base64,")


def test_examples_fill_up_when_one_kind_is_rare(tmp_path: Path) -> None:
    study = classification_study()
    quality = {("late_fusion", "unimodal"): 1.5}
    quality = {**{(name, start): 0.1 for name in study.arms for start in study.arms[name].starts}, **quality}
    root = fabricate(tmp_path, study, items=40, quality=quality)
    shown = examples(root, study, finish(root, study), "clothes")
    assert len(shown) == 12
    assert all(example.right for example in shown)


def test_costs_from_the_sidecar(finished: tuple[Path, Study, dict[str, Any]], tmp_path: Path) -> None:
    root, study, _ = finished
    # Each fabricated stage was killed after 20 seconds and resumed for another 20.
    assert stage_costs(root)["finetune@clip-vqa-0"] == (40.0, 600e6)
    costs = architecture_costs(root, study)
    assert costs["clip"] == {"pretrain": 40.0, "finetune": 80.0, "memory": 600e6}
    assert costs["text_only"]["pretrain"] == 0.0
    assert architecture_costs(tmp_path, study)["clip"] == {"pretrain": None, "finetune": None, "memory": None}


def test_without_sidecar_and_pictures_it_says_not_known(
    finished: tuple[Path, Study, dict[str, Any]], tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(finished[0], root, ignore=shutil.ignore_patterns(".ceteris", "data", "unimodal"))
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(build(finished[1], root)))
    page = Page(render(root).read_text(encoding="utf-8"))
    assert "not known" in page.words
    assert "Example predictions" not in page.words
    overview_picture(root, root / "overview.svg")


@pytest.mark.parametrize("replicates", [[0], [0, 1]])
def test_descriptive_studies_render(tmp_path: Path, replicates: list[int]) -> None:
    study = study_of(replicates=replicates)
    root = fabricate(tmp_path, study, items=80)
    finish(root, study)
    words = Page(render(root).read_text(encoding="utf-8")).words
    assert "nothing is decided" in words
    assert "Not separated" not in words
    assert "helps" not in words.replace("the step helps", "")


def test_classification_without_few_labels_or_texts_renders(tmp_path: Path) -> None:
    study = classification_study()
    root = fabricate(tmp_path, study, items=60)
    finish(root, study)
    page = Page(render(root).read_text(encoding="utf-8"))
    assert "few labels" not in page.words
    assert "clothes" in page.words


def test_unequal_data_is_said_first(finished: tuple[Path, Study, dict[str, Any]], tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(finished[0], root)
    arms = json.loads((root / "outputs/evaluation/arms.json").read_text())
    arms["clip"]["vqa"]["scratch"][0]["digests"]["ids"] = "0123456789abcdef"
    (root / "outputs/evaluation/arms.json").write_text(json.dumps(arms))
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(build(finished[1], root)))
    words = Page(render(root).read_text(encoding="utf-8")).words
    assert "data not equal" in words
    assert "0123456789ab: clip (scratch)" in words


def test_no_leaderboard_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match=r"leaderboard.json is missing: run the pipeline first"):
        render(tmp_path)


def test_overview_is_one_svg(finished: tuple[Path, Study, dict[str, Any]], tmp_path: Path) -> None:
    path = overview_picture(finished[0], tmp_path / "leaderboard.svg")
    tree = ElementTree.parse(path).getroot()
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join("".join(element.itertext()) for element in tree.iter("{http://www.w3.org/2000/svg}text"))
    for architecture in ("CLIP", "ViLT", "MMBT", "late fusion", "text only", "image only", "majority 20.0"):
        assert architecture in words
    with pytest.raises(CeterisError, match=r"does not end in \.svg"):
        overview_picture(finished[0], tmp_path / "leaderboard.png")


@pytest.mark.parametrize(
    ("mode", "kind", "size"), [("CMYK", "TIFF", (30, 20)), ("RGB", "JPEG", (1600, 900)), ("P", "PNG", (48, 48))]
)
def test_pictures_of_any_kind_become_small_data(mode: str, kind: str, size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, format=kind)
    uri, small = data_uri(buffer.getvalue())
    assert uri.startswith("data:image/png;" if kind == "PNG" else "data:image/jpeg;")
    assert len(uri) < 20_000
    assert small == (max(size) <= 100)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.402, 0.771), (-0.03, 0.17), (0.5, 0.5), (0, 32000), (1.2, 1.2001)]
)
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 7
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
