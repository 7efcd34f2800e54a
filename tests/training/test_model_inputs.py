"""What models read of a picture."""

import pytest
import torch
from torch import Tensor, nn

from components.models.front_ends import region_front
from components.models.pixels import PixelScaling
from components.training.model_inputs import looked_at
from tests.models.region_batches import READS_REGIONS, batch, build, configured
from tests.models.small_models import pictures

TEXTS = ("input_ids", "attention_mask")


@pytest.mark.parametrize("name", READS_REGIONS)
def test_regions_are_those_of_the_studys_front_end_and_nothing_else_looks(name: str) -> None:
    """The features that enter the model are the front end's, and the model has nothing to look at pictures with."""
    torch.manual_seed(0)
    size = configured(regions=4, region_features=16)
    front, scaling = region_front("detector", size).eval(), PixelScaling()
    pixels = (pictures(2).permute(0, 2, 3, 1) * 40 + 128).clamp(0, 255).to(torch.uint8)
    shown = looked_at({one: batch([6, 4])[one] for one in TEXTS} | {"pixels": pixels}, scaling, front)
    assert "pixels" not in shown
    expected = front.regions(scaling(pixels))
    assert torch.equal(shown["region_boxes"], expected.boxes)
    model = build(name, regions=4, region_features=16).eval()
    assert not any(isinstance(part, nn.Conv2d) for part in model.modules())
    entered: list[Tensor] = []
    model.visual_embedding.projection.register_forward_pre_hook(lambda module, given: entered.append(given[0]))
    states = model.encode(shown)
    assert states.image.shape[1] == 4
    # VL-BERT puts the box before the features, and some put the whole picture before the regions.
    assert torch.equal(entered[0][:, -4:, -16:], expected.features)
