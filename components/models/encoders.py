"""The unimodal encoders: text, image grid, image patches.

Text and grid encoders are Hugging Face classes, so the configuration may name any hub checkpoint or local folder; `'tiny'`
builds the same class at the configuration's size. `transformers` looks up hub names and honours `HF_HUB_OFFLINE`. Its import
takes seconds, so it is imported only where it is needed.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.initialisation import initialised
from components.models.transformer import Activation
from components.models.vision_transformer import VisionTransformer

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, ResNetModel

TINY = "tiny"
EncoderKind = Literal["grid", "patches"]


def text_encoder(configuration: ModelConfiguration) -> "PreTrainedModel":
    """A text encoder: a fresh BERT with its pooler at the configuration's size, or a pretrained checkpoint.

    The checkpoint may be of any class that is pretrained on masked words (BERT, RoBERTa, DistilBERT, ...). If the class has a
    pooler and the checkpoint does not, the pooler starts fresh, as in `transformers`.

    Raises:
        OSError: there is no such checkpoint.
        ValueError: its class is no such encoder, it lacks weights, or it has no room for the texts.
    """
    from transformers import BertConfig, BertModel

    if configuration.text_encoder != TINY:
        return _pretrained_text_encoder(configuration)
    bert = BertConfig(
        vocab_size=configuration.vocabulary_size,
        hidden_size=configuration.width,
        num_hidden_layers=configuration.layers,
        num_attention_heads=configuration.heads,
        intermediate_size=configuration.feed_forward,
        hidden_dropout_prob=configuration.dropout,
        attention_probs_dropout_prob=configuration.dropout,
        # In MMBT [CLS], the image tokens and [SEP] take their positions from the same table.
        max_position_embeddings=max(configuration.max_length, configuration.image_tokens + 2),
        pad_token_id=configuration.pad_token_id,
    )
    bert._attn_implementation = "sdpa"
    return initialised(BertModel(bert))


def _pretrained_text_encoder(configuration: ModelConfiguration) -> "PreTrainedModel":
    from transformers import AutoConfig, AutoModel
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    name = configuration.text_encoder
    theirs = AutoConfig.from_pretrained(name)
    if theirs.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES or theirs.is_encoder_decoder:
        raise ValueError(f"text_encoder {name!r} is a {theirs.model_type}, which is no encoder trained on masked words")
    check_room(configuration, theirs)
    model, report = AutoModel.from_pretrained(name, output_loading_info=True)
    check_complete(name, report["missing_keys"])
    words = model.get_input_embeddings().weight.shape[1]
    if words != theirs.hidden_size:
        raise ValueError(
            f"text_encoder {name!r} has words of width {words} and states of width {theirs.hidden_size}: choose one whose "
            "widths are equal, for its words are also what masked words are predicted with"
        )
    # A checkpoint brings a rate of its own, and all arms of a study drop alike.
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = configuration.dropout
    encoder: PreTrainedModel = model
    return encoder


def check_room(configuration: ModelConfiguration, theirs: "PretrainedConfig") -> None:
    """Check that the study's texts fit into a pretrained text encoder.

    Raises:
        ValueError: the vocabulary is larger, or texts are longer, than it has embeddings for.
    """
    positions = getattr(theirs, "max_position_embeddings", None)  # None where positions are relative
    for what, ours, room in (
        ("vocabulary_size", configuration.vocabulary_size, theirs.vocab_size),
        ("max_length", configuration.max_length, positions and positions - first_position(theirs)),
    ):
        if room is not None and ours > room:
            raise ValueError(
                f"text_encoder {configuration.text_encoder!r} has room for a {what} of {room}, not of {ours}"
            )


def first_position(theirs: "PretrainedConfig") -> int:
    """Row of the first token in the table of positions; RoBERTa and its variants count from the padding token on."""
    return (theirs.pad_token_id or 0) + 1 if "roberta" in theirs.model_type else 0


def check_complete(name: str, missing: Iterable[str]) -> None:
    """Check that a text encoder's checkpoint has all weights except those of a pooler.

    Raises:
        ValueError: it lacks some.
    """
    if lacking := sorted(key for key in missing if not key.startswith("pooler.")):
        raise ValueError(f"text_encoder {name!r} lacks the weights {', '.join(lacking)}")


def word_embeddings(encoder: "PreTrainedModel") -> nn.Embedding:
    """The word embeddings of a text encoder."""
    words = encoder.get_input_embeddings()
    assert isinstance(words, nn.Embedding)
    return words


def pooled_text(states: Any) -> Tensor:
    """The text encoder's vector of the whole text, (B, D): its pooler's output, or [CLS] if the class has no pooler."""
    pooled = getattr(states, "pooler_output", None)
    return states.last_hidden_state[:, 0] if pooled is None else pooled


def grid_encoder(configuration: ModelConfiguration) -> "ResNetModel":
    """A ResNet that returns its grid: fresh with one basic block for each of `stem_widths`, or pretrained.

    ResNet's own stem (a wide convolution and max pooling, which reduce the resolution by four before the first block) loses
    small objects. The fresh ResNet has a single convolution instead. Its cells are as large as a patch, so grid and patches
    show the picture at the same resolution.

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
    """A vision transformer: fresh at the configuration's size with the given variant, or pretrained.

    Raises:
        OSError: there is no such checkpoint.
    """
    if configuration.patch_encoder != TINY:
        return VisionTransformer.from_hugging_face(
            configuration.patch_encoder, configuration.image_size, configuration.dropout
        )
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

    Channels-last memory makes convolutions a quarter faster on CPUs; the weights do not change.
    """
    return encoder(pixels.contiguous(memory_format=torch.channels_last)).last_hidden_state


def grid_channels(encoder: "ResNetModel") -> int:
    """C, the channels of the grid."""
    return list(encoder.config.hidden_sizes or ())[-1]


def output_width(kind: EncoderKind, configuration: ModelConfiguration) -> int:
    """Channels of the grid, or width of the patches, of an encoder of this configuration."""
    name, fresh = {
        "grid": (configuration.grid_encoder, configuration.stem_widths[-1]),
        "patches": (configuration.patch_encoder, configuration.width),
    }[kind]
    if name == TINY:
        return fresh
    from transformers import AutoConfig

    pretrained = AutoConfig.from_pretrained(name)
    return int(pretrained.hidden_sizes[-1] if kind == "grid" else pretrained.hidden_size)
