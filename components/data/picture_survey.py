"""Survey of a data set's pictures: their sizes, their values, and which of them would come out blank.

Every picture is decoded once, and only a few numbers of it are kept. They decide what a study says of its pictures: the
side of the square, the values that become black and white, and the background of transparent parts.
"""

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from components.data.images import (
    BACKGROUNDS,
    Background,
    Decoded,
    Rendering,
    decode,
    finite_range,
    on_background,
    scaled,
)

BLANK_SHARE = 0.995
BLANK_LEVELS = 4
# (limit, side): pictures whose median longer side is at most `limit` get a square of this side. The largest side is what a
# study on two CPU cores can afford.
SIZES = ((48, 48), (96, 64), (200, 96), (math.inf, 128))
EXAMPLES = 3
_THUMBNAIL = 64
_SAMPLE = 1 << 16  # about as many values of one picture are sorted
_LEVELS = 201  # values kept of one picture, evenly spaced in rank
_OUTERMOST = 0.001  # share of a picture's values at either end that may be sensor faults
_UNUSUAL = 0.01  # share of pictures at either end that may be outliers
_ENOUGH = 20  # pictures from which at least one at either end may be an outlier
_DARK = 32  # grey levels; 12-bit colours stored as 16-bit ones stay below 16


class Blank(NamedTuple):
    """How many pictures come out (almost) one colour, and the names of the first few."""

    pictures: int
    names: list[str]


class _Wide(NamedTuple):
    """Measurements of one wide grey (grey of more than 8 bits, or depth map).

    `bulk` is the range of nearly all values and `all` the range of all finite ones; both are NaN where no value is finite.
    `levels` are some of its values, evenly spaced in rank.
    """

    name: str
    bulk: tuple[float, float]
    all: tuple[float, float]
    levels: np.ndarray
    whole_numbers: bool
    finite: bool


class _Transparent(NamedTuple):
    """One picture with transparent parts, and the backgrounds on which it is (almost) one colour."""

    name: str
    blank_on: frozenset[Background]


