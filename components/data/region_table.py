"""Region features that came with the data, on their way from the user's files to what arms read.

The materialise stage writes them beside the samples, a row a picture (`regions-*.parquet`), the tokenize stage as the arrays
that every batch is cut from (`components.data.regions`). One picture is held at a time, or some hundred.
Letters: N pictures, R regions, F features, L classes of object.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.data import samples
from components.data.region_files import FileRegions, read_regions
from components.errors import CeterisError

SCHEMA = pa.schema(
    {
        "image_id": pa.string(),
        "regions": pa.int32(),  # R
        "features": pa.binary(),  # float32 (R, F)
        "boxes": pa.binary(),  # float32 (R, 4), shares of the picture
        "classes": pa.binary(),  # float32 (R, L); empty where nobody knows
    }
)
FOLDER = "regions"
"""Of the arrays, in the folder of the tokenised data."""
LARGE = 4 << 30
"""Bytes of features beyond which they are kept in half precision."""
_ROWS_PER_SHARD = 256
_SHOWN = 3


def write_regions(folder: Path, path: Path, images: Mapping[str, str | None]) -> str:
    """Write the regions of every picture to shards in `folder`; returns what was found, in words.

    Args:
        path: what `read_regions` reads. Regions of pictures that are not asked for are left out.
        images: the id of each picture by the name that the files call it; None for a name that two pictures have.

    Raises:
        CeterisError: a picture has no regions, or two times; a name means two pictures; pictures differ in F or L.
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
        rows.append(FileRegions(image_id, found.features, found.boxes, found.classes))
        if len(rows) == _ROWS_PER_SHARD:
            shards += _flush(folder, shards, rows)
    _flush(folder, shards, rows)
    missing = [name for name, image_id in images.items() if image_id not in done]  # None is never done
    if missing or first is None:
        raise CeterisError(
            f"{path} has no regions of {len(missing)} pictures ({', '.join(map(repr, missing[:_SHOWN]))}): "
            "compute them, or take the rows of these pictures out of the manifest."
        )
    many = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    left = f"; regions of {strangers} other pictures left out" if strangers else ""
    return f"{many} regions of {first.features.shape[1]} numbers for each of {len(done)} pictures{left}"


def _check_alike(first: FileRegions, found: FileRegions, path: Path) -> None:
    classes = [0 if one.classes is None else one.classes.shape[1] for one in (first, found)]
    for what, (ours, theirs) in (
        ("features", (first.features.shape[1], found.features.shape[1])),
        ("classes", (classes[0], classes[1])),
    ):
        if ours != theirs:
            raise CeterisError(
                f"{path} has {theirs} {what} for each region of {found.image_id!r} and {ours} for each of "
                f"{first.image_id!r}: compute all with one model."
            )


def _flush(folder: Path, number: int, rows: list[FileRegions]) -> int:
    if not rows:
        return 0
    columns = {
        "image_id": [one.image_id for one in rows],
        "regions": [len(one.boxes) for one in rows],
        "features": [_bytes(one.features) for one in rows],
        "boxes": [_bytes(one.boxes) for one in rows],
        "classes": [b"" if one.classes is None else _bytes(one.classes) for one in rows],
    }
    pq.write_table(pa.table(columns, schema=SCHEMA), folder / f"regions-{number:05d}.parquet", compression="zstd")
    rows.clear()
    return 1


def _bytes(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def write_arrays(data: Path, out: Path, rows: Mapping[str, int]) -> dict[str, int] | None:
    """Fill `out`/regions with the arrays of `RegionArrays`; None, and nothing written, where the data has no regions.

    Regions are padded to the most that any picture has. Where no classes are known every region is background; attributes
    are never known.

    Args:
        data: what the materialise stage wrote.
        out: the folder of the tokenised data.
        rows: the row of each picture in all arrays.

    Returns:
        `features` (F), `most` and `fewest` (R) and `classes` (L, 1 where none are known).
    """
    shards = samples.shards(data, "regions")
    if not shards:
        return None
    counts = np.concatenate([pq.read_table(shard, columns=["regions"])["regions"].to_numpy() for shard in shards])
    one = next(pq.ParquetFile(shards[0]).iter_batches(batch_size=1)).to_pylist()[0]
    features, classes = (len(one[name]) // 4 // one["regions"] for name in ("features", "classes"))
    most, total = int(counts.max()), len(rows)
    kind = np.float16 if total * most * features * 4 >= LARGE else np.float32
    folder = out / FOLDER
    folder.mkdir()
    arrays: dict[str, np.ndarray] = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=dtype, shape=(total, most, *shape))
        for name, dtype, shape in (
            ("features", kind, (features,)),
            ("boxes", np.float32, (4,)),
            ("real", np.bool_, ()),
            ("classes", np.float32, (max(1, classes),)),
            ("attributes", np.float32, (1,)),
        )
    }
    for shard in shards:
        for batch in pq.ParquetFile(shard).iter_batches(batch_size=64):
            for found in batch.to_pylist():
                _fill(arrays, rows[found["image_id"]], found, classes)
    return {"features": features, "most": most, "fewest": int(counts.min()), "classes": max(1, classes)}


def _fill(arrays: dict[str, np.ndarray], row: int, found: dict[str, Any], classes: int) -> None:
    count = found["regions"]
    for name in ("features", "boxes"):
        arrays[name][row, :count] = np.frombuffer(found[name], dtype="<f4").reshape(count, -1)
    arrays["real"][row, :count] = True
    arrays["attributes"][row, :count] = 1.0
    arrays["classes"][row, :count] = np.frombuffer(found["classes"], dtype="<f4").reshape(count, -1) if classes else 1.0
