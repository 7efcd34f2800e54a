"""An independent reader of what is said of scenes: it shares nothing with the generator but the numbering of the objects."""

import re

import numpy as np

COLOURS = ["red", "green", "blue", "yellow", "purple", "cyan"]
SHAPES = ["circle", "square", "triangle", "star", *map(str, range(10))]
NUMBERS = ["zero", "one", "two", "three", "four"]


def read_phrase(phrase: str) -> dict[int, list[int]]:
    """'small red digits' as the allowed values of each field (0 colour, 1 shape, 2 size)."""
    allowed: dict[int, list[int]] = {}
    for word in phrase.split():
        if word in COLOURS:
            allowed[0] = [COLOURS.index(word) + 1]
        elif word in ("small", "large"):
            allowed[2] = [1 + (word == "large")]
        elif word.rstrip("s") in SHAPES:
            allowed[1] = [SHAPES.index(word.rstrip("s")) + 1]
        elif word.rstrip("s") == "digit":
            allowed[1] = list(range(5, 15))
        elif word.rstrip("s") != "thing":
            raise ValueError(f"unknown word {word!r} in {phrase!r}")
    return allowed


def select(scene: np.ndarray, phrase: str) -> np.ndarray:
    allowed = read_phrase(phrase)
    return np.array([thing for thing in scene if all(thing[field] in values for field, values in allowed.items())])


P = r"((?:(?:small|large|{c}|things?|digits?|circles?|squares?|triangles?|stars?|\d) ?)+?)".format(c="|".join(COLOURS))
R = r"(left of|to the left of|right of|to the right of|above|higher than|below|lower than)"
MEANING = {"left": (3, 1), "right": (3, -1), "above": (4, 1), "higher": (4, 1), "below": (4, -1), "lower": (4, -1)}


def related(first: np.ndarray, words: str, second: np.ndarray) -> bool:
    field, sign = next(value for word, value in MEANING.items() if word in words.split())
    return bool(sign * first[field] < sign * second[field])


def the_one(scene: np.ndarray, phrase: str) -> np.ndarray:
    found = select(scene, phrase)
    assert len(found) == 1, f"'the {phrase}' is not unique"
    return found[0]


def solve(text: str, scene: np.ndarray) -> str:
    """The answer, read off the words of the question."""
    text = text.rstrip("?")

    def yes(true: bool) -> str:
        return "yes" if true else "no"

    if match := re.search(rf"an? {P} {R} an? {P} that is {R} an? {P}$", text):
        first, how, second, then, third = match.groups()
        return yes(
            any(
                related(a, how, b) and related(b, then, c)
                for a in select(scene, first)
                for b in select(scene, second)
                for c in select(scene, third)
            )
        )
    if match := re.match(rf"(?:is the|can you see the) {P} {R} the {P}$", text):
        return yes(related(the_one(scene, match[1]), match[2], the_one(scene, match[3])))
    if match := re.match(rf"is the {P} in the picture {R} the {P}$", text):
        return yes(related(the_one(scene, match[1]), match[2], the_one(scene, match[3])))
    if match := re.match(rf"{R} the {P}, can you see the {P}$", text):
        return yes(related(the_one(scene, match[3]), match[1], the_one(scene, match[2])))
    if match := re.search(rf"(more|fewer) {P} than {P}$", text):
        first, second = len(select(scene, match[2])), len(select(scene, match[3]))
        return yes(first > second if match[1] == "more" else first < second)
    if "two digits" in text:
        digits = select(scene, "digits")
        assert len(digits) == 2
        return str(digits[:, 1].sum() - 10)
    if match := re.match(
        rf"(?:how many|count the) {P}(?: are there| can you see| does the picture show| are in the picture|$)", text
    ):
        return NUMBERS[len(select(scene, match[1]))]
    if match := re.match(
        rf"(?:is there|does the picture show|can you see|is) an? {P}(?: in the picture| shown|$)", text
    ):
        return yes(len(select(scene, match[1])) > 0)
    match = re.search(rf"the {P}(?: have| is|$)", text)
    assert match, text
    thing = the_one(scene, match[1])
    if "colour" in text:
        return COLOURS[thing[0] - 1]
    return SHAPES[thing[1] - 1]
