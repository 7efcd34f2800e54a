"""The BERT-era family: layers, readouts, pretraining, and what its cards say must hold."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from components.models.architecture import load_component
from components.models.architectures import load
from components.models.architectures.controlled import PASSES
from components.models.configuration import Axes, ModelConfiguration
from components.models.passes import RegionMasking
from tests.models.region_batches import AXES, FAMILY, READS_REGIONS, batch, build, configured

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
BASE = configured(
    width=768,
    layers=12,
    heads=12,
    feed_forward=3072,
    vocabulary_size=30522,
    max_length=512,
    region_features=2048,
)


def parameters(name: str, configuration: ModelConfiguration) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in load(name)(configuration).parameters())


@pytest.mark.parametrize(
    ("name", "changes", "count"),
    [
        ("visualbert", {}, 111_450_624),  # `VisualBertModel` with features of 2,048 numbers
        ("lxmert", {}, 207_936_768),  # `LxmertModel`
        ("uniter", {"vocabulary_size": 28_996}, 109_898_752),  # `UniterModel`, cased
        # vilbert_beta's `BertModel` less `q_dense1` and `q_dense2` of its six co-attentions, which nothing reads.
        ("vilbert", {}, 246_726_656 - 11_020_800),
    ],
)
def test_parameter_counts_at_base_size(name: str, changes: dict[str, int], count: int) -> None:
    assert parameters(name, replace(BASE, **changes)) == count


def test_vilbert_is_wider_on_its_image_side_at_base_size_only() -> None:
    with torch.device("meta"):
        base = load("vilbert")(BASE)
    assert 11_020_800 == 6 * (1024 * 1024 + 1024 + 1024 * 768 + 768)  # q_dense1 and q_dense2
    assert (base.image_width, base.pooled_size, base.layers.sizes.image_heads) == (1024, 1024, 8)
    assert (base.layers.sizes.cross_heads, base.layers.sizes.image_feed_forward) == (8, 1024)
    tiny = build("vilbert")
    assert (tiny.image_width, tiny.pooled_size, tiny.layers.sizes.image_heads) == (32, 32, 2)
    assert tiny.layers.sizes.image_feed_forward == 64


@pytest.mark.parametrize("fusion", ["single_stream", "vilbert", "lxmert", "late"])
def test_readouts_of_controlled_arms_are_no_wider_at_base_size(fusion: str) -> None:
    with torch.device("meta"):
        arm = load("controlled")(replace(BASE, axes=replace(AXES, fusion=fusion, readout="product")))
    assert (arm.pooled_size, arm.image_width, arm.layers.sizes.cross_width) == (768, 768, 768)


def test_arms_of_equal_fusion_have_equal_parameters_but_for_their_axis() -> None:
    counts = {
        code: parameters("controlled", replace(BASE, axes=replace(AXES, spatial_code=code)))
        for code in ("none", "averaged_4", "sum_5", "normed_7")
    }
    assert counts["averaged_4"] - counts["none"] == 4 * 768 + 768 + 2 * 768
    assert counts["sum_5"] - counts["none"] == 5 * 768 + 768
    assert counts["normed_7"] - counts["none"] == 7 * 768 + 768 + 2 * 768


@pytest.mark.parametrize("name", READS_REGIONS)
@settings(deadline=None, max_examples=10)
@given(order=st.permutations(range(4)), counts=st.lists(st.integers(1, 4), min_size=2, max_size=2))
def test_another_order_of_regions_is_another_order_of_states(name: str, order: list[int], counts: list[int]) -> None:
    model = build(name).eval()
    given_batch = batch([6, 4], counts)
    shuffled = {key: one[:, order] if key.startswith("region_") else one for key, one in given_batch.items()}
    with torch.no_grad():
        first, second = model.encode(given_batch), model.encode(shuffled)
    torch.testing.assert_close(second.pooled, first.pooled, **CLOSE)
    mask = given_batch["attention_mask"].bool()
    torch.testing.assert_close(second.text[mask], first.text[mask], **CLOSE)
    assert torch.equal(second.image_real, given_batch["region_real"][:, order])
    real = second.image_real
    torch.testing.assert_close(second.image[real], first.image[:, order][real], **CLOSE)


class Cells(nn.Module):
    """A stand-in for a grid encoder that gives the cells of another one in another order."""

    def __init__(self, encoder: nn.Module, order: list[int]) -> None:
        super().__init__()
        self.encoder, self.order = encoder, order

    def forward(self, pixels: Tensor) -> object:
        output = self.encoder(pixels)
        grid = output.last_hidden_state
        output.last_hidden_state = grid.flatten(2)[..., self.order].view_as(grid)
        return output


@settings(deadline=None, max_examples=10)
@given(order=st.permutations(range(16)))
def test_pixelbert_knows_no_order_of_cells(order: list[int]) -> None:
    model = build("pixelbert").eval()
    with torch.no_grad():
        first = model.encode(batch([6, 4]))
        model.visual_embedding.encoder = Cells(model.visual_embedding.encoder, order)
        second = model.encode(batch([6, 4]))
    torch.testing.assert_close(second.pooled, first.pooled, **CLOSE)
    torch.testing.assert_close(second.image, first.image[:, order], **CLOSE)


def test_pixelbert_samples_cells_in_pretraining_only() -> None:
    model, given_batch = build("pixelbert"), batch([6, 4])
    assert model.train().encode(given_batch).image.shape[1] == 16  # fine-tuning
    model.begin_pretraining()
    assert model.train().encode(given_batch).image.shape[1] == 8
    assert model.eval().encode(given_batch).image.shape[1] == 16
    assert "samples" not in "".join(model.state_dict())  # a model built anew from these weights reads all cells


@pytest.mark.parametrize("pretraining", [False, True])
def test_pixelbert_trains_its_first_convolution(pretraining: bool) -> None:
    model = build("pixelbert").train()
    if pretraining:
        model.begin_pretraining()
    model.encode(batch([6, 4])).pooled.square().sum().backward()
    convolution = next(one for one in model.visual_embedding.encoder.modules() if isinstance(one, nn.Conv2d))
    assert convolution.weight.grad.abs().sum() > 0


def states_after(model: nn.Module, number: int, given_batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """What comes out of a sub-layer."""
    kept = {}
    handle = model.layers.sublayers[number].register_forward_hook(lambda _m, _i, output: kept.update(output))
    with torch.no_grad():
        model.encode(given_batch)
    handle.remove()
    return kept


def test_vilbert_reads_the_text_alone_before_its_first_co_attention() -> None:
    model = build("vilbert", layers=4).eval()
    one, other = batch([6, 6]), batch([6, 6], image_seed=1)
    assert torch.equal(states_after(model, 3, one)["text"], states_after(model, 3, other)["text"])
    assert not torch.equal(states_after(model, 4, one)["text"], states_after(model, 4, other)["text"])
    embedded = model.visual_embedding(one, model.text_embedding).image
    assert torch.equal(states_after(model, 3, one)["image"], embedded)  # and does nothing to the image


def test_without_its_co_attention_vilberts_text_knows_nothing_of_the_image() -> None:
    model = build("vilbert", layers=4)
    with torch.no_grad():
        for sublayer, row in zip(model.layers.sublayers, model.layers.layout, strict=True):
            if hasattr(row, "directions") and row.crosses:
                for side in sublayer.sides.values():
                    side.output.weight.zero_()
    given_batch = batch([6, 6])
    given_batch["region_features"].requires_grad_()
    states = model.encode(given_batch)
    (gradient,) = torch.autograd.grad(states.text.square().sum(), given_batch["region_features"], retain_graph=True)
    assert not gradient.any()
    (gradient,) = torch.autograd.grad(states.image.square().sum(), given_batch["region_features"])
    assert gradient.any()


def test_lxmert_attends_across_with_one_object() -> None:
    model = build("lxmert", layers=4)
    crossing = [
        sublayer
        for sublayer, row in zip(model.layers.sublayers, model.layers.layout, strict=True)
        if hasattr(row, "directions") and row.crosses
    ]
    assert crossing
    assert all(sublayer.of("text") is sublayer.of("image") for sublayer in crossing)


def test_lxmert_begins_from_nothing() -> None:
    model = build("lxmert", text_encoder="no/such-checkpoint")
    assert model.COMPONENTS == {}
    with pytest.raises(ValueError, match=r"LXMERT takes no component 'text' \(it takes: none\)"):
        load_component(model, "text", {})


@pytest.mark.parametrize("name", FAMILY)
def test_the_readout_is_what_the_design_says(name: str) -> None:
    model = build(name).eval()
    given_batch = batch([6, 4])
    with torch.no_grad():
        states = model.encode(given_batch)
        text, image, real = model.visual_embedding(given_batch, model.text_embedding)
        text, image = model.layers(text, image, given_batch["attention_mask"], real)
        if name in ("vilbert", "controlled"):
            expected = model.text_pooler(text[:, 0]).clamp(min=0) * model.image_pooler(image[:, 0]).clamp(min=0)
        else:
            expected = torch.tanh(model.text_pooler(text[:, 0]))
    torch.testing.assert_close(states.pooled, expected, **CLOSE)
    lead = image.shape[1] - states.image.shape[1]
    assert lead == (name in ("vilbert", "vlbert", "controlled"))  # the whole picture is no place of it
    assert torch.equal(states.image, image[:, lead:])


@pytest.mark.parametrize("name", FAMILY)
def test_questions_are_read_where_the_paper_reads_them(name: str) -> None:
    model = build(name).eval()
    given_batch = batch([6, 4, 2])
    with torch.no_grad():
        states = model.encode(given_batch)
    last_words = torch.stack([states.text[0, 4], states.text[1, 2], states.text[2, 0]])
    expected = last_words if name in ("visualbert", "vlbert") else states.pooled
    assert torch.equal(model.readout(states, given_batch, "vqa"), expected)
    assert torch.equal(model.readout(states, given_batch, "statements"), states.pooled)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("visualbert", "Linear"),
        ("vilbert", "ParametrizedLinear ReLU Dropout ParametrizedLinear"),
        *((name, "Linear GELU LayerNorm Linear") for name in ("lxmert", "uniter", "vlbert", "pixelbert", "controlled")),
    ],
)
def test_heads(name: str, layers: str) -> None:
    model = build(name)
    head = model.head(7)
    parts = list(head) if isinstance(head, nn.Sequential) else [head]
    assert [type(part).__name__ for part in parts] == layers.split()
    assert head(torch.randn(3, model.pooled_size)).shape == (3, 7)


def test_vilberts_head_has_one_norm_for_each_matrix() -> None:
    head = build("vilbert").head(7)
    for layer in (head[0], head[3]):
        weight = layer.parametrizations.weight
        assert weight.original0.numel() == 1
        torch.testing.assert_close(layer.weight.norm(), weight.original0, **CLOSE)


def test_uniter_masks_one_modality_at_a_time_and_draws_two_to_two_to_one_to_one() -> None:
    pretraining = load("uniter").PRETRAINING
    assert pretraining.drawn
    assert [one.ratio for one in pretraining.passes] == [2, 2, 1, 1]
    assert [[name for name, _ in one.losses] for one in pretraining.passes] == [
        ["itm", "token_alignment"],
        ["mlm"],
        ["region_features"],
        ["region_divergence_mean"],
    ]
    assert all(one.words + (one.regions is not None) + (one.mismatched is not None) == 1 for one in pretraining.passes)
    assert [one.mismatched for one in pretraining.passes] == ["images", None, None, None]
    assert all(one.regions in (None, RegionMasking(1.0, 0.0, False)) for one in pretraining.passes)


def test_uniters_regions_leave_through_the_layer_by_which_they_entered() -> None:
    model = build("uniter")
    assert model.region_projection is model.visual_embedding.projection
    assert model.region_projection.weight.shape == (32, 6)
    assert not any(hasattr(build(name), "region_projection") for name in FAMILY if name != "uniter")


@pytest.mark.parametrize(
    ("name", "losses", "regions", "mismatched", "keeps"),
    [
        ("visualbert", "mlm itm", None, "texts", True),
        ("vilbert", "mlm region_divergence itm", RegionMasking(0.9), "texts", True),
        (
            "lxmert",
            "mlm region_features_smooth region_classes region_attributes itm image_questions",
            RegionMasking(0.8, 0.1),
            "texts",
            True,
        ),
        ("vlbert", "mlm region_distribution", RegionMasking(0.9), None, True),
        ("pixelbert", "mlm itm", None, "texts", True),
        ("controlled", "mlm itm region_divergence", RegionMasking(0.9, 0.0, True), "texts", False),
    ],
)
def test_pretraining_in_one_pass(
    name: str, losses: str, regions: RegionMasking | None, mismatched: str | None, keeps: bool
) -> None:
    (one,) = load(name).PRETRAINING.passes
    assert " ".join(loss for loss, _ in one.losses) == losses
    assert {weight for _, weight in one.losses} == {1.0}
    assert (one.words, one.regions, one.mismatched, one.keeps_mismatched) == (True, regions, mismatched, keeps)


@pytest.mark.parametrize("objectives", PASSES)
def test_a_controlled_arm_is_pretrained_as_its_axis_says(objectives: str) -> None:
    model = build("controlled", axes=replace(AXES, objectives=objectives))
    assert model.PRETRAINING is PASSES[objectives]
    assert load("controlled").PRETRAINING is PASSES["words_matching_regions"]


def test_arms_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing of the picture reaches the readout"):
        build("controlled", axes=Axes("late", "none", "pooled_text", "words", "post", "common"))
    with pytest.raises(ValueError, match="a controlled arm needs axes"):
        build("controlled", axes=None)
    with pytest.raises(ValueError, match="reads regions"):
        build("uniter", region_features=0)


@pytest.mark.parametrize("fusion", ["single_stream", "single_stream_wide", "vilbert", "lxmert", "late"])
def test_a_pre_norm_arm_ends_with_a_normalisation(fusion: str) -> None:
    axes = replace(AXES, fusion=fusion, norm="pre")
    model, after = build("controlled", axes=axes).eval(), build("controlled", axes=replace(axes, norm="post"))
    assert not list(after.final_norms.parameters())
    sides = 1 if fusion.startswith("single_stream") else 2
    own = parameters("controlled", replace(BASE, axes=axes))
    assert own - parameters("controlled", replace(BASE, axes=replace(axes, norm="post"))) == sides * 2 * 768
    with torch.no_grad():
        states = model.encode(batch([6, 4]))
    for side in (states.text, states.image):  # fresh norms neither scale nor shift
        torch.testing.assert_close(side.mean(dim=-1), torch.zeros(side.shape[:2]), **CLOSE)
        torch.testing.assert_close(side.var(dim=-1, unbiased=False), torch.ones(side.shape[:2]), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("fusion", ["single_stream", "single_stream_wide", "vilbert", "lxmert", "late"])
@pytest.mark.parametrize("readout", ["pooled_text", "product"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_every_controlled_arm_reads_both_sides(fusion: str, readout: str, norm: str) -> None:
    if (fusion, readout) == ("late", "pooled_text"):
        return
    model = build("controlled", axes=Axes(fusion, "normed_7", readout, "words", norm, "common")).eval()
    assert (model.pooled_size, model.image_width) == (32, 32)
    with torch.no_grad():
        pooled = [model.encode(one).pooled for one in (batch([5]), batch([5], seed=1), batch([5], image_seed=1))]
    assert not torch.equal(pooled[0], pooled[1])
    assert not torch.equal(pooled[0], pooled[2])


def test_vlberts_features_of_masked_regions_begin_at_zero() -> None:
    model = build("vlbert")
    assert model.ZEROS == ("visual_embedding.hidden_features.weight",)
    assert not model.get_parameter(model.ZEROS[0]).any()
    assert model.visual_embedding.hidden_word.weight.all()
