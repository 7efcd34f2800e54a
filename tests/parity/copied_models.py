"""Our LXMERT, ViLT and VisualBERT with the weights of the Hugging Face classes."""

import torch
from torch import nn
from transformers import LxmertModel, ViltModel, VisualBertModel

from components.models.architecture import load_component
from components.models.architectures.lxmert import LXMERT
from components.models.architectures.vilt import ViLT
from components.models.architectures.visualbert import VisualBERT
from components.models.bimodal import AttentionSide, FeedForwardSide
from components.models.configuration import ModelConfiguration
from tests.parity.weight_copying import copy, copy_layers


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


def copied_lxmert(reference: LxmertModel, configuration: ModelConfiguration) -> LXMERT:
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
        first = 2 * len(reference.encoder.layer) + 3 * number
        copy_attention(side(first, "both"), layer.visual_attention.att, layer.visual_attention.output)
        copy_attention(side(first + 1, "text"), layer.lang_self_att.self, layer.lang_self_att.output)
        copy_attention(side(first + 1, "image"), layer.visn_self_att.self, layer.visn_self_att.output)
        copy_feed_forward(side(first + 2, "text"), layer.lang_inter, layer.lang_output)
        copy_feed_forward(side(first + 2, "image"), layer.visn_inter, layer.visn_output)
    return ours.eval()


def copied_vilt(reference: ViltModel, configuration: ModelConfiguration) -> ViLT:
    """Ours with the weights of the reference."""
    ours = ViLT(configuration)
    embeddings, text = reference.embeddings, reference.embeddings.text_embeddings
    copy(ours.text_embedding.words, text.word_embeddings)
    copy(ours.text_embedding.positions, text.position_embeddings)
    copy(ours.text_embedding.segments, text.token_type_embeddings)
    copy(ours.text_embedding.norm, text.LayerNorm)
    copy(ours.modalities, embeddings.token_type_embeddings)
    copy(ours.vision_transformer.patch_projection, embeddings.patch_embeddings.projection)
    copy(ours.vision_transformer.class_token, embeddings.cls_token)
    copy(ours.vision_transformer.positions, embeddings.position_embeddings)
    copy(ours.vision_transformer.norm, reference.layernorm)
    copy(ours.pooler, reference.pooler.dense)
    parts = [
        {
            "attention.qkv": [
                layer.attention.attention.query,
                layer.attention.attention.key,
                layer.attention.attention.value,
            ],
            "attention.output": layer.attention.output.dense,
            "attention_norm": layer.layernorm_before,
            "feed_forward.expand": layer.intermediate.dense,
            "feed_forward.contract": layer.output.dense,
            "feed_forward_norm": layer.layernorm_after,
        }
        for layer in reference.encoder.layer
    ]
    copy_layers(ours.vision_transformer.transformer, parts)
    return ours.eval()


def copied_visualbert(reference: VisualBertModel, visual_type: int, configuration: ModelConfiguration) -> VisualBERT:
    """Ours with the weights of the reference.

    Args:
        visual_type: of the reference's types the one for regions; the original code's is 0 and so is ours.
    """
    ours = VisualBERT(configuration)
    # The reference's names are BERT's, with the visual ones beside them.
    load_component(ours, "text", reference.state_dict())
    visual, embeddings = ours.visual_embedding, reference.embeddings
    copy(visual.projection, embeddings.visual_projection)
    copy(visual.positions, embeddings.visual_position_embeddings)
    copy(visual.types.weight[0], embeddings.visual_token_type_embeddings.weight[visual_type])
    return ours.eval()
