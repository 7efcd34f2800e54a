"""Pictures: modes, orientation, shape, and what must be refused before it is decoded."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from components.data.images import MAX_PIXELS, BombError, Rendering, decode, facts, header, scaled, to_pixels
from components.errors import CeterisError


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def checks(width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8))


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds no pixels at all."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IEND", b"")
    )


GREY = Image.fromarray(np.full((30, 40), 100, dtype=np.uint8))


@pytest.mark.parametrize(
    ("mode", "data", "expected"),
    [
        ("L", encoded(GREY), (100, 100, 100)),
        ("LA", encoded(Image.merge("LA", [GREY, Image.new("L", GREY.size, 0)])), (255, 255, 255)),
        ("P", encoded(Image.new("RGB", (40, 30), (200, 10, 30)).quantize(4)), (200, 10, 30)),
        ("PA", encoded(Image.new("P", (40, 30)).convert("PA"), "TIFF"), None),
        ("1", encoded(Image.new("1", (40, 30), 1)), (255, 255, 255)),
        ("CMYK", encoded(Image.new("CMYK", (40, 30), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        ("RGBA", encoded(Image.new("RGBA", (40, 30), (0, 0, 255, 0))), (255, 255, 255)),
        ("RGBA", encoded(Image.new("RGBA", (40, 30), (0, 0, 255, 255))), (0, 0, 255)),
        ("YCbCr", encoded(Image.new("YCbCr", (40, 30), (76, 85, 255)), "TIFF"), (254, 0, 0)),
        ("LAB", encoded(Image.new("RGB", (40, 30)).convert("LAB"), "TIFF"), None),
        ("RGB", encoded(Image.new("RGB", (40, 30), (9, 8, 7)), "BMP"), (9, 8, 7)),
    ],
)
def test_every_usual_mode_becomes_rgb(mode: str, data: bytes, expected: tuple[int, int, int] | None) -> None:
    assert facts(data).mode == mode
    pixels = to_pixels(data, 8)
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
    if expected is not None:
        np.testing.assert_allclose(pixels[4, 4], expected, atol=2)


def test_half_transparent_pixels_lie_on_white() -> None:
    data = encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 128)))
    np.testing.assert_allclose(to_pixels(data, 8), 127, atol=1)


def test_palette_transparency_lies_on_white() -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert (to_pixels(encoded(image, transparency=0), 8) == 255).all()


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("grey", 128)])
def test_transparent_parts_and_the_rest_of_the_square_lie_on_the_background(background: str, level: int) -> None:
    drawn = Rendering(background)  # type: ignore[arg-type]
    assert (to_pixels(encoded(Image.new("RGBA", (8, 8), (1, 2, 3, 0))), 8, drawn) == level).all()
    pixels = to_pixels(encoded(Image.new("RGB", (60, 40), (10, 20, 30))), 48, drawn)
    assert (pixels[8:40] == (10, 20, 30)).all()
    assert (pixels[:8] == level).all()
    assert (pixels[40:] == level).all()


def wide(mode: str, values: np.ndarray) -> bytes:
    """A file whose picture Pillow opens in the mode."""
    if mode == "I;16B":
        image = Image.frombytes("I;16B", values.shape[::-1], values.astype(">u2").tobytes())
    else:
        kinds: dict[str, type] = {"I": np.int32, "I;16": np.uint16, "F": np.float32}
        image = Image.fromarray(values.astype(kinds[mode]))
    return encoded(image, "TIFF")


RAMP = np.tile(np.linspace(0, 4095, 16).round(), (16, 1))


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B", "F"])
def test_wide_greys_are_scaled_by_the_range(mode: str) -> None:
    data = wide(mode, RAMP)
    assert facts(data).mode == mode
    pixels = to_pixels(data, 16, Rendering(value_range=(0, 4095)))
    np.testing.assert_allclose(pixels[..., 0], RAMP / 4095 * 255, atol=0.5)
    assert (pixels[..., :1] == pixels).all()
    # Another range moves the ends, and clips beyond them.
    pixels = to_pixels(data, 16, Rendering(value_range=(1000, 2000)))
    np.testing.assert_allclose(pixels[..., 0], ((RAMP - 1000) / 1000 * 255).clip(0, 255), atol=0.5)


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B", "F"])
def test_without_a_range_wide_greys_are_refused_in_a_sentence(mode: str) -> None:
    with pytest.raises(CeterisError, match=r"values from 0 to 4095 in more than 8 bits, .*data\.value_range"):
        to_pixels(wide(mode, RAMP), 16)


def test_negative_values_unsigned_ones_and_png_keep_their_numbers() -> None:
    drawn = Rendering(value_range=(-1000, 3000))
    hounsfield = np.full((8, 8), -1000)
    hounsfield[:, 4:] = 1000
    pixels = to_pixels(wide("I", hounsfield), 8, drawn)
    assert (pixels[0, 0, 0], pixels[0, 7, 0]) == (0, 128)
    as_png = encoded(Image.fromarray(np.full((8, 8), 1000, dtype=np.uint16)))
    assert (to_pixels(as_png, 8, drawn) == 128).all()
    # Pillow holds unsigned 32-bit numbers as signed ones, so that the large ones come out negative.
    large = np.full((8, 8), 3_000_000_000, dtype=np.uint32).view(np.int32)
    signed = encoded(Image.fromarray(large), "TIFF")
    unsigned = signed.replace(struct.pack("<HHII", 339, 3, 1, 2), struct.pack("<HHII", 339, 3, 1, 1))
    assert unsigned != signed
    assert (to_pixels(unsigned, 8, Rendering(value_range=(2e9, 4e9))) == 128).all()


def test_what_is_no_number_counts_as_the_lowest_value() -> None:
    depth = np.full((8, 8), 4.0, dtype=np.float32)
    depth[0, :3] = np.nan, np.inf, -np.inf
    pixels = to_pixels(wide("F", depth), 8, Rendering(value_range=(2, 4)))
    assert (pixels[0, :3] == 0).all()
    assert (pixels[1:] == 255).all()


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=30),
    low=st.integers(-(2**31), 2**31 - 2),
    width=st.integers(1, 2**32),
)
def test_scaling_keeps_the_order_and_uses_all_greys(values: list[int], low: int, width: int) -> None:
    greys = scaled(np.array([sorted(values)], dtype=np.int32), (low, low + width))[0].astype(int)
    assert (np.diff(greys) >= 0).all()
    ends = scaled(np.array([[low, low + width, low - 5, low + width + 5]], dtype=np.int64), (low, low + width))
    assert ends.tolist() == [[0, 255, 0, 255]]


def test_equal_values_have_one_pixel_hash_whatever_holds_them() -> None:
    hashes = {facts(wide(mode, RAMP)).pixel_hash for mode in ("I", "I;16", "I;16B", "F")}
    hashes.add(facts(encoded(Image.fromarray(RAMP.astype(np.uint16)))).pixel_hash)
    assert len(hashes) == 1
    # The upper bytes are equal, the values are not.
    changed = RAMP.copy()
    changed[0, 0] = 1
    assert facts(wide("I;16", changed)).pixel_hash not in hashes


def test_drawings_that_are_equal_on_white_alone_have_two_pixel_hashes() -> None:
    def logo(box: tuple[int, int, int, int]) -> bytes:
        image = Image.new("RGBA", (16, 16), (255, 255, 255, 0))
        image.paste((255, 255, 255, 255), box)
        return encoded(image)

    one, other = logo((0, 0, 8, 8)), logo((8, 8, 16, 16))
    assert (to_pixels(one, 16) == to_pixels(other, 16)).all()
    assert facts(one).pixel_hash != facts(other).pixel_hash
    opaque = checks().convert("RGBA")
    assert facts(encoded(opaque)).pixel_hash == facts(encoded(checks())).pixel_hash


def test_wide_greys_are_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.arange(32, dtype=np.uint16).reshape(4, 8) * 100
    stored = Image.fromarray(np.rot90(values).copy())
    turned = encoded(stored, "PNG", exif=exif)
    assert (facts(turned).width, facts(turned).height) == (8, 4)
    assert facts(turned).pixel_hash == facts(encoded(Image.fromarray(values))).pixel_hash


def test_colours_of_more_than_8_bits_and_stacks_are_known() -> None:
    frames = [Image.new("L", (8, 8), level) for level in (0, 90, 200)]
    for kind, options in (("TIFF", {}), ("GIF", {}), ("WEBP", {"lossless": True})):
        stack = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert decode(stack).stacked
        assert not decode(encoded(frames[0], kind)).stacked
        assert (to_pixels(stack, 8) == 0).all(), "the first is drawn"
    assert decode(png_of_16_bits(2, 3)).deep
    assert decode(png_of_16_bits(6, 4)).deep
    assert not decode(encoded(checks())).deep


def png_of_16_bits(colours: int, channels: int, value: int = 0x1234) -> bytes:
    """An 8x8 PNG of one value in every channel, with 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + struct.pack(">H", value) * 8 * channels for _ in range(8))
    start = struct.pack(">IIBBBBB", 8, 8, 16, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_the_upper_bytes_of_16_bit_colours_are_read() -> None:
    assert (to_pixels(png_of_16_bits(2, 3), 8) == 0x12).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_respected(orientation: int) -> None:
    upright = Image.new("RGB", (40, 20), (255, 255, 255))
    upright.paste((255, 0, 0), (0, 0, 20, 10))
    # Undo what a viewer does for each tag: the picture lies in the file as a turned camera took it.
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }.get(orientation, [])
    stored = upright
    for turn in undo:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = encoded(stored, "PNG", exif=exif)
    assert (facts(turned).width, facts(turned).height) == (40, 20)
    assert facts(turned).pixel_hash == facts(encoded(upright)).pixel_hash
    np.testing.assert_array_equal(to_pixels(turned, 16), to_pixels(encoded(upright), 16))


