"""Counts of what batches held are the batches' own, and go on where they were."""

import torch

from components.training.consumed import ConsumedBatches


def batch(masked: int) -> dict[str, torch.Tensor]:
    labels = torch.full((2, 6), -100)
    labels[0, 1 : 1 + masked] = 7
    return {
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]]),
        "mlm_labels": labels,
        "region_real": torch.tensor([[True, True, False], [True, True, True]]),
        "region_chosen": torch.tensor([[True, False, True], [False, False, True]]),  # one of them is padding
        "itm_image_rows": torch.tensor([0, 0]),
    }


def test_words_regions_and_torn_pairs_are_counted() -> None:
    counted = ConsumedBatches()
    counted.update(batch(2))
    counted.update(batch(0))
    found = counted.described(4.0)
    assert (found.text_tokens, found.words, found.masked_words) == (18, 10, 2)
    assert (found.regions, found.masked_regions, found.torn_pairs) == (10, 4, 2)
    assert found.visual_tokens == 4.0


def test_a_resumed_run_goes_on_counting() -> None:
    whole, first, second = ConsumedBatches(), ConsumedBatches(), ConsumedBatches()
    for masked in (1, 2):
        whole.update(batch(masked))
    first.update(batch(1))
    second.restore(first.kept())
    second.update(batch(2))
    assert second.counts == whole.counts
    assert ConsumedBatches().described(None).text_tokens == 0
