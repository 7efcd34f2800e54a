"""What is said of all pictures together: sizes, the range of values, backgrounds, and what comes out blank."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.data.images import Rendering, to_pixels
from components.data.picture_survey import PictureSurvey, almost_one_colour
from components.data.validation.tables import look_at


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def logo(colour: tuple[int, int, int], seed: int = 0) -> bytes:
    """A drawing of one colour on transparency."""
    image = Image.new("RGBA", (48, 48), (*colour, 0))
    left = 4 + seed % 10
    image.paste((*colour, 255), (left, 10, left + 20, 34))
    return encoded(image)


def wide(values: np.ndarray) -> bytes:
    return encoded(Image.fromarray(values), "TIFF")


def surveyed(*pictures: bytes) -> PictureSurvey:
    survey = PictureSurvey()
    for number, data in enumerate(pictures):
        survey.add(data, f"picture {number}")
    return survey


def blank(data: bytes, rendering: Rendering) -> bool:
    """Whether the pixels themselves are (almost) one colour."""
    pixels = to_pixels(data, 48, rendering).reshape(-1, 3).astype(int)
    return bool((np.abs(pixels - np.median(pixels, axis=0)) <= 4).all(axis=1).mean() >= 0.995)


@pytest.mark.parametrize(
    ("longest", "size"), [(20, 48), (48, 48), (49, 64), (96, 64), (97, 96), (200, 96), (201, 128), (4000, 128)]
)
def test_the_square_follows_the_longer_side_of_the_middle_picture(longest: int, size: int) -> None:
    pictures = [encoded(Image.new("1", (longest, 10))), encoded(Image.new("1", (10, longest)))]
    survey = surveyed(*pictures, encoded(Image.new("1", (5, 5))), encoded(Image.new("1", (5_000, 9))))
    assert survey.image_size == size


def test_sizes_and_formats_are_said() -> None:
    survey = surveyed(encoded(noise(640, 480), "JPEG"), encoded(noise(320, 240), "JPEG"), encoded(noise(1000, 800)))
    assert survey.count == 3
    assert survey.middle == (640, 480)
    assert survey.extremes == ((320, 240), (1000, 800))
    assert survey.longest_sides([0.0, 0.5, 1.0]) == [320, 640, 1000]
    assert survey.formats == {"JPEG": 2, "PNG": 1}
    (sentence,) = survey.sentences()
    assert sentence == (
        "pictures: 3, 640 x 480 at the middle (320 x 240 to 1000 x 800), JPEG and PNG; fitted into 128 x 128 pixels, so that "
        "details finer than 5 pixels are lost (--size N for another)"
    )
    assert "fitted into 64 x 64 pixels, so that details finer than 10 pixels are lost" in survey.sentences(size=64)[0]
    alike = surveyed(encoded(noise(48, 32)), encoded(noise(48, 32, seed=1)))
    assert alike.sentences() == ["pictures: 2, all 48 x 32, PNG; fitted into 48 x 48 pixels (--size N for another)"]


def test_without_pictures_nothing_fails() -> None:
    survey = PictureSurvey()
    assert survey.sentences() == ["pictures: none"]
    assert (survey.count, survey.image_size, survey.middle) == (0, 48, (0, 0))
    assert survey.rendering == Rendering()
    assert survey.blank().pictures == 0


@pytest.mark.parametrize(
    ("kind", "highest"), [(np.int32, 200), (np.int32, 4095), (np.uint16, 4095), (np.uint16, 65_535), (np.float32, 4095)]
)
def test_the_range_is_that_of_the_data(kind: type, highest: int) -> None:
    rng = np.random.default_rng(1)
    pictures = [wide(rng.integers(0, highest + 1, (64, 64)).astype(kind)) for _ in range(9)]
    survey = surveyed(*pictures)
    assert survey.value_range is not None
    low, high = survey.value_range
    assert low == pytest.approx(0, abs=0.002 * highest)
    assert high == pytest.approx(highest, rel=0.002)
    assert survey.blank().pictures == 0
    assert to_pixels(pictures[0], 64, survey.rendering).std() > 60


def test_negative_values_are_measured() -> None:
    rng = np.random.default_rng(1)
    survey = surveyed(*(wide(rng.integers(-1000, 3001, (64, 64)).astype(np.int32)) for _ in range(9)))
    assert survey.value_range == pytest.approx((-1000, 3000), abs=8)


@pytest.mark.parametrize("share", [0.0005, 0.02, 0.4])
def test_a_mark_for_no_depth_does_not_blacken_everything(share: float) -> None:
    rng = np.random.default_rng(2)
    pictures = []
    for _ in range(12):
        depth = rng.integers(500, 4000, (64, 64)).astype(np.uint16)
        depth[rng.random(depth.shape) < share] = 65_535
        pictures.append(wide(depth))
    survey = surveyed(*pictures)
    assert survey.value_range is not None
    low, high = survey.value_range
    assert low <= 510
    assert 3990 <= high <= 7600
    seen = to_pixels(pictures[0], 64, survey.rendering)[..., 0]
    assert np.ptp(seen[seen < 250]) > 100, "depths keep nearly half of the greys"


@pytest.mark.parametrize("odd", [-9999.0, 3.0e38, np.nan, np.inf, -np.inf])
def test_marks_of_float_files_leave_the_range_alone(odd: float) -> None:
    rng = np.random.default_rng(3)
    pictures = []
    for _ in range(5):
        depth = rng.uniform(1, 9, (64, 64)).astype(np.float32)
        depth[:8, :8] = odd
        pictures.append(wide(depth))
    survey = surveyed(*pictures)
    assert survey.value_range is not None
    low, high = survey.value_range
    assert -8 <= low <= 1.1
    assert 8.9 <= high <= 18
    assert survey.not_numbers == (0 if np.isfinite(odd) else 5)
    assert any("no finite numbers" in sentence for sentence in survey.sentences()) == (not np.isfinite(odd))


def test_a_few_bright_pixels_that_all_pictures_have_are_not_lost() -> None:
    rng = np.random.default_rng(4)
    pictures = []
    for _ in range(10):
        stars = rng.integers(95, 106, (64, 64)).astype(np.uint16)
        stars[rng.integers(0, 64, 3), rng.integers(0, 64, 3)] = rng.integers(3000, 4000, 3)
        pictures.append(wide(stars))
    survey = surveyed(*pictures)
    seen = to_pixels(pictures[0], 64, survey.rendering)[..., 0].astype(int)
    ranked = np.sort(seen, axis=None)
    assert ranked[-1] == 255
    assert ranked[-8] <= 170, "stars stand out from the sky"
    assert ranked[:-8].std() > 10, "the sky keeps its greys"


def test_one_odd_picture_does_not_decide_the_range() -> None:
    rng = np.random.default_rng(5)
    pictures = [wide(rng.integers(0, 1000, (32, 32)).astype(np.uint16)) for _ in range(300)]
    survey = surveyed(*pictures, wide(rng.integers(0, 60_000, (32, 32)).astype(np.uint16)))
    assert survey.value_range is not None
    assert survey.value_range[1] < 1100


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.integers(0, 65_535), min_size=1, max_size=20), min_size=1, max_size=5))
def test_any_values_give_a_range_that_holds_most_of_them(pictures: list[list[int]]) -> None:
    survey = surveyed(*(wide(np.array([values], dtype=np.uint16)) for values in pictures))
    assert survey.value_range is not None
    low, high = survey.value_range
    assert low < high
    assert min(map(min, pictures)) <= low
    assert high <= max(map(max, pictures)) + 1
    assert all(survey.sentences())


def test_pictures_of_two_values_keep_both() -> None:
    masks = [np.zeros((16, 16), dtype=np.uint16) for _ in range(3)]
    for mask in masks:
        mask[4:9, 4:9] = 65_535
    survey = surveyed(*map(wide, masks))
    assert survey.value_range == (0, 65_535)
    assert survey.blank().pictures == 0


def test_wide_pictures_that_are_blank_or_no_numbers_at_all() -> None:
    survey = surveyed(wide(np.full((8, 8), 300, dtype=np.uint16)))
    assert survey.value_range == (300, 301)
    assert survey.blank().pictures == 1
    survey = surveyed(wide(np.full((8, 8), np.nan, dtype=np.float32)))
    assert survey.value_range == (0, 1)
    assert survey.blank().pictures == 1


def test_the_background_is_white_unless_drawings_vanish_on_it() -> None:
    white, black = (255, 255, 255), (0, 0, 0)
    assert surveyed(*(logo(white, seed) for seed in range(4))).background == "black"
    assert surveyed(*(logo(black, seed) for seed in range(4))).background == "white"
    assert surveyed(logo(white), logo(black)).background == "grey"
    assert surveyed(logo((200, 30, 30))).background == "white"
    # Opaque pictures have no say.
    assert (
        surveyed(encoded(Image.new("RGB", (9, 9), white)), encoded(Image.new("RGB", (9, 9), white))).background
        == "white"
    )


def test_blank_pictures_are_counted_and_named() -> None:
    nearly = Image.new("RGB", (100, 100), (40, 50, 60))
    nearly.paste((43, 50, 60), (0, 0, 50, 100))
    speck = nearly.copy()
    speck.paste((255, 0, 0), (10, 10, 15, 15))
    seen = nearly.copy()
    seen.paste((255, 0, 0), (10, 10, 40, 40))
    survey = surveyed(encoded(nearly), encoded(noise(30, 30)), encoded(speck), encoded(seen), logo((255, 255, 255)))
    assert survey.blank() == (2, ["picture 0", "picture 2"])
    assert survey.blank(Rendering("white")) == (3, ["picture 0", "picture 2", "picture 4"])
    assert survey.sentences()[-1] == "2 pictures come out (almost) one colour (picture 0, picture 2)"


def test_colours_of_one_brightness_are_not_one_colour() -> None:
    image = Image.new("RGB", (20, 20), (76, 76, 76))
    image.paste((255, 0, 0), (0, 0, 10, 20))
    assert not almost_one_colour(image)
    assert almost_one_colour(Image.new("RGB", (20, 20), (255, 0, 255)))


@settings(max_examples=60, deadline=None)
@given(
    shade=st.integers(0, 255),
    other=st.integers(0, 255),
    share=st.sampled_from([0.0, 0.001, 0.02, 0.3]),
    background=st.sampled_from(["white", "black", "grey"]),
    transparent=st.booleans(),
)
def test_what_is_said_to_be_blank_is_blank(
    shade: int, other: int, share: float, background: str, transparent: bool
) -> None:
    array = np.full((48, 48, 4), shade, dtype=np.uint8)
    array[..., 3] = 0 if transparent else 255
    array.reshape(-1, 4)[: int(share * 48 * 48)] = (other, other, other, 255)
    data, drawn = encoded(Image.fromarray(array)), Rendering(background)  # type: ignore[arg-type]
    assert surveyed(data).blank(drawn).pictures == blank(data, drawn)


def test_a_picture_is_decoded_once_for_look_and_survey(monkeypatch: pytest.MonkeyPatch) -> None:
    import components.data.validation.tables as tables

    decoded = []

    def counting(data: bytes) -> object:
        decoded.append(data)
        return original(data)

    original = tables.decode
    monkeypatch.setattr(tables, "decode", counting)
    survey = PictureSurvey()
    look = look_at(encoded(noise(30, 20)), survey, "one")
    assert (look.width, look.height, look.problem) == (30, 20, "")
    look_at(b"no picture", survey, "two")
    assert survey.count == 1
    assert len(decoded) == 2


def test_the_survey_keeps_no_pixels() -> None:
    import tracemalloc

    pictures = [wide(np.random.default_rng(seed).integers(0, 4000, (600, 600)).astype(np.uint16)) for seed in range(4)]
    survey = PictureSurvey()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for data in pictures:
        survey.add(data)
    kept = (tracemalloc.get_traced_memory()[0] - before) / len(pictures)
    tracemalloc.stop()
    assert kept < 20_000
