"""Encoded pictures: what they are, and their pixels. Nothing is decoded before the header's size has been judged."""

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from components.errors import CeterisError

# Formats that Pillow decodes by itself; others (EPS, for one) would start foreign programs on a stranger's file.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MAX_PIXELS = 64_000_000
# Wider (or taller) pictures than this are stretched rather than letterboxed, see `to_pixels`.
MAX_LETTERBOXED_ASPECT = 2.0
MODES = frozenset("1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr LAB HSV I I;16 I;16B I;16L".split())  # noqa: SIM905
_BACKGROUND = (255, 255, 255)
_ORIENTED = frozenset({"JPEG", "MPO", "TIFF", "WEBP", "PNG"})
_ORIENTATION = 0x0112
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

    `pixel_hash` is equal for pictures that look the same, however they are encoded: it is taken of the upright RGB pixels.
    Width and height are those of the upright picture.
    """

    format: str
    width: int
    height: int
    mode: str
    sha256: str
    pixel_hash: str


def header(data: bytes) -> Header:
    """Read format, size and mode without decoding.

    Raises:
        CeterisError: the bytes are no picture of a known format.
    """
    with _opened(data) as image:
        return Header(image.format or "", image.width, image.height, image.mode)


def facts(data: bytes) -> ImageFacts:
    """Decode a picture and describe it.

    Raises:
        CeterisError: the bytes are no picture, are damaged, or declare more than `MAX_PIXELS` pixels.
    """
    with _opened(data) as image:
        _refuse_bomb(image)
        kind, mode = image.format or "", image.mode
        upright = _upright_rgb(image)
    pixels = hashlib.sha256(f"{upright.width}x{upright.height} ".encode())
    pixels.update(upright.tobytes())
    return ImageFacts(kind, upright.width, upright.height, mode, hashlib.sha256(data).hexdigest(), pixels.hexdigest())


def to_pixels(data: bytes, size: int) -> np.ndarray:
    """Decode a picture into a square.

    The aspect is kept and the rest is white (letterbox), except for pictures more than twice as wide as high, or as
    high as wide: those are stretched. A letterboxed 400x100 NLVR picture would leave three quarters of the square
    empty and shrink its smallest objects to under two pixels both ways; stretched, they lose width only, and in all
    pictures alike.

    Args:
        data: the encoded picture.
        size: side of the square in pixels.

    Returns:
        uint8 (size, size, 3), RGB, upright by its EXIF tag, transparent parts on white.

    Raises:
        CeterisError: the bytes are no picture, are damaged, or declare more than `MAX_PIXELS` pixels.
    """
    with _opened(data) as image:
        _refuse_bomb(image)
        upright = _upright_rgb(image)
    if upright.size == (size, size):
        return np.asarray(upright, dtype=np.uint8)
    longest, shortest = max(upright.size), min(upright.size)
    if longest > MAX_LETTERBOXED_ASPECT * shortest or longest == shortest:
        return np.asarray(upright.resize((size, size), Image.Resampling.BICUBIC), dtype=np.uint8)
    fitted = (max(1, round(upright.width * size / longest)), max(1, round(upright.height * size / longest)))
    square = Image.new("RGB", (size, size), _BACKGROUND)
    square.paste(upright.resize(fitted, Image.Resampling.BICUBIC), ((size - fitted[0]) // 2, (size - fitted[1]) // 2))
    return np.asarray(square, dtype=np.uint8)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The picture with its header read; whatever a decoder raises inside becomes one sentence."""
    if not data:
        raise CeterisError("the picture is empty (0 bytes): give the encoded file.")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and of odd metadata; sizes are judged by `_refuse_bomb` instead.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width < 1 or image.height < 1:
                    raise CeterisError(f"the picture is {image.width}x{image.height} pixels: it needs at least one.")
                yield image
    except Image.DecompressionBombError as error:
        # Pillow's own limit lies above ours; its message alone tells the size.
        declared = re.search(r"\d+", str(error))
        raise BombError(float(declared.group()) if declared else float("inf")) from None
    except Image.UnidentifiedImageError:
        raise CeterisError(f"the bytes are no picture: give one of {', '.join(FORMATS)}.") from None
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CeterisError(f"the picture is damaged ({reason}): save or copy it again.") from None


def _refuse_bomb(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise BombError(image.width * image.height)


def _upright_rgb(image: Image.Image) -> Image.Image:
    """The first frame, turned by its EXIF tag, as RGB on white."""
    image.load()
    if image.format in _ORIENTED and image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode not in MODES:
        raise CeterisError(
            f"the picture has mode {image.mode}, whose range of values is unknown: save it with 8 bits a channel."
        )
    if image.mode.startswith("I"):
        # Greys of more than 8 bits count as 16-bit ones: their upper byte is kept.
        greys = np.asarray(image).astype(np.int64).clip(0, 65535) >> 8
        return Image.fromarray(greys.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, _BACKGROUND)
        canvas.paste(coloured, mask=coloured.getchannel("A"))
        return canvas
    return image.convert("RGB")
