"""How regions and cells become visual tokens, each against its formula."""

import math
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from components.models.bert_text import BertEmbedding, fresh_sizes
from components.models.configuration import Axes, SpatialCode
from components.models.regions import tiles
from components.models.spatial_code import GridCode, box_numbers, box_sines, spatial_code
from components.models.visual_embedding import (
    ControlledEmbedding,
    LXMERTEmbedding,
    PixelEmbedding,
    RegionEmbedding,
    UNITEREmbedding,
    ViLBERTEmbedding,
    VisualBERTEmbedding,
    VLBERTEmbedding,
    see,
)
from tests.models.region_batches import FEATURES, batch, configured

WIDTH = 32
KINDS = (ControlledEmbedding, LXMERTEmbedding, UNITEREmbedding, ViLBERTEmbedding, VisualBERTEmbedding, VLBERTEmbedding)
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def both(kind: type, *, picture_first: bool = False, **changes: object) -> tuple[RegionEmbedding, BertEmbedding]:
    """A visual embedding and the text embedding beside it, every parameter random."""
    torch.manual_seed(3)
    configuration = configured(**changes)
    text = BertEmbedding(fresh_sizes(configuration), 0.0, segments=kind.segments, extra_positions=kind.extra_positions)
    visual = kind(configuration, text, WIDTH, picture_first=picture_first)
    for parameter in [*text.parameters(), *visual.parameters()]:
        nn.init.normal_(parameter, std=0.5)
    return visual.eval(), text.eval()


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """LayerNorm spelled out."""
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-12).sqrt() * layer.weight + layer.bias


def words(text: BertEmbedding, input_ids: Tensor) -> Tensor:
    """Word, position and segment, one token after another."""
    rows = [
        [
            text.words.weight[token] + text.positions.weight[place] + text.segments.weight[0]
            for place, token in enumerate(row)
        ]
        for row in input_ids.tolist()
    ]
    return torch.stack([torch.stack(row) for row in rows])


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return x @ layer.weight.T + layer.bias


def test_boxes_in_numbers() -> None:
    box = torch.tensor([0.1, 0.2, 0.5, 0.8])
    assert box_numbers(box, 4).tolist() == box.tolist()
    assert box_numbers(box, 5).tolist() == pytest.approx([0.1, 0.2, 0.5, 0.8, 0.24])
    assert box_numbers(box, 7).tolist() == pytest.approx([0.1, 0.2, 0.5, 0.8, 0.4, 0.6, 0.24])


