"""Open the tokenised data: memory-mapped arrays, decoded and tokenised once for every stage that trains."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from components.errors import CeterisError


@dataclass(frozen=True)
class Part:
    """One part of the data in one split (N samples, T tokens, F integers of meaning)."""

    folder: Path

    def _array(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")

    def _column(self, name: str) -> list[str]:
        return pq.read_table(self.folder / "samples.parquet", columns=[name]).column(name).to_pylist()

    @cached_property
    def input_ids(self) -> np.ndarray:
        """Int32 (N, T), padded."""
        return self._array("input_ids")

    @cached_property
    def lengths(self) -> np.ndarray:
        """Int32 (N,): tokens with [CLS] and [SEP]."""
        return self._array("lengths")

    @cached_property
    def image_rows(self) -> np.ndarray:
        """Int64 (N,): rows of `Store.pixels`, -1 where there is no picture."""
        return self._array("image_rows")

    @cached_property
    def image_rows_second(self) -> np.ndarray:
        """Int64 (N,): the same for the second picture; only parts with two pictures per sample have this array."""
        return self._array("image_rows_second")

    @cached_property
    def pictures(self) -> list[np.ndarray]:
        """Rows of the first picture of each sample and, where samples have two, of the second."""
        two = (self.folder / "image_rows_second.npy").is_file()
        return [self.image_rows, self.image_rows_second] if two else [self.image_rows]

    @cached_property
    def targets(self) -> np.ndarray:
        """Int64 (N,): indices into the task's answers, -1 where there is none."""
        return self._array("targets")

    @cached_property
    def facts(self) -> np.ndarray:
        """Int16 (N, F): meanings of the texts, for the scenes oracle."""
        return self._array("facts")

    @cached_property
    def ids(self) -> list[str]:
        """Sample ids."""
        return self._column("id")

    @cached_property
    def groups(self) -> list[str]:
        """Groups of the samples, by which the statistics cluster."""
        return self._column("group")

    @cached_property
    def forms(self) -> list[str]:
        """Forms by which results are sliced, such as the form of the question."""
        return self._column("form")

    @cached_property
    def texts(self) -> list[str]:
        """The original texts."""
        return self._column("text")

    def __len__(self) -> int:
        return len(self.lengths)


class Store:
    """The folder that the tokenize stage writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "index.json").is_file():
            raise CeterisError(f"{folder} holds no tokenised data: run the tokenize stage first.")
        self.index: dict = json.loads((folder / "index.json").read_text(encoding="utf-8"))

    @cached_property
    def pixels(self) -> np.ndarray:
        """Uint8 (N, H, W, 3), memory-mapped."""
        return np.load(self.folder / "pixels.npy", mmap_mode="r")

    @cached_property
    def objects(self) -> np.ndarray:
        """Int16 (N, O): truth of the scenes, for the oracle."""
        return np.load(self.folder / "objects.npy", mmap_mode="r")

    @cached_property
    def image_labels(self) -> np.ndarray:
        """Bool (N, C): which labels each picture has."""
        return np.load(self.folder / "labels.npy", mmap_mode="r")

    @cached_property
    def boxes(self) -> np.ndarray:
        """Float32 (N, M, 4): left, top, right, bottom of known objects as shares of the picture, padded with -1.

        M is the largest number of objects in a picture; it is 0 where the data has no boxes.
        """
        return np.load(self.folder / "boxes.npy", mmap_mode="r")

    @cached_property
    def box_classes(self) -> np.ndarray:
        """Int16 (N, M): index into `object_classes` for each box; -1 at padding and where it has no name."""
        return np.load(self.folder / "box_classes.npy", mmap_mode="r")

    @cached_property
    def box_attributes(self) -> np.ndarray:
        """Int16 (N, M): index into `object_attributes` for each box; -1 at padding and where it has no name."""
        return np.load(self.folder / "box_attributes.npy", mmap_mode="r")

    @cached_property
    def region_counts(self) -> np.ndarray | None:
        """Int64 (N,): number of regions that came with each picture; None where the data has no regions."""
        if "regions" not in self.index:
            return None
        return np.load(self.folder / "regions" / "real.npy", mmap_mode="r").sum(axis=1)

    @property
    def object_classes(self) -> list[str]:
        """Names of the classes of object, sorted; empty where none are known."""
        return self.index["object_classes"]

    @property
    def object_attributes(self) -> list[str]:
        """Names of the attributes of objects, sorted; empty where none are known."""
        return self.index["object_attributes"]

    @cached_property
    def image_groups(self) -> np.ndarray:
        """Int32 (N,): pictures of one group share a number."""
        return np.load(self.folder / "image_groups.npy", mmap_mode="r")

    def part(self, part: str, split: str) -> Part:
        """One part in one split.

        Raises:
            CeterisError: the data has no such part or split.
        """
        if split not in self.index["parts"].get(part, {}):
            raise CeterisError(f"the data has no split {split!r} of {part!r}; it has {self.index['parts']}.")
        return Part(self.folder / "parts" / part / split)

    def training_rows(self, part: str) -> np.ndarray:
        """The rows of a part's training split that are trained on, ascending: int64, all of them."""
        return np.arange(len(self.part(part, "train")))

    def splits(self, part: str) -> list[str]:
        """Splits of a part."""
        return sorted(self.index["parts"].get(part, {}))
