"""The same boxes in every form in which data sets write them, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.sources.box_forms import Boxes, BoxFormError, boxes_of

TWO = [[2.0, 3.0, 12.5, 14.0], [16.0, 10.0, 10.0, 20.0]]
ONE = TWO[:1]
FIRST, SECOND = TWO
NAMED = ["cat", "dog"]


def keyed(box: list[float], keys: str) -> dict[str, float]:
    return dict(zip(keys.split(), box, strict=True))


def corners(box: list[float]) -> list[float]:
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]


FORMS: list[tuple[Any, list[list[float]], list[str] | None]] = [
    (TWO, TWO, None),
    (FIRST, ONE, None),
    (tuple(map(tuple, TWO)), TWO, None),
    ([list(map(str, box)) for box in TWO], TWO, None),
    ([["2", "3", "12,5", "14"]], ONE, None),
    *[
        ([keyed(box, keys) for box in TWO], TWO, None)
        for keys in ("x y w h", "x y width height", "left top width height")
    ],
    (keyed(FIRST, "x y w h"), ONE, None),
    (keyed(FIRST, "X Y Width Height") | {"score": 0.9}, ONE, None),
    *[
        ([keyed(corners(box), keys) for box in TWO], TWO, None)
        for keys in ("xmin ymin xmax ymax", "x_min y_min x_max y_max", "x1 y1 x2 y2", "left top right bottom")
    ],
    (keyed(corners(FIRST), "xmin ymin xmax ymax") | {"label": "cat"}, ONE, ["cat"]),
    (keyed([8.25, 10.0, 12.5, 14.0], "cx cy w h"), ONE, None),
    ({key: list(column) for key, column in zip("xywh", zip(*TWO, strict=True), strict=True)}, TWO, None),
    ([{"bbox": box, "category_id": index + 3} for index, box in enumerate(TWO)], TWO, ["3", "4"]),
    ([{"bbox": box, "category": name} for box, name in zip(TWO, NAMED, strict=True)], TWO, NAMED),
    ({"bbox": TWO, "categories": NAMED}, TWO, NAMED),
    ({"bbox": TWO, "category": [0, 1], "area": [1, 2]}, TWO, ["0", "1"]),
    ({"bbox": FIRST, "label": "cat"}, ONE, ["cat"]),
    ({"objects": [{"bbox": FIRST, "name": "cat"}]}, ONE, ["cat"]),
    ([], [], None),
    ({}, [], None),
    ({"bbox": [], "category": []}, [], []),
]


@pytest.mark.parametrize(("value", "boxes", "names"), FORMS)
@pytest.mark.parametrize("write", [lambda value: value, json.dumps, repr], ids=["value", "json", "python"])
def test_every_form_gives_the_same_boxes(value: Any, boxes: list, names: list | None, write: Any) -> None:
    found = boxes_of(write(value))
    assert found == Boxes(boxes, names)
    assert all(type(size) is float for box in found.values for size in box)


@pytest.mark.parametrize(
    "text",
    [
        "[[2 3 12.5 14]\n [16 10 10 20]]",
        "2 3 12.5 14 16 10 10 20",
        "2;3;12,5;14|16;10;10;20",
        "2, 3, 12.5, 14, 16, 10, 10, 20".replace(", ", " "),
        "[2, 3, 12.5, 14], [16, 10, 10, 20]",
    ],
)
def test_numbers_without_the_marks_of_json_are_read(text: str) -> None:
    assert boxes_of(text) == Boxes(TWO)


@pytest.mark.parametrize("text", ["2,3,12.5,14", "(2, 3, 12.5, 14)", "2 3 12,5 14", " 2\t3 12.5 14 "])
def test_one_box_without_the_marks_of_json_is_read(text: str) -> None:
    assert boxes_of(text) == Boxes(ONE)


@pytest.mark.parametrize("value", [None, "", "  ", "nan", "None", "null", float("nan")])
def test_an_empty_cell_has_no_boxes_to_tell(value: Any) -> None:
    assert boxes_of(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "[[1, 2, 3]]",
        [[1, 2, 3, 4, 5]],
        [1, 2, 3],
        [1, 2, 3, 4, 5, 6, 7, 8],
        [[[1, 2, 3, 4]], [[1, 2, 3, 4], [1, 2, 3, 4]]],
        [["a", 2, 3, 4]],
        [[1, 2, 3, True]],
        [[1, 2, 3, None]],
        [[1, 2, 3, float("inf")]],
        "[[1, 2, 3, NaN]]",
        "[[1, 2, 3, 1e999]]",
        [[10**400, 1, 2, 3]],
        {"x": 1, "y": 2},
        {"x": [1, 2], "y": [1], "w": [1, 2], "h": [1, 2]},
        {"bbox": "1"},
        7,
        True,
        b"x",
        "some words",
        "__import__('os').getcwd()",
        "(" * 5000,
        "1,234 1,234 1,234 1,234",
    ],
)
def test_what_is_no_box_is_said(value: Any) -> None:
    with pytest.raises(BoxFormError, match="has boxes that are not lists of four numbers") as caught:
        boxes_of(value)
    assert "pixels" in caught.value.advice


@pytest.mark.parametrize(
    "value",
    [[[0.1, 0.2, 0.5, 0.5]], [[0, 0, 1, 1]], {"xmin": 0.1, "ymin": 0.1, "xmax": 0.9, "ymax": 0.9}, "0.5 0.5 0.2 0.2"],
)
def test_shares_of_the_picture_are_refused(value: Any) -> None:
    with pytest.raises(BoxFormError, match="as shares of the picture have") as caught:
        boxes_of(value)
    assert caught.value.advice == "give them in pixels"


def test_one_large_number_makes_them_pixels() -> None:
    assert boxes_of([[0, 0, 1, 1], [0, 0, 12, 1]]) == Boxes([[0, 0, 1, 1], [0, 0, 12, 1]])


SIZES = st.floats(1.5, 1e6) | st.integers(2, 10**6)


@given(st.lists(st.tuples(SIZES, SIZES, SIZES, SIZES), min_size=1, max_size=5))
def test_all_forms_agree(boxes: list[tuple]) -> None:
    expected = Boxes([list(map(float, box)) for box in boxes])
    as_text = [list(map(repr, box)) for box in boxes]
    with_keys = [dict(zip(("left", "top", "width", "height"), box, strict=True)) for box in boxes]
    for form in (boxes, json.dumps(boxes), repr(boxes), as_text, repr(as_text), with_keys, repr(with_keys)):
        assert boxes_of(form) == expected
