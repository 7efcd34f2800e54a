"""Read region features that were computed elsewhere, in the layouts in which the BERT-era papers published them.

* `*.tsv`: the layout of bottom-up attention (Anderson et al., 2018) and of LXMERT: tab-separated, no header; arrays are
  base64 of float32 (ids int64). Six columns (image_id, image_w, image_h, num_boxes, boxes, features) or LXMERT's ten
  (img_id, img_h, img_w, objects_id, objects_conf, attrs_id, attrs_conf, num_boxes, boxes, features). LXMERT's ids name the
  most likely object and attribute of each region; `conf` is its probability.
* a folder of `IMAGE_ID.npz`, one file for each picture:
  - `features` (R, F);
  - `boxes` or `bbox` (R, 4) in pixels with `image_width` (or `image_w`) and `image_height` (or `image_h`), or UNITER's
    `norm_bb` (R, 4 or more) as shares of the picture;
  - optionally `classes`, `cls_prob` or `soft_labels` (R, L): probabilities with the background last.

F is 2048 and R is 36 or 10 to 100 in the published files; other numbers work too. Boxes are left, top, right, bottom.
"""

import base64
import binascii
import csv
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from components.errors import CeterisError

SIX = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")
TEN = (
    *("img_id", "img_h", "img_w", "objects_id", "objects_conf", "attrs_id", "attrs_conf"),
    *("num_boxes", "boxes", "features"),
)


@dataclass(frozen=True)
class Likeliest:
    """Only the most likely class (or attribute) of each region: ids int64 (R,) from 0, and probabilities float32 (R,)."""

    ids: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class FileRegions:
    """The regions of one picture.

    Attributes:
        image_id: the picture's id; for an NPZ file its name without suffix.
        features: float32 (R, F).
        boxes: float32 (R, 4), shares of the picture, 0 to 1.
        classes: float32 (R, L), probabilities with the background last, or only the most likely; None where the file has none.
        attributes: the most likely attributes; None where the file has none.
    """

    image_id: str
    features: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray | Likeliest | None
    attributes: Likeliest | None = None


def read_regions(path: Path) -> Iterator[FileRegions]:
    """Read a TSV file, or a folder of NPZ files in the order of their names, one picture at a time.

    Raises:
        CeterisError: naming the file, and the line or key, that cannot be read.
    """
    if path.is_dir():
        files = sorted(path.glob("*.npz"))
        if not files:
            raise CeterisError(f"{path} holds no .npz file: put one IMAGE_ID.npz a picture there.")
        for file in files:
            yield _npz(file)
    elif path.is_file():
        yield from _tsv(path)
    else:
        raise CeterisError(f"{path} does not exist: name a .tsv file or a folder of .npz files with region features.")


def _tsv(path: Path) -> Iterator[FileRegions]:
    csv.field_size_limit(sys.maxsize)  # a row holds hundreds of kilobytes of base64
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t"), start=1):
            where = f"{path}, line {number}"
            names = {len(SIX): SIX, len(TEN): TEN}.get(len(row))
            if names is None:
                raise CeterisError(f"{where} has {len(row)} columns: expected {len(SIX)} or LXMERT's {len(TEN)}.")
            yield _row(dict(zip(names, row, strict=True)), where)


def _row(row: Mapping[str, str], where: str) -> FileRegions:
    try:
        count = int(row["num_boxes"])
        width = float(row["image_w"] if "image_w" in row else row["img_w"])
        height = float(row["image_h"] if "image_h" in row else row["img_h"])
        boxes = _decoded(row["boxes"], np.float32).reshape(count, 4)
        features = _decoded(row["features"], np.float32).reshape(count, -1)
        likeliest = {
            name: Likeliest(
                _decoded(row[f"{column}_id"], np.int64).reshape(count),
                _decoded(row[f"{column}_conf"], np.float32).reshape(count),
            )
            for name, column in (("classes", "objects"), ("attributes", "attrs"))
            if f"{column}_id" in row
        }
    except (ValueError, binascii.Error) as error:
        raise CeterisError(f"{where} cannot be decoded ({error}): write it again.") from None
    image_id = row["image_id"] if "image_id" in row else row["img_id"]
    shares = boxes / np.array([width, height] * 2, np.float32)
    for name, one in likeliest.items():
        if (one.ids < 0).any() or not ((one.probabilities >= 0) & (one.probabilities <= 1)).all():
            raise CeterisError(f"{where} has {name} with ids below 0, or probabilities that are none: write it again.")
    found = _checked(image_id, features, shares, None, where)
    return replace(found, classes=likeliest.get("classes"), attributes=likeliest.get("attributes"))


def _decoded(text: str, kind: type) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind)


def _npz(path: Path) -> FileRegions:
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError) as error:
        raise CeterisError(f"{path} cannot be read ({error}): write it again, without Python objects.") from None
    if "features" not in arrays:
        raise CeterisError(f"{path} has no array `features`: it has {', '.join(arrays) or 'none'}.")
    features = arrays["features"].astype(np.float32)
    if "norm_bb" in arrays:
        boxes = arrays["norm_bb"][:, :4].astype(np.float32)
    else:
        pixels = _first(arrays, ("boxes", "bbox"), path).astype(np.float32)
        width = float(_first(arrays, ("image_width", "image_w"), path))
        height = float(_first(arrays, ("image_height", "image_h"), path))
        boxes = pixels / np.array([width, height] * 2, np.float32)
    named = [arrays[name] for name in ("classes", "cls_prob", "soft_labels") if name in arrays]
    classes = named[0].astype(np.float32) if named else None
    return _checked(path.stem, features, boxes, classes, str(path))


def _first(arrays: Mapping[str, np.ndarray], names: tuple[str, str], path: Path) -> np.ndarray:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise CeterisError(f"{path} has no array `{names[0]}` (or `{names[1]}`): it has {', '.join(arrays)}.")


def _checked(
    image_id: str, features: np.ndarray, boxes: np.ndarray, classes: np.ndarray | None, where: str
) -> FileRegions:
    count = len(features)
    if features.ndim != 2 or not count or boxes.shape != (count, 4):
        raise CeterisError(
            f"{where} has features of shape {features.shape} and boxes of shape {boxes.shape}: expected (R, F) and (R, 4)."
        )
    if classes is not None and (classes.ndim != 2 or len(classes) != count):
        raise CeterisError(f"{where} has classes of shape {classes.shape}: expected ({count}, L).")
    if not (np.isfinite(features).all() and np.isfinite(boxes).all()):
        raise CeterisError(f"{where} holds numbers that are not finite: compute its features again.")
    return FileRegions(image_id, features, np.clip(boxes, 0.0, 1.0), classes)
