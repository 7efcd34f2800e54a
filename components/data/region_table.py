"""Convert region features that came with the data: from the user's files to Parquet shards, and from these to arrays.

The materialise stage writes the shards beside the samples, one row for each picture (`regions-*.parquet`). The tokenize stage
writes the arrays from which batches are cut (`components.data.regions`). A few hundred pictures at most are in memory.
Letters: N pictures, R regions, F features, L classes of object, A attributes.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.data import samples
from components.data.region_files import FileRegions, Likeliest, read_regions
from components.data.regions import LARGE
from components.errors import CeterisError

SCHEMA = pa.schema(
    {
        "image_id": pa.string(),
        "regions": pa.int32(),  # R
        "features": pa.binary(),  # float32 (R, F)
        "boxes": pa.binary(),  # float32 (R, 4), shares of the picture
        "classes": pa.binary(),  # float32 (R, L); this column and all that follow are empty where not known
        "classes_ids": pa.binary(),  # int64 (R,), the most likely class
        "classes_probabilities": pa.binary(),  # float32 (R,)
        "attributes_ids": pa.binary(),
        "attributes_probabilities": pa.binary(),
    }
)
FOLDER = "regions"
"""Folder of the arrays, inside the folder of the tokenised data."""
_ROWS_PER_SHARD = 256
_ROWS_AT_ONCE = 64
_SHOWN = 3


def write_regions(folder: Path, path: Path, images: Mapping[str, str | None]) -> str:
    """Write the regions of every picture to shards in `folder`; returns what was found, in words.

    Args:
        path: the file or folder for `read_regions`. Regions of pictures that are not in `images` are left out.
        images: picture ids by the name that the files use; None for a name that two pictures have.

    Raises:
        CeterisError: a picture has no regions or has them twice, a name means two pictures, or pictures differ in F or L.
    """
    rows: list[FileRegions] = []
    done: dict[str | None, str] = {}
    shards = strangers = fewest = most = 0
    first: FileRegions | None = None
    for found in read_regions(path):
        if found.image_id not in images:
            strangers += 1
            continue
        image_id = images[found.image_id]
        if image_id is None:
            raise CeterisError(
                f"{path} has regions of {found.image_id!r}, and two pictures have that name: rename one of them."
            )
        if image_id in done:
            if done[image_id] == found.image_id:
                raise CeterisError(f"{path} has regions of {found.image_id!r} twice: remove one of the two.")
            continue  # the same picture under another name
        first = first or found
        _check_alike(first, found, path)
        done[image_id] = found.image_id
        fewest, most = min(fewest or len(found.boxes), len(found.boxes)), max(most, len(found.boxes))
        rows.append(replace(found, image_id=image_id))
        if len(rows) == _ROWS_PER_SHARD:
            shards += _flush(folder, shards, rows)
    _flush(folder, shards, rows)
    missing = [name for name, image_id in images.items() if image_id not in done]  # a name of two pictures counts too
    if missing or first is None:
        raise CeterisError(
            f"{path} has no regions of {len(missing)} pictures ({', '.join(map(repr, missing[:_SHOWN]))}): "
            "compute them, or take the rows of these pictures out of the manifest."
        )
    many = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    left = f"; regions of {strangers} other pictures left out" if strangers else ""
    return f"{many} regions of {first.features.shape[1]} numbers for each of {len(done)} pictures{left}"


def _check_alike(first: FileRegions, found: FileRegions, path: Path) -> None:
    for what in ("features", "classes", "attributes"):
        ours, theirs = (_numbers(getattr(one, what)) for one in (first, found))
        if ours != theirs:
            raise CeterisError(
                f"{path} has {theirs} {what} for each region of {found.image_id!r} and {ours} for each of "
                f"{first.image_id!r}: compute all with one model."
            )


def _numbers(value: np.ndarray | Likeliest | None) -> int:
    """How many numbers there are for each region."""
    if isinstance(value, Likeliest):
        return 1
    return 0 if value is None else value.shape[1]


def _flush(folder: Path, number: int, rows: list[FileRegions]) -> int:
    if not rows:
        return 0
    table = pa.Table.from_pylist([_row(one) for one in rows], schema=SCHEMA)
    pq.write_table(table, folder / f"regions-{number:05d}.parquet", compression="zstd")
    rows.clear()
    return 1


def _row(found: FileRegions) -> dict[str, Any]:
    row: dict[str, Any] = {"image_id": found.image_id, "regions": len(found.boxes)}
    row |= {name: _bytes(getattr(found, name), "<f4") for name in ("features", "boxes")}
    row |= dict.fromkeys(SCHEMA.names[len(row) :], b"")
    for name in ("classes", "attributes"):
        known = getattr(found, name)
        if isinstance(known, Likeliest):
            row[f"{name}_ids"] = _bytes(known.ids, "<i8")
            row[f"{name}_probabilities"] = _bytes(known.probabilities, "<f4")
        elif known is not None:
            row[name] = _bytes(known, "<f4")
    return row


def _bytes(array: np.ndarray, kind: str) -> bytes:
    return np.ascontiguousarray(array, dtype=kind).tobytes()


def write_arrays(data: Path, out: Path, rows: Mapping[str, int]) -> dict[str, int] | None:
    """Fill `out`/regions with the arrays of `RegionArrays`; None, and nothing written, where the data has no regions.

    Regions are padded to the largest number that any picture has. Where only the most likely class is known, the background
    gets the rest of the probability. Where no class is known, the background gets all of it. Attributes are treated likewise,
    with "none" in place of the background.

    Args:
        data: the folder that the materialise stage wrote.
        out: the folder of the tokenised data.
        rows: the row of each picture in all arrays.

    Returns:
        `features` (F), `most` and `fewest` (R), `classes` (L) and `attributes` (A); L or A is 1 where none are known.
    """
    if not samples.shards(data, "regions"):
        return None
    counts, sizes = _survey(data)
    most = max(counts)
    folder = out / FOLDER
    folder.mkdir()

    def array(name: str, *shape: int, kind: type = np.float32) -> np.ndarray:
        whole = (len(rows), most, *shape)
        halved = kind is np.float32 and 4 * math.prod(whole) >= LARGE
        return np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=np.float16 if halved else kind, shape=whole
        )

    arrays = {
        "features": array("features", sizes["features"]),
        "boxes": array("boxes", 4),
        "real": array("real", kind=np.bool_),
        "classes": array("classes", sizes["classes"]),
        "attributes": array("attributes", sizes["attributes"]),
    }
    for found in _rows(data):
        _fill(arrays, rows[found["image_id"]], found)
    return {**sizes, "most": most, "fewest": min(counts)}


def _rows(data: Path) -> Iterator[dict[str, Any]]:
    for batch in samples.read(data, "regions", rows=_ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _survey(data: Path) -> tuple[list[int], dict[str, int]]:
    """The number of regions of every picture, and the sizes F, L and A; L and A include the background and "none"."""
    counts, sizes = [], {"features": 0, "classes": 1, "attributes": 1}
    for found in _rows(data):
        counts.append(found["regions"])
        sizes["features"] = len(found["features"]) // 4 // found["regions"]
        sizes["classes"] = max(sizes["classes"], len(found["classes"]) // 4 // found["regions"])
        for name in ("classes", "attributes"):
            ids = np.frombuffer(found[f"{name}_ids"], dtype="<i8")
            sizes[name] = max(sizes[name], int(ids.max(initial=-1)) + 2)
    return counts, sizes


def _fill(arrays: Mapping[str, np.ndarray], row: int, found: dict[str, Any]) -> None:
    count = found["regions"]
    for name in ("features", "boxes"):
        arrays[name][row, :count] = np.frombuffer(found[name], dtype="<f4").reshape(count, -1)
    arrays["real"][row, :count] = True
    for name in ("classes", "attributes"):
        ids = np.frombuffer(found[f"{name}_ids"], dtype="<i8")
        if len(ids):
            probabilities = np.frombuffer(found[f"{name}_probabilities"], dtype="<f4")
            arrays[name][row, :count, -1] = 1.0 - probabilities
            arrays[name][row, np.arange(count), ids] = probabilities
        elif found.get(name):
            arrays[name][row, :count] = np.frombuffer(found[name], dtype="<f4").reshape(count, -1)
        else:
            arrays[name][row, :count, -1] = 1.0
