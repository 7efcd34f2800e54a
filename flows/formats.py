"""The tables of fields in docs/formats.md, made from the models that are written and read.

`python -m flows.formats` writes them between the marks `<!-- fields: NAME -->` and `<!-- end -->`. The words around them are
written by hand.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from components.evaluation.leaderboard.entries import Leaderboard
from components.records.package import Package
from components.records.training import Component, FineTuningRecord, TrainingRecord, TuningRecord
from registry.decision import Test

PAGE = Path("docs/formats.md")
SECTIONS: dict[str, list[type[BaseModel]]] = {
    "training": [TrainingRecord],
    "starts": [Component],
    "tuning": [TuningRecord],
    "finetuning": [FineTuningRecord],
    "leaderboard": [Leaderboard],
    "package": [Package],
    "decision": [Test],
}
_MARKED = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PLAIN: dict[object, str] = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}


def filled(text: str) -> str:
    """The page with its tables made anew.

    Raises:
        ValueError: a section has no place in the page, or the page has one that is not known.
    """
    named = [name for _, name, _ in _MARKED.findall(text)]
    if named != list(SECTIONS):
        raise ValueError(f"{PAGE} has places for {named}, the models are {list(SECTIONS)}")
    told: set[type[BaseModel]] = set()

    def fill(found: re.Match[str]) -> str:
        tables = [table(model) for kind in SECTIONS[found[2]] for model in _models(kind, told)]
        return found[1] + "\n" + "\n\n".join(tables) + "\n\n" + found[3]

    return _MARKED.sub(fill, text)


def table(model: type[BaseModel]) -> str:
    """One model as a heading, its docstring and a row for every field."""
    lines = [f"### {model.__name__}", "", " ".join((model.__doc__ or "").split()), ""]
    lines += ["| field | what it is | range | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        lines.append(f"| `{name}` | {words(field.annotation)} | {reach(field)} | {field.description or ''} |")
    return "\n".join(lines)


def words(annotation: Any) -> str:
    """A type in words: 'list of Trial', 'number or null'."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation is JsonValue:
        return "anything"
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation is NoneType:
        return "null"
    if origin is Annotated:
        return words(inside[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inside)
    if origin in (Union, UnionType):
        said = dict.fromkeys(words(one) for one in inside)
        if "number" in said:
            said.pop("whole number", None)
        return " or ".join(said)
    if origin is list:
        return f"list of {words(inside[0])}"
    if origin is tuple:
        return f"list of {' and '.join(words(one) for one in inside)}"
    if origin is dict:
        return f"{{name: {words(inside[1])}}}"
    return getattr(annotation, "__name__", "anything")


def reach(field: FieldInfo) -> str:
    """The range of a number: '0 to 1', 'above 0'; empty where it has none."""
    bounds = [*field.metadata, *_bounds(field.annotation)]
    low = next((str(one.ge) for one in bounds if isinstance(one, Ge)), "")
    low = next((f"above {one.gt}" for one in bounds if isinstance(one, Gt)), low)
    high = next((str(one.le) for one in bounds if isinstance(one, Le)), "")
    high = next((f"below {one.lt}" for one in bounds if isinstance(one, Lt)), high)
    if low and high:
        return f"{low} to {high}".replace(".0", "").replace("to below", "and below")
    return f"from {low}".replace("from above", "above").replace(".0", "") if low else ""


def _bounds(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        for one in get_args(annotation)[1:]:
            yield from getattr(one, "metadata", [one])
    for inside in get_args(annotation):
        yield from _bounds(inside)


def _models(kind: Any, told: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """A model, then those inside it, without the ones that were told before."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind in told:
            return
        told.add(kind)
        yield kind
        for field in kind.model_fields.values():
            yield from _models(field.annotation, told)
    for inside in get_args(kind):
        yield from _models(inside, told)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
