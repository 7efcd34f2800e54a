"""Region arrays: a frozen visual front end's output for every picture, computed once and read by every training stage."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

LARGE = 4 << 30
"""Size in bytes from which a float array of regions is kept in half precision."""


@dataclass(frozen=True)
class RegionArrays:
    """Arrays by row of `Store.pixels` (N pictures, R regions, F features, L classes of object, A attributes).

    Attributes:
        features: float (N, R, F).
        boxes: float (N, R, 4): left, top, right, bottom as shares of the picture.
        real: bool (N, R), False at padding.
        classes: float (N, R, L): probabilities, background last.
        attributes: float (N, R, A): probabilities, "none" last.
    """

    features: np.ndarray
    boxes: np.ndarray
    real: np.ndarray
    classes: np.ndarray
    attributes: np.ndarray

    @classmethod
    def open(cls, folder: Path) -> "RegionArrays":
        """Memory-map `features.npy`, `boxes.npy`, `real.npy`, `classes.npy` and `attributes.npy`.

        Raises:
            FileNotFoundError: one of them is missing.
        """
        return cls(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in cls.__dataclass_fields__})

    def of(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Batch entries for the given pictures (B,): `region_NAME` (B, ...), float32 except `region_real` (bool)."""
        taken = {f"region_{name}": getattr(self, name)[images] for name in self.__dataclass_fields__}
        return {name: array.astype(bool if name == "region_real" else np.float32) for name, array in taken.items()}
