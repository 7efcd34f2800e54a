"""docs/formats.md says what the models say, and the models say enough of every number."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from flows.formats import PAGE, SECTIONS, filled, reach, words

ROOT = Path(__file__).parents[2]


def models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    for inside in get_args(kind):
        yield from models(inside)


EVERY = {model for kinds in SECTIONS.values() for kind in kinds for model in models(kind)}


def test_the_page_is_fresh() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert filled(text) == text, "run python -m flows.formats"


def test_a_page_without_a_place_for_a_model_is_a_mistake() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="has places for"):
        filled(text.replace("<!-- fields: package -->", ""))


@pytest.mark.parametrize("model", sorted(EVERY, key=lambda model: model.__name__), ids=lambda model: model.__name__)
def test_every_number_is_described(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert model.__doc__ != BaseModel.__doc__
    for name, field in model.model_fields.items():
        if "number" in words(field.annotation):
            assert field.description, f"{model.__name__}.{name} needs a description with its unit"


def test_ranges_are_said() -> None:
    found = {f"{model.__name__}.{name}": reach(field) for model in EVERY for name, field in model.model_fields.items()}
    assert found["CellEntry.mean"] == "0 to 1"
    assert found["Leaderboard.confidence"] == "above 0 and below 1"
    assert found["Verdict.difference"] == "-1 to 1"
    assert found["Trained.samples" if "Trained.samples" in found else "TrainingRecord.samples"] == "from 0"
    assert found["TrainingRecord.learning_rate"] == "above 0"
    assert found["Leaderboard.study"] == ""
