"""CLIP against the Hugging Face class, with copied weights."""

from dataclasses import replace

import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from components.models.architectures.clip import CLIP
from components.models.configuration import ModelConfiguration
from components.objectives.contrastive import Contrastive
from tests.parity.weight_copying import copy, copy_layers, randomise
from tests.small_configurations import parity

IMAGE = parity(projection=20)
TEXT = replace(IMAGE, width=24, heads=2, layers=2, feed_forward=40)
END = 49


def reference(image: ModelConfiguration, text: ModelConfiguration) -> CLIPModel:
    shared = {"hidden_act": "quick_gelu", "projection_dim": image.projection}
    return CLIPModel(
        CLIPConfig(
            projection_dim=image.projection,
            vision_config={
                **shared,
                "hidden_size": image.width,
                "num_hidden_layers": image.layers,
                "num_attention_heads": image.heads,
                "intermediate_size": image.feed_forward,
                "image_size": image.image_size,
                "patch_size": image.patch_size,
            },
            text_config={
                **shared,
                "hidden_size": text.width,
                "num_hidden_layers": text.layers,
                "num_attention_heads": text.heads,
                "intermediate_size": text.feed_forward,
                "vocab_size": text.vocabulary_size,
                "max_position_embeddings": text.max_length,
                "eos_token_id": END,
                "bos_token_id": 1,
                "pad_token_id": 0,
            },
        )
    ).eval()


def parts(layers: torch.nn.ModuleList) -> list[dict]:
    return [
        {
            "attention.qkv": [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj],
            "attention.output": layer.self_attn.out_proj,
            "attention_norm": layer.layer_norm1,
            "feed_forward.expand": layer.mlp.fc1,
            "feed_forward.contract": layer.mlp.fc2,
            "feed_forward_norm": layer.layer_norm2,
        }
        for layer in layers
    ]


@pytest.fixture(scope="module")
def pair() -> tuple[CLIP, CLIPModel]:
    torch.manual_seed(4)
    theirs, ours = reference(IMAGE, TEXT), CLIP(IMAGE, TEXT).eval()
    randomise(theirs)
    vision, text = theirs.vision_model, theirs.text_model
    copy(ours.image_encoder.patch_projection, vision.embeddings.patch_embedding)
    copy(ours.image_encoder.class_token, vision.embeddings.class_embedding)
    copy(ours.image_encoder.positions, vision.embeddings.position_embedding.weight)
    copy(ours.image_embedding_norm, vision.pre_layrnorm)
    copy_layers(ours.image_encoder.transformer, parts(vision.encoder.layers))
    copy(ours.image_encoder.norm, vision.post_layernorm)
    copy(ours.text_encoder.words, text.embeddings.token_embedding)
    copy(ours.text_encoder.positions, text.embeddings.position_embedding)
    copy_layers(ours.text_encoder.transformer, parts(text.encoder.layers))
    copy(ours.text_encoder.norm, text.final_layer_norm)
    copy(ours.image_projection, theirs.visual_projection)
    copy(ours.text_projection, theirs.text_projection)
    copy(ours.logit_scale, theirs.logit_scale)
    return ours, theirs


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels, token ids that end in `END`, and mask; rows of different length."""
    generator = torch.Generator().manual_seed(5)
    lengths = torch.tensor([12, 7, 2, 9])
    mask = (torch.arange(12) < lengths[:, None]).long()
    input_ids = torch.randint(1, END, (4, 12), generator=generator) * mask
    input_ids[torch.arange(4), lengths - 1] = END
    return torch.randn(4, 3, 24, 24, generator=generator), input_ids, mask


@torch.no_grad()
def test_states_embeddings_and_logits_equal_hugging_face(pair: tuple[CLIP, CLIPModel]) -> None:
    ours, theirs = pair
    pixels, input_ids, mask = batch()
    expected = theirs(input_ids=input_ids, attention_mask=mask, pixel_values=pixels)
    states = ours.encode({"pixels": pixels, "input_ids": input_ids, "attention_mask": mask})
    image, text = ours.embed_image(pixels), ours.embed_text(input_ids, mask)
    logits = ours.logit_scale.exp() * text @ image.T
    real = mask.bool()
    close = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(states.image, expected.vision_model_output.last_hidden_state[:, 1:], **close)
    torch.testing.assert_close(states.text[real], expected.text_model_output.last_hidden_state[real], **close)
    torch.testing.assert_close(image, expected.image_embeds, **close)
    torch.testing.assert_close(text, expected.text_embeds, **close)
    torch.testing.assert_close(logits, expected.logits_per_text, **close)
    vectors = states.pooled.split(IMAGE.projection, dim=1)
    torch.testing.assert_close(torch.nn.functional.normalize(vectors[0], dim=1), expected.image_embeds, **close)
    torch.testing.assert_close(torch.nn.functional.normalize(vectors[1], dim=1), expected.text_embeds, **close)


@torch.no_grad()
def test_loss_equals_hugging_face_when_only_own_pairs_are_true(pair: tuple[CLIP, CLIPModel]) -> None:
    ours, theirs = pair
    pixels, input_ids, mask = batch()
    expected = theirs(input_ids=input_ids, attention_mask=mask, pixel_values=pixels, return_loss=True).loss
    truth = torch.eye(4, dtype=torch.bool)
    loss, _ = Contrastive(ours, IMAGE)(
        ours, None, {"pixels": pixels, "input_ids": input_ids, "attention_mask": mask, "truth": truth}
    )
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("patch_size", "parameters"), [(16, 149_620_737), (32, 151_277_313)])
def test_parameter_count_at_base_size(patch_size: int, parameters: int) -> None:
    image = replace(
        IMAGE, width=768, layers=12, heads=12, feed_forward=3072, image_size=224, patch_size=patch_size, projection=512
    )
    text = replace(image, width=512, heads=8, feed_forward=2048, vocabulary_size=49408, max_length=77)
    with torch.device("meta"):
        ours, theirs = CLIP(image, text), reference(image, text)
    assert sum(one.numel() for one in ours.parameters()) == parameters
    assert sum(one.numel() for one in theirs.parameters()) == parameters
