"""Batches for fine-tuning and prediction: the samples of a task, with what its kind needs besides.

Shapes: B batch, K samples of a pool.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from components.data.batches import BatchStream, Ingredients, collate, few_labels
from components.data.regions import RegionArrays
from components.data.store import Part, Store
from components.data.streams import Order, Stream
from components.errors import CeterisError

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Needs:
    """What a kind of task needs besides pictures, texts and targets.

    Attributes:
        boxes: target_boxes float32 (B, 4), the box at index `targets` of the picture's boxes; -1 where there is none.
        second_picture: pixels_second and, where regions are read, region_NAME_second; as for the first picture.
        pool: K, the number of consecutive samples that form a pool. Batches hold whole pools only.
        distractors: above 0, training batches have distractors int64 (distractors,). Each text is compared with the pictures
            that lie this many places (1 to K - 1) after its own in the pool, counted cyclically.
    """

    boxes: bool = False
    second_picture: bool = False
    pool: int = 1
    distractors: int = 0


def task_batch(store: Store, part: Part, rows: np.ndarray, needs: Needs, regions: RegionArrays | None) -> Batch:
    """The samples of a task at the given rows, as tensors."""
    ingredients = Ingredients(pictures=True, texts=True, targets=True, regions=regions is not None)
    batch = collate(store, part, rows, ingredients, regions)
    if needs.second_picture:
        pictures = part.image_rows_second[rows]
        batch["pixels_second"] = torch.from_numpy(np.ascontiguousarray(store.pixels[pictures]))
        if regions is not None:
            batch |= {f"{name}_second": torch.from_numpy(array) for name, array in regions.of(pictures).items()}
    if needs.boxes:
        targets = part.targets[rows]
        known = (targets >= 0) & (targets < store.boxes.shape[1])
        boxes = np.full((len(rows), 4), -1, dtype=np.float32)
        boxes[known] = store.boxes[part.image_rows[rows][known], targets[known]]
        batch["target_boxes"] = torch.from_numpy(boxes)
    return batch


class TaskStream(BatchStream):
    """Batches of a task's training split, in an order that depends on the seed only. Whole pools are drawn, not samples.

    Args:
        subset: rows to draw from, whole pools (all when None), for runs with few labels.

    Raises:
        CeterisError: a batch would hold parts of pools, or there is no whole pool to draw from.
    """

    def __init__(
        self,
        store: Store,
        part: str,
        seed: int,
        batch_size: int,
        steps: int,
        needs: Needs,
        subset: np.ndarray | None = None,
        regions: RegionArrays | None = None,
    ) -> None:
        super().__init__(store, part, seed, batch_size, steps, Ingredients(), subset, regions)
        self.needs = needs
        if batch_size % needs.pool:
            raise CeterisError(
                f"{part} comes in pools of {needs.pool}: make the batch size a multiple, not {batch_size}."
            )
        if len(self.rows) < needs.pool or len(self.rows) % needs.pool:
            raise CeterisError(f"{part} has {len(self.rows)} samples to train on, which are no pools of {needs.pool}.")
        self.pools = self.rows.reshape(-1, needs.pool)
        self.order = Order(seed, part, len(self.pools))

    def at(self, step: int) -> Batch:
        """The batch of one step."""
        pools = self.batch_size // self.needs.pool
        rows = self.pools[self.order.at(np.arange(step * pools, (step + 1) * pools))].reshape(-1)
        batch = task_batch(self.store, self.part, rows, self.needs, self.regions)
        if self.needs.distractors:
            further = 1 + Stream(self.seed, self.source, "distractors").at(step).permutation(self.needs.pool - 1)
            batch["distractors"] = torch.from_numpy(further[: self.needs.distractors])
        return batch


def few(count: int, part: str, seed: int, store: Store, pool: int) -> np.ndarray:
    """The rows that a run with few labels may use, sorted, in whole pools; the same for every arm of a replicate."""
    if pool == 1:
        return few_labels(count, part, seed, store)
    rows = store.training_rows(part)
    pools = rows[: len(rows) // pool * pool].reshape(-1, pool)
    chosen = np.sort(Stream(seed, part, "labels").at(0).permutation(len(pools))[: max(1, count // pool)])
    return pools[chosen].reshape(-1)
