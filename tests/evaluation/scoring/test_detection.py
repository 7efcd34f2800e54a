"""Mean average precision against a plain computation, detection by detection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluation.scoring.detection import mean_average_precision, overlaps


def iou(first: list[float], second: list[float]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return shared / (areas - shared)


def reference(
    boxes: np.ndarray, classes: np.ndarray, scores: np.ndarray, true_boxes: np.ndarray, true_classes: np.ndarray
) -> float:
    """PASCAL VOC's definition, by loops; the curve's area by its steps in recall."""
    precisions = []
    for kind in sorted({int(name) for row in true_classes for name in row if name >= 0}):
        detections = sorted(
            ((-float(scores[n, d]), n, d) for n, d in np.ndindex(scores.shape) if classes[n, d] == kind)
        )
        total = sum(int(name) == kind for row in true_classes for name in row)
        taken: set[tuple[int, int]] = set()
        points = []
        hits = 0
        for count, (_, n, d) in enumerate(detections, start=1):
            rivals = [
                (iou(boxes[n, d].tolist(), true_boxes[n, m].tolist()), -m)
                for m in range(true_classes.shape[1])
                if true_classes[n, m] == kind
            ]
            overlap, place = max(rivals, default=(0.0, 0))
            if overlap >= 0.5 and (n, place) not in taken:
                taken.add((n, place))
                hits += 1
            points.append((hits / total, hits / count))
        area, before = 0.0, 0.0
        for index, (recall, _) in enumerate(points):
            area += (recall - before) * max(precision for _, precision in points[index:])
            before = recall
        precisions.append(area)
    return sum(precisions) / len(precisions)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), noise=st.floats(0.0, 0.2), levels=st.integers(2, 50))
def test_it_is_the_reference(seed: int, noise: float, levels: int) -> None:
    random = np.random.default_rng(seed)
    pictures, objects, proposals, kinds = 5, 3, 6, 3
    corners = random.uniform(0, 0.6, (pictures, objects, 2))
    true_boxes = np.concatenate([corners, corners + random.uniform(0.1, 0.4, corners.shape)], axis=2)
    true_classes = random.integers(-1, kinds, (pictures, objects))
    true_classes[0, 0] = 0
    source = random.integers(0, objects, (pictures, proposals))
    boxes = np.take_along_axis(true_boxes, source[..., None], axis=1) + noise * random.normal(
        size=(pictures, proposals, 4)
    )
    boxes[..., 2:] = np.maximum(boxes[..., 2:], boxes[..., :2] + 0.01)
    classes = np.where(
        random.random(source.shape) < 0.7,
        np.take_along_axis(true_classes, source, axis=1).clip(min=0),
        random.integers(0, kinds, source.shape),
    )
    scores = random.integers(0, levels, source.shape) / levels  # with ties
    expected = reference(boxes, classes, scores, true_boxes, true_classes)
    assert mean_average_precision(boxes, classes, scores, true_boxes, true_classes) == pytest.approx(expected)


def test_perfect_detections_score_one_and_duplicates_cost_nothing_behind_them() -> None:
    truth = np.array([[[0.1, 0.1, 0.4, 0.4], [-1, -1, -1, -1]]])
    names = np.array([[1, -1]])
    boxes = np.repeat(truth[:, :1], 2, axis=1)
    kinds = np.array([[1, 1]])
    assert mean_average_precision(boxes, kinds, np.array([[0.9, 0.1]]), truth, names) == 1.0
    # A surer detection of it elsewhere halves the precision at full recall.
    boxes[0, 0] = [0.6, 0.6, 0.9, 0.9]
    assert mean_average_precision(boxes, kinds, np.array([[0.9, 0.1]]), truth, names) == 0.5
    # Without any detection of the class there is nothing.
    assert mean_average_precision(boxes, np.zeros_like(kinds), np.array([[0.9, 0.1]]), truth, names) == 0.0


def test_without_objects_there_is_no_figure() -> None:
    assert np.isnan(
        mean_average_precision(
            np.zeros((1, 1, 4)), np.zeros((1, 1), int), np.zeros((1, 1)), np.zeros((1, 0, 4)), np.zeros((1, 0), int)
        )
    )


def test_overlaps_of_padding_are_none() -> None:
    assert overlaps(np.array([[[0.0, 0.0, 1.0, 1.0]]]), np.full((1, 1, 4), -1.0)).item() == 0.0
