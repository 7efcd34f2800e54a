"""Boxes lie on their objects after the picture was fitted into a square."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.data.boxes import BoxTable, in_square
from components.data.images import to_pixels
from components.data.samples import Picture

SIZE = 40


def picture(width: int, height: int, box: tuple[int, int, int, int], turned: bool = False) -> bytes:
    """A green picture with a red rectangle at x, y, width, height; `turned` stores it on its side, with the EXIF tag."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 1] = 200
    x, y, across, down = box
    pixels[y : y + down, x : x + across] = (255, 0, 0)
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    if turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6  # turn it clockwise to see it upright
        image.save(buffer, "PNG", exif=exif)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()


def seen_at(pixels: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of what is red, in pixels."""
    red = (pixels[..., 0] > 127) & (pixels[..., 1] < 100)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@settings(max_examples=60, deadline=None)
@given(data=st.data(), turned=st.booleans())
def test_boxes_follow_the_picture(data: st.DataObject, turned: bool) -> None:
    """Letterboxed, stretched, shrunk, enlarged and turned: to a pixel and a half."""
    width, height = data.draw(st.integers(20, 160), "width"), data.draw(st.integers(20, 160), "height")
    across, down = (
        data.draw(st.integers(width // 3, width), "across"),
        data.draw(st.integers(height // 3, height), "down"),
    )
    x, y = data.draw(st.integers(0, width - across), "x"), data.draw(st.integers(0, height - down), "y")
    encoded = picture(width, height, (x, y, across, down), turned)
    table = BoxTable(SIZE)
    table.add(encoded, [[x, y, across, down]], ["red thing"], [])
    (box,) = table.arrays()["boxes"][0]
    assert box.min() >= 0
    assert box.max() <= 1
    assert np.abs(box * SIZE - seen_at(to_pixels(encoded, SIZE))).max() <= 1.5


def test_pictures_of_the_right_size_keep_their_boxes_exactly() -> None:
    found = in_square([[4, 6, 10, 20]], 40, 40, 40)
    assert found.tolist() == np.float32([[0.1, 0.15, 0.35, 0.65]]).tolist()


def test_arrays_are_padded_and_names_are_sorted_positions() -> None:
    table = BoxTable(SIZE)
    table.add(picture(40, 40, (0, 0, 4, 4)), [[0, 0, 4, 4], [8, 8, 4, 4]], ["star", "circle"], ["red", "blue"])
    table.add(picture(40, 40, (0, 0, 4, 4)), None, None, None)
    table.add(picture(40, 40, (0, 0, 4, 4)), [[0, 0, 40, 40]], [], ["green"])
    arrays = table.arrays()
    assert arrays["boxes"].dtype == np.float32
    assert arrays["boxes"].shape == (3, 2, 4)
    assert (arrays["boxes"][1] == -1).all()
    assert arrays["boxes"][2].tolist() == [[0, 0, 1, 1], [-1] * 4]
    assert (sorted(table.classes), sorted(table.attributes)) == (["circle", "star"], ["blue", "green", "red"])
    assert arrays["box_classes"].tolist() == [[1, 0], [-1, -1], [-1, -1]]
    assert arrays["box_attributes"].tolist() == [[2, 0], [-1, -1], [1, -1]]
    assert {arrays[name].dtype for name in ("box_classes", "box_attributes")} == {np.dtype(np.int16)}


def test_without_boxes_arrays_have_no_length() -> None:
    table = BoxTable(SIZE)
    table.add(b"never opened", None, [], [])
    shapes = {name: array.shape for name, array in table.arrays().items()}
    assert shapes == {"boxes": (1, 0, 4), "box_classes": (1, 0), "box_attributes": (1, 0)}


def test_names_belong_to_boxes() -> None:
    with pytest.raises(ValueError, match="picture a has 1 boxes but 2 classes"):
        Picture("a", b"", "a", boxes=[[0, 0, 1, 1]], classes=["circle", "star"])
