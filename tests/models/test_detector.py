"""What the detector promises whatever its weights are: a fixed number of regions that are boxes and distributions."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from components.models.detector import (
    DenseHeads,
    DenseOutputs,
    RegionDetector,
    at_cells,
    boxes_at,
    strongest_peaks,
    with_nothing,
)

CLASSES, ATTRIBUTES, REGIONS = 3, 2, 5


def detector(seed: int = 0, classes: int = CLASSES, attributes: int = ATTRIBUTES) -> RegionDetector:
    torch.manual_seed(seed)
    model = RegionDetector((6, 8), classes, attributes, REGIONS)
    for part in model.modules():  # as if trained: statistics that are not those of a fresh module
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 2.0)
    return model.eval()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), batch=st.integers(1, 3), height=st.integers(3, 8), width=st.integers(3, 8))
@torch.inference_mode()
def test_regions_are_a_fixed_number_of_boxes_and_distributions(seed: int, batch: int, height: int, width: int) -> None:
    pixels = 3 * torch.randn(batch, 3, 4 * height, 4 * width, generator=torch.Generator().manual_seed(seed))
    regions = detector(seed).regions(pixels)
    assert regions.features.shape == (batch, REGIONS, 8)
    assert regions.boxes.shape == (batch, REGIONS, 4)
    assert regions.real.shape == (batch, REGIONS)
    assert regions.real.all()
    assert regions.boxes.min() >= 0
    assert regions.boxes.max() <= 1
    assert (regions.boxes[..., 2:] > regions.boxes[..., :2]).all()
    for probabilities, kinds in ((regions.classes, CLASSES), (regions.attributes, ATTRIBUTES)):
        assert probabilities.shape == (batch, REGIONS, kinds + 1)
        assert probabilities.min() >= 0
        torch.testing.assert_close(probabilities.sum(dim=-1), torch.ones(batch, REGIONS))
    # Background and "none" are the same event: no object.
    torch.testing.assert_close(regions.classes[..., -1], regions.attributes[..., -1])


@torch.inference_mode()
def test_a_pictures_regions_depend_on_nothing_else() -> None:
    pixels = torch.randn(6, 3, 24, 24)
    model = detector()
    together, again = model.regions(pixels), model.regions(pixels)
    for first, second in zip(together, again, strict=True):
        assert torch.equal(first, second)
    for row in range(len(pixels)):
        alone = model.regions(pixels[row : row + 1])
        for first, second in zip(together, alone, strict=True):
            torch.testing.assert_close(first[row : row + 1], second)


@torch.inference_mode()
def test_given_boxes_are_not_looked_at() -> None:
    pixels = torch.randn(2, 3, 24, 24)
    shown = detector().regions(pixels, torch.rand(2, 4, 4), torch.ones(2, 4, dtype=torch.bool))
    assert all(torch.equal(first, second) for first, second in zip(shown, detector().regions(pixels), strict=True))


@torch.inference_mode()
def test_without_names_there_is_one_class() -> None:
    regions = detector(classes=0, attributes=0).regions(torch.randn(2, 3, 24, 24))
    assert torch.equal(regions.classes, torch.ones(2, REGIONS, 1))
    assert torch.equal(regions.attributes, torch.ones(2, REGIONS, 1))


def test_pictures_that_are_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="a map of 2 x 2 cells cannot hold 5 regions"):
        detector().regions(torch.zeros(1, 3, 8, 8))


def test_peaks_come_first_then_other_cells_and_of_equals_the_first() -> None:
    strengths = torch.tensor(
        [
            [9.0, 8.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 5.0],
            [5.0, 0.0, 0.0, 0.0],
        ]
    )
    order = strongest_peaks(strengths[None], 16)[0].tolist()
    # 9, then the fives, of which reading order decides, then the zeros that no neighbour tops; 8 stands beside the 9.
    assert order[:3] == [0, 11, 12]
    tops = [cell for cell in range(16) if strengths.flatten()[cell] == _highest_around(strengths, cell)]
    assert order[: len(tops)] == [0, 11, 12, *sorted(set(tops) - {0, 11, 12})]
    others = [cell for cell in range(16) if cell not in tops]
    assert order[len(tops) :] == others  # the first of which is the 8
    assert strongest_peaks(torch.zeros(1, 4, 4), 16)[0].tolist() == list(range(16))


def _highest_around(strengths: torch.Tensor, cell: int) -> torch.Tensor:
    row, column = divmod(cell, 4)
    return strengths[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].max()


def test_boxes_are_read_off_cells() -> None:
    outputs = DenseOutputs(
        objectness=torch.zeros(1, 2, 4),
        offsets=torch.full((1, 2, 2, 4), 0.25),
        log_sizes=torch.stack([torch.full((2, 4), 1.0).log(), torch.full((2, 4), 0.5).log()])[None],
        classes=torch.zeros(1, 0, 2, 4),
        attributes=torch.zeros(1, 0, 2, 4),
    )
    # Cell 6 is the third of the second row: its centre lies at (2.25 / 4, 1.25 / 2); the box is one by half a cell.
    (box,) = boxes_at(outputs, torch.tensor([[6]]))[0]
    torch.testing.assert_close(box, torch.tensor([1.75 / 4, 1.0 / 2, 2.75 / 4, 1.5 / 2]))


def test_columns_of_a_map() -> None:
    maps = torch.arange(24.0).view(1, 2, 3, 4)
    assert at_cells(maps, torch.tensor([[0, 11, 5]])).tolist() == [[[0, 12], [11, 23], [5, 17]]]


def test_nothing_comes_last() -> None:
    probabilities = with_nothing(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[0.8]]))
    expected = [*(0.8 * F.softmax(torch.tensor([0.0, 1.0]), dim=0)).tolist(), 0.2]
    torch.testing.assert_close(probabilities, torch.tensor([[expected]]))


def test_fresh_heads_expect_few_objects() -> None:
    outputs = DenseHeads(8, 2, 2)(torch.zeros(1, 8, 2, 2))
    torch.testing.assert_close(outputs.objectness.sigmoid(), torch.full((1, 2, 2), 0.1))