@dataclass
class PictureSurvey:
    """Collects measurements, picture by picture.

    Attributes:
        formats: number of pictures of each file format.
        modes: number of pictures of each of Pillow's modes.
        deep: number of pictures whose colours have more than 8 bits; only the upper 8 are read.
        dark: number of those that come out nearly black.
        stacked: number of files that hold several pictures; only the first is read.
    """

    formats: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    deep: int = 0
    dark: int = 0
    stacked: int = 0
    _widths: "array[int]" = field(default_factory=lambda: array("I"))
    _heights: "array[int]" = field(default_factory=lambda: array("I"))
    _blank: list[str] = field(default_factory=list)
    _transparent: list[_Transparent] = field(default_factory=list)
    _wide: list[_Wide] = field(default_factory=list)

    def add(self, data: bytes, name: str = "") -> None:
        """Add one encoded picture; `name` is what messages call it.

        Raises:
            CeterisError: it cannot be decoded.
        """
        self.add_decoded(decode(data), name)

    def add_decoded(self, picture: Decoded, name: str = "") -> None:
        """Add one decoded picture."""
        width, height = picture.size
        self._widths.append(width)
        self._heights.append(height)
        self.formats[picture.format] += 1
        self.modes[picture.mode] += 1
        self.stacked += picture.stacked
        if picture.values is not None:
            self._wide.append(_measured(picture.values, name))
            return
        assert picture.colours is not None
        small = _thumbnail(picture.colours)
        if picture.transparent:
            views = {background: on_background(small, background) for background in BACKGROUNDS}
            blank_on = frozenset(background for background, view in views.items() if almost_one_colour(view))
            self._transparent.append(_Transparent(name, blank_on))
        elif almost_one_colour(small):
            self._blank.append(name)
        if picture.deep:
            self.deep += 1
            self.dark += max(high for _, high in small.convert("RGB").getextrema()) < _DARK  # type: ignore[misc]

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self._widths)

    @property
    def wide(self) -> int:
        """Number of greys of more than 8 bits and of depth maps."""
        return len(self._wide)

    @property
    def transparent(self) -> int:
        """Number of pictures with transparent parts."""
        return len(self._transparent)

    @property
    def middle(self) -> tuple[int, int]:
        """Median width and median height, in pixels; (0, 0) without pictures."""
        if not self.count:
            return 0, 0
        return int(np.median(self._widths)), int(np.median(self._heights))

    @property
    def extremes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Width and height of the smallest and of the largest picture, by area."""
        sizes = sorted(zip(self._widths, self._heights, strict=True), key=math.prod) or [(0, 0)]
        return sizes[0], sizes[-1]

    def longest_sides(self, shares: Sequence[float] = (0.05, 0.5, 0.95)) -> list[int]:
        """Quantiles of the pictures' longer sides, in pixels, one for each share; 0 without pictures."""
        if not self.count:
            return [0 for _ in shares]
        longest = np.maximum(self._widths, self._heights)
        return [int(side) for side in np.quantile(longest, shares, method="lower")]

    @property
    def image_size(self) -> int:
        """Side of the square that suits the pictures, in pixels."""
        (middle,) = self.longest_sides([0.5])
        return next(size for limit, size in SIZES if middle <= limit)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """The values that should become black and white; None where no picture has more than 8 bits.

        The range holds the bulk of the values. Where most pictures have values outside it, the range is extended towards them,
        at either end by no more than the width of the bulk. So a mark for "no depth" cannot turn everything black.
        """
        measured = [picture for picture in self._wide if math.isfinite(picture.bulk[0])]
        if not measured:
            return (0.0, 1.0) if self._wide else None
        # With enough pictures, at least one at either end is left out as an outlier.
        inwards: tuple[Any, Any] = ("higher", "lower") if len(measured) >= _ENOUGH else ("lower", "higher")
        low = float(np.quantile([picture.bulk[0] for picture in measured], _UNUSUAL, method=inwards[0]))
        high = float(np.quantile([picture.bulk[1] for picture in measured], 1 - _UNUSUAL, method=inwards[1]))
        bottom = float(np.median([picture.all[0] for picture in measured]))
        top = float(np.median([picture.all[1] for picture in measured]))
        width = high - low
        low, high = min(low, max(bottom, low - width)), max(high, min(top, high + width))
        return _rounded(low, high, all(picture.whole_numbers for picture in measured))

    @property
    def background(self) -> Background:
        """The background on which the fewest pictures with transparent parts are blank; ties go to white, then to black."""
        blank = Counter(background for picture in self._transparent for background in picture.blank_on)
        return min(BACKGROUNDS, key=lambda background: blank[background])

    @property
    def rendering(self) -> Rendering:
        """How the pictures should be drawn."""
        return Rendering(self.background, self.value_range)

    def blank(self, rendering: Rendering | None = None) -> Blank:
        """Blank pictures: at least 99.5 % of the pixels lie within 4 grey levels of the median, in every channel.

        Args:
            rendering: how they are drawn, by default as `self.rendering` proposes.
        """
        drawn = rendering or self.rendering
        names = [*self._blank, *self.blank_on(drawn.background), *self.blank_between(drawn.value_range)]
        return Blank(len(names), [name for name in names if name][:EXAMPLES])

    def blank_on(self, background: Background) -> list[str]:
        """Names of the pictures with transparent parts that are (almost) one colour on a background."""
        return [picture.name for picture in self._transparent if background in picture.blank_on]

    def blank_between(self, value_range: tuple[float, float] | None) -> list[str]:
        """Names of the wide greys that are (almost) one colour when these values become black and white."""
        if value_range is None:
            return []
        return [picture.name for picture in self._wide if _flat(scaled(picture.levels[None], value_range))]

    @property
    def not_numbers(self) -> int:
        """Number of pictures with values that are not finite."""
        return sum(not picture.finite for picture in self._wide)

    def sentences(self, size: int | None = None, rendering: Rendering | None = None) -> list[str]:
        """Describe the pictures in sentences; the first is about all of them.

        Args:
            size: side of the square that they are fitted into, by default `self.image_size`.
            rendering: how they are drawn, by default as `self.rendering` proposes.
        """
        drawn = rendering or self.rendering
        said = [self._about_sizes(size or self.image_size)]
        if self._wide and drawn.value_range is not None:
            low, high = drawn.value_range
            said.append(
                f"{_pictures(self.wide, 'has', 'have')} more than 8 bits a channel: values from {low:g} to {high:g} become "
                "black to white (data.value_range)"
            )
        if self.not_numbers:
            said.append(
                f"{_pictures(self.not_numbers, 'has', 'have')} values that are no finite numbers: they count as the lowest value"
            )
        if self._transparent:
            said.append(
                f"{_pictures(self.transparent, 'has', 'have')} transparent parts, which are put on {drawn.background} "
                "(data.background)"
            )
        if self.deep:
            dark = f", and {self.dark:,} come out nearly black: save them with 8 bits a channel" if self.dark else ""
            said.append(f"{_pictures(self.deep, 'has', 'have')} more than 8 bits a colour: the upper 8 are read{dark}")
        if self.stacked:
            said.append(f"{_pictures(self.stacked, 'is', 'are')} one of several in a file: the first is read")
        if blank := self.blank(drawn).pictures:
            said.append(f"{_pictures(blank, 'comes', 'come')} out (almost) one colour{self._examples(drawn)}")
        return said

    def _examples(self, drawn: Rendering) -> str:
        blank = self.blank(drawn)
        if not blank.names:
            return ""
        return f" ({', '.join(blank.names)}{', ...' if blank.pictures > len(blank.names) else ''})"

    def _about_sizes(self, size: int) -> str:
        if not self.count:
            return "pictures: none"
        smallest, largest = self.extremes
        sides = f"all {smallest[0]} x {smallest[1]}"
        if smallest != largest or set(self._widths) != {smallest[0]}:
            span = f"{smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]}"
            sides = f"{self.middle[0]} x {self.middle[1]} at the middle ({span})"
        finest = self.longest_sides([0.5])[0] / size
        lost = f", so that details finer than {round(finest)} pixels are lost" if finest >= 2 else ""
        return (
            f"pictures: {self.count:,}, {sides}, {' and '.join(sorted(self.formats))}; fitted into {size} x {size} pixels{lost} "
            "(--size N for another)"
        )


