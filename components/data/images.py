"""Decode pictures: their format, size, content hash and pixels. The size in the header is checked before decoding."""

import hashlib
import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from components.data.unreadable import Unreadable, recognised
from components.errors import CeterisError

# Formats that Pillow decodes by itself. Others, such as EPS, would start external programs on an untrusted file.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MAX_PIXELS = 64_000_000
# Wider (or taller) pictures than this are stretched rather than letterboxed, see `to_pixels`.
MAX_LETTERBOXED_ASPECT = 2.0
# "Wide greys": greys of more than 8 bits, and depth maps. They need a range of values that become black and white.
WIDE_MODES = frozenset("I I;16 I;16B I;16L F".split())  # noqa: SIM905
MODES = frozenset("1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr LAB HSV".split()) | WIDE_MODES  # noqa: SIM905
Background = Literal["white", "black", "grey"]
BACKGROUNDS: dict[Background, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
}
_ORIENTED = frozenset({"JPEG", "MPO", "TIFF", "WEBP", "PNG"})
_ORIENTATION = 0x0112
_BITS, _SAMPLE_FORMAT, _UNSIGNED = 258, 339, 1
_PNG_DEPTH = 24  # where the depth stands in a PNG file
_STRIP = 1 << 20  # values at once
# What Pillow's decoders raise on damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    ArithmeticError,
    MemoryError,
)


class BombError(CeterisError):
    """A picture whose header declares too many pixels; it was not decoded."""

    def __init__(self, pixels: float) -> None:
        super().__init__(
            f"the picture declares {pixels:,.0f} pixels, more than {MAX_PIXELS:,}, and was refused undecoded: give a smaller one."
        )
        self.pixels = pixels


