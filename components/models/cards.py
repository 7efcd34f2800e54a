"""Write tables and pages of the architectures from their `CARD`s and docstrings.

`python -m components.models.cards` prints docs/architectures.md, with `--readme` the short table of README.md.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import NamedTuple

from components.models.architecture import AXES, Architecture
from components.models.architectures import ARCHITECTURES, load

LOOKS = ("text encoder", "visual input", "spatial code", "fusion", "readout")
LEARNS = ("objectives", "norm", "start", "freezing")
_CUT = {**dict.fromkeys(("text encoder", "visual input", "spatial code", "fusion"), r"[,;:]"), "readout": ";"}
"""Pattern at which an axis's description is cut for its short form; other axes are short already."""
_TEST = re.compile(r"\((?P<file>tests/[\w/]+\.py)::(?P<test>\w+)\)")
"""A test at the end of a deviation, in brackets, on a line of its own."""
README_MARKS = (
    "<!-- made by `python -m components.models.cards --readme` -->",
    "<!-- end of what the command made -->",
)


def brief(kind: type[Architecture]) -> dict[str, str]:
    """A short description of an architecture on each axis; objectives have their names in the code."""
    losses = ", ".join(_objective(name, weight) for name, weight in kind.PRETRAINING.losses.items()) or "none"
    words = {axis: re.split(_CUT[axis], kind.CARD[axis])[0] if axis in _CUT else kind.CARD[axis] for axis in AXES}
    words["objectives"] = losses
    # An axis of a controlled arm has levels, which the table does not list.
    return {axis: "an axis" if kind.CARD[axis].startswith("an axis:") else word for axis, word in words.items()}


def paper(kind: type[Architecture]) -> str:
    """The paper, such as 'Lu et al., NeurIPS 2019'; empty for architectures that follow no paper."""
    found = re.search(r"\(([^;)]*?\d{4})", (inspect.getdoc(kind) or "").partition("\n")[0])
    return found[1] if found else ""


class Deviation(NamedTuple):
    """A difference between an architecture and its paper or code.

    Attributes:
        words: what differs, on one line.
        tests: the tests that show it, such as `tests/models/test_family.py::test_heads`; there should be at least one.
    """

    words: str
    tests: tuple[str, ...]


def deviations(kind: type[Architecture]) -> list[Deviation]:
    """The bullets under DEVIATIONS in an architecture's docstring; none where it says that there are none.

    Raises:
        ValueError: the list does not begin with a bullet.
    """
    before, *bullets = re.split(r"^\* ", _deviations(kind), flags=re.MULTILINE)
    if before.strip():
        raise ValueError(f"DEVIATIONS of {kind.__name__} must be bullets, not {before.strip()!r}")
    return [
        Deviation(" ".join(_TEST.sub("", one).split()), tuple(found[0][1:-1] for found in _TEST.finditer(one)))
        for one in bullets
    ]


def readme_table() -> str:
    """Markdown for README.md: one row per architecture, between marks."""
    axes = ("visual input", "fusion", "objectives", "readout")
    rows = _rows(axes, lambda name: f"[`{name}`](docs/architectures.md#{name})", with_paper=True)
    return "\n".join((README_MARKS[0], "", *rows, "", README_MARKS[1])) + "\n"


def page() -> str:
    """Markdown: two tables with one row per architecture, then each architecture's docstring with its deviations."""
    made = "Made by `python -m components.models.cards` from what each architecture says of itself."
    lines = ["# The architectures", "", made, ""]
    for heading, axes in (("What each looks at and how it joins", LOOKS), ("How each learns", LEARNS)):
        lines += [f"## {heading}", "", *_rows(axes, lambda name: f"[{name}](#{name})"), ""]
    lines += ["Objectives are named as their files in `components/objectives/`, with their weight where it is not one."]
    for name in ARCHITECTURES:
        kind = load(name)
        lines += ["", f"## {name}", "", *_words(kind), "", "**On each axis**", ""]
        lines += [f"* {axis}: {kind.CARD[axis]}" for axis in AXES]
        lines += ["", f"May differ from other arms in: {', '.join(kind.MAY_DIFFER)}."]
    return "\n".join(lines) + "\n"


def _objective(name: str, weight: float) -> str:
    return name.replace("_", " ") + (f" ×{weight:g}" if weight != 1 else "")


def _rows(axes: Sequence[str], link: Callable[[str], str], with_paper: bool = False) -> list[str]:
    """A Markdown table of short words, one row per architecture."""
    header = ["architecture", *(["paper"] if with_paper else []), *axes]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for name in ARCHITECTURES:
        kind = load(name)
        words = brief(kind)
        cells = [link(name), *([paper(kind) or "baseline"] if with_paper else []), *(words[axis] for axis in axes)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _words(kind: type[Architecture]) -> list[str]:
    said = (inspect.getdoc(kind) or "").partition("DEVIATIONS:\n")[0]
    lines = said.rstrip().splitlines()
    listed = _deviations(kind)
    if not listed:
        return lines
    linked = _TEST.sub(lambda found: f"<sub>[{found['test']}](../{found['file']})</sub>", listed)
    return [*lines, "", "**Deviations from the paper, each with the tests that show it**", "", *linked.splitlines()]


def _deviations(kind: type[Architecture]) -> str:
    """The text under DEVIATIONS, without its indentation; empty where nothing is listed."""
    listed = (inspect.getdoc(kind) or "").partition("DEVIATIONS:\n")[2]
    # Text after the deviations that is not indented, such as attributes, is for readers of the code.
    return textwrap.dedent(re.split(r"\n(?=\S)", listed)[0]).rstrip()


if __name__ == "__main__":
    print(readme_table() if sys.argv[1:] == ["--readme"] else page(), end="")
