"""What ViLT reads of a picture."""

import pytest
import torch

from tests.models.region_batches import batch, build


def test_all_patches_of_square_pictures_are_read() -> None:
    """Also in pretraining, where the paper samples 200, and no picture of another shape is fitted in."""
    model = build("vilt", patch_size=2).train()
    model.begin_pretraining()
    shown = batch([5, 3])
    states = model.encode(shown)
    assert states.image.shape[:2] == (2, 16 * 16)
    assert states.image_real is None
    shown["pixels"] = torch.cat([shown["pixels"], shown["pixels"]], dim=3)
    with pytest.raises(RuntimeError, match="size of tensor"):
        model.encode(shown)
