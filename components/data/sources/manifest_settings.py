"""What a study says of a manifest. Sources that divide a corpus into splits read the shares from here too."""

from pydantic import Field

from components.study.base import Fraction, Strict


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
    training_share: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="share of the groups of training rows that a replicate trains on, other groups in each replicate; null: every "
        "replicate trains on all of them",
    )
    most_answers: int = Field(
        default=3000,
        ge=2,
        description="how many classes the answers to questions make at most, the most frequent first",
    )