def test_sines_of_a_box_equal_the_formula() -> None:
    """Coordinate by coordinate: all its sines, then all its cosines (VL-BERT's `coordinate_embeddings`)."""
    expected = []
    for number in (0.3, 0.5, 0.4, 0.6):  # centre, width, height of the box below
        angles = [100 * number / 1000 ** (k / 3) for k in range(3)]
        expected += [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
    assert box_sines(torch.tensor([0.1, 0.2, 0.5, 0.8]), 3).tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("side", [1, 2, 5])
def test_the_learned_grid_has_a_vector_for_each_cell_and_one_for_the_picture(side: int) -> None:
    code = GridCode(side, 4)
    boxes = torch.cat([tiles(side, side), torch.tensor([[0.0, 0.0, 1.0, 1.0]])])
    found = code(boxes[None])[0]
    expected = code.cells.weight if side > 1 else code.cells.weight[[1, 1]]  # a single cell is the picture
    assert torch.equal(found, expected)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_any_box_has_a_place_in_the_learned_grid(numbers: list[float]) -> None:
    left, right = sorted(numbers[:2])
    top, bottom = sorted(numbers[2:])
    assert GridCode(4, 2)(torch.tensor([[[left, top, right, bottom]]])).isfinite().all()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_the_picture_is_the_mean_of_its_real_regions(counts: list[int]) -> None:
    given_batch = batch([3] * len(counts), counts)
    given_batch["region_hidden"] = torch.ones_like(given_batch["region_real"])
    seen = see(given_batch, picture_first=True)
    for row, count in enumerate(counts):
        mean = given_batch["region_features"][row, :count].sum(dim=0) / max(count, 1)
        torch.testing.assert_close(seen.features[row, 0], mean, **CLOSE)
    assert seen.boxes[:, 0].tolist() == [[0.0, 0.0, 1.0, 1.0]] * len(counts)
    assert seen.real[:, 0].all()
    assert not seen.hidden[:, 0].any()
    for name in ("features", "boxes", "real", "hidden"):
        assert torch.equal(getattr(seen, name)[:, 1:], given_batch[f"region_{name}"])


def test_visualbert_has_one_normalisation_for_words_and_regions_and_looks_at_no_box() -> None:
    visual, text = both(VisualBERTEmbedding)
    given_batch = batch([5, 3])
    embedded = visual(given_batch, text)
    regions = linear(visual.projection, given_batch["region_features"])
    regions = norm(text.norm, regions + visual.types.weight[0] + visual.positions.weight[0])
    torch.testing.assert_close(embedded.image, regions, **CLOSE)
    torch.testing.assert_close(embedded.text, norm(text.norm, words(text, given_batch["input_ids"])), **CLOSE)
    moved = visual({**given_batch, "region_boxes": given_batch["region_boxes"] / 2}, text)
    assert torch.equal(moved.image, embedded.image)
    assert not any(isinstance(module, nn.LayerNorm) for module in visual.modules())


def test_visualberts_tables_begin_as_copies_of_the_texts() -> None:
    configuration = configured()
    text = BertEmbedding(fresh_sizes(configuration), 0.0)
    visual = VisualBERTEmbedding(configuration, text, WIDTH)
    assert torch.equal(visual.types.weight, text.segments.weight)
    assert torch.equal(visual.positions.weight, text.positions.weight)
    assert visual.positions.weight.data_ptr() != text.positions.weight.data_ptr()


def test_vilbert_equals_its_formula() -> None:
    visual, text = both(ViLBERTEmbedding, picture_first=True)
    given_batch = batch([5, 3])
    seen = see(given_batch, picture_first=True)
    area = (seen.boxes[..., 2] - seen.boxes[..., 0]) * (seen.boxes[..., 3] - seen.boxes[..., 1])
    five = torch.cat([seen.boxes, area[..., None]], dim=-1)
    expected = norm(visual.norm, linear(visual.projection, seen.features) + linear(visual.code.linear, five))
    torch.testing.assert_close(visual(given_batch, text).image, expected, **CLOSE)


def test_lxmert_equals_its_formula() -> None:
    visual, text = both(LXMERTEmbedding)
    given_batch = batch([5, 3])
    features = norm(visual.feature_norm, linear(visual.projection, given_batch["region_features"]))
    boxes = norm(visual.code.norm, linear(visual.code.linear, given_batch["region_boxes"]))
    torch.testing.assert_close(visual(given_batch, text).image, (features + boxes) / 2, **CLOSE)


def test_uniter_equals_its_formula_and_marks_hidden_regions_only() -> None:
    visual, text = both(UNITEREmbedding)
    nn.init.zeros_(visual.mask.weight[0])
    given_batch = batch([5, 3])
    left, top, right, bottom = given_batch["region_boxes"].unbind(dim=-1)
    seven = torch.stack([left, top, right, bottom, right - left, bottom - top, (right - left) * (bottom - top)], dim=-1)
    boxes = norm(visual.code.norm, linear(visual.code.linear, seven))

    def expected(features: Tensor) -> Tensor:
        features = norm(visual.feature_norm, linear(visual.projection, features))
        return norm(visual.norm, features + boxes + text.segments.weight[1])

    plain = visual(given_batch, text).image
    torch.testing.assert_close(plain, expected(given_batch["region_features"]), **CLOSE)
    hidden = torch.tensor([[True, False, False, True], [False, False, True, False]])
    shown = given_batch["region_features"].masked_fill(hidden[..., None], 0.0)
    masked = visual({**given_batch, "region_features": shown, "region_hidden": hidden}, text).image
    assert torch.equal(masked[~hidden], plain[~hidden])
    vector = torch.where(hidden[..., None], visual.mask.weight[1], torch.zeros(FEATURES))
    torch.testing.assert_close(masked, expected(shown + vector), **CLOSE)


def test_uniters_mask_has_no_effect_on_what_is_not_hidden_even_after_training() -> None:
    torch.manual_seed(0)
    configuration = configured()
    text = BertEmbedding(fresh_sizes(configuration), 0.0)
    visual = UNITEREmbedding(configuration, text, WIDTH)
    assert not visual.mask.weight[0].any()
    hidden = torch.zeros(2, 4, dtype=torch.bool)
    visual({**batch([5, 3]), "region_hidden": hidden}, text).image.square().sum().backward()
    assert not visual.mask.weight.grad.any()


def test_vlbert_equals_its_formula() -> None:
    visual, text = both(VLBERTEmbedding)
    given_batch = batch([5, 3])
    hidden = torch.tensor([[True, False, False, True], [False, False, True, False]])
    given_batch["region_hidden"] = hidden
    seen = see(given_batch, picture_first=True, without_hidden=True)
    whole = torch.stack([given_batch["region_features"][row][shown].mean(dim=0) for row, shown in enumerate(~hidden)])
    torch.testing.assert_close(seen.features[:, 0], whole)
    hidden = F.pad(hidden, (1, 0))[..., None]
    features = torch.where(hidden, visual.hidden_features.weight[0], seen.features)
    both_parts = torch.cat([box_sines(seen.boxes, max(1, FEATURES // 8)), features], dim=-1)
    seen_by = linear(visual.projection, both_parts).clamp(min=0)
    word = torch.where(hidden, visual.hidden_word.weight[0], visual.image_word.weight[0])
    place = text.positions.weight[torch.tensor([5, 3])][:, None]
    regions = norm(visual.region_norm, seen_by) + word + place + text.segments.weight[2]
    expected_words = words(text, given_batch["input_ids"]) + norm(visual.word_norm, seen_by[:, :1])
    embedded = visual(given_batch, text)
    torch.testing.assert_close(embedded.image, norm(text.norm, regions), **CLOSE)
    torch.testing.assert_close(embedded.text, norm(text.norm, expected_words), **CLOSE)


def test_vlbert_has_a_position_behind_the_longest_text() -> None:
    visual, text = both(VLBERTEmbedding)
    assert visual(batch([16]), text).image.isfinite().all()


@pytest.mark.parametrize("kind", get_args(SpatialCode))
def test_controlled_arms_differ_in_their_code_alone(kind: SpatialCode) -> None:
    axes = Axes("single_stream", kind, "product", "words", "post", "common")
    visual, text = both(ControlledEmbedding, picture_first=True, axes=axes)
    given_batch = batch([5, 3])
    seen = see(given_batch, picture_first=True)
    features = norm(visual.feature_norm, linear(visual.projection, seen.features))
    if kind == "none":
        code = torch.zeros(())
    elif kind == "learned_grid":
        code = visual.code(seen.boxes)
    elif kind == "sinusoid":
        code = linear(visual.code.linear, box_sines(seen.boxes, 1))
    else:
        code = linear(visual.code.linear, box_numbers(seen.boxes, {"averaged_4": 4, "sum_5": 5, "normed_7": 7}[kind]))
        code = code if kind == "sum_5" else norm(visual.code.norm, code)
    summed = (features + code) / 2 if kind == "averaged_4" else features + code
    torch.testing.assert_close(visual(given_batch, text).image, norm(visual.norm, summed), **CLOSE)
    others = {name for name, _ in visual.named_parameters() if not name.startswith("code.")}
    assert others == {f"{part}.{w}" for part in ("projection", "feature_norm", "norm") for w in ("weight", "bias")}


def test_removed_features_count_in_the_picture_of_a_controlled_arm() -> None:
    visual, text = both(ControlledEmbedding, picture_first=True)
    given_batch = batch([5, 3], [4, 3])
    given_batch["region_hidden"] = torch.tensor([[True, False, False, True], [False, False, True, False]])
    given_batch["region_features"] = given_batch["region_features"].masked_fill(
        given_batch["region_hidden"][..., None], 0.0
    )
    entered: list[Tensor] = []
    visual.projection.register_forward_pre_hook(lambda module, given: entered.append(given[0]))
    visual(given_batch, text)
    features = given_batch["region_features"]
    expected = torch.stack([features[0].sum(dim=0) / 4, features[1, :3].sum(dim=0) / 3])
    torch.testing.assert_close(entered[0][:, 0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_regions_are_embedded_each_by_itself(kind: type) -> None:
    """Another order of regions is the same order of tokens, and padding is said to be padding."""
    visual, text = both(kind)
    given_batch = batch([5, 3], [4, 2])
    order = torch.tensor([2, 0, 3, 1])
    shuffled = {name: one[:, order] if name.startswith("region_") else one for name, one in given_batch.items()}
    first, second = visual(given_batch, text), visual(shuffled, text)
    lead = int(visual.picture_first)
    torch.testing.assert_close(second.image[:, lead:], first.image[:, lead:][:, order], **CLOSE)
    assert torch.equal(first.real[:, lead:], given_batch["region_real"])
    torch.testing.assert_close(second.text, first.text, **CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_acts_on_regions_in_training(kind: type) -> None:
    configuration = configured(dropout=0.5)
    text = BertEmbedding(fresh_sizes(configuration), 0.5, segments=kind.segments, extra_positions=kind.extra_positions)
    visual = kind(configuration, text, WIDTH)
    given_batch = batch([5, 3])
    assert not torch.equal(visual(given_batch, text).image, visual(given_batch, text).image)


def test_cells_share_one_vector_and_keep_their_order() -> None:
    torch.manual_seed(0)
    configuration = configured()
    text = BertEmbedding(fresh_sizes(configuration), 0.0)
    visual = PixelEmbedding(configuration, text, WIDTH).eval()
    given_batch = batch([5, 3])
    grid = visual.encoder(given_batch["pixels"]).last_hidden_state
    expected = [linear(visual.projection, grid[:, :, row, column]) for row in range(4) for column in range(4)]
    expected = torch.stack(expected, dim=1) + visual.semantics.weight[0]
    torch.testing.assert_close(visual(given_batch, text).image, expected, **CLOSE)


@pytest.mark.parametrize(("cells", "kept"), [(1, 1), (2, 1), (16, 8), (199, 99), (200, 100), (500, 100)])
def test_sampled_cells_are_distinct_and_differ_between_pictures_and_times(cells: int, kept: int) -> None:
    torch.manual_seed(0)
    configuration = configured()
    visual = PixelEmbedding(configuration, BertEmbedding(fresh_sizes(configuration), 0.0), WIDTH)
    numbered = torch.arange(cells, dtype=torch.float32)[None, :, None].expand(3, -1, 2)
    first, second = visual.sampled(numbered)[..., 0], visual.sampled(numbered)[..., 0]
    assert first.shape == (3, kept)
    assert all(len(set(row)) == kept and row == sorted(row) for row in first.tolist())
    if cells > 2:
        assert not torch.equal(first, second)
        assert not torch.equal(first[0], first[1])


def test_what_is_not_known_is_refused() -> None:
    text = BertEmbedding(fresh_sizes(configured()), 0.0)
    with pytest.raises(ValueError, match="reads regions: its front end must say how many features"):
        ViLBERTEmbedding(configured(region_features=0), text, WIDTH)
    with pytest.raises(ValueError, match="a controlled arm needs axes"):
        ControlledEmbedding(configured(axes=None), text, WIDTH)
    with pytest.raises(ValueError, match="no spatial code called 'polar'"):
        spatial_code("polar", configured(), WIDTH)
