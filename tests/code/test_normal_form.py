"""The normal form keeps what a module does and nothing else."""

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.code.classes import Classes
from components.code.normal_form import normal_form, running

MODULE = '''
"""What this is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

Pairs = dict[str, int]
SCALE: float = 0.5
"""Of everything."""


@dataclass
class Point:
    """A place."""

    x: int
    y: int = 3

    def moved(self, by: "Pairs", of: Callable[[int], int]) -> "Point":
        """Elsewhere."""
        total: int = by["x"] + 2
        return Point(of(self.x) * total, np.abs(self.y))


class Plain:
    size: int = 4

    def grow(self) -> None:
        if self.size < 9:
            self.size += 1
'''


def form(text: str, module: str = "components.data.example", names: frozenset[str] = frozenset()) -> str:
    tree = running(ast.parse(textwrap.dedent(text)))
    return normal_form(tree, Classes.read(module, tree, lambda other: None), names)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""What this is about."""', '"""Something else,\non two lines."""'),
        ('"""Of everything."""', ""),
        ('        """Elsewhere."""\n', ""),
        ("SCALE: float = 0.5", "SCALE = 0.5  # a half"),
        ("total: int = ", "total = "),
        ("    size: int = 4", "    size = 4"),
        (") -> None:", ") -> int | None:"),
        ("of: Callable[[int], int]", "of: 'Callable[..., object]'"),
        ("    from pathlib import Path", "    from pathlib import Path, PurePath"),
        ('by["x"] + 2', "(\n            by['x']\n            + 2\n        )"),
        (
            "from dataclasses import dataclass\nfrom typing import TYPE_CHECKING\n",
            "from typing import TYPE_CHECKING\nfrom dataclasses import dataclass\n",
        ),
    ],
)
def test_what_does_nothing_leaves_the_normal_form(before: str, after: str) -> None:
    changed = MODULE.replace(before, after)
    assert before in MODULE
    assert form(changed) == form(MODULE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.5", "0.25"),
        ("+ 2", "- 2"),
        ("< 9", "<= 9"),
        ("np.abs", "np.sign"),
        ("import numpy as np", "import torch as np"),
        ("y: int = 3", "y: int"),
        ("x: int\n", "x: float\n"),  # a dataclass may read it
        ("@dataclass\n", "@dataclass(frozen=True)\n"),
        ("self.size += 1", "self.size = 1"),
        ('by["x"]', 'by["y"]'),
        ("def grow", "def shrink"),
        ("class Plain:", "class Plain(Point):"),
    ],
)
def test_what_does_something_changes_the_normal_form(before: str, after: str) -> None:
    assert before in MODULE
    assert form(MODULE.replace(before, after)) != form(MODULE)


def test_the_normal_form_is_a_module_that_does_the_same() -> None:
    space: dict[str, object] = {}
    exec(form(MODULE), space)
    point = space["Point"](2, -5)  # type: ignore[operator]
    assert point.moved({"x": 1}, lambda x: x + 1) == space["Point"](9, 5)  # type: ignore[operator]


NAMES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(0, 99)


@st.composite
def functions(draw: st.DrawFn) -> list[tuple[str, str, int, str]]:
    """Functions of one line: name, argument, number, operator."""
    lines = st.tuples(NAMES, NAMES, NUMBERS, st.sampled_from("+-*"))
    return draw(st.lists(lines, min_size=1, max_size=3, unique_by=lambda line: line[0]))


def written(parts: list[tuple[str, str, int, str]], draw: st.DataObject | None = None) -> str:
    """The functions as text; with a draw, in other clothes."""

    def any_of(*choices: str) -> str:
        return draw.draw(st.sampled_from(choices)) if draw else choices[0]

    text = any_of("", '"""A module."""\n', "# A comment.\n")
    hints = ("", ": int", ": 'list[int]'", ": object")
    for name, argument, number, operator in parts:
        text += f"def {name}({argument}{any_of(*hints)}){any_of('', ' -> int', ' -> None')}:"
        text += any_of("\n", "  # says why\n", "\n\n", '\n    """What it is."""\n')
        text += f"    {any_of('', 'pass; ')}return {argument} {operator} {any_of(str(number), f'({number})')}\n"
        text += any_of("", "\n", "\n\n# Next.\n")
    return text


@settings(max_examples=40)
@given(functions(), st.data())
def test_other_clothes_keep_the_normal_form(parts: list[tuple[str, str, int, str]], data: st.DataObject) -> None:
    assert form(written(parts, data)) == form(written(parts))


@settings(max_examples=40)
@given(functions(), st.data(), st.integers(1, 50))
def test_another_constant_operator_or_name_changes_it(
    parts: list[tuple[str, str, int, str]], data: st.DataObject, more: int
) -> None:
    at = data.draw(st.integers(0, len(parts) - 1))
    name, argument, number, operator = parts[at]
    changed = data.draw(
        st.sampled_from(
            [
                (name, argument, number + more, operator),
                (name, argument, number, "/"),
                (name, argument + "_", number, operator),
                (name + "_", argument, number, operator),
            ]
        )
    )
    assert form(written([*parts[:at], changed, *parts[at + 1 :]], data)) != form(written(parts, data))


SETTINGS = """
from pydantic import BaseModel, Field, model_validator

