"""What a package says of its model: `package.json`."""

from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from components.records.model import Count, Digest, Fraction, Written
from components.records.scores import ChosenCell, Floors
from components.records.training import TrainingRecord

FORMAT: Final = 3
PACKAGE_FILE = "package.json"


class SplitScore(Written):
    """The packaged file on one split."""

    score: Fraction = Field(description="the task's metric, fraction")
    items: Count = Field(description="samples")


class Answering(BaseModel):
    """The part that packages of every format have, so that a champion of an earlier version can be asked too."""

    architecture: str = Field(description="the model's class, by its name in components/models/architectures")
    answers: list[str] = Field(description="in the order of the head's outputs")


class Package(Answering, Written):
    """One task's chosen model."""

    format: Literal[3] = Field(description="of this file")
    study: str
    task: str
    kind: str = Field(description="of the task")
    arm: str = Field(description="the study's name of what was trained")
    front: str = Field(description="what looks at the pictures")
    cell: str
    replicate: Count = Field(description="the one that is best on validation")
    configuration: dict[str, Any] = Field(
        description="the sizes at which the model was built (components/models/configuration.py)"
    )
    image_size: int = Field(gt=0, description="pixels; pictures are fitted into a square of this side")
    background: str = Field(description="on which transparent and narrow pictures are drawn")
    value_range: tuple[float, float] | None = Field(
        description="in pictures of more than 8 bits: the values that become black and white"
    )
    scores: dict[str, SplitScore] = Field(description="of the packaged file, by split")
    chosen: ChosenCell = Field(description="what the leaderboard says of the choice, over all replicates")
    floors: Floors = Field(description="fractions by split and floor")
    training: TrainingRecord = Field(description="the run's record without curves and configuration")
    data_digest: Digest = Field(description="sha256 of the data")
    weights: Digest = Field(description="sha256 of model.safetensors")