class DamagedError(CeterisError):
    """A picture of a known format that cannot be decoded; `reason` is the decoder's message."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the picture is damaged ({reason}): save or copy it again.")
        self.reason = reason


class UnreadableError(CeterisError):
    """The bytes are of a recognised kind that is not read: another picture format, or no picture; `kind` says which."""

    def __init__(self, kind: Unreadable) -> None:
        super().__init__(f"the bytes are {kind.what}: {kind.advice}.")
        self.kind = kind


@dataclass(frozen=True)
class Rendering:
    """How stored values become colours. All pictures of a study, and those its models later predict on, share one rendering.

    Attributes:
        background: the colour behind transparent parts and around letterboxed pictures.
        value_range: the values of wide greys that become black and white; None where there are no wide greys.
    """

    background: Background = "white"
    value_range: tuple[float, float] | None = None


PLAIN = Rendering()


@dataclass(frozen=True)
class Header:
    """What the first bytes of an encoded picture say, before anything is decoded."""

    format: str
    width: int
    height: int
    mode: str


@dataclass(frozen=True)
class ImageFacts:
    """What is known about an encoded picture.

    `pixel_hash` is equal for pictures that look the same under every rendering, however they are encoded. Width and height are
    those of the upright picture.
    """

    format: str
    width: int
    height: int
    mode: str
    sha256: str
    pixel_hash: str


@dataclass(frozen=True)
class Decoded:
    """A decoded, upright picture, before a study's rendering is applied.

    Attributes:
        format: of the file.
        mode: Pillow's mode of the file.
        colours: RGB, or RGBA where some part is transparent; None for a wide grey.
        values: int32, uint16, uint32 or float32 (H, W) for a wide grey; otherwise None.
        deep: whether its colours have more than 8 bits; only the upper 8 are read.
        stacked: whether the file holds several pictures; this is the first of them.
    """

    format: str
    mode: str
    colours: Image.Image | None
    values: np.ndarray | None
    deep: bool
    stacked: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if self.values is not None:
            return self.values.shape[1], self.values.shape[0]
        assert self.colours is not None
        return self.colours.size

    @property
    def transparent(self) -> bool:
        """Whether some part of it is not opaque."""
        return self.colours is not None and self.colours.mode == "RGBA"

    def facts(self, data: bytes) -> ImageFacts:
        """Describe the picture; `data` are the bytes that it was decoded from."""
        width, height = self.size
        sha256 = hashlib.sha256(data).hexdigest()
        return ImageFacts(self.format, width, height, self.mode, sha256, self._pixel_hash())

    def rgb(self, rendering: Rendering = PLAIN) -> Image.Image:
        """The whole picture as RGB.

        Raises:
            CeterisError: it is a wide grey, and the rendering has no range of values.
        """
        if self.values is not None:
            if rendering.value_range is None:
                lowest, highest = finite_range(self.values) or (0.0, 0.0)
                raise CeterisError(
                    f"the picture has values from {lowest:g} to {highest:g} in more than 8 bits, and the study has no "
                    "data.value_range that says which are black and white: set one, or save the picture with 8 bits."
                )
            return Image.fromarray(scaled(self.values, rendering.value_range)).convert("RGB")
        assert self.colours is not None
        if not self.transparent:
            return self.colours
        return on_background(self.colours, rendering.background)

    def _pixel_hash(self) -> str:
        width, height = self.size
        pixels = hashlib.sha256(f"{width}x{height} ".encode())
        if self.values is not None:
            pixels.update(b"values ")
            for rows in _strips(self.values):
                pixels.update(_canonical(self.values[rows]).tobytes())
        elif self.transparent:
            # Pictures that are equal on white and on black are equal on every background.
            pixels.update(self.rgb(Rendering("white")).tobytes())
            pixels.update(self.rgb(Rendering("black")).tobytes())
        else:
            pixels.update(self.rgb().tobytes())
        return pixels.hexdigest()


def header(data: bytes) -> Header:
    """Read format, size and mode without decoding.

    Raises:
        CeterisError: the bytes are no picture of a known format.
    """
    with _opened(data) as image:
        return Header(image.format or "", image.width, image.height, image.mode)


def decode(data: bytes) -> Decoded:
    """Decode a picture, the first frame if there are several, and turn it by its EXIF tag.

    Raises:
        CeterisError: the bytes are no picture, are damaged, or declare more than `MAX_PIXELS` pixels.
    """
    with _opened(data) as image:
        if image.width * image.height > MAX_PIXELS:
            raise BombError(image.width * image.height)
        kind, mode = image.format or "", image.mode
        deep, unsigned, stacked = _deep(image, data), _unsigned(image), _stacked(image, data)
        image.load()
        if image.format in _ORIENTED and image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        if mode in WIDE_MODES:
            values = np.asarray(image)
            values = values.view(np.uint32) if unsigned else values
            return Decoded(kind, mode, None, values, deep=False, stacked=stacked)
        if mode not in MODES:
            raise CeterisError(f"the picture has mode {mode}, which is not read: save it with 8 bits a channel.")
        return Decoded(kind, mode, _colours(image), None, deep, stacked)


def facts(data: bytes) -> ImageFacts:
    """Decode a picture and describe it.

    Raises:
        CeterisError: the bytes are no picture, are damaged, or declare more than `MAX_PIXELS` pixels.
    """
    return decode(data).facts(data)


def to_pixels(data: bytes, size: int, rendering: Rendering = PLAIN) -> np.ndarray:
    """Decode a picture into a square.

    The aspect is kept and the rest is background (letterbox), except for pictures more than twice as wide as high, or as
    high as wide: those are stretched. A letterboxed 400x100 NLVR picture would leave three quarters of the square
    empty and shrink its smallest objects to under two pixels both ways; stretched, they lose width only, and in all
    pictures alike.

    Args:
        data: the encoded picture.
        size: side of the square in pixels.
        rendering: how stored values become colours.

    Returns:
        uint8 (size, size, 3), RGB, upright by its EXIF tag.

    Raises:
        CeterisError: the bytes are no picture, are damaged, or declare more than `MAX_PIXELS` pixels; or it is a wide grey,
            and no range says which values are black and white.
    """
    upright = decode(data).rgb(rendering)
    if upright.size == (size, size):
        return np.asarray(upright, dtype=np.uint8)
    longest, shortest = max(upright.size), min(upright.size)
    if longest > MAX_LETTERBOXED_ASPECT * shortest or longest == shortest:
        return np.asarray(upright.resize((size, size), Image.Resampling.BICUBIC), dtype=np.uint8)
    fitted = (max(1, round(upright.width * size / longest)), max(1, round(upright.height * size / longest)))
    square = Image.new("RGB", (size, size), BACKGROUNDS[rendering.background])
    square.paste(upright.resize(fitted, Image.Resampling.BICUBIC), ((size - fitted[0]) // 2, (size - fitted[1]) // 2))
    return np.asarray(square, dtype=np.uint8)


def scaled(values: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """Values of a wide grey as uint8: black at the lower end of the range, white at the upper end, clipped outside.

    Values that are not finite count as the lower end of the range.
    """
    low, high = value_range
    greys = np.empty(values.shape, dtype=np.uint8)
    for rows in _strips(values):
        numbers = values[rows].astype(np.float64)
        numbers[~np.isfinite(numbers)] = low
        greys[rows] = np.rint((numbers.clip(low, high) - low) * (255 / (high - low)))
    return greys


def finite_range(values: np.ndarray) -> tuple[float, float] | None:
    """The lowest and the highest finite value; None where there is none."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return (float(finite.min()), float(finite.max())) if finite.size else None


