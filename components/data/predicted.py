"""Which splits and pictures are predicted: everything but what trains, and what only promotion may look at."""

from collections.abc import Iterable

import numpy as np

from components.data.samples import GENERALISATION_PREFIX
from components.data.store import Store


def predicted_splits(store: Store, task: str) -> list[str]:
    """Every split of a task but `train` and `gate`, which only promotion may look at."""
    return [
        split
        for split in store.splits(task)
        if split in ("validation", "selection") or split.startswith(GENERALISATION_PREFIX)
    ]


def predicted_pictures(store: Store, tasks: Iterable[str]) -> np.ndarray:
    """The pictures of what is predicted of any of the tasks, and of the pairs that gates are measured on: int64, ascending rows.

    All that a replicate with samples of its own looks at beside them, so that its front end looks once.
    """
    parts = [store.part(task, split) for task in tasks for split in predicted_splits(store, task)]
    parts += [store.part("pairs", "validation")] if "validation" in store.splits("pairs") else []
    rows = np.unique(np.concatenate([pictures for part in parts for pictures in part.pictures]))
    return rows[rows >= 0]
