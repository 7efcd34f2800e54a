"""The loss on boxes against a plain float64 computation, object by object and cell by cell."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.models.detector import DenseHeads, DenseOutputs, RegionDetector, boxes_at
from components.objectives.object_boxes import ObjectBoxes, box_targets

HEIGHT, WIDTH = 3, 5
CLASSES, ATTRIBUTES = 3, 2
BOXES = torch.tensor(
    [
        [[0.1, 0.2, 0.5, 0.9], [0.62, 0.05, 0.66, 0.2], [0.0, 0.6, 0.3, 1.0]],
        [[0.9, 0.9, 1.0, 1.0], [-1.0, -1.0, -1.0, -1.0], [-1.0, -1.0, -1.0, -1.0]],
    ]
)
NAMES = torch.tensor([[2, 0, -1], [1, -1, -1]])
COLOURS = torch.tensor([[0, 1, 1], [-1, -1, -1]])


class Given(nn.Module):
    """A detector whose heads say what they are told."""

    def __init__(self, outputs: DenseOutputs) -> None:
        super().__init__()
        self.outputs = outputs

    def feature_map(self, pixels: Tensor) -> Tensor:
        return pixels

    def heads(self, features: Tensor) -> DenseOutputs:
        return self.outputs


def outputs(seed: int = 0, dtype: torch.dtype = torch.float64) -> DenseOutputs:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(), (2,), (2,), (CLASSES,), (ATTRIBUTES,)]
    return DenseOutputs(
        *(torch.randn(2, *shape, HEIGHT, WIDTH, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)
    )


def reference(said: DenseOutputs) -> dict[str, float]:
    """Every part of the loss, before it is divided by the number of objects."""
    parts = dict.fromkeys(("centre", "offset", "size", "class", "attribute"), 0.0)
    for picture in range(2):
        heat = [[0.0] * WIDTH for _ in range(HEIGHT)]
        for place in range(3):
            left, top, right, bottom = BOXES[picture, place].tolist()
            if left < 0:
                continue
            width, height = (right - left) * WIDTH, (bottom - top) * HEIGHT
            x, y = (left + right) / 2 * WIDTH, (top + bottom) / 2 * HEIGHT
            column, row = int(x), int(y)
            for i in range(HEIGHT):
                for j in range(WIDTH):
                    spread = ((j - column) / (width / 6)) ** 2 + ((i - row) / (height / 6)) ** 2
                    heat[i][j] = max(heat[i][j], math.exp(-spread / 2))
            offset, size = said.offsets[picture, :, row, column], said.log_sizes[picture, :, row, column]
            parts["offset"] += abs(float(offset[0]) - (x - column)) + abs(float(offset[1]) - (y - row))
            parts["size"] += abs(float(size[0]) - math.log(width)) + abs(float(size[1]) - math.log(height))
            for name, logits, wanted in (("class", said.classes, NAMES), ("attribute", said.attributes, COLOURS)):
                if (index := int(wanted[picture, place])) >= 0:
                    values = [math.exp(value) for value in logits[picture, :, row, column].tolist()]
                    parts[name] -= math.log(values[index] / sum(values))
        for i in range(HEIGHT):
            for j in range(WIDTH):
                p = 1 / (1 + math.exp(-float(said.objectness[picture, i, j])))
                if heat[i][j] == 1:
                    parts["centre"] -= (1 - p) ** 2 * math.log(p)
                else:
                    parts["centre"] -= (1 - heat[i][j]) ** 4 * p**2 * math.log(1 - p)
    return parts


def batch() -> dict[str, Tensor]:
    return {
        "pixels": torch.zeros(2, 3, 8, 8),
        "boxes": BOXES,
        "box_classes": NAMES,
        "box_attributes": COLOURS,
    }


def test_the_loss_is_the_reference() -> None:
    for seed in range(5):
        loss, metrics = ObjectBoxes("detector")(Given(outputs(seed)), batch())
        parts = {name: value / 4 for name, value in reference(outputs(seed)).items()}
        for name, value in parts.items():
            assert float(metrics[name]) == pytest.approx(value, rel=1e-5), name
        assert float(loss) == pytest.approx(sum(parts.values()), rel=1e-5)


def test_accuracies_count_named_objects_alone() -> None:
    said = outputs()
    said.classes.zero_()[0, 2, 1, 1] = 1.0  # the first box, of class 2, has its centre in row 1, column 1
    _, metrics = ObjectBoxes("detector")(Given(said), batch())
    assert float(metrics["class_accuracy"]) == pytest.approx(
        2 / 3
    )  # of equal logits the first class wins: the second box


def test_what_targets_say_is_read_back_as_the_boxes() -> None:
    """The objective's targets and the detector's boxes are each other's inverse."""
    targets = box_targets(BOXES, HEIGHT, WIDTH)
    assert targets.real.tolist() == [[True] * 3, [True, False, False]]
    assert (targets.heat == 1).sum() == 4
    for picture, place in targets.real.nonzero().tolist():
        cell = targets.cells[picture, place].view(1, 1)
        maps = [
            part[picture, place, :, None, None].expand(2, HEIGHT, WIDTH)[None]
            for part in (targets.offsets, targets.log_sizes)
        ]
        empty = torch.zeros(1, 0, HEIGHT, WIDTH)
        said = DenseOutputs(torch.zeros(1, HEIGHT, WIDTH), maps[0], maps[1], empty, empty)
        torch.testing.assert_close(boxes_at(said, cell)[0, 0], BOXES[picture, place])


def test_pictures_without_objects_still_teach_that_there_is_nothing() -> None:
    bare: dict[str, Any] = {**batch(), "boxes": torch.full((2, 3, 4), -1.0), "box_classes": torch.full((2, 3), -1)}
    bare["box_attributes"] = bare["box_classes"]
    model = RegionDetector((6, 8), CLASSES, ATTRIBUTES, 2)
    loss, metrics = ObjectBoxes("detector")(model, {**bare, "pixels": torch.randn(2, 3, 16, 16)})
    loss.backward()
    assert torch.isfinite(loss)
    assert float(metrics["centre"]) > 0
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)
    assert [float(metrics[name]) for name in ("offset", "size", "class", "attribute")] == [0.0] * 4


def test_a_detector_and_cells_learn_from_the_same_batch() -> None:
    """Gradients reach everything of both, down to the first convolution."""
    shown = {**batch(), "pixels": torch.randn(2, 3, 16, 16)}
    detector = RegionDetector((6, 8), CLASSES, ATTRIBUTES, 2)
    objective = ObjectBoxes("detector")
    objective(detector, shown)[0].backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in detector.parameters())

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.projection = nn.Conv2d(3, 8, 4, stride=4)

        def forward(self, pixels: Tensor) -> Tensor:
            patches = self.projection(pixels).flatten(2).transpose(1, 2)
            return torch.cat([patches[:, :1], patches], dim=1)

    patches, cells = Encoder(), ObjectBoxes("patches", DenseHeads(8, CLASSES, ATTRIBUTES))
    cells(patches, shown)[0].backward()
    for parameter in [*patches.parameters(), *cells.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.any()
