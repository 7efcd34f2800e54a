"""The gate split as questions to a model: encoded pictures and texts, exactly what a user would send."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from components.data.store import Store
from components.errors import CeterisError


@dataclass(frozen=True)
class GateItems:
    """N items that decide promotions and nothing else; `digest` names them in every decision."""

    ids: list[str]
    groups: list[str]
    images: list[bytes]
    texts: list[str]
    targets: list[str]
    digest: str

    def correct(self, answers: Sequence[str]) -> np.ndarray:
        """Bool (N,): which answers are right. Compared as words, since two models may list their answers differently."""
        return np.array([answer == target for answer, target in zip(answers, self.targets, strict=True)])


def gate_items(store: Store, task: str) -> GateItems:
    """The items of a task's gate split, all of them: one whose answer no model can give is missed by every model.

    Raises:
        CeterisError: there are none, or one lacks a picture.
    """
    if not store.index["parts"].get(task, {}).get("gate"):
        raise CeterisError(f"{store.folder} has no gate split for {task}: without one nothing can be promoted.")
    part = store.part(task, "gate")
    image_rows = np.asarray(part.image_rows).tolist()
    if min(image_rows) < 0:
        sample = part.ids[image_rows.index(-1)]
        raise CeterisError(
            f"sample {sample} of the gate split of {task} in {store.folder} has no picture: give it one."
        )
    targets = pq.read_table(part.folder / "samples.parquet", columns=["target"]).column("target").to_pylist()
    # Pictures go in as lossless files of the very pixels that everything else was scored on.
    files = {row: png(store.pixels[row]) for row in sorted(set(image_rows))}
    images = [files[row] for row in image_rows]
    targets = [target or "" for target in targets]
    digest = hashlib.sha256()
    for row, words in zip(image_rows, zip(part.ids, part.groups, part.texts, targets, strict=True), strict=True):
        digest.update("\0".join(words).encode() + b"\0" + store.pixels[row].tobytes())
    return GateItems(part.ids, part.groups, images, part.texts, targets, digest.hexdigest())


def png(pixels: np.ndarray) -> bytes:
    """Pixels uint8 (H, W, 3) as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
