"""Read boxes in the forms that data sets use, as x, y, width and height in pixels.

* A value is a list of boxes or a single box.
* A box is four numbers (x, y, width, height), or an object whose keys say what its numbers are.
* The lists of COCO ([{"bbox": [...], "category_id": 3}, ...]) and of Hugging Face ({"bbox": [[...], ...], "category": [...]})
  contain names as well.
* In a text file all this is JSON, printed Python, or bare numbers.

Four numbers without keys are always read as a corner and a size: two corners cannot be told apart from that.
"""

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.data.sources.numbers import number

_LONGEST = 1 << 20
_BOX_KEYS = ("bbox", "bboxes", "box", "boxes", "bounding_box", "bounding_boxes", "objects")
_NAME_KEYS = (
    "category",
    "categories",
    "class",
    "classes",
    "label",
    "labels",
    "name",
    "names",
    "category_id",
    "class_id",
)
_SIZES = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("left", "top", "w", "h"),
    ("left", "top", "width", "height"),
)
_CENTRES = (("cx", "cy", "w", "h"), ("x_center", "y_center", "width", "height"))
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("x0", "y0", "x1", "y1"),
    ("left", "top", "right", "bottom"),
)


@dataclass(frozen=True)
class Boxes:
    """The boxes of one picture.

    Attributes:
        values: x, y, width and height of each, in pixels.
        names: the name of what each box shows; None where the form has no names.
    """

    values: list[list[float]]
    names: list[str] | None = None


class BoxFormError(ValueError):
    """Boxes that cannot be read.

    The message says what is wrong, in the same words for all such rows. `advice` says what to do.
    """

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


def boxes_of(value: Any) -> Boxes | None:
    """The boxes in a cell; None where it is empty. An empty list means that the picture has no boxes.

    Raises:
        BoxFormError: they are in none of the forms, or they are shares of the picture instead of pixels.
    """
    if isinstance(value, str):
        value = _parsed(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    found = _boxes(value)
    inside = [size for box in found.values for size in box]
    if inside and all(0 <= size <= 1 for size in inside) and any(inside):
        raise BoxFormError("has boxes with no number above 1, as shares of the picture have", "give them in pixels")
    return found


def _unreadable() -> BoxFormError:
    return BoxFormError("has boxes that are not lists of four numbers", "give [[x, y, width, height], ...] in pixels")


def _parsed(text: str) -> Any:
    """The value of a cell: JSON, Python, or numbers separated by blanks, semicolons or line ends."""
    text = text.strip()
    if text.lower() in ("", "nan", "none", "null", "na", "n/a"):
        return None
    if len(text) > _LONGEST:
        raise _unreadable()
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    words = [word for word in re.split(r"[\s;|\[\]()]+", text) if word]
    numbers = [number(word.rstrip(",")) for word in words]
    if not numbers or len(numbers) % 4 or None in numbers:
        raise _unreadable()
    return [numbers[start : start + 4] for start in range(0, len(numbers), 4)]


def _boxes(value: Any) -> Boxes:
    if isinstance(value, Mapping):
        return _from_object({str(key).strip().lower(): inner for key, inner in value.items()})
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise _unreadable()
    if value and not any(isinstance(item, (Mapping, list, tuple)) for item in value):
        return Boxes([_four(value)])
    parts = [_boxes(item) for item in value]
    if any(len(part.values) != 1 for part in parts):
        raise _unreadable()
    names = [part.names[0] if part.names else "" for part in parts]
    return Boxes([part.values[0] for part in parts], names if any(names) else None)


def _from_object(value: Mapping[str, Any]) -> Boxes:
    if not value:
        return Boxes([])
    names = next((_as_names(value[key]) for key in _NAME_KEYS if value.get(key) is not None), None)
    if key := next((key for key in _BOX_KEYS if key in value), None):
        found = Boxes([]) if value[key] is None else _boxes(value[key])
    elif four := next((_by_keys(value, keys, form) for form in _FORMS for keys in form if _has(value, keys)), None):
        found = Boxes(four)
    else:
        raise _unreadable()
    if names is None:
        return found
    return Boxes(found.values, names) if len(names) == len(found.values) else found


_FORMS = (_SIZES, _CENTRES, _CORNERS)


def _has(value: Mapping[str, Any], keys: Sequence[str]) -> bool:
    return all(value.get(key) is not None for key in keys)


def _by_keys(value: Mapping[str, Any], keys: Sequence[str], form: Sequence[Sequence[str]]) -> list[list[float]]:
    """The box of an object with four numbers, or the boxes of an object with four lists of numbers."""
    columns = [value[key] if isinstance(value[key], (list, tuple)) else [value[key]] for key in keys]
    if len({len(column) for column in columns}) != 1:
        raise _unreadable()
    boxes = []
    for first, second, third, fourth in map(_four, zip(*columns, strict=True)):
        if form is _CORNERS:
            boxes.append([first, second, third - first, fourth - second])
        elif form is _CENTRES:
            boxes.append([first - third / 2, second - fourth / 2, third, fourth])
        else:
            boxes.append([first, second, third, fourth])
    return boxes


def _four(values: Sequence[Any]) -> list[float]:
    numbers = [found for value in values if (found := _number(value)) is not None]
    if len(values) != 4 or len(numbers) != 4:
        raise _unreadable()
    return numbers


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _as_names(value: Any) -> list[str] | None:
    if isinstance(value, (list, tuple)):
        return ["" if name is None else str(name) for name in value]
    return None if isinstance(value, Mapping) else [str(value)]
