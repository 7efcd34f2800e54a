"""Which tokenised data a replicate trains on: samples that it has drawn for itself, a share of all rows, or what all share."""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np

from components.data.store import Store
from components.paths import drawn_folder, tokens_folder
from components.study.study import Study


def training_store(root: Path, study: Study, replicate: int) -> Store:
    """The data that a replicate trains on. Whatever is scored is read from `tokens_folder`, in every replicate.

    Args:
        root: the workspace.
    """
    folder = drawn_folder(root, replicate) if replicate in study.drawings else tokens_folder(root)
    share = study.data.manifest.training_share
    return Store(folder) if share is None else ShareOfStore(folder, share, f"{study.seed}/{replicate}")


class ShareOfStore(Store):
    """Tokenised data of which a share of the training groups is trained on, in all parts alike.

    Args:
        share: of the groups that occur in the training split of any part, above 0.
        key: names the choice.
    """

    def __init__(self, folder: Path, share: float, key: str) -> None:
        super().__init__(folder)
        self._share = share
        self._key = key

    @cached_property
    def chosen(self) -> frozenset[str]:
        """The groups that are trained on."""
        parts = [part for part in self.index["parts"] if "train" in self.splits(part)]
        groups = {group for part in parts for group in self.part(part, "train").groups}
        return chosen_groups(groups, self._share, self._key)

    def training_rows(self, part: str) -> np.ndarray:
        """The rows of a part's training split whose groups were chosen, ascending: int64."""
        groups = self.part(part, "train").groups
        return np.flatnonzero([group in self.chosen for group in groups])


def chosen_groups(groups: Iterable[str], share: float, key: str) -> frozenset[str]:
    """A share of the groups, at least one: the first by a keyed hash, so that their order and number in files do not count."""
    own = hashlib.sha256(f"{key}/training share".encode()).digest()
    ranked = sorted(set(groups), key=lambda group: hashlib.blake2b(group.encode(), digest_size=16, key=own).digest())
    return frozenset(ranked[: max(1, round(share * len(ranked)))])
