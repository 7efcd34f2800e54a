"""A pre-norm controlled arm against torch's own pre-norm transformer with copied weights."""

import torch
from torch import nn

from components.models.architectures.controlled import Controlled
from components.models.configuration import Axes
from tests.parity.weight_copying import copy, randomise
from tests.small_configurations import parity

WIDTH, HEADS, HIDDEN, LAYERS, WORDS, REGIONS, FEATURES = 32, 4, 48, 3, 6, 5, 10
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
CONFIGURATION = parity(
    width=WIDTH,
    layers=LAYERS,
    heads=HEADS,
    feed_forward=HIDDEN,
    regions=REGIONS,
    region_features=FEATURES,
    axes=Axes("single_stream", "normed_7", "product", "words", "pre", "common"),
)


def test_a_pre_norm_single_stream_is_torchs_transformer_with_a_final_norm() -> None:
    torch.manual_seed(0)
    ours = Controlled(CONFIGURATION).eval()
    randomise(ours)
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, 0.0, activation="gelu", layer_norm_eps=1e-12, batch_first=True, norm_first=True
    )
    reference = nn.TransformerEncoder(
        layer, LAYERS, norm=nn.LayerNorm(WIDTH, eps=1e-12), enable_nested_tensor=False
    ).eval()
    for number, theirs in enumerate(reference.layers):
        attention = ours.layers.sublayers[2 * number].sides["both"]
        feed_forward = ours.layers.sublayers[2 * number + 1].sides["both"]
        copy(theirs.self_attn.in_proj_weight, attention.projection.weight)
        copy(theirs.self_attn.in_proj_bias, attention.projection.bias)
        copy(theirs.self_attn.out_proj, attention.output)
        copy(theirs.norm1, attention.residual.norm)
        copy(theirs.linear1, feed_forward.network.expand)
        copy(theirs.linear2, feed_forward.network.contract)
        copy(theirs.norm2, feed_forward.residual.norm)
    copy(reference.norm, ours.final_norms[0])
    words, real = torch.tensor([6, 4]), torch.tensor([5, 2])
    given = {
        "input_ids": torch.randint(1, 50, (2, WORDS)),
        "attention_mask": (torch.arange(WORDS) < words[:, None]).long(),
        "region_features": torch.randn(2, REGIONS, FEATURES),
        "region_boxes": torch.rand(2, REGIONS, 2, 2).sort(dim=2).values.flatten(2),
        "region_real": torch.arange(REGIONS) < real[:, None],
    }
    with torch.no_grad():
        states = ours.encode(given)
        text, image, shown = ours.visual_embedding(given, ours.text_embedding)
        padding = ~torch.cat([given["attention_mask"].bool(), shown], dim=1)
        joined = reference(torch.cat([text, image], dim=1), src_key_padding_mask=padding)
        poolers = ours.text_pooler(joined[:, 0]), ours.image_pooler(joined[:, WORDS])
    torch.testing.assert_close(states.pooled, poolers[0].clamp(min=0) * poolers[1].clamp(min=0), **CLOSE)
    mask = given["attention_mask"].bool()
    torch.testing.assert_close(states.text[mask], joined[:, :WORDS][mask], **CLOSE)
    # The first visual token is the whole picture, which is no region.
    regions = joined[:, WORDS + 1 :]
    torch.testing.assert_close(states.image[given["region_real"]], regions[given["region_real"]], **CLOSE)
