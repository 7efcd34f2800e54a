"""Find targets that look alike but are different strings: 'cat' and 'Cat ', '1' and '1.0', 'Café' encoded in two ways.

Each target is folded to a key; targets with equal keys look alike. They are reported and not changed, because some differ on
purpose.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

# A comma before three digits may separate thousands, so such a number is treated as a word.
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*|,(?!\d{3}\b)\d*)?|[.,]\d+)(e[+-]?\d{1,3})?", re.ASCII)
_MOST_DIGITS = 40
_SHOWN = 60
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_BLANK_BETWEEN_DIGITS = re.compile(r"(?<=\d) (?=\d)")
# Quotes, primes and dashes that word processors write instead of those on the keyboard.
_TYPED = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4\u2035", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u2036", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63", "-")
    | dict.fromkeys("_", " ")
)
# Invisible characters that are not of the category Cf.
_UNSEEN = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0"}


@dataclass(frozen=True)
class LookAlikes:
    """Several targets that look alike, with the rows of each, the most frequent first."""

    counts: dict[str, int]

    def __str__(self) -> str:
        r"""In words: "'cat' (10 rows) and 'cat\u200b' (3 rows)"."""
        said = [f"{visible(target)} ({count:,} row{'s' if count > 1 else ''})" for target, count in self.counts.items()]
        return f"{', '.join(said[:-1])} and {said[-1]}"


def look_alikes(counts: Mapping[str, int]) -> list[LookAlikes]:
    """Groups of targets that look alike, those with the most rows first.

    Args:
        counts: number of rows of each target.
    """
    keys = _keys(counts)
    groups: dict[str, dict[str, int]] = {}
    for target in sorted(counts, key=lambda target: (-counts[target], target)):
        groups.setdefault(keys[target], {})[target] = counts[target]
    found = [LookAlikes(group) for group in groups.values() if len(group) > 1]
    return sorted(found, key=lambda alike: (-sum(alike.counts.values()), min(alike.counts)))


def counterparts(targets: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Map each target that looks like a known one to that known target; of several, to the first in the alphabet."""
    asked, known = set(targets), sorted(set(known))
    keys = _keys(asked | set(known))
    first: dict[str, str] = {}
    for target in known:
        first.setdefault(keys[target], target)
    return {target: first[keys[target]] for target in sorted(asked) if keys[target] in first}


def visible(target: str) -> str:
    """A target in quotation marks, with invisible and ambiguous characters written out: 'cat\\u200b', 'Cafe\\u0301'."""
    composed = unicodedata.is_normalized("NFC", target)
    shown = "".join(_escape(letter) if _hidden(letter, composed) else letter for letter in target[:_SHOWN])
    mark = '"' if "'" in shown and '"' not in shown else "'"
    return f"{mark}{shown}{'...' if target[_SHOWN:] else ''}{mark}"


def folded(target: str) -> str:
    """A target without case, invisible characters, blanks around letters, and typographic or full-width forms."""
    text = "".join(" " if letter.isspace() else letter for letter in target if not _unseen(letter))
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_TYPED)).casefold())
    text = " ".join(text.translate(_TYPED).split())
    # Blanks between digits stay: '1 1' is not '11'.
    return _BLANK_BETWEEN_DIGITS.sub("\0", text).replace(" ", "").replace("\0", " ")


def _keys(targets: Iterable[str]) -> dict[str, str]:
    """The key of every target; the key of a number is its value."""
    keys = {target: folded(target) for target in targets}
    numbers = {target: number for target, key in keys.items() if (number := _number(key)) is not None}
    # 1 equals true, and 0 false, only if there are no other numbers: answers may be 'yes', '1' and '2'.
    truths = set(numbers.values()) <= {0, 1}
    found = {}
    for target, key in keys.items():
        if key in _TRUTHS:
            found[target] = f"truth {_TRUTHS[key]}"
        elif target in numbers:
            value = numbers[target]
            found[target] = f"truth {value == 1}" if truths else f"number {value.normalize() + 0}"
        else:
            found[target] = f"word {key}"
    return found


def _number(key: str) -> Decimal | None:
    if len(key) > _MOST_DIGITS or not _NUMBER.fullmatch(key):
        return None
    return Decimal(key.replace(",", "."))


def _unseen(letter: str) -> bool:
    """Whether a character is invisible and takes no space."""
    if letter in _UNSEEN or "\ufe00" <= letter <= "\ufe0f":
        return True
    return unicodedata.category(letter) in ("Cf", "Cc") and not letter.isspace()


def _hidden(letter: str, composed: bool) -> bool:
    """Whether a reader would miss a character or mistake it for another; `composed` says whether its text is in NFC."""
    if _unseen(letter) or (letter.isspace() and letter != " "):
        return True
    if composed:
        return False
    mark = unicodedata.category(letter).startswith("M")
    return mark or "\u1100" <= letter <= "\u11ff" or not unicodedata.is_normalized("NFC", letter)


def _escape(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
