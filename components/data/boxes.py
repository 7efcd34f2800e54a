"""Convert boxes of objects from pixels of the given picture to shares of the square that models see."""

from collections.abc import Sequence

import numpy as np

from components.data.images import MAX_LETTERBOXED_ASPECT, facts, header

FILL = -1


def in_square(boxes: Sequence[Sequence[float]], width: int, height: int, size: int) -> np.ndarray:
    """Boxes after `components.data.images.to_pixels` has fitted their picture into a square.

    Args:
        boxes: x, y, width, height in pixels of the upright picture.
        width: of the upright picture, in pixels.
        height: likewise.
        size: side of the square, in pixels.

    Returns:
        float32 (M, 4): left, top, right, bottom as shares of the square, 0 to 1.
    """
    longest, shortest = max(width, height), min(width, height)
    fitted, start = (size, size), (0, 0)  # stretched
    if longest <= MAX_LETTERBOXED_ASPECT * shortest:
        fitted = (max(1, round(width * size / longest)), max(1, round(height * size / longest)))
        start = ((size - fitted[0]) // 2, (size - fitted[1]) // 2)
    given = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    corners = np.stack([given[:, :2], given[:, :2] + given[:, 2:]], axis=1)
    shares = (corners * np.divide(fitted, (width, height)) + start) / size
    return shares.reshape(-1, 4).clip(0, 1).astype(np.float32)


class BoxTable:
    """Gathers the boxes of pictures, one picture after the other (N pictures, M boxes at most).

    Attributes:
        classes: names of classes of object seen so far.
        attributes: names of attributes seen so far.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.classes: set[str] = set()
        self.attributes: set[str] = set()
        self._boxes: list[np.ndarray] = []
        self._names: list[tuple[Sequence[str], Sequence[str]]] = []

    def add(
        self,
        image: bytes,
        boxes: Sequence[Sequence[float]] | None,
        classes: Sequence[str] | None,
        attributes: Sequence[str] | None,
    ) -> None:
        """Add one picture: its encoded bytes, and its columns `boxes`, `classes` and `attributes` of the images table."""
        self._boxes.append(self._placed(image, boxes or []))
        self._names.append((classes or [], attributes or []))
        self.classes.update(classes or [])
        self.attributes.update(attributes or [])

    def arrays(self, least: int = 0) -> dict[str, np.ndarray]:
        """`boxes` float32 (N, M, 4), `box_classes` and `box_attributes` int16 (N, M), padded with -1.

        A class or attribute is encoded as the position of its name among all sorted names of its kind.

        Args:
            least: M is no smaller.
        """
        shape = (len(self._boxes), max(least, max(map(len, self._boxes), default=0)))
        boxes = np.full((*shape, 4), FILL, dtype=np.float32)
        classes, attributes = np.full(shape, FILL, dtype=np.int16), np.full(shape, FILL, dtype=np.int16)
        positions = [
            {name: position for position, name in enumerate(sorted(names))} for names in (self.classes, self.attributes)
        ]
        for row, (placed, names) in enumerate(zip(self._boxes, self._names, strict=True)):
            boxes[row, : len(placed)] = placed
            for array, known, numbers in zip((classes, attributes), names, positions, strict=True):
                array[row, : len(known)] = [numbers[name] for name in known]
        return {"boxes": boxes, "box_classes": classes, "box_attributes": attributes}

    def _placed(self, image: bytes, boxes: Sequence[Sequence[float]]) -> np.ndarray:
        if not boxes:
            return np.empty((0, 4), dtype=np.float32)
        seen = header(image)
        width, height = seen.width, seen.height
        if width != height:  # its EXIF tag may turn it by a quarter, which only decoding shows
            known = facts(image)
            width, height = known.width, known.height
        return in_square(boxes, width, height, self.size)
