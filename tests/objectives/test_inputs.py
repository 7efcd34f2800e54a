"""What a pass shows of a batch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from components.models.passes import Pass, RegionMasking
from components.objectives.inputs import as_seen, intersection_over_union
from tests.objectives.small_batches import FEATURES, MASK, REGIONS, batch

TEXT = ("input_ids", "attention_mask", "mlm_labels")
IMAGE = ("pixels", "region_features", "region_boxes", "region_real", "region_classes", "region_attributes")
DRAWS = ("masked_input_ids", "region_chosen", "region_treatment", "region_other", "itm_image_rows", "itm_text_rows")


def test_a_pass_that_does_nothing_shows_the_batch_as_it_is() -> None:
    given_batch = batch(4)
    seen = as_seen(given_batch, Pass(losses=()))
    for name in ("input_ids", "attention_mask", *IMAGE):
        assert torch.equal(seen[name], given_batch[name])
    assert seen["pair_matches"].tolist() == [1, 1, 1, 1]
    assert not set(seen) & {*DRAWS, "mlm_labels", "region_hidden", "region_asked", "region_targets"}


def test_words_are_masked_where_asked() -> None:
    given_batch = batch(4)
    seen = as_seen(given_batch, Pass(losses=(), words=True))
    asked = given_batch["mlm_labels"] != -100
    assert (seen["input_ids"][asked] == MASK).all()
    assert torch.equal(seen["input_ids"][~asked], given_batch["input_ids"][~asked])
    assert torch.equal(seen["mlm_labels"], given_batch["mlm_labels"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), zeroed=st.floats(0, 1), replaced=st.floats(0, 1))
def test_chosen_regions_are_zeroed_replaced_or_kept(seed: int, zeroed: float, replaced: float) -> None:
    given_batch = batch(4, seed)
    replaced *= 1 - zeroed
    seen = as_seen(given_batch, Pass(losses=(), regions=RegionMasking(zeroed=zeroed, replaced=replaced)))
    features = given_batch["region_features"]
    for row in range(4):
        for region in range(REGIONS):
            expected, hidden = features[row, region], False
            if given_batch["region_chosen"][row, region]:
                treatment = given_batch["region_treatment"][row, region].item()
                other = given_batch["region_other"][row, region].item()
                if treatment < zeroed:
                    expected, hidden = torch.zeros(FEATURES), True
                elif treatment < zeroed + replaced:
                    expected = features[other // REGIONS, other % REGIONS]
            assert torch.equal(seen["region_features"][row, region], expected)
            assert seen["region_hidden"][row, region].item() == hidden
    assert torch.equal(seen["region_asked"], given_batch["region_chosen"])
    assert torch.equal(seen["region_targets"], features)
    assert torch.equal(seen["region_classes"], given_batch["region_classes"])


def test_masking_spreads_to_what_overlaps_and_asks_no_more_for_it() -> None:
    given_batch = batch(1)
    given_batch["region_boxes"] = torch.tensor(
        [[[0, 0, 0.4, 0.4], [0, 0.1, 0.4, 0.5], [0, 0.2, 0.4, 0.6], [0.5, 0.5, 0.9, 0.9], [0, 0, 0.4, 0.4]]]
    )
    given_batch["region_features"] = torch.ones(1, REGIONS, FEATURES)
    given_batch["region_chosen"] = torch.tensor([[True, False, False, False, False]])
    given_batch["region_real"] = torch.tensor([[True, True, True, True, False]])
    spreading = Pass(losses=(), regions=RegionMasking(zeroed=1.0, spreads=True))
    # Overlaps with the first: 3/5 and 1/3; the last lies upon it but is padding.
    seen = as_seen(given_batch, spreading)
    assert seen["region_hidden"].tolist() == [[True, True, False, False, False]]
    assert seen["region_features"].sum(dim=2).bool().tolist() == [[False, False, True, True, True]]
    assert seen["region_asked"].tolist() == given_batch["region_chosen"].tolist()
    alone = as_seen(given_batch, Pass(losses=(), regions=RegionMasking(zeroed=1.0)))
    assert alone["region_hidden"].tolist() == given_batch["region_chosen"].tolist()
    # A chosen region that keeps its features hides its neighbours all the same.
    kept = as_seen(given_batch, Pass(losses=(), regions=RegionMasking(zeroed=0.0, spreads=True)))
    assert kept["region_hidden"].tolist() == [[False, True, False, False, False]]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999))
def test_overlap_equals_areas_counted_on_a_grid(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, 10, (2, 3, 2, 2), generator=generator).sort(dim=2).values
    boxes = corners.flatten(2).float() / 10
    found = intersection_over_union(boxes)
    places = torch.arange(10)
    for row in range(2):
        filled: list[Tensor] = []
        for corner, opposite in corners[row]:
            columns, rows = ((places >= corner[axis]) & (places < opposite[axis]) for axis in (0, 1))
            filled.append(rows[:, None] & columns)
        for i in range(3):
            for j in range(3):
                union = (filled[i] | filled[j]).sum().item()
                expected = (filled[i] & filled[j]).sum().item() / union if union else 0.0
                assert found[row, i, j].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("mismatched", ["images", "texts"])
def test_mismatched_pairs_show_another_picture_or_another_text_with_its_masks(mismatched: str) -> None:
    given_batch = batch(6)
    whole = as_seen(given_batch, Pass(losses=(), words=True, regions=RegionMasking(0.5, 0.3)))
    torn = as_seen(
        given_batch,
        Pass(losses=(), words=True, regions=RegionMasking(0.5, 0.3), mismatched=mismatched),  # type: ignore[arg-type]
    )
    rows = given_batch["itm_image_rows" if mismatched == "images" else "itm_text_rows"]
    assert torn["pair_matches"].tolist() == [int(row == own) for own, row in enumerate(rows.tolist())]
    assert 0 < torn["pair_matches"].sum() < 6
    moved = (*IMAGE, "region_hidden", "region_asked", "region_targets") if mismatched == "images" else TEXT
    stays = set(whole) - {*moved, "pair_matches"}
    for name in moved:
        assert torch.equal(torn[name], whole[name][rows])
    for name in stays:
        assert torch.equal(torn[name], whole[name])


def test_masked_words_and_regions_of_torn_pairs_are_asked_for_unless_dropped() -> None:
    given_batch = batch(6)
    for mismatched in ("images", "texts"):
        kept, dropped = (
            as_seen(given_batch, Pass((), True, RegionMasking(), mismatched, keeps_mismatched=keeps))  # type: ignore[arg-type]
            for keeps in (True, False)
        )
        torn = kept["pair_matches"] == 0
        assert kept["region_asked"][torn].any()
        assert (kept["mlm_labels"][torn] != -100).any()
        assert not dropped["region_asked"][torn].any()
        assert (dropped["mlm_labels"][torn] == -100).all()
        for name in kept:
            assert torch.equal(kept[name][~torn], dropped[name][~torn])
            if name not in ("region_asked", "mlm_labels"):
                assert torch.equal(kept[name], dropped[name])


def test_the_given_batch_is_left_as_it_was() -> None:
    given_batch = batch(6)
    before = {name: tensor.clone() for name, tensor in given_batch.items()}
    as_seen(given_batch, Pass((), True, RegionMasking(0.5, 0.3, spreads=True), "images", keeps_mismatched=False))
    assert given_batch.keys() == before.keys()
    assert all(torch.equal(given_batch[name], tensor) for name, tensor in before.items())
