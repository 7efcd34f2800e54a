"""Drawing in SVG: a canvas, scales and ticks. Colours come from CSS classes, so that one picture serves light and dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from components.study.cells import Cell

START_ORDER = ("scratch", "unimodal", "multimodal")
STYLE = """
.ink{fill:var(--ink)}.soft{fill:var(--soft)}.rule{stroke:var(--rule);stroke-width:1}.axis{stroke:var(--faint);stroke-width:1}
.floor{stroke:var(--floor);stroke-width:1.25;stroke-dasharray:3 3}.floor-text{fill:var(--floor)}
.band{fill:var(--highlight)}.strong{font-weight:600}
.series-a{--own:var(--series-a)}.series-b{--own:var(--series-b)}.series-c{--own:var(--series-c)}.series-d{--own:var(--series-d)}.series-e{--own:var(--series-e)}
.scratch{--own:var(--scratch)}.unimodal{--own:var(--unimodal)}.multimodal{--own:var(--multimodal)}
.fill{fill:var(--own)}.line{stroke:var(--own);fill:none;stroke-width:2}.thin{stroke:var(--own);stroke-width:1.75;stroke-opacity:.7}
.area{fill:var(--own);fill-opacity:.16}.faded{fill:var(--own);fill-opacity:.35}.dashed{stroke-dasharray:5 4}
.halo{stroke:var(--paper);stroke-width:1.5}.hollow{fill:var(--paper);stroke:var(--own);stroke-width:1.75}
.clear{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}.margin{fill:var(--zone)}.zero{stroke:var(--soft);stroke-width:1.25}
.front{stroke:var(--soft);stroke-width:1.25;fill:none;stroke-dasharray:2 3}
"""
LIGHT = (
    "--paper:#fcfcfa;--ink:#1c1d21;--soft:#62656d;--faint:#b4b6bb;--rule:#e6e6e1;--floor:#a23b52;--highlight:#f1efe6;--zone:#e4ecdf;"
    "--scratch:#767b86;--unimodal:#2563c4;--multimodal:#c2571a;"
    "--series-a:#0f766e;--series-b:#7c3aad;--series-c:#946200;--series-d:#b0276b;--series-e:#4d6b1f"
)
DARK = (
    "--paper:#16171a;--ink:#ededea;--soft:#a3a6ae;--faint:#5a5d65;--rule:#2c2e33;--floor:#ef8ca2;--highlight:#232428;--zone:#24332a;"
    "--scratch:#a0a5b0;--unimodal:#79aaf7;--multimodal:#f19a63;"
    "--series-a:#4cc2b5;--series-b:#c199ee;--series-c:#e0b04e;--series-d:#f08bbd;--series-e:#a9cc70"
)


class Mark(NamedTuple):
    """What a cell's mark looks like: the shape and colour of its start, hollow for the twin of one."""

    start: str
    twin: bool = False

    @classmethod
    def of(cls, cell: Cell) -> "Mark":
        """The mark of a cell; the amount of labels has no say in it."""
        return cls(cell.start, cell.matched)

    @property
    def place(self) -> tuple[int, bool]:
        """Where it stands among other marks."""
        return START_ORDER.index(start_class(self.start)), self.twin


def start_class(start: str) -> str:
    """The CSS class that colours a start."""
    return start if start in START_ORDER else "scratch"


@dataclass
class Canvas:
    """An SVG being drawn; units are CSS pixels."""

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str, width: float | None = None) -> None:
        """A straight line."""
        extra = "" if width is None else f' style="stroke-width:{width}"'
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"{extra}/>')

    def text(self, x: float, y: float, words: str, kind: str = "ink", anchor: str = "start", size: float = 13) -> None:
        """One line of text on its baseline."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}" font-size="{size:g}">{escape(words)}</text>'
        )

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> None:
        """A filled rectangle."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}" class="{kind}"/>'
        )

    def path(self, points: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> None:
        """A line through points, or the area inside them."""
        drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M{drawn}{"Z" if closed else ""}" class="{kind}"/>')

    def marker(self, x: float, y: float, mark: Mark, size: float = 5) -> None:
        """The shape of a start, so that colour is never the only sign: circle, square, diamond; hollow for a twin."""
        shape = start_class(mark.start)
        kind = f"{shape} {'hollow' if mark.twin else 'fill halo'}"
        if shape == "unimodal":
            side = size * 0.88
            self.rectangle(x - side, y - side, 2 * side, 2 * side, kind, 1)
        elif shape == "multimodal":
            far = size * 1.3
            self.path([(x, y - far), (x + far, y), (x, y + far), (x - far, y)], kind, closed=True)
        else:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}" class="{kind}"/>')

    def svg(self, title: str, description: str = "", kind: str = "", standalone: bool = False) -> str:
        """The picture, with what a screen reader says of it."""
        label = escape(f"{title}. {description}" if description else title, quote=True)
        if not standalone:
            return (
                f'<svg class="{kind}" viewBox="0 0 {self.width:g} {self.height:g}" role="img" aria-label="{label}">'
                f"{''.join(self.parts)}</svg>"
            )
        style = (
            f":root{{{LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}{STYLE}.paper{{fill:var(--paper)}}"
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" '
            f'height="{self.height:g}" role="img" aria-label="{label}" '
            f"font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,sans-serif\"><style>{style}</style>"
            f'<rect width="100%" height="100%" class="paper" rx="8"/>{"".join(self.parts)}</svg>\n'
        )


@dataclass(frozen=True)
class Scale:
    """Maps values to positions, linearly or by their logarithm."""

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.begin + (value - low) / ((high - low) or 1.0) * (self.end - self.begin)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values inside a range, about as many as asked for."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 10) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def padded(
    values: Sequence[float], share: float = 0.04, inside: tuple[float, float] | None = None
) -> tuple[float, float]:
    """The range of some values, a little wider, but not wider than `inside`."""
    low, high = min(values), max(values)
    margin = (high - low) * share or 0.01
    low, high = low - margin, high + margin
    return (max(low, inside[0]), min(high, inside[1])) if inside else (low, high)
