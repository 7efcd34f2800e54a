"""The gated bimodal layer against independent implementations, with copied weights.

BERT, LXMERT and ViLT against the Hugging Face classes; ViLBERT, which has none, and the gates against the formulas,
spelled out in float64 with plain matrix products.
"""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, LxmertConfig, LxmertModel, ViltConfig, ViltModel
from transformers.models.bert.modeling_bert import BertEncoder

from components.models.bimodal import AttentionSide, BimodalStack, FeedForwardSide, Sizes
from components.models.layouts import Attention, lxmert, single_stream, vilbert
from tests.parity.weight_copying import copy, randomise

WIDTH, HEADS, HIDDEN, WORDS, REGIONS = 32, 4, 48, 7, 5
EQUAL = Sizes.equal(WIDTH, HEADS, HIDDEN, 0.1)


def inputs(text_width: int = WIDTH, image_width: int = WIDTH, batch: int = 6) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """States and masks; rows are padded at random, and one not at all."""
    generator = torch.Generator().manual_seed(8)
    real = []
    for tokens in (WORDS, REGIONS):
        # Anywhere, not on the right alone: joining the sequences puts padding into the middle.
        mask = torch.rand(batch, tokens, generator=generator) < 0.6
        mask[:, 0] = True
        mask[0] = True
        real.append(mask)
    text = torch.randn(batch, WORDS, text_width, generator=generator)
    return text, torch.randn(batch, REGIONS, image_width, generator=generator), real[0], real[1]


def additive(real: Tensor) -> Tensor:
    """The mask (B, K) as the references want it: (B, 1, 1, K), zero or the smallest number."""
    return (~real)[:, None, None, :] * torch.finfo(torch.float32).min


def assert_equal_where_real(ours: Tensor, theirs: Tensor, real: Tensor) -> None:
    torch.testing.assert_close(ours[real], theirs[real], atol=1e-5, rtol=1e-5)


def copy_attention(ours: AttentionSide, attention: nn.Module, output: nn.Module, norm: nn.Module) -> None:
    parts = [attention.query, attention.key, attention.value]
    copy(ours.projection.weight, torch.cat([part.weight for part in parts]))
    copy(ours.projection.bias, torch.cat([part.bias for part in parts]))
    copy(ours.output, output)
    copy(ours.residual.norm, norm)


def copy_feed_forward(ours: FeedForwardSide, expand: nn.Module, contract: nn.Module, norm: nn.Module) -> None:
    copy(ours.network.expand, expand)
    copy(ours.network.contract, contract)
    copy(ours.residual.norm, norm)


def side(model: BimodalStack, number: int, name: str) -> nn.Module:
    return model.sublayers[number].sides[name]


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_single_stream_equals_bert_on_the_joined_sequence(implementation: str) -> None:
    torch.manual_seed(1)
    configuration = BertConfig(
        hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=HEADS, intermediate_size=HIDDEN
    )
    configuration._attn_implementation = implementation
    reference = BertEncoder(configuration).eval()
    randomise(reference)
    ours = BimodalStack(single_stream(3), EQUAL).eval()
    for number, layer in enumerate(reference.layer):
        attention = layer.attention
        copy_attention(
            side(ours, 2 * number, "both"), attention.self, attention.output.dense, attention.output.LayerNorm
        )
        copy_feed_forward(
            side(ours, 2 * number + 1, "both"), layer.intermediate.dense, layer.output.dense, layer.output.LayerNorm
        )
    text, image, text_real, image_real = inputs()
    with torch.no_grad():
        joined = reference(
            torch.cat([text, image], dim=1), attention_mask=additive(torch.cat([text_real, image_real], dim=1))
        ).last_hidden_state
        words, regions = ours(text, image, text_real, image_real)
    assert_equal_where_real(words, joined[:, :WORDS], text_real)
    assert_equal_where_real(regions, joined[:, WORDS:], image_real)


