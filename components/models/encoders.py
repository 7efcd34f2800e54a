"""The unimodal encoders: text, image grid, image patches.

Text and grid encoders are Hugging Face classes, so any hub name or local folder works by configuration; `'tiny'`
builds the same class at the configuration's size. Hub names are looked up by `transformers`, which honours
`HF_HUB_OFFLINE`. It is imported only where it is needed: that takes seconds, which architectures without it save.
"""

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from components.models.configuration import ModelConfiguration
from components.models.initialisation import initialised
from components.models.transformer import Activation
from components.models.vision_transformer import VisionTransformer

if TYPE_CHECKING:
    from transformers import BertModel, ResNetModel

TINY = "tiny"
EncoderKind = Literal["grid", "patches"]


def text_encoder(configuration: ModelConfiguration) -> "BertModel":
    """BERT with its pooler; fresh at the configuration's size, or pretrained.

    Raises:
        OSError: there is no such checkpoint.
    """
    from transformers import BertConfig, BertModel

    if configuration.text_encoder != TINY:
        return BertModel.from_pretrained(configuration.text_encoder, attn_implementation="sdpa")
    bert = BertConfig(
        vocab_size=configuration.vocabulary_size,
        hidden_size=configuration.width,
        num_hidden_layers=configuration.layers,
        num_attention_heads=configuration.heads,
        intermediate_size=configuration.feed_forward,
        hidden_dropout_prob=configuration.dropout,
        attention_probs_dropout_prob=configuration.dropout,
        # MMBT gives [CLS], its image tokens and [SEP] positions from the same table.
        max_position_embeddings=max(configuration.max_length, configuration.image_tokens + 2),
        pad_token_id=configuration.pad_token_id,
    )
    bert._attn_implementation = "sdpa"
    return initialised(BertModel(bert))


def grid_encoder(configuration: ModelConfiguration) -> "ResNetModel":
    """A ResNet that keeps its grid; fresh with one basic block for each of `stem_widths`, or pretrained.

    ResNet's own stem (a wide convolution and a maximum over neighbours, which shrink the picture four times before
    the first block) loses small objects. The fresh one has a single convolution there, and its cells are as large as
    a patch, so that grid and patches show the picture at the same resolution.

    Raises:
        OSError: there is no such checkpoint.
    """
    from transformers import ResNetConfig, ResNetModel
    from transformers.models.resnet.modeling_resnet import ResNetConvLayer

    if configuration.grid_encoder != TINY:
        return ResNetModel.from_pretrained(configuration.grid_encoder)
    widths = list(configuration.stem_widths)
    resnet = ResNetModel(
        ResNetConfig(
            embedding_size=widths[0],
            hidden_sizes=widths,
            depths=[1] * len(widths),
            layer_type="basic",
            downsample_in_first_stage=True,
        )
    )
    stride = max(1, configuration.patch_size // 2 ** len(widths))  # every block halves the grid again
    stem = ResNetConvLayer(3, widths[0], kernel_size=max(3, 2 * stride - 1), stride=stride)
    resnet.set_submodule("embedder", stem)
    return initialised(resnet)


def patch_encoder(
    configuration: ModelConfiguration,
    *,
    activation: Activation = "gelu",
    norm_epsilon: float = 1e-12,
    patch_bias: bool = True,
) -> VisionTransformer:
    """A vision transformer; fresh at the configuration's size and with the variant asked for, or pretrained.

    Raises:
        OSError: there is no such checkpoint.
    """
    if configuration.patch_encoder != TINY:
        return VisionTransformer.from_hugging_face(configuration.patch_encoder, configuration.image_size)
    return initialised(
        VisionTransformer(
            image_size=configuration.image_size,
            patch_size=configuration.patch_size,
            width=configuration.width,
            layers=configuration.layers,
            heads=configuration.heads,
            feed_forward=configuration.feed_forward,
            dropout=configuration.dropout,
            activation=activation,
            norm_epsilon=norm_epsilon,
            patch_bias=patch_bias,
        )
    )


def grid_features(encoder: "ResNetModel", pixels: Tensor) -> Tensor:
    """The grid of features: (B, 3, height, width) to (B, C, h, w).

    Channels-last memory makes convolutions a quarter faster on CPUs; the weights stay as they are.
    """
    return encoder(pixels.contiguous(memory_format=torch.channels_last)).last_hidden_state


def grid_channels(encoder: "ResNetModel") -> int:
    """C, the channels of the grid."""
    return list(encoder.config.hidden_sizes or ())[-1]


def output_width(kind: EncoderKind, configuration: ModelConfiguration) -> int:
    """Channels of the grid, or width of the patches, that an encoder of this configuration gives."""
    name, fresh = {
        "grid": (configuration.grid_encoder, configuration.stem_widths[-1]),
        "patches": (configuration.patch_encoder, configuration.width),
    }[kind]
    if name == TINY:
        return fresh
    from transformers import AutoConfig

    pretrained = AutoConfig.from_pretrained(name)
    return int(pretrained.hidden_sizes[-1] if kind == "grid" else pretrained.hidden_size)
