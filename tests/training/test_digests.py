"""Digests of batches."""

import torch

from components.training.digests import BatchDigests


def batch(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    plain = {"rows": torch.arange(3), "input_ids": torch.ones(3, 4, dtype=torch.long), "mlm_labels": torch.zeros(3, 4)}
    return {**plain, **changes}


def chains(*batches: dict[str, torch.Tensor]) -> dict[str, str]:
    digests = BatchDigests()
    for one in batches:
        digests.update(one)
    return digests.chains


def test_each_chain_sees_its_own_keys_only() -> None:
    plain = chains(batch())
    other_mask = chains(batch(mlm_labels=torch.ones(3, 4)))
    assert (plain["ids"], plain["content"]) == (other_mask["ids"], other_mask["content"])
    assert plain["corruption"] != other_mask["corruption"]
    other_rows = chains(batch(rows=torch.tensor([2, 1, 0])))
    assert plain["ids"] != other_rows["ids"]


def test_order_and_number_of_batches_matter() -> None:
    first, second = batch(), batch(rows=torch.tensor([5, 6, 7]))
    assert len({str(chains(*order)) for order in [(first, second), (second, first), (first,), (first, first)]}) == 4


def test_a_chain_continues_from_its_string() -> None:
    whole = chains(batch(), batch())
    stopped, resumed = BatchDigests(), BatchDigests()
    stopped.update(batch())
    resumed.restore(stopped.kept())
    resumed.update(batch())
    assert resumed.chains == whole
    assert resumed.after == {1: chains(batch()), 2: whole}


def test_chains_are_kept_at_powers_of_two_as_they_stood() -> None:
    digests = BatchDigests()
    stood = {}
    for count in range(1, 20):
        digests.update(batch(rows=torch.arange(count, count + 3)))
        stood[count] = dict(digests.chains)
    assert digests.after == {count: stood[count] for count in (1, 2, 4, 8, 16)}
