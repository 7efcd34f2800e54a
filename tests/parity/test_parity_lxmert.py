"""LXMERT against the Hugging Face class, with copied weights: both outputs and the readout."""

import pytest
import torch
from torch import Tensor, nn
from transformers import LxmertConfig, LxmertModel

from components.models.architectures.lxmert import LXMERT
from components.models.bimodal import AttentionSide, FeedForwardSide
from components.models.configuration import ModelConfiguration
from tests.parity.weight_copying import copy, randomise

FEATURES = 10
CONFIGURATION = ModelConfiguration(
    width=32,
    layers=5,
    heads=4,
    feed_forward=48,
    dropout=0.0,
    patch_size=8,
    stem_widths=(8,),
    image_tokens=1,
    projection=16,
    text_encoder="tiny",
    grid_encoder="tiny",
    patch_encoder="tiny",
    vocabulary_size=50,
    max_length=12,
    image_size=24,
    pad_token_id=0,
    region_features=FEATURES,
)
TEXT_LAYERS, IMAGE_LAYERS, CROSS_LAYERS = 3, 2, 2
"""The study's depth of 5 in LXMERT's shares."""
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def copy_attention(ours: AttentionSide, attention: nn.Module, output: nn.Module) -> None:
    parts = [attention.query, attention.key, attention.value]
    copy(ours.projection.weight, torch.cat([part.weight for part in parts]))
    copy(ours.projection.bias, torch.cat([part.bias for part in parts]))
    copy(ours.output, output.dense)
    copy(ours.residual.norm, output.LayerNorm)


def copy_feed_forward(ours: FeedForwardSide, expand: nn.Module, output: nn.Module) -> None:
    copy(ours.network.expand, expand.dense)
    copy(ours.network.contract, output.dense)
    copy(ours.residual.norm, output.LayerNorm)


def copied(reference: LxmertModel, configuration: ModelConfiguration = CONFIGURATION) -> LXMERT:
    """Ours with the weights of the reference; at a depth of 5, as the sub-layers are counted."""
    ours = LXMERT(configuration)
    embeddings, regions = reference.embeddings, reference.encoder.visn_fc
    copy(ours.text_embedding.words, embeddings.word_embeddings)
    copy(ours.text_embedding.positions, embeddings.position_embeddings)
    copy(ours.text_embedding.segments, embeddings.token_type_embeddings)
    copy(ours.text_embedding.norm, embeddings.LayerNorm)
    copy(ours.visual_embedding.projection, regions.visn_fc)
    copy(ours.visual_embedding.feature_norm, regions.visn_layer_norm)
    copy(ours.visual_embedding.code.linear, regions.box_fc)
    copy(ours.visual_embedding.code.norm, regions.box_layer_norm)
    copy(ours.text_pooler, reference.pooler.dense)

    def side(number: int, name: str) -> nn.Module:
        return ours.layers.sublayers[number].sides[name]

    for name, layers in (("text", reference.encoder.layer), ("image", reference.encoder.r_layers)):
        for number, layer in enumerate(layers):
            copy_attention(side(2 * number, name), layer.attention.self, layer.attention.output)
            copy_feed_forward(side(2 * number + 1, name), layer.intermediate, layer.output)
    for number, layer in enumerate(reference.encoder.x_layers):
        first = 2 * TEXT_LAYERS + 3 * number
        copy_attention(side(first, "both"), layer.visual_attention.att, layer.visual_attention.output)
        copy_attention(side(first + 1, "text"), layer.lang_self_att.self, layer.lang_self_att.output)
        copy_attention(side(first + 1, "image"), layer.visn_self_att.self, layer.visn_self_att.output)
        copy_feed_forward(side(first + 2, "text"), layer.lang_inter, layer.lang_output)
        copy_feed_forward(side(first + 2, "image"), layer.visn_inter, layer.visn_output)
    return ours.eval()


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
    states = copied(reference).encode(given)
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
