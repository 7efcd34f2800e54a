"""The architectures as a table, from what each says of itself: `python -m components.models.cards`."""

import inspect

from components.models.architecture import AXES
from components.models.architectures import ARCHITECTURES, load


def page() -> str:
    """Markdown: a table over the axes, then each architecture's own words with its deviations."""
    made = "Made by `python -m components.models.cards` from what each architecture says of itself."
    lines = ["# The architectures", "", made, ""]
    lines += ["| axis | " + " | ".join(ARCHITECTURES) + " |", "|---|" + "---|" * len(ARCHITECTURES)]
    for axis in AXES:
        lines.append(f"| {axis} | " + " | ".join(load(name).CARD[axis] for name in ARCHITECTURES) + " |")
    for name in ARCHITECTURES:
        kind = load(name)
        losses = (
            ", ".join(f"{objective} (weight {weight:g})" for objective, weight in kind.PRETRAINING.losses.items())
            or "none"
        )
        lines += ["", f"## {name}", "", *_words(kind), ""]
        lines += [f"Intermediate step: {losses}. May differ from other arms in: {', '.join(kind.MAY_DIFFER)}."]
    return "\n".join(lines) + "\n"


def _words(kind: type) -> list[str]:
    said, _, deviations = (inspect.getdoc(kind) or "").partition("DEVIATIONS:\n")
    lines = said.rstrip().splitlines()
    return (
        [*lines, "", "**Deviations from the paper**", "", *inspect.cleandoc(deviations).splitlines()]
        if deviations
        else lines
    )


if __name__ == "__main__":
    print(page(), end="")
