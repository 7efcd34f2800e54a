"""Where a study's samples come from, as settings. What one source alone reads is a model beside that source.

Without torch, because the study file is checked with it.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from components.data.scenes.settings import ScenesSettings
from components.data.sources import SOURCES
from components.data.sources.manifest_settings import ManifestSettings
from components.study.base import Strict, one_of


class DataSettings(Strict):
    """Where the samples come from."""

    source: Annotated[str, AfterValidator(one_of(SOURCES))]
    path: str = Field(description="what the source reads; for generated data, the generator's own code")
    image_size: int = Field(ge=8, le=1024, description="side of the square that pictures are fitted into, in pixels")
    value_range: tuple[float, float] | None = Field(
        default=None,
        description="the values that become black and white in pictures of more than 8 bits a channel and in depth maps; null "
        "where there are none",
    )
    background: Literal["white", "black", "grey"] = Field(
        default="white", description="what transparent parts, and the rest of the square beside a picture, are put on"
    )
    region_features: str | None = Field(
        default=None,
        description="for arms with the front 'precomputed': a .tsv file, in a folder of its own inside data.path, or a folder of "
        ".npz files there",
    )
    redrawn: bool = Field(
        default=False,
        description="whether every replicate but the first draws training samples of its own; what is scored stays. Only sources "
        "that generate can",
    )
    scenes: ScenesSettings
    manifest: ManifestSettings

    @property
    def captioned_pictures(self) -> int | None:
        """How many captioned pictures the source makes; None where only the data can tell."""
        return self.scenes.pairs if SOURCES[self.source].generated else None

    @model_validator(mode="after")
    def _range_ascends(self) -> "DataSettings":
        low, high = self.value_range or (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"data.value_range must be two numbers, the lower one first, not [{low:g}, {high:g}]")
        return self

    @model_validator(mode="after")
    def _replicates_can_differ(self) -> "DataSettings":
        redraws, share = SOURCES[self.source].redraws, self.manifest.training_share
        if self.redrawn and not redraws:
            raise ValueError(
                f"data.redrawn is true, and the source {self.source} cannot draw its training samples anew: say false, or give "
                "each replicate other rows by data.manifest.training_share"
            )
        if share is not None and redraws:
            raise ValueError(
                f"data.manifest.training_share is a share of given rows, and the source {self.source} draws its samples: say "
                "null, and give each replicate other samples by data.redrawn"
            )
        return self

    @model_validator(mode="after")
    def _path_is_inside(self) -> "DataSettings":
        path = Path(self.path)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"data.path must lie inside the workspace, not {self.path!r}")
        for key in ("file", "pictures"):
            inside = Path(getattr(self.manifest, key) or "")
            if inside.is_absolute() or ".." in inside.parts:
                raise ValueError(f"data.manifest.{key} must lie inside data.path, not at {str(inside)!r}")
        if self.region_features is None:
            return self
        regions = Path(self.region_features)
        if not SOURCES[self.source].takes_regions:
            raise ValueError(f"data.region_features belongs to pictures of a manifest: with {self.source} say null")
        if ".." in regions.parts or path not in regions.parents:
            raise ValueError(f"data.region_features must lie inside data.path ({self.path}), not at {regions}")
        if regions.suffix and regions.parent == path:
            raise ValueError(
                f"data.region_features must lie in a folder of its own inside {path}, not beside the manifest"
            )
        return self
