"""The gated bimodal layer: what holds of every layout, whatever its weights."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import BertConfig, LxmertConfig
from transformers.models.bert.modeling_bert import BertEncoder
from transformers.models.lxmert.modeling_lxmert import LxmertEncoder

from components.models.bimodal import AttentionSublayer, BimodalStack, Sizes
from components.models.initialisation import initialised
from components.models.layouts import Attention, FeedForward, Layout, late, lxmert, single_stream, vilbert

WORDS, REGIONS = 5, 4
EQUAL = Sizes.equal(16, 2, 24, 0.0)
UNEQUAL = Sizes(
    text_width=16,
    image_width=24,
    text_heads=2,
    image_heads=3,
    cross_width=40,
    cross_heads=5,
    text_feed_forward=20,
    image_feed_forward=28,
    dropout=0.0,
)
LAYOUTS: dict[str, tuple[Layout, Sizes]] = {
    "single stream": (single_stream(2), EQUAL),
    "ViLBERT": (vilbert(1, 2), UNEQUAL),
    "LXMERT": (lxmert(2, 1, 2), EQUAL),
    "gated": ((Attention({"tt", "tv"}), FeedForward(text=True, image=False), Attention({"vt", "vv"})), UNEQUAL),
    "gated, shared": ((Attention({"tt", "tv", "vv"}, shared=True), FeedForward(True, True, shared=True)), EQUAL),
}


def stack(layout: Layout, sizes: Sizes, seed: int = 0) -> BimodalStack:
    """Every parameter random, so that no zero bias and no unit weight hides a mistake; ready for evaluation."""
    torch.manual_seed(seed)
    model = BimodalStack(layout, sizes)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


def inputs(sizes: Sizes, batch: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(batch, WORDS, sizes.text_width, generator=generator),
        torch.randn(batch, REGIONS, sizes.image_width, generator=generator),
    )


def real(lengths: list[int], tokens: int) -> Tensor:
    return torch.arange(tokens) < torch.tensor(lengths)[:, None]


@pytest.fixture(params=LAYOUTS)
def model(request: pytest.FixtureRequest) -> BimodalStack:
    return stack(*LAYOUTS[request.param])


@pytest.fixture
def attentions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Each call of the fused attention: how many queries, how many keys."""
    calls: list[tuple[int, int]] = []
    fused = F.scaled_dot_product_attention

    def counted(query: Tensor, key: Tensor, *others: Tensor, **settings: object) -> Tensor:
        calls.append((query.shape[2], key.shape[2]))
        return fused(query, key, *others, **settings)

    monkeypatch.setattr(F, "scaled_dot_product_attention", counted)
    return calls


