"""Every deviation from a paper names tests that show it, and the tests are there."""

import ast
from functools import cache
from pathlib import Path

import pytest

from components.models.architectures import ARCHITECTURES, load
from components.models.cards import deviations, page, paper

ROOT = Path(__file__).parents[2]
DEVIATIONS = {name: deviations(load(name)) for name in ARCHITECTURES}


@cache
def names_in(file: str) -> set[str]:
    """The names of the tests of a file, read without running it."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}


@pytest.mark.parametrize(("name", "words"), [(name, one.words) for name, found in DEVIATIONS.items() for one in found])
def test_every_deviation_names_tests_that_are_there(name: str, words: str) -> None:
    (tests,) = {one.tests for one in DEVIATIONS[name] if one.words == words}
    assert tests, "name the test that shows it behind the bullet, in brackets: (tests/FOLDER/FILE.py::TEST)"
    for test in tests:
        file, _, function = test.partition("::")
        assert (ROOT / file).is_file(), test
        assert function in names_in(file), test


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_whoever_follows_a_paper_lists_deviations(name: str) -> None:
    kind = load(name)
    assert bool(DEVIATIONS[name]) == bool(paper(kind))
    assert ("DEVIATIONS: none" in (kind.__doc__ or "")) == (not DEVIATIONS[name])


def test_what_is_shared_is_shown_by_the_same_tests() -> None:
    shown: dict[str, set[tuple[str, ...]]] = {}
    for found in DEVIATIONS.values():
        for one in found:
            shown.setdefault(one.words, set()).add(one.tests)
    assert all(len(tests) == 1 for tests in shown.values())
    assert len(shown) < sum(map(len, DEVIATIONS.values()))


class Listing:
    """A model.

    DEVIATIONS:
        * One thing that
          goes on (components/models/layouts.py).
          (tests/models/test_layouts.py::test_one)
          (tests/models/test_layouts.py::test_two)
        * Another, of which nothing is shown (by tests/models/test_layouts.py).

    Attributes:
        thing: not a deviation.
    """


def test_bullets_are_read_with_their_tests() -> None:
    first, second = deviations(Listing)  # type: ignore[arg-type]
    assert first.words == "One thing that goes on (components/models/layouts.py)."
    assert first.tests == ("tests/models/test_layouts.py::test_one", "tests/models/test_layouts.py::test_two")
    assert second.words == "Another, of which nothing is shown (by tests/models/test_layouts.py)."
    assert second.tests == ()


def test_what_is_no_bullet_is_refused() -> None:
    class Telling:
        """A model.

        DEVIATIONS:
            It has some.
        """

    with pytest.raises(ValueError, match=r"DEVIATIONS of Telling must be bullets, not 'It has some\.'"):
        deviations(Telling)  # type: ignore[arg-type]


def test_the_page_links_to_every_test() -> None:
    text = page()
    for found in DEVIATIONS.values():
        for test in {test for one in found for test in one.tests}:
            file, _, function = test.partition("::")
            assert f"[{function}](../{file})" in text