class Settings(BaseModel):
    rate: float = Field(gt=0, description="of learning")
    few: int | None = Field(default=None)
    background: str = Field(default="white")

    @model_validator(mode="after")
    def _fits(self):
        if self.rate > 3:
            raise ValueError("too fast")
        return self

    @property
    def halved(self):
        return self.rate / 2
"""


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ('    rate: float = Field(gt=0, description="of learning")\n', "    rate: float\n    more: int\n", True),
        ("few: int | None = Field(default=None)", "few: int | None = None", True),
        ("> 3", "> 4", True),
        ("import BaseModel, Field", "import BaseModel, Field, field_validator", True),
        ('default="white"', 'default="black"', False),
        ('default="white"', 'default="white", description="behind"', True),
        ("/ 2", "/ 3", False),
        ("return self\n", "return self.model_copy(update={'rate': 1})\n", False),
    ],
)
def test_of_settings_only_counts_what_parameters_leave_unsaid(before: str, after: str, same: bool) -> None:
    assert before in SETTINGS
    changed = SETTINGS.replace(before, after)
    if "field_validator" in changed:
        changed = changed.replace(
            "    @property", "    @field_validator('rate')\n    def _r(cls, v):\n        return v\n\n    @property"
        )
    assert (form(changed, "components.study.example") == form(SETTINGS, "components.study.example")) is same
    # Elsewhere a pydantic model describes results, and all of it counts.
    assert form(changed) != form(SETTINGS)


def test_of_a_study_aliases_count_that_code_uses() -> None:
    text = """
from typing import Literal, get_args

Kind = Literal["a", "b"]
Word = Kind | Literal["c"]
Used = Literal["a"]
VALUES = get_args(Used)
"""
    kept = form(text, "components.study.example")
    assert form(text.replace('"b"', '"b", "d"'), "components.study.example") == kept
    assert form(text.replace('Used = Literal["a"]', 'Used = Literal["e"]'), "components.study.example") != kept
    assert form(text.replace('"b"', '"b", "d"')) != form(text)


def test_of_a_table_of_plug_ins_the_rows_that_are_used_count() -> None:
    before = 'TASKS: dict[str, str] = {"a": "components.x:A", "b": "components.x:B"}\n'
    with_another = 'TASKS: dict[str, str] = {"c": "components.y:C", "a": "components.x:A", "b": "components.x:B"}\n'
    renamed = before.replace("x:A", "x:AA")
    a, b = frozenset({"a"}), frozenset({"b"})
    assert form(before, names=a) == form(with_another, names=a) != form(renamed, names=a)
    assert form(before, names=b) == form(renamed, names=b)
    ordinary = 'SIZES = {"a": 1, "b": 2}\n'
    assert form(ordinary, names=a) != form(ordinary.replace("2", "3"), names=a)
