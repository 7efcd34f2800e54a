"""Drawing in SVG: a canvas, scales and ticks. What a part looks like is told by its kind (see `colours.py`)."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from components.evaluation.plots.colours import painted, picture_sheet
from components.study.cells import Cell

START_ORDER = ("scratch", "unimodal", "multimodal")


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
    """The kind that colours a start."""
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
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {painted(kind)}{extra}/>')

    def text(self, x: float, y: float, words: str, kind: str = "ink", anchor: str = "start", size: float = 13) -> None:
        """One line of text on its baseline."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" {painted(kind)} text-anchor="{anchor}" font-size="{size:g}">{escape(words)}</text>'
        )

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> None:
        """A filled rectangle."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}" {painted(kind)}/>'
        )

    def path(self, points: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> None:
        """A line through points, or the area inside them."""
        drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M{drawn}{"Z" if closed else ""}" {painted(kind)}/>')

    def circle(self, x: float, y: float, radius: float, kind: str) -> None:
        """A filled circle."""
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{round(radius, 1):g}" {painted(kind)}/>')

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
            self.circle(x, y, size, kind)

    @contextmanager
    def titled(self, words: str) -> Iterator[None]:
        """What is drawn inside has a title, which browsers show beside the pointer."""
        self.parts.append(f"<g><title>{escape(words)}</title>")
        yield
        self.parts.append("</g>")

    def svg(self, title: str) -> str:
        """The picture as a file of its own, with what a screen reader says of it."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" '
            f'height="{self.height:g}" role="img" aria-label="{escape(title)}" '
            f"font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,sans-serif\"><style>{picture_sheet()}</style>"
            f'<rect width="100%" height="100%" rx="8" {painted("paper")}/>{"".join(self.parts)}</svg>\n'
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
