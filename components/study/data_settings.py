"""Where a study's samples come from, as settings.

Without torch, because the study file is checked with it.
"""

import math
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from components.study.base import Fraction, Strict


class ScenesSettings(Strict):
    """How many scenes the generator draws for each part. Splits share no scene."""

    seed: int = Field(ge=0)
    pairs: int = Field(ge=64, description="captioned pictures for multimodal pretraining")
    text_only: int = Field(ge=64, description="sentences without a picture, for text pretraining")
    image_only: int = Field(ge=64, description="labelled pictures without text, for image pretraining")
    train: int = Field(ge=64, description="scenes with questions and statements to fine-tune on")
    validation: int = Field(ge=32)
    selection: int = Field(ge=32, description="scenes on which architectures are chosen: the test split")
    gate: int = Field(ge=32, description="scenes on which promotion is decided, used for nothing else")
    generalisation: int = Field(ge=32, description="scenes in each generalisation split")


class ManifestColumns(Strict):
    """Which column of a manifest is what. Null: the column is recognised by its name. 'none': the manifest has no such column."""

    image: str | None = None
    text: str | None = None
    target: str | None = None
    split: str | None = None
    group: str | None = None
    id: str | None = None
    boxes: str | None = None


class ManifestSettings(Strict):
    """How a manifest is read, how one without all splits is divided (by group, never by row), and which targets are classes."""

    seed: int = Field(ge=0)
    selection_fraction: Fraction = Field(description="share of groups moved to a split the manifest does not name")
    gate_fraction: Fraction
    validation_fraction: Fraction
    columns: ManifestColumns = ManifestColumns()
    file: str | None = Field(
        default=None,
        description="the manifest, inside data.path; null: what is found there, or one file for every split",
    )
    pictures: str | None = Field(
        default=None,
        description="the folder that picture paths are relative to, inside data.path; null: the folder of the manifest",
    )
    prefix: str | None = Field(
        default=None,
        description="what picture paths begin with in the manifest and not on the disk, such as the folder they were made in",
    )
    fewest_rows_per_answer: int = Field(
        default=1,
        ge=1,
        description="how many training rows a target needs to be a class; 2 or more where answers are open",
    )
    most_answers: int = Field(
        default=3000,
        ge=2,
        description="how many classes the answers to questions make at most, the most frequent first",
    )


class DataSettings(Strict):
    """Where the samples come from."""

    source: Literal["scenes", "manifest", "nlvr"]
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
    scenes: ScenesSettings
    manifest: ManifestSettings

    @model_validator(mode="after")
    def _range_ascends(self) -> "DataSettings":
        low, high = self.value_range or (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"data.value_range must be two numbers, the lower one first, not [{low:g}, {high:g}]")
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
        if self.source != "manifest":
            raise ValueError(f"data.region_features belongs to pictures of a manifest: with {self.source} say null")
        if ".." in regions.parts or path not in regions.parents:
            raise ValueError(f"data.region_features must lie inside data.path ({self.path}), not at {regions}")
        if regions.suffix and regions.parent == path:
            raise ValueError(
                f"data.region_features must lie in a folder of its own inside {path}, not beside the manifest"
            )
        return self
