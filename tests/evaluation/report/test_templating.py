"""The templates: words stay words wherever they stand, what is missing is an error, and no template lies about unused."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from jinja2 import UndefinedError, meta

from components.code.reached import Sources
from components.evaluation.plots.drawing import Canvas, Mark
from components.evaluation.plots.forest import Row, forest
from components.evaluation.report.parts import Drawing
from components.evaluation.report.report import TITLES, contents, render
from components.evaluation.report.templating import ENVIRONMENT, drawn
from components.stages.closure import FRAME
from components.stages.code import entries
from components.study.loading import load_study
from components.study.study import Study
from tests.evaluation import fabricate as fabricated
from tests.evaluation.compared import finish
from tests.evaluation.fabricate import (
    CONTROLLED,
    DATA,
    QUALITY,
    controlled_study,
    fabricate,
    interaction_study,
    study_of,
)
from tests.evaluation.report.page_reader import Page

ROOT = Path(__file__).parents[3]
TEMPLATES = Path(ENVIRONMENT.loader.searchpath[0])
MARKUP = "<nasty>&\"'"
"""Of a tag that no page has, with everything that means something in text or between quotes."""
SEARCHED = {"trials": 8, "lowest": 0.25, "highest": 8.0, "rungs": 2, "reduction": 4}


def nasty(value: object) -> object:
    """The same, with markup at the end of every text that is not empty; drawings stay."""
    if isinstance(value, str):
        return value + MARKUP if value else value
    if isinstance(value, dict):
        return {nasty(key): nasty(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(nasty(one) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, Canvas):
        fields = {field.name: nasty(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value


@pytest.mark.parametrize(
    ("study", "quality", "missing"),
    [
        (study_of(tuning=SEARCHED), QUALITY, {"contrasts", "data"}),
        (interaction_study(), DATA, {"glance", "search"}),
    ],
    ids=["searched", "asked"],
)
def test_no_template_lets_markup_through(
    study: Study, quality: dict[tuple[str, str], float], missing: set[str], tmp_path: Path
) -> None:
    """Every text of every section, whatever it is now."""
    root = fabricate(tmp_path, study, items=40, quality=quality)
    finish(root, study)
    values = contents(root)
    assert set(TITLES) - set(values["sections"]) == missing
    spoiled = {key: nasty(values[key]) for key in ("study", "opening")}
    spoiled["sections"] = {key: nasty(section) for key, section in values["sections"].items()}
    spoiled["titles"] = {key: title + MARKUP for key, title in TITLES.items()}
    template = ENVIRONMENT.get_template("page.html")
    before, after = Page(template.render(values)), Page(template.render(values | spoiled))
    assert after.tags == before.tags
    assert after.words.count(MARKUP) > 300
    assert all(one.endswith(MARKUP) for one in after.labels)
    assert len(after.labels) == len(before.labels) > 20


def test_what_users_write_is_shown_as_they_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions, classes, forms, samples, and the name of a study."""
    answers = {"vqa": [answer + MARKUP for answer in fabricated.ANSWERS["vqa"]]}
    monkeypatch.setattr(fabricated, "ANSWERS", answers)
    monkeypatch.setattr(fabricated, "FORMS", tuple(form + MARKUP for form in fabricated.FORMS))
    values = controlled_study().model_dump()
    values["replicates"] = [0, 1, 2]
    for contrast in values["evaluation"]["contrasts"]:
        contrast["question"] += MARKUP
    study = Study.model_validate(values)
    root = fabricate(tmp_path, study, items=60, quality=CONTROLLED)
    finish(root, study)
    board = root / "outputs/compare/leaderboard.json"
    named = f'"study": "{study.name}"'
    text = board.read_text(encoding="utf-8")
    assert text.count(named) == 1
    board.write_text(text.replace(named, f'"study": "{study.name}<nasty>&"'), encoding="utf-8")
    page = Page(render(root).read_text(encoding="utf-8"))
    assert "nasty" not in page.tags
    assert f"study {study.name}<nasty>&" in page.words
    for said in (study.evaluation.contrasts[0].question, f"right: red{MARKUP}", f"colour{MARKUP}"):
        assert said in " ".join(page.words.split()), said
    assert [label for label in page.labels if label.startswith(study.evaluation.contrasts[0].question)]