def test_the_aspect_is_kept_and_the_rest_is_white() -> None:
    pixels = to_pixels(encoded(Image.new("RGB", (60, 40), (10, 20, 30))), 48)
    assert (pixels[8:40] == (10, 20, 30)).all()
    assert (pixels[:8] == 255).all()
    assert (pixels[40:] == 255).all()


def test_a_wide_picture_is_stretched_over_the_square() -> None:
    wide = Image.new("RGB", (400, 100), (255, 255, 255))
    wide.paste((255, 0, 0), (150, 0, 250, 100))
    pixels = to_pixels(encoded(wide), 64)
    assert (pixels[:, 25:39] == (255, 0, 0)).all()
    assert (pixels[:, :22] == 255).all()


def test_equal_looks_have_one_pixel_hash_and_different_ones_have_two() -> None:
    image = checks()
    as_png, as_bmp = facts(encoded(image)), facts(encoded(image, "BMP"))
    assert as_png.pixel_hash == as_bmp.pixel_hash
    assert as_png.sha256 != as_bmp.sha256
    changed = image.copy()
    changed.putpixel((0, 0), (1, 2, 3))
    assert facts(encoded(changed)).pixel_hash != as_png.pixel_hash
    turned = Image.fromarray(np.asarray(image).reshape(40, 30, 3))
    assert facts(encoded(turned)).pixel_hash != as_png.pixel_hash


