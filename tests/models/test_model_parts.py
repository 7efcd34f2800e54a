"""The parts that architectures are made of."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import BertConfig, BertModel, ResNetConfig, ResNetModel, ViTConfig, ViTModel

from components.models.architectures import load
from components.models.encoders import grid_encoder, grid_features, output_width, patch_encoder, text_encoder
from components.models.initialisation import EMBEDDING_STD, initialised, tied_logit_scale
from components.models.transformer import Transformer, TransformerLayer, quick_gelu
from tests.models.small_models import pictures, texts
from tests.small_configurations import SMALL, small


def reference_layer(layer: TransformerLayer, x: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """One layer spelled out in float64, head by head and query by query."""
    batch, tokens, width = x.shape
    heads = layer.attention.heads
    size = width // heads

    def attend(states: torch.Tensor) -> torch.Tensor:
        query, key, value = layer.attention.qkv(states).split(width, dim=-1)
        mixed = torch.zeros_like(states)
        for b in range(batch):
            for h in range(heads):
                part = slice(h * size, (h + 1) * size)
                for t in range(tokens):
                    seen = allowed[b, t].nonzero()[:, 0]
                    scores = key[b, seen, part] @ query[b, t, part] / size**0.5
                    mixed[b, t, part] = scores.softmax(0) @ value[b, seen, part]
        return layer.attention.output(mixed)

    def transform(states: torch.Tensor) -> torch.Tensor:
        return layer.feed_forward.contract(layer.feed_forward.activation(layer.feed_forward.expand(states)))

    if layer.norm_first:
        x = x + attend(layer.attention_norm(x))
        return x + transform(layer.feed_forward_norm(x))
    x = layer.attention_norm(x + attend(x))
    return layer.feed_forward_norm(x + transform(x))


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_transformer_equals_the_formula(norm: str, causal: bool, padded: bool) -> None:
    torch.manual_seed(0)
    transformer = Transformer(8, 2, 2, 12, norm=norm, activation="quick_gelu").double()
    for parameter in transformer.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    real = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]
    allowed = torch.ones(3, 5, 5, dtype=torch.bool)
    if causal:
        allowed = allowed.tril()
    if padded:
        allowed = allowed & real[:, None, :]
    expected = x
    for layer in transformer.layers:
        expected = reference_layer(layer, expected, allowed)
    torch.testing.assert_close(transformer(x, real if padded else None, causal), expected, atol=1e-10, rtol=1e-10)


def test_a_mask_of_ones_equals_no_mask() -> None:
    transformer = initialised(Transformer(16, 2, 2, 32))
    x = torch.randn(2, 6, 16)
    torch.testing.assert_close(transformer(x, torch.ones(2, 6)), transformer(x), atol=1e-6, rtol=1e-6)


def test_dropout_acts_in_training_only() -> None:
    transformer = initialised(Transformer(16, 2, 2, 32, dropout=0.5))
    x = torch.randn(2, 6, 16)
    assert not torch.equal(transformer(x), transformer(x))
    transformer.eval()
    assert torch.equal(transformer(x), transformer(x))


def test_quick_gelu_is_close_to_gelu() -> None:
    x = torch.linspace(-5, 5, 101)
    assert (quick_gelu(x) - F.gelu(x)).abs().max() < 0.021


@pytest.mark.parametrize("build", [text_encoder, patch_encoder, grid_encoder])
def test_one_initialisation_rule(build: object) -> None:
    torch.manual_seed(0)
    model = build(small(width=64, feed_forward=256, vocabulary_size=500, heads=4))
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            fan_in = module.weight[0].numel()
            assert module.weight.std().item() == pytest.approx(fan_in**-0.5, rel=0.25)
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, nn.Embedding):
            assert module.weight.std().item() == pytest.approx(EMBEDDING_STD, rel=0.25)
            assert module.padding_idx is None or not module.weight[module.padding_idx].any()
    for parameter in (getattr(model, name) for name in ("positions", "class_token") if hasattr(model, name)):
        assert parameter.std().item() == pytest.approx(EMBEDDING_STD, rel=0.25)


def test_same_seed_same_weights() -> None:
    models = []
    for _ in range(2):
        torch.manual_seed(5)
        models.append(load("mmbt")(SMALL).state_dict())
    assert all(torch.equal(models[0][key], models[1][key]) for key in models[0])


def test_tied_logits_start_with_variance_one() -> None:
    torch.manual_seed(0)
    for width in (64, 256):
        words = initialised(nn.Embedding(2000, width)).weight
        states = F.layer_norm(torch.randn(50, width), [width])
        assert (states @ words.T * tied_logit_scale(width)).std().item() == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("image_size", "patch_size", "widths"), [(48, 12, (32, 64)), (64, 16, (8, 8, 8)), (32, 4, (8,))]
)
def test_cells_of_the_tiny_grid_are_as_large_as_patches(image_size: int, patch_size: int, widths: tuple) -> None:
    configuration = small(image_size=image_size, patch_size=patch_size, stem_widths=widths)
    grid = grid_features(grid_encoder(configuration), torch.randn(2, 3, image_size, image_size))
    assert grid.shape == (2, widths[-1], image_size // patch_size, image_size // patch_size)


def test_batch_statistics_are_part_of_the_weights() -> None:
    encoder = grid_encoder(SMALL)
    before = {key: one.clone() for key, one in encoder.state_dict().items()}
    grid_features(encoder.train(), pictures(8))
    moved = {key for key, one in encoder.state_dict().items() if not torch.equal(one, before[key])}
    assert moved
    assert all("running_" in key or "num_batches" in key for key in moved)


def test_encoders_load_from_local_folders_by_the_same_settings(tmp_path: Path) -> None:
    torch.manual_seed(2)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 40, "intermediate_size": 48}
    bert = BertModel(BertConfig(vocab_size=60, max_position_embeddings=20, **sizes))
    vit = ViTModel(ViTConfig(image_size=32, patch_size=16, **sizes))
    resnet = ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 24], depths=[1, 1], layer_type="basic"))
    for name, model in (("bert", bert), ("vit", vit), ("resnet", resnet)):
        model.save_pretrained(tmp_path / name)
    configuration = small(
        text_encoder=str(tmp_path / "bert"), patch_encoder=str(tmp_path / "vit"), grid_encoder=str(tmp_path / "resnet")
    )
    input_ids, mask = texts([5, 3], 6)
    pixels = pictures(2)
    assert (output_width("grid", configuration), output_width("patches", configuration)) == (24, 40)
    loaded = text_encoder(configuration).eval()
    with torch.no_grad():
        expected = bert.eval()(input_ids=input_ids, attention_mask=mask)
        ours = loaded(input_ids=input_ids, attention_mask=mask)
        assert torch.equal(ours.pooler_output, expected.pooler_output)
        features = grid_features(grid_encoder(configuration).eval(), pixels)
        torch.testing.assert_close(features, resnet.eval()(pixels).last_hidden_state, atol=1e-5, rtol=1e-5)
        patches = patch_encoder(configuration).eval()(pixels)
        torch.testing.assert_close(patches, vit.eval()(pixels).last_hidden_state, atol=1e-5, rtol=1e-5)
    for name in ("mmbt", "vilt", "clip", "late_fusion", "text_only", "image_only"):
        model = load(name)(configuration)
        states = model.encode({"pixels": pixels, "input_ids": input_ids, "attention_mask": mask})
        assert states.pooled.shape == (2, model.pooled_size)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"heads \(5\) must divide width \(32\)"):
        small(heads=5)
    with pytest.raises(ValueError, match=r"patch_size \(7\) must divide image_size \(32\)"):
        small(patch_size=7)
