"""Pictures: what is drawn where."""

import io

import numpy as np
import pytest
from PIL import Image

from components.data.scenes import draw
from components.data.scenes.oracle import Thing
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import DRAWN_SHAPES, LAWS, draw_scene

LAW = LAWS["train"]


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        return np.asarray(image).astype(int)


@pytest.mark.parametrize("size", [32, 48, 50, 64, 128])
def test_boxes_hold_the_objects_and_nothing_else_is_coloured(size: int) -> None:
    artist = draw.Artist(size)
    for index in range(40):
        stream = SceneRandom("boxes", index)
        scene = draw_scene(stream, LAW)
        png, boxes = artist.picture(scene, stream, LAW)
        image = pixels(png)
        assert image.shape == (size, size, 3)
        coloured = np.ptp(image, axis=2) > 8  # the background is grey
        outside = coloured.copy()
        for thing, (x, y, width, height) in zip(scene, boxes, strict=True):
            assert 0 <= x < x + width <= size
            assert 0 <= y < y + height <= size
            assert (x, y) == (int(x), int(y))
            left, top = thing.column * size / 4, thing.row * size / 4
            assert left - 0.5 <= x < x + width <= left + size / 4 + 0.5
            assert top - 0.5 <= y < y + height <= top + size / 4 + 0.5
            part = coloured[int(y) : int(y + height), int(x) : int(x + width)]
            edges = (part[0], part[-1], part[:, 0], part[:, -1])
            assert all(edge.any() for edge in edges), (thing, part)
            assert part.mean() > 0.2
            outside[int(y) : int(y + height), int(x) : int(x + width)] = False
        assert not outside.any()


@pytest.mark.parametrize("size", [32, 48, 128])
def test_looks_differ(size: int) -> None:
    """Any two looks differ in more than noise; large is larger; every colour is nearest to itself."""
    artist = draw.Artist(size)
    seen: dict[tuple[int, int], np.ndarray] = {}
    for colour in range(1, 7):
        for shape in DRAWN_SHAPES:
            sizes = []
            for large in (1, 2):
                thing = Thing(colour, shape, large, 1, 2)
                png, [(x, y, width, height)] = artist.picture((thing,), SceneRandom("looks", *thing), LAW)
                image = pixels(png)
                sizes.append(width * height)
                centre = image[int(y + height / 2), int(x + width / 2)]
                assert np.argmin(np.abs(draw.RGB - centre).sum(axis=1)) == colour - 1
                seen[colour * 100 + shape, large] = image
            assert sizes[1] >= 1.4 * sizes[0]
    images = list(seen.values())
    for index, one in enumerate(images):
        for other in images[index + 1 :]:
            assert (np.abs(one - other).max(axis=2) > 60).sum() >= 3


def test_evaluation_handwriting_is_never_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    real = draw._written

    def noting(writing: int, diameter: int) -> np.ndarray:
        written.append(writing)
        return real(writing, diameter)

    monkeypatch.setattr(draw, "_written", noting)
    for split, law in LAWS.items():
        written.clear()
        artist = draw.Artist(48)
        for index in range(150):
            digit = Thing(1, 5 + index % 10, 2, 0, 0)
            artist.picture((digit,), SceneRandom(split, index), law)
        assert len(set(written)) > 80
        assert (max(written) < 1200) == (split == "train")
        assert (min(written) >= 1200) == (split != "train")
        labels = draw._digits()[1]
        assert {labels[writing] for writing in written} == set(range(10))


def test_png_is_lossless() -> None:
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert (pixels(draw.encode_png(array)) == array).all()