def test_lxmert_equals_hugging_face() -> None:
    torch.manual_seed(2)
    text_layers, image_layers, cross_layers = 3, 2, 2
    configuration = LxmertConfig(
        vocab_size=20,
        hidden_size=WIDTH,
        num_attention_heads=HEADS,
        intermediate_size=HIDDEN,
        l_layers=text_layers,
        r_layers=image_layers,
        x_layers=cross_layers,
        visual_feat_dim=6,
    )
    reference = LxmertModel(configuration).eval().encoder
    randomise(reference)
    ours = BimodalStack(lxmert(text_layers, image_layers, cross_layers), EQUAL).eval()
    for name, layers in (("text", reference.layer), ("image", reference.r_layers)):
        for number, layer in enumerate(layers):
            attention = layer.attention
            copy_attention(
                side(ours, 2 * number, name), attention.self, attention.output.dense, attention.output.LayerNorm
            )
            copy_feed_forward(
                side(ours, 2 * number + 1, name), layer.intermediate.dense, layer.output.dense, layer.output.LayerNorm
            )
    for number, layer in enumerate(reference.x_layers):
        first = 2 * text_layers + 3 * number
        cross = layer.visual_attention
        copy_attention(side(ours, first, "both"), cross.att, cross.output.dense, cross.output.LayerNorm)
        for name, attention, expand, output in (
            ("text", layer.lang_self_att, layer.lang_inter, layer.lang_output),
            ("image", layer.visn_self_att, layer.visn_inter, layer.visn_output),
        ):
            copy_attention(
                side(ours, first + 1, name), attention.self, attention.output.dense, attention.output.LayerNorm
            )
            copy_feed_forward(side(ours, first + 2, name), expand.dense, output.dense, output.LayerNorm)
    text, _, text_real, image_real = inputs()
    features, boxes = torch.randn(len(text), REGIONS, 6), torch.rand(len(text), REGIONS, 4)
    with torch.no_grad():
        (theirs_image, _), (theirs_text, _), _ = reference(
            text, additive(text_real), features, boxes, additive(image_real), output_attentions=False
        )
        words, regions = ours(text, reference.visn_fc(features, boxes), text_real, image_real)
    assert_equal_where_real(words, theirs_text[-1], text_real)
    assert_equal_where_real(regions, theirs_image[-1], image_real)


def test_pre_norm_single_stream_equals_the_layers_of_vilt() -> None:
    torch.manual_seed(3)
    configuration = ViltConfig(
        vocab_size=20,
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=HEADS,
        intermediate_size=HIDDEN,
        image_size=16,
        patch_size=8,
    )
    reference = ViltModel(configuration).eval().encoder
    randomise(reference)
    ours = BimodalStack(single_stream(3), Sizes.equal(WIDTH, HEADS, HIDDEN, 0.1, norm="pre")).eval()
    for number, layer in enumerate(reference.layer):
        copy_attention(
            side(ours, 2 * number, "both"),
            layer.attention.attention,
            layer.attention.output.dense,
            layer.layernorm_before,
        )
        copy_feed_forward(
            side(ours, 2 * number + 1, "both"), layer.intermediate.dense, layer.output.dense, layer.layernorm_after
        )
    text, image, text_real, image_real = inputs()
    with torch.no_grad():
        joined = reference(
            torch.cat([text, image], dim=1), attention_mask=additive(torch.cat([text_real, image_real], dim=1))
        ).last_hidden_state
        words, regions = ours(text, image, text_real, image_real)
    assert_equal_where_real(words, joined[:, :WORDS], text_real)
    assert_equal_where_real(regions, joined[:, WORDS:], image_real)


# The formulas. Weights are drawn here under names of their own and then copied into the stack.

Weights = dict[str, Tensor]


def drawn(**shapes: tuple[int, ...]) -> Weights:
    return {name: 0.4 * torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}


