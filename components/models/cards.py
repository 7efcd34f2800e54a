"""Write tables and pages of the architectures from their `CARD`s and docstrings.

`python -m components.models.cards` prints docs/architectures.md, with `--readme` the short table of README.md.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Sequence

from components.models.architecture import AXES, Architecture
from components.models.architectures import ARCHITECTURES, load

LOOKS = ("text encoder", "visual input", "spatial code", "fusion", "readout")
LEARNS = ("objectives", "norm", "start", "freezing")
_CUT = {**dict.fromkeys(("text encoder", "visual input", "spatial code", "fusion"), r"[,;:]"), "readout": ";"}
"""Pattern at which an axis's description is cut for its short form; other axes are short already."""
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
    said, _, deviations = (inspect.getdoc(kind) or "").partition("DEVIATIONS:\n")
    lines = said.rstrip().splitlines()
    if not deviations:
        return lines
    # Text after the deviations that is not indented, such as attributes, is for readers of the code.
    deviations = re.split(r"\n(?=\S)", deviations)[0]
    return [*lines, "", "**Deviations from the paper**", "", *textwrap.dedent(deviations).rstrip().splitlines()]


if __name__ == "__main__":
    print(readme_table() if sys.argv[1:] == ["--readme"] else page(), end="")
