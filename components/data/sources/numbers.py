"""Parse numbers as people and programs write them."""

import math
import re

_SPACES = str.maketrans({"\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " "})
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d*),(\d+)([eE][+-]?\d+)?")
# Digits in groups of three, as in "1 234" or "1.234", with an optional fraction.
_THREES = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?P<mark>[ .,'’])\d{3}(?:(?P=mark)\d{3})*)(?:(?P<point>[.,])\d+)?")


def number(text: str) -> float | None:
    """Parse a finite number with a decimal point or a decimal comma; None where there is none or it can be read in two ways.

    "12,5", "0,125", "1.234,5" and "1,234.5" are read. "1,234" is not, because it may mean 1.234 or 1234. Groups of three are
    read if the mark between them is a blank or an apostrophe, occurs twice, or a fraction with another mark follows.
    """
    text = text.strip().translate(_SPACES)
    if not text.isascii() and not text.replace("’", "'").isascii():
        return None
    if _PLAIN.fullmatch(text):
        return _finite(text)
    if comma := _DECIMAL_COMMA.fullmatch(text):
        in_threes = len(comma[2]) == 3 and re.fullmatch(r"[1-9]\d{0,2}", comma[1])
        return None if in_threes and not comma[3] else _finite(text.replace(",", "."))
    if threes := _THREES.fullmatch(text):
        mark, point = threes["mark"], threes["point"]
        if mark != point and (point or mark in " '’" or text.count(mark) > 1):
            return _finite(text.replace(mark, "").replace(",", "."))
    return None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None