def attention_weights(width: int, inner: int) -> Weights:
    into, back = {"q": (inner, width), "k": (inner, width), "v": (inner, width)}, {"o": (width, inner)}
    biases = {"qb": (inner,), "kb": (inner,), "vb": (inner,), "ob": (width,), "gain": (width,), "shift": (width,)}
    return drawn(**into, **back, **biases)


def feed_forward_weights(width: int, hidden: int) -> Weights:
    return drawn(up=(hidden, width), upb=(hidden,), down=(width, hidden), downb=(width,), gain=(width,), shift=(width,))


def normalised(x: Tensor, w: Weights) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-12).sqrt() * w["gain"] + w["shift"]


def heads_of(x: Tensor, heads: int) -> Tensor:
    """(B, tokens, inner) to (B, H, tokens, inner / H)."""
    return torch.stack(x.chunk(heads, dim=-1), dim=1)


def scores(x: Tensor, w: Weights, y: Tensor, u: Weights, heads: int, real: Tensor) -> Tensor:
    """How much x, with weights w, wants to look at y, with weights u: (B, H, tokens of x, tokens of y)."""
    query, key = heads_of(x @ w["q"].T + w["qb"], heads), heads_of(y @ u["k"].T + u["kb"], heads)
    found = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return found.masked_fill(~real[:, None, None, :], -math.inf)


def values(y: Tensor, u: Weights, heads: int) -> Tensor:
    return heads_of(y @ u["v"].T + u["vb"], heads)


def written(x: Tensor, w: Weights, mixed: Tensor) -> Tensor:
    """Heads side by side, the output projection, the residual connection, the norm."""
    return normalised(x + torch.cat(mixed.unbind(1), dim=-1) @ w["o"].T + w["ob"], w)


def self_attention(x: Tensor, w: Weights, heads: int, real: Tensor) -> Tensor:
    return written(x, w, scores(x, w, x, w, heads, real).softmax(-1) @ values(x, w, heads))


def feed_forward(x: Tensor, w: Weights) -> Tensor:
    hidden = x @ w["up"].T + w["upb"]
    hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
    return normalised(x + hidden @ w["down"].T + w["downb"], w)


def fill(module: nn.Module, w: Weights) -> None:
    """Copy drawn weights into what a side owns."""
    if isinstance(module, AttentionSide):
        parts = [{"query": "q", "key": "k", "value": "v"}[part] for part in module.parts]
        copy(module.projection.weight, torch.cat([w[part] for part in parts]))
        copy(module.projection.bias, torch.cat([w[f"{part}b"] for part in parts]))
        if module.output is not None:
            copy(module.output.weight, w["o"])
            copy(module.output.bias, w["ob"])
    else:
        assert isinstance(module, FeedForwardSide)
        for layer, name in ((module.network.expand, "up"), (module.network.contract, "down")):
            copy(layer.weight, w[name])
            copy(layer.bias, w[f"{name}b"])
    if list(module.residual.norm.parameters()):
        copy(module.residual.norm.weight, w["gain"])
        copy(module.residual.norm.bias, w["shift"])


UNEQUAL = Sizes(
    text_width=12,
    image_width=20,
    text_heads=3,
    image_heads=5,
    cross_width=28,
    cross_heads=7,
    text_feed_forward=18,
    image_feed_forward=22,
    dropout=0.1,
)


