"""What a frozen front end sees in every picture, computed once per machine and shared between processes.

It is kept outside the graph: nothing but a function of the pictures and of the front end, it may be deleted at any time.
Shapes: N pictures, R regions, F features of a region, L classes of object, A attributes.
"""

import hashlib
import inspect
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from components.data.regions import LARGE, RegionArrays
from components.data.store import Store
from components.files.atomic import atomic_folder
from components.files.locks import locked
from components.models import detector, encoders, pixels, regions, transformer, vision_transformer
from components.models.pixels import PixelScaling
from components.study.front_ends import ORACLE, Front
from components.study.settings import RuntimeSettings
from components.training.run import configure_torch, hardware
from components.training.weights import digest_of

BATCH = 128
"""Pictures looked at together: always so many, because the rounding of matrix products may depend on it."""

_CODE = (detector, encoders, pixels, regions, transformer, vision_transformer)
_LOCK = "lock"

Seen = dict[str, np.ndarray]


def region_arrays(
    kind: Front,
    front: Any,
    scaling: PixelScaling,
    store: Store,
    folder: Path,
    runtime: RuntimeSettings,
    progress: Callable[[float, str], None] = lambda percent, message: None,
    pictures: np.ndarray | None = None,
) -> RegionArrays:
    """The regions of all pictures, or of some of them, read from the folder if they are there, and computed otherwise.

    What is read is what would be computed: it lies under a digest of the front end's weights and code, of the pictures,
    and of what the front end makes of the first of them here and now.

    Args:
        kind: which front end it is; the data's boxes are shown to the oracle alone.
        front: the module with its weights, which has `regions` (see `components.models.regions.FrontEnd`).
        scaling: of pixels.
        store: the pictures.
        folder: of this front end and this replicate alone: what lies there under other digests is removed. Processes
            that want the same wait for the one that computes it.
        runtime: threads and device, on which the rounding depends.
        progress: is told the percentage done and what is being done.
        pictures: rows of those that are looked at; None for all. The arrays have a row for every picture, and where nothing
            was looked at the file has a hole, which takes no room.
    """
    configure_torch(runtime)
    device = torch.device("cuda" if hardware(runtime)["accelerator"] == "gpu" else "cpu")
    rows = np.arange(len(store.pixels)) if pictures is None else pictures
    key = _key(kind, front, scaling, store, device, rows)
    with locked(folder / _LOCK):
        whole = folder / key
        if not whole.is_dir():
            for other in folder.iterdir():  # other digests, and what a killed process left behind
                if other.name != _LOCK:
                    shutil.rmtree(other)
            with atomic_folder(whole) as beside:
                _write(beside, look(kind, front, scaling, store, rows, device), rows, len(store.pixels), progress)
        return RegionArrays.open(whole)


def look(
    kind: Front, front: Any, scaling: PixelScaling, store: Store, rows: np.ndarray, device: torch.device
) -> Iterator[Seen]:
    """What a front end sees in the pictures at `rows`, in their order: the fields of `RegionArrays`, batch after batch.

    The front end and the scaling are left on the device, and the front end in evaluation mode.
    """
    front.to(device).eval()
    scaling.to(device)
    for begin in range(0, len(rows), BATCH):
        chosen = rows[begin : begin + BATCH]
        filled = np.resize(chosen, BATCH)  # the last ones again and again, until they are as many as the others
        with torch.inference_mode():
            shown = scaling(_tensor(store.pixels[filled], device))
            boxes = _tensor(store.boxes[filled], device) if kind == ORACLE else None
            real = None if boxes is None else boxes[..., 2] > boxes[..., 0]
            seen = front.regions(shown, boxes, real)
        yield {name: tensor[: len(chosen)].cpu().numpy() for name, tensor in seen._asdict().items()}


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _key(kind: Front, front: Any, scaling: PixelScaling, store: Store, device: torch.device, rows: np.ndarray) -> str:
    """The digest. The first batch tells what no list would: sizes that leave no trace in weights, versions, processors."""
    digest = hashlib.sha256(f"{kind} {store.index['digest']} {torch.__version__} {BATCH} {LARGE}".encode())
    for module in _CODE:
        digest.update(inspect.getsource(module).encode())
    digest.update(Path(__file__).read_bytes())
    for part in (front, scaling):
        digest.update(digest_of(part.state_dict()).encode())
    digest.update(np.ascontiguousarray(rows, dtype=np.int64).data)
    for name, array in next(look(kind, front, scaling, store, rows[:BATCH], device)).items():
        digest.update(f"{name}{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _write(
    folder: Path,
    batches: Iterator[Seen],
    rows: np.ndarray,
    total: int,
    progress: Callable[[float, str], None],
) -> None:
    """Fill memory-mapped arrays of `total` rows, one for each field of `RegionArrays`, where `rows` says."""
    done = 0
    arrays: dict[str, np.memmap] = {}
    for batch in batches:
        if not arrays:
            size = total * batch["features"][0].size * 4
            types = {"real": bool, "features": np.float16 if size >= LARGE else np.float32}
            for name, array in batch.items():
                shape, dtype = (total, *array.shape[1:]), types.get(name, np.float32)
                arrays[name] = np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)
        count = len(batch["real"])
        for name, array in batch.items():
            arrays[name][rows[done : done + count]] = array
        done += count
        progress(100 * done / len(rows), f"regions of {done} of {len(rows)} pictures")
    for written in arrays.values():
        written.flush()