def on_background(image: Image.Image, background: Background) -> Image.Image:
    """An RGBA picture as RGB, its transparent parts put on a background."""
    canvas = Image.new("RGB", image.size, BACKGROUNDS[background])
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Open a picture and read its header. Any decoder error inside the block becomes a `CeterisError` of one sentence."""
    if not data:
        raise CeterisError("the picture is empty (0 bytes): give the encoded file.")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and of odd metadata; here sizes are checked before decoding instead.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width < 1 or image.height < 1:
                    raise DamagedError(f"it declares {image.width}x{image.height} pixels")
                yield image
    except Image.DecompressionBombError as error:
        # Raised above Pillow's own limit, which is higher than ours; only its message holds the size.
        declared = re.search(r"\d+", str(error))
        raise BombError(float(declared.group()) if declared else math.inf) from None
    except Image.UnidentifiedImageError:
        if kind := recognised(data):
            raise UnreadableError(kind) from None
        raise CeterisError(f"the bytes are no picture: give one of {', '.join(FORMATS)}.") from None
    except _DAMAGE as error:
        raise DamagedError(" ".join(str(error).split()) or type(error).__name__) from None


def _colours(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    coloured = image.convert("RGBA")
    opaque = coloured.getchannel("A").getextrema()[0] == 255
    return coloured.convert("RGB") if opaque else coloured


def _deep(image: Image.Image, data: bytes) -> bool:
    """Whether colours have more than 8 bits in the file.

    PPM files never count, because Pillow scales them by the highest value that they declare.
    """
    if image.format == "PNG":
        return image.mode not in WIDE_MODES and data[_PNG_DEPTH] > 8
    if image.format == "TIFF":
        bits = image.tag_v2.get(_BITS, (8,))  # type: ignore[attr-defined]
        return image.mode not in WIDE_MODES and max(bits) > 8
    return False


def _unsigned(image: Image.Image) -> bool:
    """Whether a TIFF file holds unsigned 32-bit integers, which Pillow reads as signed ones."""
    if image.format != "TIFF" or image.mode != "I":
        return False
    tags = image.tag_v2  # type: ignore[attr-defined]
    return tags.get(_BITS) == (32,) and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,)) == (_UNSIGNED,)


def _stacked(image: Image.Image, data: bytes) -> bool:
    if image.format in ("PNG", "WEBP"):
        return bool(getattr(image, "is_animated", False))
    if image.format not in ("GIF", "TIFF"):
        return False
    # GIF and TIFF tell only when the next picture is sought. This opens the bytes again, so that a damaged second picture
    # does not affect the first.
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as again:
            again.seek(1)
    except EOFError:
        return False
    except _DAMAGE:
        return True
    return True


def _strips(values: np.ndarray) -> Iterator[slice]:
    """Rows of a large array, a few at a time, so that copies stay small."""
    rows = max(1, _STRIP // max(1, values.shape[1]))
    return (slice(top, top + rows) for top in range(0, len(values), rows))


def _canonical(values: np.ndarray) -> np.ndarray:
    """Values as float64, so that values that are drawn alike have equal bytes, whatever their type."""
    numbers = values.astype(np.float64)
    numbers[~np.isfinite(numbers)] = -np.inf
    return numbers + 0.0  # no negative zero
