"""The report: loads nothing, says what the leaderboard says, and renders whatever the study looked like."""

import base64
import hashlib
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from components.data.images import Rendering
from components.errors import CeterisError
from components.evaluation.findings import budgets
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.leaderboard.leaderboard import build
from components.evaluation.plots.drawing import ticks
from components.evaluation.report.examples import data_uri
from components.evaluation.report.pictures import overview_picture
from components.evaluation.report.report import render
from components.evaluation.report.report_data import (
    _curve,
    arm_costs,
    cell_seconds,
    stage_costs,
    training_rates,
)
from components.files.atomic import is_leftover
from components.records.training import GivenBudget
from components.study.cells import Cell
from components.study.study import Study
from tests.evaluation.compared import finish
from tests.evaluation.fabricate import (
    CONTROLLED,
    DATA,
    classification_study,
    controlled_study,
    fabricate,
    interaction_study,
    study_of,
)
from tests.evaluation.plots.resolving import without_colour
from tests.evaluation.report.page_reader import Page


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, Leaderboard]:
    study = study_of()
    root = fabricate(tmp_path_factory.mktemp("report"), study, items=400, spool=True)
    return root, study, finish(root, study)


def test_the_page_loads_nothing_and_is_whole(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, _, leaderboard = finished
    path = render(root)
    assert path == root / "outputs/report.html"
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert all(reference.startswith(("#", "data:image/")) for reference in page.references)
    assert {reference[1:] for reference in page.references if reference.startswith("#")} <= set(page.ids)
    assert not {"link", "iframe", "object"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(", text)
    # The policy lets the one script of the page run, and no other.
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'\"" in text
    assert not page.unnamed
    for task, entry in leaderboard.tasks.items():
        assert f"{100 * entry.chosen.mean:.1f}" in page.words
        assert {"vqa": "VQA", "statements": "statements"}[task] in page.words
    for heading in ("Means and intervals", "The intermediate step", "Learning curves", "Wins and losses", "Costs"):
        assert heading in page.words
    assert "<red>" in page.words  # the questions hold markup, which must come out as words
    assert "<red>" not in text
    assert not [found for found in (root / "outputs").iterdir() if is_leftover(found)]
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert [without_colour(picture) for picture in pictures] == [[]] * len(pictures)
    assert path.stat().st_size < 3_000_000


def test_the_same_inputs_give_the_same_page(finished: tuple[Path, Study, Leaderboard]) -> None:
    assert render(finished[0]).read_bytes() == render(finished[0]).read_bytes()


def test_costs_from_the_sidecar(finished: tuple[Path, Study, Leaderboard], tmp_path: Path) -> None:
    root, study, _ = finished
    # Each fabricated stage was killed after 20 seconds and resumed for another 20.
    assert stage_costs(root)["finetune@clip-vqa-0"] == (40.0, 600e6)
    costs = arm_costs(root, study)
    assert costs["clip"] == {"pretrain": 40.0, "finetune": 80.0, "memory": 600e6}
    assert costs["text_only"]["pretrain"] == 0.0
    assert arm_costs(tmp_path, study)["clip"] == {"pretrain": None, "finetune": None, "memory": None}


def test_seconds_of_a_cell_are_those_of_everything_before_it_and_its_own(
    finished: tuple[Path, Study, Leaderboard], tmp_path: Path
) -> None:
    root, study, leaderboard = finished
    rates = training_rates(root)
    # The clock of the sidecar ticks a millisecond a sample, with a minute of other things between two cells.
    assert rates["finetune@clip-vqa-0", "multimodal"] == pytest.approx(0.001)
    found = cell_seconds(root, study, leaderboard)
    # ViLT begins with patches (40 s in two runs); the intermediate step takes 40 s more.
    own = 0.001 * study.finetune.samples
    assert found["vqa", "vilt", "scratch"] == pytest.approx(own)
    assert found["vqa", "vilt", "unimodal"] == pytest.approx(40 + own)
    assert found["vqa", "vilt", "multimodal"] == pytest.approx(80 + own)
    assert found["vqa", "vilt", "multimodal_few"] == pytest.approx(80 + 0.001 * study.finetune_few.samples)
    assert found["statements", "late_fusion", "unimodal"] == pytest.approx(80 + own)
    assert cell_seconds(tmp_path, study, leaderboard) == {}


def test_without_sidecar_and_pictures_it_says_not_known(
    finished: tuple[Path, Study, Leaderboard], tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(finished[0], root, ignore=shutil.ignore_patterns(".ceteris", "data", "unimodal"))
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(build(finished[1], root).as_json()))
    page = Page(render(root).read_text(encoding="utf-8"))
    assert "not known" in page.words
    assert "Wins and losses" not in page.words
    assert "script" not in page.tags
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


def test_an_arm_that_is_not_comparable_is_said_first(finished: tuple[Path, Study, Leaderboard], tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(finished[0], root)
    arms = json.loads((root / "outputs/evaluation/arms.json").read_text())
    arms["clip"]["vqa"]["scratch"][0]["digests"]["ids"] = "0123456789abcdef"
    (root / "outputs/evaluation/arms.json").write_text(json.dumps(arms))
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(build(finished[1], root).as_json()))
    text = render(root).read_text(encoding="utf-8")
    words = Page(text).words
    assert "not comparable: CLIP" in words
    assert "Why arms are not comparable" in words
    assert "0123456789ab: clip (scratch)" in words
    assert "valid certificates" not in words
    (certificate,) = re.findall(r'<section id="certificate">.*?</section>', text, re.DOTALL)
    rows = dict(re.findall(r'<tr><th scope="row">(\w[\w ]*)</th>(.*?)</tr>', certificate.partition("</table>")[0]))
    assert "✗" in rows["CLIP"]
    assert "✗" not in rows["ViLT"]
    assert rows["ViLT"].count("✓") == 1 + len(build(finished[1], root).certificates["vilt"].checks)


def test_what_is_equal_and_what_is_stated_is_said(finished: tuple[Path, Study, Leaderboard]) -> None:
    words = Page(render(finished[0]).read_text(encoding="utf-8")).words
    said = (
        "Budgets are equal in samples: 25.6k for text alone, 40k for pictures alone, 57.6k for the intermediate step, "
    )
    assert said + "32k for fine-tuning and 8k for fine-tuning on few labels." in words
    assert "visual tokens per picture" in words
    assert "fine-tuning: 500 steps, 32,000 samples, 28.8G FLOPs" in words


def test_budgets_in_several_currencies_are_said_each_in_its_own() -> None:
    values = study_of().model_dump()
    for key, amount in (("pretrain", {"flops": 2.0e12}), ("finetune", {"seconds": 90.0})):
        values[key] = {**amount, **{name: value for name, value in values[key].items() if name != "samples"}}
    study = Study.model_validate(values)
    said = budgets({key: GivenBudget(**budget.described()) for key, budget in study.budgets.items()})
    assert said == (
        "Budgets are equal in samples: 25.6k for text alone, 40k for pictures alone, 8k for fine-tuning on few labels "
        "and 8k for fine-tuning on further tasks; in FLOPs: 2T for the intermediate step; "
        "in seconds of the training loop: 90 for fine-tuning."
    )


def test_curves_of_unlike_length_are_read_off_between_their_points() -> None:
    rows = [(0, 10, 1.0), (0, 20, 2.0), (1, 8, 0.0), (1, 16, 4.0), (1, 24, 8.0)]
    curve = _curve(Cell("vilt", "unimodal"), pd.DataFrame(rows, columns=["replicate", "samples", "value"]))
    assert curve.samples == [10, 20]
    assert curve.mean == [1.0, 4.0]
    assert (curve.low, curve.high) == ([1.0, 2.0], [1.0, 6.0])


def test_declared_questions_stand_at_the_top_with_their_answers(tmp_path: Path) -> None:
    study = controlled_study()
    root = fabricate(tmp_path, study, items=400, quality=CONTROLLED)
    leaderboard = finish(root, study)
    text = render(root).read_text(encoding="utf-8")
    assert text.index('<section id="contrasts">') < text.index('<section id="means">')
    cards = re.findall(r'<article class="contrast">(.*?)</article>', text, re.DOTALL)
    assert len(cards) == len(leaderboard.contrasts) == 3
    for card, contrast in zip(cards, leaderboard.contrasts, strict=True):
        words = re.sub(r"<svg.*?</svg>", "", card, flags=re.DOTALL)
        assert re.search(r'<strong class="verdict \w*">' + contrast.verdict, words)
        assert f"{100 * contrast.difference:+.1f} points".replace("-", "−") in words
        assert f"grade: {contrast.grade}" in words
        assert f"{100 * contrast.minimum_detectable_effect:.1f} points at 80% power" in words
        # The band of the margin lies around zero, the mark where the difference is: all on one axis.
        band = re.search(
            r'<rect x="([\d.]+)" y="4.0" width="([\d.]+)" height="36.0" rx="3" [^>]*class="margin"/>', card
        )
        zero = re.search(r'<line x1="([\d.]+)" y1="4.0" [^>]*class="zero"/>', card)
        mark = re.search(r'<rect x="([\d.]+)" y="[\d.]+" width="11.4" height="11.4"', card)
        assert band
        assert zero
        assert mark
        middle, half = float(band[1]) + float(band[2]) / 2, float(band[2]) / 2
        assert middle == pytest.approx(float(zero[1]), abs=0.2)
        assert (float(mark[1]) + 5.72 - middle) / half * contrast.margin == pytest.approx(
            contrast.difference, abs=0.001
        )


def test_an_interaction_names_both_pairs(tmp_path: Path) -> None:
    study = interaction_study()
    root = fabricate(tmp_path, study, items=400, quality=DATA)
    found = finish(root, study).contrasts[1]
    text = render(root).read_text(encoding="utf-8")
    plain, card, _ = re.findall(r'<article class="contrast">(.*?)</article>', text, re.DOTALL)
    pairs = (
        "single (multimodal) minus single quarter (multimodal)",
        "crossed (multimodal) minus crossed quarter (multimodal)",
    )
    words = re.sub(r"<svg.*?</svg>", "", card, flags=re.DOTALL)
    assert f"<p>{pairs[0]} <small>against</small> {pairs[1]} <small>on" in words
    both = " and ".join(f"{100 * effect:+.1f}".replace("-", "−") for effect in found.effects or ())
    assert f"<dt>the two effects</dt><dd>{both}</dd>" in words
    assert "<dt>difference of the effects</dt>" in words
    assert card.count(f"{', against '.join(pairs)}: ") == 2  # the drawing's own words, on a desk and on a phone
    assert "<dt>difference</dt>" in plain
    assert "the line is the difference of two effects" in text


def test_ranks_stand_beside_the_means(finished: tuple[Path, Study, Leaderboard]) -> None:
    text = render(finished[0]).read_text(encoding="utf-8")
    drawn = re.findall(r"<text [^>]*>(\d+(?: to \d+)?)</text>", text)
    for cell in finished[2].tasks["vqa"].cells:
        if cell.ranks:
            best, worst = cell.ranks
            assert (f"{best} to {worst}" if best < worst else f"{best}") in drawn


def test_no_leaderboard_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match=r"leaderboard.json is missing: run the pipeline first"):
        render(tmp_path)
    (tmp_path / "outputs/compare").mkdir(parents=True)
    (tmp_path / "outputs/compare/leaderboard.json").write_text('{"study": "old", "tasks": {}}')
    with pytest.raises(CeterisError, match=r"is not what this version writes .*: run the stage compare again"):
        render(tmp_path)


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


def test_pictures_are_shown_as_models_see_them() -> None:
    def shown(picture: Image.Image, kind: str, rendering: Rendering) -> np.ndarray:
        buffer = io.BytesIO()
        picture.save(buffer, format=kind)
        uri, _ = data_uri(buffer.getvalue(), rendering)
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L")).astype(int)

    half = np.zeros((20, 20), dtype=np.uint16)
    half[:, 10:] = 4095
    pixels = shown(Image.fromarray(half), "PNG", Rendering(value_range=(0, 4095)))
    assert pixels[:, :8].max() < 20
    assert pixels[:, 12:].min() > 235
    logo = Image.new("RGBA", (20, 20), (255, 255, 255, 0))
    logo.paste((255, 255, 255, 255), (10, 0, 20, 20))
    pixels = shown(logo, "PNG", Rendering("black"))
    assert pixels[:, :8].max() < 20
    assert pixels[:, 12:].min() > 235


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.402, 0.771), (-0.03, 0.17), (0.5, 0.5), (0, 32000), (1.2, 1.2001)]
)
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 7
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
