"""Every part of a picture tells its colours by attributes; style sheets only change them for readers who asked for dark."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from components.evaluation.plots.colours import DARK, LIGHT, OWNERS, PAINTS, painted, picture_sheet, style_sheet
from components.evaluation.plots.drawing import START_ORDER, Canvas
from components.evaluation.plots.levels import SERIES
from tests.evaluation.plots.resolving import without_colour

DOCS = Path(__file__).parents[3] / "docs"
PICTURES = sorted(DOCS.glob("*.svg"))


def test_attributes_of_a_mark() -> None:
    assert painted("multimodal fill halo") == (
        'fill="#c2571a" stroke="#fcfcfa" stroke-width="1.5" class="multimodal fill halo"'
    )
    assert painted("ink strong figure") == 'fill="#1c1d21" font-weight="600" class="ink strong figure"'
    assert painted("series-a line") == 'stroke="#0f766e" fill="none" stroke-width="2" class="series-a line"'
    with pytest.raises(KeyError, match="own"):
        painted("line")


def test_both_settings_have_the_same_colours_and_every_owner_one() -> None:
    assert set(LIGHT) == set(DARK)
    assert {*OWNERS} == {*SERIES, *START_ORDER}
    assert {*OWNERS} <= set(LIGHT)
    used = {value for paint in PAINTS.values() for key, value in paint.items() if key in ("fill", "stroke")}
    assert used - {"own", "none"} <= set(LIGHT)


@pytest.mark.parametrize("kind", [kind for kind in PAINTS if kind != "clear"])
def test_the_sheet_says_what_the_attributes_say(kind: str) -> None:
    """Of each kind, with the light colours in the place of variables."""
    (rule,) = re.findall(rf"\.{kind}{{(.*?)}}", style_sheet())
    own = LIGHT["multimodal"]
    light = re.sub(r"var\(--([\w-]+)\)", lambda name: own if name[1] == "own" else LIGHT[name[1]], rule)
    attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', painted(f"multimodal {kind}")))
    del attributes["class"]
    assert attributes == dict(part.split(":") for part in light.split(";"))


def test_a_viewer_without_conditions_is_told_nothing_by_the_sheet() -> None:
    """Everything stands in @supports and @media: what knows these knows variables and `paint-order`."""
    text, depth, outside = picture_sheet(), 0, ""
    for character in text:
        depth += (character == "{") - (character == "}")
        outside += "" if depth or character == "}" else character
    assert outside == "@supports (paint-order:stroke)@media (prefers-color-scheme:dark)"


def test_what_has_no_colour_is_found() -> None:
    canvas = Canvas(10, 10)
    canvas.line(0, 0, 1, 1, "rule")
    canvas.text(0, 0, "words")
    canvas.circle(0, 0, 1, "scratch hollow")
    drawing = canvas.svg("title")
    assert without_colour(drawing) == []
    for part in ('stroke="#e6e6e1"', 'fill="#1c1d21"', 'fill="#fcfcfa"'):
        assert len(without_colour(drawing.replace(part, ""))) == drawing.count(part)
    assert without_colour(drawing.replace("#e6e6e1", "var(--rule)"))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_pictures_of_the_documents_are_as_they_would_be_drawn_now(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert without_colour(text) == []
    assert f"<style>{picture_sheet()}</style>" in text
    parts = [part for part in ElementTree.fromstring(text).iter() if part.get("class")]
    assert len(parts) > 50
    for part in parts:
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', painted(part.get("class", ""))))
        assert said.items() <= part.attrib.items()


def test_there_are_pictures() -> None:
    assert len(PICTURES) == 3