def almost_one_colour(image: Image.Image) -> bool:
    """Whether at least 99.5 % of the pixels of an RGB picture lie within 4 levels of the median, in every channel."""
    counts = np.asarray(image.histogram()).reshape(-1, 256).cumsum(axis=1)
    for channel in counts:
        total = channel[-1]
        middle = int(np.searchsorted(channel, total / 2))
        below = channel[middle - BLANK_LEVELS - 1] if middle > BLANK_LEVELS else 0
        if channel[min(255, middle + BLANK_LEVELS)] - below < BLANK_SHARE * total:
            return False
    return True


def _flat(greys: np.ndarray) -> bool:
    """`almost_one_colour` for greys, uint8."""
    levels = greys.astype(np.int16)
    return bool((np.abs(levels - np.median(levels)) <= BLANK_LEVELS).mean() >= BLANK_SHARE)


def _thumbnail(image: Image.Image) -> Image.Image:
    """The picture at about the size at which models see it, so that noise is averaged as it is for them."""
    factor = max(1, max(image.size) // _THUMBNAIL)
    return image.reduce((min(factor, image.width), min(factor, image.height)))


def _measured(values: np.ndarray, name: str) -> _Wide:
    whole = values.dtype.kind != "f"
    limits = finite_range(values)
    flat = values.reshape(-1)
    # An odd step, because pictures are often periodic in powers of two.
    sample = flat[:: (flat.size // _SAMPLE) | 1]
    if not whole:
        sample = sample[np.isfinite(sample)]
    if limits is None or not sample.size:
        nothing = (math.nan, math.nan)
        return _Wide(name, nothing, nothing, np.full(_LEVELS, np.nan, dtype=np.float32), whole, finite=False)
    ranked = np.sort(sample)
    levels = ranked[np.linspace(0, ranked.size - 1, _LEVELS).round().astype(np.int64)].astype(np.float32)
    finite = whole or bool(np.isfinite(values).all())
    return _Wide(name, _bulk(ranked.astype(np.float64)), limits, levels, whole, finite)


def _bulk(ranked: np.ndarray) -> tuple[float, float]:
    """The range of nearly all of a picture's sorted values.

    The lowest (or highest) value is left out if it is farther from the other values than their whole range: then it is a
    mark, such as 65535 for "no depth".
    """
    begin, end = int(np.searchsorted(ranked, ranked[0], "right")), int(np.searchsorted(ranked, ranked[-1], "left"))
    inner = ranked[begin:end]
    if inner.size and (width := inner[-1] - inner[0]) > 0:
        first = begin if inner[0] - ranked[0] > width else 0
        last = end if ranked[-1] - inner[-1] > width else len(ranked)
        ranked = ranked[first:last]
    low, high = np.quantile(ranked, [_OUTERMOST, 1 - _OUTERMOST])
    return float(low), float(high)


def _rounded(low: float, high: float, whole: bool) -> tuple[float, float]:
    """Round a range outwards to few digits (or to whole numbers). The result is never empty."""
    if whole:
        low, high = math.floor(low), math.ceil(high)
        return float(low), float(max(high, low + 1))
    if not high > low:
        return low, max(low + 1.0, math.nextafter(low, math.inf))
    digit = 10.0 ** (math.floor(math.log10(high - low)) - 3)
    return float(f"{math.floor(low / digit) * digit:.12g}"), float(f"{math.ceil(high / digit) * digit:.12g}")


def _pictures(count: int, one: str, several: str) -> str:
    return f"{count:,} picture {one}" if count == 1 else f"{count:,} pictures {several}"
