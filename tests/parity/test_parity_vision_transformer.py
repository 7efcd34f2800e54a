"""Our vision transformer against the Hugging Face class, through a checkpoint on disk."""

from pathlib import Path

import pytest
import torch
from transformers import ViTConfig, ViTModel

from components.models.vision_transformer import VisionTransformer, interpolate_positions, without_patch_bias
from tests.parity.weight_copying import randomise


@pytest.fixture(scope="module")
def reference() -> ViTModel:
    torch.manual_seed(7)
    model = ViTModel(
        ViTConfig(
            hidden_size=32,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=48,
            image_size=24,
            patch_size=8,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        add_pooling_layer=False,
    )
    randomise(model)
    return model.eval()


@pytest.fixture(scope="module")
def folder(reference: ViTModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vit")
    reference.save_pretrained(path)
    return path


@torch.no_grad()
def test_states_equal_hugging_face(reference: ViTModel, folder: Path) -> None:
    ours = VisionTransformer.from_hugging_face(str(folder)).eval()
    pixels = torch.randn(3, 3, 24, 24)
    expected = reference(pixel_values=pixels).last_hidden_state
    torch.testing.assert_close(ours(pixels), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_positions_are_interpolated_as_hugging_face_does(reference: ViTModel, folder: Path) -> None:
    ours = VisionTransformer.from_hugging_face(str(folder), image_size=40).eval()
    pixels = torch.randn(2, 3, 40, 40)
    expected = reference(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state
    torch.testing.assert_close(ours(pixels), expected, atol=1e-5, rtol=1e-5)


def test_positions_of_the_same_grid_are_left_alone() -> None:
    positions = torch.randn(1, 10, 4)
    assert interpolate_positions(positions, 10) is positions


@torch.no_grad()
def test_folding_the_patch_bias_changes_nothing(folder: Path) -> None:
    ours = VisionTransformer.from_hugging_face(str(folder)).eval()
    folded = VisionTransformer(
        image_size=24, patch_size=8, width=32, layers=3, heads=4, feed_forward=48, patch_bias=False
    ).eval()
    folded.load_state_dict(without_patch_bias(ours.state_dict()))
    pixels = torch.randn(3, 3, 24, 24)
    torch.testing.assert_close(folded(pixels), ours(pixels), atol=1e-5, rtol=1e-5)
