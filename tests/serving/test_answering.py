"""What an answer says of a text that was not read whole."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data import tokenizer as wordpiece
from components.serving.answering import unread

TEXTS = ["is there a red circle above the blue square?"]
LENGTH = 8


def notes(text: str) -> tuple[str, ...]:
    return unread(wordpiece.build(wordpiece.word_counts(TEXTS), 100, LENGTH), text)


@pytest.mark.parametrize("text", ["", "is there a red circle", "RED"])
def test_nothing_is_noted_of_a_text_that_is_read(text: str) -> None:
    assert notes(text) == ()


def test_a_cut_text_is_noted() -> None:
    assert notes(TEXTS[0]) == ("the text was cut: the model reads 6 tokens of it, and 4 more were left out.",)


def test_unknown_characters_are_noted_by_name() -> None:
    assert notes("a ☃ red☃") == ("the model does not know 2 of the 4 tokens that it reads ('☃').",)
    assert notes("жшфщ") == ("the model does not know 4 of the 4 tokens that it reads ('ж', 'ш', 'ф', ...).",)


def test_an_unknown_letter_is_named_with_its_accents() -> None:
    for form in ("NFC", "NFD"):
        (unknown,) = notes(unicodedata.normalize(form, "red\u200bé ế"))
        assert "2 of the 3 tokens that it reads ('é', 'ế')" in unknown


def test_both_are_noted() -> None:
    cut, unknown = notes("☃ " + TEXTS[0])
    assert "6 tokens of it, and 5 more" in cut
    assert "not know 1 of the 6 tokens" in unknown


@given(st.lists(st.sampled_from(["red", "circle", "?", "ж"]), max_size=30))
def test_the_figures_add_up(words: list[str]) -> None:
    said = " ".join(notes(" ".join(words)))
    assert ("was cut" in said) == (len(words) > LENGTH - 2)
    assert (f"and {len(words) - LENGTH + 2} more" in said) == (len(words) > LENGTH - 2)
    unknown = words[: LENGTH - 2].count("ж")
    assert (f"not know {unknown} of the {min(len(words), LENGTH - 2)} tokens" in said) == (unknown > 0)