@pytest.mark.parametrize("side", [8_100, 12_000, 60_000])
def test_a_bomb_is_refused_without_decoding(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(self: ImageFile.ImageFile) -> None:
        raise AssertionError("a bomb was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    assert side * side > MAX_PIXELS
    # The file holds no pixels: had anything tried to decode it, it would be called damaged.
    for read in (facts, lambda data: to_pixels(data, 8)):
        with pytest.raises(BombError, match="refused undecoded") as caught:
            read(png_header(side, side))
        assert caught.value.pixels == side * side


def test_the_largest_allowed_picture_is_decoded() -> None:
    data = encoded(Image.new("1", (8_000, 8_000)))
    assert to_pixels(data, 4).max() == 0
    assert header(data).width == 8_000


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"GIF, they said", "no picture"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "a PostScript drawing, which is not read: save it as PNG",
        ),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "a HEIC picture, which is not read: save it as PNG or JPEG"),
        (encoded(checks())[:60], "damaged"),
        (encoded(checks(), "JPEG")[:400], "damaged"),
        (png_header(8, 8), "damaged"),
        (png_header(0, 8), "damaged|no picture|at least one"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(data: bytes, sentence: str) -> None:
    for read in (facts, lambda data: to_pixels(data, 8)):
        with pytest.raises(CeterisError, match=sentence) as caught:
            read(data)
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, 2000), flips=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8))
def test_damage_is_either_survived_or_told_in_a_sentence(cut: int, flips: list[tuple[int, int]]) -> None:
    for whole in WHOLE:
        data = bytearray(whole[: max(0, len(whole) - cut)])
        for place, value in flips:
            if data:
                data[place % len(data)] = value
        try:
            sentence, shape = ".", to_pixels(bytes(data), 8).shape
        except CeterisError as error:
            sentence, shape = str(error), (8, 8, 3)
        assert sentence.endswith(".")
        assert shape == (8, 8, 3)


WHOLE = [encoded(checks(), kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")]