def test_vilbert_equals_its_formula() -> None:
    """Two text layers; then twice: co-attention with feed-forwards, a text layer, an image layer."""
    torch.manual_seed(4)
    text, image, text_real, image_real = inputs(12, 20)
    text, image = text.double(), image.double()
    ours = BimodalStack(vilbert(2, 2), UNEQUAL).double().eval()
    number = 0

    def place(make: Callable[[int, int], Weights], **sizes: tuple[int, int]) -> list[Weights]:
        """Draw the weights of the next sub-layer for the sides that it has."""
        nonlocal number
        weights = {name: make(*pair) for name, pair in sizes.items()}
        assert set(ours.sublayers[number].sides) == set(weights)
        for name, w in weights.items():
            fill(side(ours, number, name), w)
        number += 1
        return list(weights.values())

    words, regions = text, image
    for _ in range(2):
        (attention,) = place(attention_weights, text=(12, 12))
        (network,) = place(feed_forward_weights, text=(12, 18))
        words = feed_forward(self_attention(words, attention, 3, text_real), network)
    for _ in range(2):
        t, v = place(attention_weights, text=(12, 28), image=(20, 28))
        to_image = scores(words, t, regions, v, 7, image_real).softmax(-1)
        to_text = scores(regions, v, words, t, 7, text_real).softmax(-1)
        assert to_image.shape == (6, 7, WORDS, REGIONS)
        assert to_text.shape == (6, 7, REGIONS, WORDS)
        words, regions = (
            written(words, t, to_image @ values(regions, v, 7)),
            written(regions, v, to_text @ values(words, t, 7)),
        )
        t, v = place(feed_forward_weights, text=(12, 18), image=(20, 22))
        words, regions = feed_forward(words, t), feed_forward(regions, v)
        t, v = place(attention_weights, text=(12, 12), image=(20, 20))
        words, regions = self_attention(words, t, 3, text_real), self_attention(regions, v, 5, image_real)
        t, v = place(feed_forward_weights, text=(12, 18), image=(20, 22))
        words, regions = feed_forward(words, t), feed_forward(regions, v)
    assert number == len(ours.sublayers)
    with torch.no_grad():
        our_words, our_regions = ours(text, image, text_real, image_real)
        single_words, single_regions = ours.float()(text.float(), image.float(), text_real, image_real)
    torch.testing.assert_close(our_words[text_real], words[text_real], atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(our_regions[image_real], regions[image_real], atol=1e-10, rtol=1e-10)
    assert_equal_where_real(single_words, words.float(), text_real)
    assert_equal_where_real(single_regions, regions.float(), image_real)


@pytest.mark.parametrize(
    "directions",
    [{"tt", "tv"}, {"vt", "vv"}, {"tt", "tv", "vt"}, {"tt", "tv", "vt", "vv"}],
    ids=lambda d: "-".join(sorted(d)),
)
@pytest.mark.parametrize("shared", [False, True], ids=["own weights", "shared weights"])
def test_gated_scores_go_through_one_softmax(directions: set[str], shared: bool) -> None:
    torch.manual_seed(5)
    sizes = Sizes.equal(12, 3, 18, 0.1) if shared else UNEQUAL
    heads = sizes.text_heads if shared else sizes.cross_heads
    text, image, text_real, image_real = inputs(sizes.text_width, sizes.image_width)
    states = {"t": text.double(), "v": image.double()}
    real = {"t": text_real, "v": image_real}
    ours = BimodalStack((Attention(directions, shared=shared),), sizes).double().eval()
    if shared:
        weights = dict.fromkeys("tv", attention_weights(12, 12))
        fill(side(ours, 0, "both"), weights["t"])
    else:
        weights = {"t": attention_weights(12, 28), "v": attention_weights(20, 28)}
        for letter, name in (("t", "text"), ("v", "image")):
            fill(side(ours, 0, name), weights[letter])
    expected = dict(states)
    for looking in "tv":
        seen = [other for other in "tv" if looking + other in directions]
        if not seen:
            continue
        found = [scores(states[looking], weights[looking], states[s], weights[s], heads, real[s]) for s in seen]
        shares = torch.cat(found, dim=-1).softmax(-1).split([part.shape[-1] for part in found], dim=-1)
        mixed = [share @ values(states[s], weights[s], heads) for share, s in zip(shares, seen, strict=True)]
        expected[looking] = written(states[looking], weights[looking], torch.stack(mixed).sum(0))
    with torch.no_grad():
        words, regions = ours(states["t"], states["v"], text_real, image_real)
    torch.testing.assert_close(words[text_real], expected["t"][text_real], atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(regions[image_real], expected["v"][image_real], atol=1e-10, rtol=1e-10)
