"""LXMERT against the Hugging Face class, with copied weights: both outputs and the readout."""

import pytest
import torch
from torch import Tensor
from transformers import LxmertConfig, LxmertModel

from components.models.architectures.lxmert import LXMERT
from tests.parity.copied_models import copied_lxmert
from tests.parity.weight_copying import randomise
from tests.small_configurations import parity

FEATURES = 10
CONFIGURATION = parity(layers=5, region_features=FEATURES)
TEXT_LAYERS, IMAGE_LAYERS, CROSS_LAYERS = 3, 2, 2
"""The study's depth of 5 in LXMERT's shares."""
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(scope="module")
def reference() -> LxmertModel:
    torch.manual_seed(3)
    model = LxmertModel(
        LxmertConfig(
            vocab_size=50,
            hidden_size=32,
            num_attention_heads=4,
            intermediate_size=48,
            max_position_embeddings=12,
            l_layers=TEXT_LAYERS,
            r_layers=IMAGE_LAYERS,
            x_layers=CROSS_LAYERS,
            visual_feat_dim=FEATURES,
            visual_pos_dim=4,
        )
    )
    randomise(model)
    return model.eval()


def batch() -> dict[str, Tensor]:
    """Texts of different length beside pictures with different numbers of regions."""
    generator = torch.Generator().manual_seed(5)
    mask = (torch.arange(12) < torch.tensor([12, 7, 2, 9])[:, None]).long()
    return {
        "input_ids": torch.randint(1, 50, (4, 12), generator=generator) * mask,
        "attention_mask": mask,
        "region_features": torch.randn(4, 7, FEATURES, generator=generator),
        "region_boxes": torch.rand(4, 7, 4, generator=generator),
        "region_real": torch.arange(7) < torch.tensor([7, 1, 4, 6])[:, None],
    }


@torch.no_grad()
def test_states_and_readout_equal_hugging_face(reference: LxmertModel) -> None:
    given = batch()
    states = copied_lxmert(reference, CONFIGURATION).encode(given)
    expected = reference(
        input_ids=given["input_ids"],
        attention_mask=given["attention_mask"],
        visual_feats=given["region_features"],
        visual_pos=given["region_boxes"],
        visual_attention_mask=given["region_real"].float(),
    )
    real, seen = given["attention_mask"].bool(), given["region_real"]
    torch.testing.assert_close(states.text[real], expected.language_output[real], **CLOSE)
    torch.testing.assert_close(states.image[seen], expected.vision_output[seen], **CLOSE)
    torch.testing.assert_close(states.pooled, expected.pooled_output, **CLOSE)


def test_all_weights_have_a_place(reference: LxmertModel) -> None:
    ours, theirs = (sum(one.numel() for one in model.parameters()) for model in (LXMERT(CONFIGURATION), reference))
    assert ours == theirs


def test_parameter_count_at_base_size_is_the_references() -> None:
    with torch.device("meta"):
        model = LxmertModel(LxmertConfig())
    assert sum(one.numel() for one in model.parameters()) == 207_936_768  # and ours: tests/models/test_family.py
