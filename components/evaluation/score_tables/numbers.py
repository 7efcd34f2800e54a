"""Numbers as people and spreadsheets write them: decimal commas, thousands, percent signs. Nothing is guessed.

A whole file has one decimal mark, for it has one author. A number such as 0,7410 shows the mark; 1.234 does not, for
it may be a little more than one or more than a thousand. Where every number is of that kind, the separator of the
columns decides if it can: programs write commas and decimal points, German spreadsheets semicolons and decimal commas.
"""

import re
from collections.abc import Mapping
from typing import Literal

from components.errors import CeterisError

Mark = Literal[".", ","]
MARKS: tuple[Mark, Mark] = (".", ",")
MARK_NAMES: dict[Mark, str] = {".": "point", ",": "comma"}
_CONTRADICTORY = {(",", ","), (";", ".")}
"""Separator and mark that no convention has together, where the mark may stand between thousands."""


def _form(mark: Mark) -> "re.Pattern[str]":
    decimal, thousands = (re.escape(one) for one in (mark, _other(mark)))
    plain = rf"(?:\d+(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?"
    grouped = rf"[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+(?:{decimal}\d*)?"
    return re.compile(rf"[+-]?(?:{plain}|{grouped})", re.ASCII)


def _other(mark: Mark) -> Mark:
    return "," if mark == "." else "."


_FORMS = {mark: _form(mark) for mark in MARKS}


def without_percent(written: str) -> tuple[str, bool]:
    """The number without its percent sign, and whether it had one."""
    return (written[:-1].rstrip(), True) if written.endswith("%") else (written, False)


def is_number(written: str) -> bool:
    """Whether this is a number with one decimal mark or the other."""
    return any(form.fullmatch(written) for form in _FORMS.values())


def number(written: str, mark: Mark) -> float:
    """The value of a number that has this decimal mark."""
    return float(written.replace(_other(mark), "").replace(mark, "."))


def decimal_mark(place: str, delimiter: str, lines: Mapping[str, int], told: Mark | None = None) -> Mark | None:
    """The decimal mark of a file; None where no number has a mark.

    Args:
        place: the file, for sentences.
        delimiter: between its columns.
        lines: every different number, without percent sign, and a line that has it.
        told: the mark that the person named.

    Raises:
        CeterisError: numbers contradict each other or what was told, or the mark cannot be told.
    """
    marked = {written: [mark for mark in MARKS if _FORMS[mark].fullmatch(written)] for written in lines}
    marked = {written: readings for written, readings in marked.items() if "." in written or "," in written}
    if told:
        for written, readings in marked.items():
            if told not in readings:
                raise CeterisError(
                    f"{place}, line {lines[written]} has {written}, which is not a number with a decimal "
                    f"{MARK_NAMES[told]}: leave out --decimal {MARK_NAMES[told]}, or mend the number."
                )
        return told if marked else None
    sure: dict[Mark, str] = {readings[0]: written for written, readings in marked.items() if len(readings) == 1}
    if len(sure) == 2:
        raise CeterisError(
            f"{place} has {sure['.']} in line {lines[sure['.']]} and {sure[',']} in line {lines[sure[',']]}: "
            f"write all numbers with the same decimal mark."
        )
    if sure:
        mark = next(iter(sure))
        strange = next((written for written in marked if mark not in written and _other(mark) in written), None)
        proven = any(_other(mark) in written and len(readings) == 1 for written, readings in marked.items())
        if strange is None or proven:
            return mark
        raise _question(place, lines, strange, f", beside {sure[mark]} in line {lines[sure[mark]]}")
    used: list[Mark] = [mark for mark in MARKS if any(mark in written for written in marked)]
    if not used:
        return None
    if len(used) == 2 or (delimiter, used[0]) in _CONTRADICTORY:
        raise _question(place, lines, next(iter(marked)), "")
    return used[0]


def _question(place: str, lines: Mapping[str, int], written: str, beside: str) -> CeterisError:
    return CeterisError(
        f"{place}, line {lines[written]} has {written}{beside}, which may be {written.replace(',', '.')} or "
        f"{re.sub('[.,]', '', written)}: say --decimal point or --decimal comma."
    )