def test_padding_changes_nothing_at_real_positions(model: BimodalStack) -> None:
    text, image = inputs(model.sizes)
    text_real, image_real = real([5, 3, 1], WORDS), real([2, 4, 1], REGIONS)
    with torch.no_grad():
        expected = model(text, image, text_real, image_real)
        noise = 50 * torch.randn(2)
        text = torch.where(text_real[..., None], text, noise[0])
        image = torch.where(image_real[..., None], image, noise[1])
        changed = model(text, image, text_real, image_real)
        cut = model(text[1:2, :3], image[1:2], None, None)
    for before, after, mask in zip(expected, changed, (text_real, image_real), strict=True):
        torch.testing.assert_close(before[mask], after[mask], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(cut[0], expected[0][1:2, :3], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(cut[1], expected[1][1:2], atol=1e-5, rtol=1e-5)


def test_one_mask_may_be_missing(model: BimodalStack) -> None:
    text, image = inputs(model.sizes)
    everything = torch.ones(3, WORDS, dtype=torch.long), torch.ones(3, REGIONS, dtype=torch.long)
    text_real, image_real = real([5, 3, 1], WORDS), real([2, 4, 1], REGIONS)
    with torch.no_grad():
        for given, filled in (
            ((None, None), everything),
            ((text_real, None), (text_real, everything[1])),
            ((None, image_real), (everything[0], image_real)),
        ):
            for one, other in zip(model(text, image, *given), model(text, image, *filled), strict=True):
                torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_permuted_regions_give_permuted_states(model: BimodalStack) -> None:
    text, image = inputs(model.sizes)
    image_real = real([2, 4, 3], REGIONS)
    order = torch.tensor([3, 0, 2, 1])
    with torch.no_grad():
        words, regions = model(text, image, None, image_real)
        permuted_words, permuted_regions = model(text, image[:, order], None, image_real[:, order])
    torch.testing.assert_close(words, permuted_words, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(regions[:, order], permuted_regions, atol=1e-5, rtol=1e-5)


def test_every_parameter_is_used(model: BimodalStack) -> None:
    text, image = inputs(model.sizes)
    words, regions = model(text, image)
    (words.square().sum() + regions.square().sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_side_owns_no_part_that_it_does_not_use(norm: str) -> None:
    sizes = Sizes(16, 24, 2, 3, 40, 5, 20, 28, dropout=0.0, norm=norm)
    text, image = BimodalStack((Attention({"tt", "tv"}),), sizes).sublayers[0].sides.values()
    assert text.projection.weight.shape == (3 * 40, 16)
    assert image.projection.weight.shape == (2 * 40, 24)
    assert image.output is None
    assert bool(list(image.residual.parameters())) == (norm == "pre")
    asking, seen = BimodalStack((Attention({"vt"}),), sizes).sublayers[0].sides.values()
    assert asking.projection.weight.shape == (40, 24)
    assert seen.projection.weight.shape == (2 * 40, 16)
    (alone,) = BimodalStack((Attention({"vv"}),), sizes).sublayers[0].sides.values()
    assert alone.projection.weight.shape == (3 * 24, 24)


def test_the_single_stream_runs_one_fused_attention_a_layer(attentions: list[tuple[int, int]]) -> None:
    text, image = inputs(EQUAL)
    stack(single_stream(3), EQUAL)(text, image, real([5, 3, 1], WORDS), None)
    assert attentions == [(WORDS + REGIONS, WORDS + REGIONS)] * 3


def test_the_single_stream_joins_its_sequences_once(monkeypatch: pytest.MonkeyPatch) -> None:
    joins: list[int] = []
    plain = torch.cat

    def counted(tensors: list[Tensor], dim: int = 0) -> Tensor:
        joins.append(len(tensors))
        return plain(tensors, dim=dim)

    text, image = inputs(EQUAL)
    model = stack(single_stream(3), EQUAL)
    monkeypatch.setattr(torch, "cat", counted)
    model(text, image)
    assert joins == [2]


def test_other_layouts_run_one_fused_attention_a_looking_side(attentions: list[tuple[int, int]]) -> None:
    text, image = inputs(UNEQUAL)
    stack(vilbert(2, 1), UNEQUAL)(text, image)
    alone, across = [(WORDS, WORDS)], [(WORDS, REGIONS), (REGIONS, WORDS)]
    assert attentions == 2 * alone + across + [(WORDS, WORDS), (REGIONS, REGIONS)]
    attentions.clear()
    stack((Attention({"tt", "tv", "vv"}),), UNEQUAL)(text, image)
    assert attentions == [(WORDS, WORDS + REGIONS), (REGIONS, REGIONS)]


def test_a_side_without_part_passes_through_unchanged() -> None:
    text, image = inputs(UNEQUAL)
    words, regions = stack((Attention({"tt", "tv"}), FeedForward(text=True, image=False)), UNEQUAL)(text, image)
    assert torch.equal(regions, image)
    assert not torch.equal(words, text)
    words, regions = stack((Attention({"vt"}), FeedForward(text=False, image=True)), UNEQUAL)(text, image)
    assert torch.equal(words, text)
    assert not torch.equal(regions, image)


ROWS = [
    *single_stream(1),
    *lxmert(1, 0, 1),
    *vilbert(0, 1),
    Attention({"tt", "tv"}),
    Attention({"tt", "vt", "vv"}, shared=True),
    FeedForward(text=False, image=True),
]


@settings(max_examples=30, deadline=None)
@given(
    layout=st.lists(st.sampled_from(ROWS), min_size=1, max_size=6).map(tuple),
    norm=st.sampled_from(["pre", "post"]),
    words=st.lists(st.integers(1, WORDS), min_size=2, max_size=2),
    regions=st.lists(st.integers(1, REGIONS), min_size=2, max_size=2),
)
def test_any_layout_equals_its_sublayers_run_one_by_one(
    layout: Layout, norm: str, words: list[int], regions: list[int]
) -> None:
    """Whatever follows what: the sequences are joined and parted in the right places."""
    sizes = Sizes.equal(16, 2, 24, 0.0, norm=norm)
    model = stack(layout, sizes)
    text, image = inputs(sizes, batch=2)
    masks = real(words, WORDS), real(regions, REGIONS)
    expected = text, image
    for number, row in enumerate(layout):
        alone = BimodalStack((row,), sizes).eval()
        alone.sublayers[0].load_state_dict(model.sublayers[number].state_dict())
        expected = alone(*expected, *masks)
    for one, other in zip(model(text, image, *masks), expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_a_picture_without_any_region_stays_finite() -> None:
    """On a CPU at least: softmax over nothing gives nothing, and its gradient is none."""
    for layout, sizes in LAYOUTS.values():
        model = stack(layout, sizes)
        text, image = inputs(sizes)
        words, regions = model(text, image, None, real([2, 0, 4], REGIONS))
        (words.sum() + regions.sum()).backward()
        assert words.isfinite().all()
        assert regions.isfinite().all()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_text_only_layers_of_vilbert_never_see_the_image() -> None:
    text, image = inputs(UNEQUAL)
    whole = stack(vilbert(2, 1), UNEQUAL)
    first = BimodalStack(vilbert(2, 0), UNEQUAL).eval()
    first.load_state_dict({k: v for k, v in whole.state_dict().items() if int(k.split(".")[1]) < 4})
    seen: list[Tensor] = []
    whole.sublayers[3].register_forward_hook(lambda module, args, states: seen.append(states["text"]))
    whole(text, image)
    whole(text, torch.randn_like(image))
    assert torch.equal(seen[0], seen[1])
    words, regions = first(text, image)
    assert torch.equal(words, seen[0])
    assert torch.equal(regions, image)


def test_no_way_leads_from_the_regions_to_the_text_but_co_attention() -> None:
    model = stack(vilbert(1, 2), UNEQUAL)
    text, image = inputs(UNEQUAL)
    image.requires_grad_()
    model(text, image)[0].square().sum().backward()
    assert image.grad is not None
    assert image.grad.abs().amin(dim=(0, 2)).gt(0).all()
    image.grad = None
    with torch.no_grad():
        for sublayer in model.sublayers:
            if isinstance(sublayer, AttentionSublayer) and sublayer.looks["text"] == ("image",):
                for side in sublayer.sides.values():
                    nn.init.zeros_(side.output.weight)
                    nn.init.zeros_(side.output.bias)
    model(text, image)[0].square().sum().backward()
    assert not image.grad.any()


def test_late_streams_never_meet() -> None:
    model = stack(late(2), UNEQUAL)
    text, image = inputs(UNEQUAL)
    assert torch.equal(model(text, image)[0], model(text, torch.randn_like(image))[0])
    assert torch.equal(model(text, image)[1], model(torch.randn_like(text), image)[1])


def test_cross_attention_of_lxmert_is_one_object_and_reads_the_input_of_its_sublayer() -> None:
    model = stack((lxmert(1, 1, 1)[2],), EQUAL)
    (crossing,) = model.sublayers
    assert crossing.of("text") is crossing.of("image")
    assert list(crossing.sides) == ["both"]
    # With the modalities exchanged the tied layer computes the same, which it could not if one direction came first.
    text, image = inputs(EQUAL)
    words, regions = model(text, image)
    exchanged_words, exchanged_regions = model(image, text)
    torch.testing.assert_close(words, exchanged_regions, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(regions, exchanged_words, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_dropout_acts_in_training_only(norm: str) -> None:
    model = stack(single_stream(1) + vilbert(0, 1), Sizes.equal(16, 2, 24, 0.25, norm=norm))
    text, image = inputs(EQUAL)
    assert torch.equal(model(text, image)[0], model(text, image)[0])
    model.train()
    assert not torch.equal(model(text, image)[0], model(text, image)[0])


def test_dropout_of_everything_leaves_the_residual_path() -> None:
    model = stack(single_stream(1) + vilbert(1, 1), Sizes.equal(16, 2, 24, 1.0, norm="pre")).train()
    text, image = inputs(EQUAL)
    assert torch.equal(model(text, image)[0], text)
    assert torch.equal(model(text, image)[1], image)


def test_dropout_falls_on_attention_probabilities_and_on_what_sublayers_add(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    fused = F.scaled_dot_product_attention

    def spied(*args: Tensor, dropout_p: float, **settings: object) -> Tensor:
        rates.append(dropout_p)
        return fused(*args, dropout_p=dropout_p, **settings)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spied)
    model = stack(single_stream(1), Sizes.equal(16, 2, 24, 0.1))
    model(*inputs(EQUAL))
    model.train()(*inputs(EQUAL))
    assert rates == [0.0, 0.1]
    assert [part.p for part in model.modules() if isinstance(part, nn.Dropout)] == [0.1, 0.1]


def test_shared_weights_need_equal_sides() -> None:
    wide = Sizes(16, 24, 2, 2, 16, 2, 20, 20, dropout=0.0)
    heads = Sizes(16, 16, 2, 4, 16, 2, 20, 20, dropout=0.0)
    hidden = Sizes(16, 16, 2, 2, 16, 2, 20, 28, dropout=0.0)
    for layout, sizes, complaint in (
        (single_stream(1), wide, r"sub-layer 0.*text_width \(16\).*image_width \(24\)"),
        (lxmert(1, 1, 1), heads, r"sub-layer 2.*text_heads \(2\).*image_heads \(4\)"),
        (single_stream(1), hidden, r"sub-layer 1.*text_feed_forward \(20\).*image_feed_forward \(28\)"),
    ):
        with pytest.raises(ValueError, match=complaint):
            BimodalStack(layout, sizes)
    BimodalStack(lxmert(1, 1, 1), hidden)


def test_heads_must_divide_widths() -> None:
    with pytest.raises(ValueError, match=r"cross_heads \(3\) must divide cross_width \(16\)"):
        Sizes(16, 16, 2, 2, 16, 3, 20, 20, dropout=0.0)


def test_state_dict_names_each_tensor_once() -> None:
    """Files of weights cannot hold the same storage under two names."""
    model = BimodalStack(lxmert(1, 1, 1), EQUAL)
    tensors = model.state_dict().values()
    assert len({tensor.data_ptr() for tensor in tensors}) == len(tensors)


def test_fresh_weights_keep_the_scale_of_states() -> None:
    torch.manual_seed(0)
    sizes = Sizes.equal(64, 4, 256, 0.0)
    for layout in (single_stream(3), vilbert(1, 2), lxmert(2, 1, 1), late(3)):
        model = initialised(BimodalStack(layout, sizes))
        for states in model(torch.randn(8, 10, 64), torch.randn(8, 12, 64)):
            assert 0.9 < states.std() < 1.1


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_single_stream_are_those_of_bert_base() -> None:
    with torch.device("meta"):
        ours = BimodalStack(single_stream(12), Sizes.equal(768, 12, 3072, 0.1))
        theirs = BertEncoder(BertConfig())
    assert parameters(ours) == parameters(theirs) == 85_054_464


def test_parameters_of_lxmert_are_those_of_its_reference() -> None:
    with torch.device("meta"):
        ours = BimodalStack(lxmert(9, 5, 5), Sizes.equal(768, 12, 3072, 0.1))
        theirs = LxmertEncoder(LxmertConfig())
    assert parameters(ours) == parameters(theirs) - parameters(theirs.visn_fc)


def test_parameters_of_vilbert_are_those_of_its_paper() -> None:
    def linear(source: int, target: int) -> int:
        return source * target + target

    def attention(width: int, inner: int) -> int:
        return 3 * linear(width, inner) + linear(inner, width) + 2 * width

    def feed_forward(width: int, hidden: int) -> int:
        return linear(width, hidden) + linear(hidden, width) + 2 * width

    text_layers = 12 * (attention(768, 768) + feed_forward(768, 3072))
    image_layers = 6 * (attention(1024, 1024) + feed_forward(1024, 1024))
    text_co_attention = 6 * (attention(768, 1024) + feed_forward(768, 3072))
    image_co_attention = 6 * (attention(1024, 1024) + feed_forward(1024, 1024))
    with torch.device("meta"):
        ours = BimodalStack(vilbert(6, 6), Sizes(768, 1024, 12, 8, 1024, 8, 3072, 1024, dropout=0.1))
    assert parameters(ours) == text_layers + image_layers + text_co_attention + image_co_attention
    # The whole model as its authors count it, without the parameters that they never use: text and region embeddings
    # and the two poolers complete it.
    text_embedding = (30_522 + 512 + 2) * 768 + 2 * 768
    region_embedding = linear(2048, 1024) + linear(5, 1024) + 2 * 1024
    poolers = linear(768, 1024) + linear(1024, 1024)
    assert parameters(ours) + text_embedding + region_embedding + poolers == 235_705_856
