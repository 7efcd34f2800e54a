"""What CLIP is here that its paper does not say."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architectures.clip import CLIP
from components.models.encoders import patch_encoder
from components.models.transformer import FeedForward, quick_gelu
from tests.models.region_batches import batch, build
from tests.small_configurations import SMALL, small


def activations(module: nn.Module) -> set[object]:
    return {part.activation for part in module.modules() if isinstance(part, FeedForward)}


def test_it_takes_a_vision_transformer_of_another_form() -> None:
    """The study's own has GELU, and nothing between embedding and layers."""
    component, model = patch_encoder(SMALL), CLIP(SMALL)
    assert model.COMPONENTS == {"patches": "image_encoder"}
    assert activations(component) == {F.gelu}
    assert activations(model) == {quick_gelu}
    norms = [name for name, part in component.named_children() if isinstance(part, nn.LayerNorm)]
    assert norms == ["norm"]
    before: list[Tensor] = []
    for one in (component, model.image_encoder):
        one.transformer.register_forward_pre_hook(lambda module, given: before.append(given[0]))
    pixels = batch([5])["pixels"]
    with torch.no_grad():
        component.eval()(pixels)
        model.eval().embed_image(pixels)
        torch.testing.assert_close(before[0], component.embed(pixels))
        torch.testing.assert_close(before[1], model.image_embedding_norm(model.image_encoder.embed(pixels)))


def test_both_towers_are_of_one_width() -> None:
    model = CLIP(SMALL)
    assert model.text_encoder.words.embedding_dim == model.image_encoder.width == SMALL.width
    narrower = CLIP(SMALL, replace(SMALL, width=16))
    assert (narrower.text_encoder.words.embedding_dim, narrower.image_encoder.width) == (16, SMALL.width)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_dropout_has_the_studys_rate(rate: float) -> None:
    model = CLIP(small(dropout=rate)).train()
    assert {part.p for part in model.modules() if isinstance(part, nn.Dropout)} == {rate}
    shown = batch([6, 4])
    for embed in (lambda: model.embed_image(shown["pixels"]), lambda: model.encode(shown).text):
        assert torch.equal(embed(), embed()) == (rate == 0.0)


def test_tasks_read_both_vectors_by_two_layers() -> None:
    model, shown = build("clip").eval(), batch([6, 4])
    with torch.no_grad():
        image, text = model.encode(shown).pooled.split(SMALL.projection, dim=1)
        torch.testing.assert_close(F.normalize(image), model.embed_image(shown["pixels"]))
        torch.testing.assert_close(F.normalize(text), model.embed_text(shown["input_ids"], shown["attention_mask"]))
    first, *_, last = model.head(7)
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    assert (first.in_features, last.out_features) == (2 * SMALL.projection, 7)