def test_drawings_hold_words_too() -> None:
    canvas = Canvas(10, 10)
    canvas.text(0, 0, f"said {MARKUP}")
    with canvas.titled(f"pointed at {MARKUP}"):
        canvas.circle(0, 0, 1, "scratch fill")
    page = Page(f"<svg>{drawn(canvas)}</svg>")
    assert page.tags == ["svg", "text", "g", "title", "circle"]
    assert page.words.split(MARKUP) == ["said ", " pointed at ", " "]
    row = Row(MARKUP, MARKUP, Mark("scratch"), 0.5, 0.4, 0.6, value=MARKUP, note=MARKUP, section=MARKUP, rank=MARKUP)
    for narrow in (False, True):
        page = Page(f"<svg>{drawn(forest([row, row], {MARKUP: 0.1}, narrow=narrow))}</svg>")
        assert "nasty" not in page.tags
        assert page.words.count(MARKUP) > 10
    standing = Page(canvas.svg(MARKUP))
    assert standing.labels == [MARKUP]
    assert "nasty" not in standing.tags


def test_what_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="section"):
        ENVIRONMENT.get_template("glance.html").render()
    parts = ENVIRONMENT.get_template("parts.html").module
    figure = Drawing("title", Canvas(1, 1), Canvas(1, 1))
    assert "<figcaption></figcaption>" in parts.figure(figure)
    with pytest.raises(UndefinedError, match="has no attribute 'caption'"):
        parts.figure({"title": "title", "wide": Canvas(1, 1), "narrow": Canvas(1, 1), "said": ""})


def test_every_template_is_used() -> None:
    waiting, used = {"page.html", *(f"{key}.html" for key in TITLES)}, set()
    while waiting:
        name = waiting.pop()
        used.add(name)
        text = (TEMPLATES / name).read_text(encoding="utf-8")
        # The page includes the sections by their keys, which the search gives as None.
        waiting |= {one for one in meta.find_referenced_templates(ENVIRONMENT.parse(text)) if one} - used
    assert used == {path.name for path in TEMPLATES.iterdir()}
    macros = re.findall(r"macro (\w+)", (TEMPLATES / "parts.html").read_text(encoding="utf-8"))
    texts = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.iterdir())
    assert [name for name in macros if not re.search(rf"(?<!macro )\b{name}\(", texts)] == []


def test_templates_are_installed_with_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {"jinja2", "markupsafe"} <= set(settings["project"]["dependencies"])
    package = TEMPLATES.parent
    patterns = settings["tool"]["setuptools"]["package-data"][".".join(package.relative_to(ROOT).parts)]
    assert {path for pattern in patterns for path in package.glob(pattern)} == set(TEMPLATES.iterdir())


def test_text_goes_unescaped_into_a_page_at_one_place() -> None:
    for path in TEMPLATES.iterdir():
        assert not re.search(r"\|\s*safe|autoescape", path.read_text(encoding="utf-8")), path.name
    found = {}
    for package in ("components", "flows", "registry"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            name = path.relative_to(ROOT).as_posix()
            if "Markup(" in text:
                found[name] = text.count("Markup(")
            # Only drawings, which are no HTML, are put together by hand.
            assert "from html import" not in text or name.startswith("components/evaluation/plots/"), name
    assert found == {"components/evaluation/report/templating.py": 1}


def test_no_stage_reaches_the_report() -> None:
    """What a stage reaches is found by its imports, so a template is no input of any: a stage may not draw with one."""
    sources = Sources(ROOT)
    for name, entry in entries(load_study(ROOT / "studies/tuned.yaml"), sources):
        reached = sources.reached(entry, FRAME)
        assert not [path for path in reached if path.startswith("components/evaluation/report/")], name
