"""How well objects are found: mean average precision.

Shapes: N pictures, D detections of a picture, M objects of a picture at most.
"""

import numpy as np
from numpy.typing import NDArray


def overlaps(boxes: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of boxes (..., D, 4) with boxes (..., M, 4), left, top, right, bottom: (..., D, M)."""
    first, second = boxes[..., :, None, :].astype(np.float64), others[..., None, :, :].astype(np.float64)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = sides.clip(min=0).prod(axis=-1)
    areas = [(each[..., 2:] - each[..., :2]).clip(min=0).prod(axis=-1) for each in (first, second)]
    return shared / np.maximum(areas[0] + areas[1] - shared, np.finfo(np.float64).tiny)


def mean_average_precision(
    boxes: NDArray[np.floating],
    classes: NDArray[np.integer],
    scores: NDArray[np.floating],
    true_boxes: NDArray[np.floating],
    true_classes: NDArray[np.integer],
    overlap: float = 0.5,
) -> float:
    """Average precision, averaged over the classes that occur: the area under the interpolated precision-recall curve.

    As PASCAL VOC has it since 2010 (Everingham et al., 2015, section 4.2): detections of a class are taken from the surest
    on, each belongs to the object of its picture and class that it overlaps most, and is right if the overlap suffices and
    no surer one was right about that object.

    Args:
        boxes: (N, D, 4).
        classes: (N, D), one for each detection.
        scores: (N, D); of equal ones the first counts as surer.
        true_boxes: (N, M, 4).
        true_classes: (N, M), -1 at padding.
        overlap: intersection over union that suffices.

    Returns:
        0 to 1; nan where there is no object at all.
    """
    shared = overlaps(boxes, true_boxes)
    each = [
        _average_precision(scores, classes == kind, shared, true_classes == kind, overlap)
        for kind in np.unique(true_classes[true_classes >= 0])
    ]
    return float(np.mean(each)) if each else float("nan")


def _average_precision(
    scores: NDArray[np.floating],
    detected: NDArray[np.bool_],
    shared: NDArray[np.float64],
    wanted: NDArray[np.bool_],
    overlap: float,
) -> float:
    pictures, places = np.nonzero(detected)
    order = np.argsort(-scores[pictures, places], kind="stable")
    pictures, places = pictures[order], places[order]
    candidates = np.where(wanted[pictures], shared[pictures, places], -1.0)  # (detections, M)
    best = candidates.argmax(axis=1)
    enough = candidates[np.arange(len(best)), best] >= overlap
    claims = np.flatnonzero(enough)
    # np.unique names the first occurrence: the surest detection of each object.
    _, first = np.unique(pictures[claims] * wanted.shape[1] + best[claims], return_index=True)
    right = np.zeros(len(order), dtype=bool)
    right[claims[first]] = True
    found = right.cumsum()
    precision = found / np.arange(1, len(order) + 1)
    attainable = np.maximum.accumulate(precision[::-1])[::-1]  # the best precision at this recall or a higher one
    return float(attainable[right].sum() / wanted.sum())
