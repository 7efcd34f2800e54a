"""The deterministic batch stream: what is handed to a module at step t is a pure function of (seed, t).

Every architecture is handed the same samples in the same order. What an objective adds (masks, mismatched pictures)
comes from streams of its own, so that it cannot move the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from components.data.corruption import mask_tokens, mismatch_images
from components.data.scenes.oracle import holds
from components.data.store import Part, Store
from components.data.streams import Order, Stream

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Ingredients:
    """What a batch carries beside the sample itself (B batch, T tokens, C labels)."""

    pictures: bool = False  # pixels uint8 (B, H, W, 3)
    texts: bool = False  # input_ids int64 (B, T), attention_mask int64 (B, T)
    targets: bool = False  # targets int64 (B,)
    image_labels: bool = False  # labels float32 (B, C)
    masked_share: float = 0.0  # above 0: masked_input_ids int64 (B, T), mlm_labels int64 (B, T)
    mismatches: bool = False  # itm_image_rows int64 (B,), itm_labels int64 (B,)
    truth: bool = False  # truth bool (B, B): text i holds of picture j


def collate(store: Store, part: Part, rows: np.ndarray, ingredients: Ingredients) -> Batch:
    """The samples at the given rows, as tensors; texts are cut to the longest of the batch."""
    batch: dict[str, np.ndarray] = {"rows": rows}
    if ingredients.pictures:
        batch["pixels"] = np.ascontiguousarray(store.pixels[part.image_rows[rows]])
    if ingredients.texts:
        lengths = part.lengths[rows]
        batch["input_ids"] = part.input_ids[rows, : lengths.max()].astype(np.int64)
        batch["attention_mask"] = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    if ingredients.targets:
        batch["targets"] = part.targets[rows]
    if ingredients.image_labels:
        batch["labels"] = store.image_labels[part.image_rows[rows]].astype(np.float32)
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}


def truth_of(store: Store, part: Part, rows: np.ndarray) -> np.ndarray:
    """Whether text i of the batch holds of picture j: bool (B, B), true on the diagonal.

    Where the data has no oracle, a text is taken to hold of its own picture, of others of the same group, and of
    those that carry the very same text.
    """
    if store.index["oracle"] == "scenes":
        truth = holds(part.facts[rows], store.objects[part.image_rows[rows]])
    else:
        groups = store.image_groups[part.image_rows[rows]]
        ids = part.input_ids[rows]
        truth = (groups[:, None] == groups) | (ids[:, None, :] == ids).all(axis=2)
    truth[np.diag_indices(len(rows))] = True
    return truth


class BatchStream(IterableDataset):
    """Batches `start`, `start + 1`, ... of a part's training split.

    Args:
        seed: names the replicate's streams.
        subset: rows to draw from (all when None), for runs with few labels.
    """

    def __init__(
        self,
        store: Store,
        part: str,
        seed: int,
        batch_size: int,
        steps: int,
        ingredients: Ingredients,
        subset: np.ndarray | None = None,
    ) -> None:
        self.store = store
        self.part = store.part(part, "train")
        self.source = part
        self.seed = seed
        self.batch_size = batch_size
        self.steps = steps
        self.start = 0
        self.ingredients = ingredients
        self.rows = np.arange(len(self.part)) if subset is None else subset
        self.order = Order(seed, part, len(self.rows))

    def at(self, step: int) -> Batch:
        """The batch of one step."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        rows = self.rows[self.order.at(positions)]
        batch = collate(self.store, self.part, rows, self.ingredients)
        if self.ingredients.masked_share:
            special = self.store.index["special_tokens"]
            masked, labels = mask_tokens(
                batch["input_ids"].numpy(),
                self.part.lengths[rows],
                Stream(self.seed, self.source, "masks").at(step),
                self.ingredients.masked_share,
                special["mask"],
                special["first_word"],
                self.store.index["vocabulary_size"],
            )
            batch |= {"masked_input_ids": torch.from_numpy(masked), "mlm_labels": torch.from_numpy(labels)}
        if self.ingredients.mismatches or self.ingredients.truth:
            truth = truth_of(self.store, self.part, rows)
            if self.ingredients.truth:
                batch["truth"] = torch.from_numpy(truth)
            if self.ingredients.mismatches:
                shown, labels = mismatch_images(truth, Stream(self.seed, self.source, "negatives").at(step))
                batch |= {"itm_image_rows": torch.from_numpy(shown), "itm_labels": torch.from_numpy(labels)}
        return batch

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.start, self.steps):
            yield self.at(step)


def few_labels(count: int, part: str, seed: int, store: Store) -> np.ndarray:
    """The rows that a run with few labels may use: the same for every architecture of a replicate, sorted."""
    size = len(store.part(part, "train"))
    return np.sort(Stream(seed, part, "labels").at(0).permutation(size)[:count])


def in_order(part: Part, batch_size: int) -> Iterator[np.ndarray]:
    """Rows of a part in file order, for prediction."""
    for begin in range(0, len(part), batch_size):
        yield np.arange(begin, min(begin + batch_size, len(part)))
