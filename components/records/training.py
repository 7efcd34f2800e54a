"""What a training run writes down of itself: `record.json` of the stages that train."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue

from components.paths import RECORD
from components.records.model import Cost, Count, Digest, Fraction, FractionOrNan, Written, read

CurvePoint = dict[str, int | float]
"""`samples`, how many had been seen, and every metric under its own name."""
Currency = Literal["samples", "steps", "flops", "seconds"]
GateName = Literal["masked_words", "matching", "contrastive"]
"""What an intermediate step is measured by, where its losses teach it."""


class GivenBudget(Written):
    """What a study gives."""

    currency: Currency = Field(description="what the budget is counted in")
    amount: int | float = Field(gt=0, description="how much of it")
    batch_size: int = Field(gt=0, description="samples in a batch")


class RecordedBudget(GivenBudget):
    """What the study gave a run, and what its steps cost."""

    ahead: Cost = Field(
        default=0.0,
        description="what was spent before the first step, in the currency: of FLOPs, the frozen front end's look at the pictures",
    )
    costs: list[tuple[float, float]] = Field(
        default=[],
        description="(share, cost): from this share of the steps on, a step costs so much in the currency. Empty for samples "
        "and steps; counted on the first batch for FLOPs; measured on this machine for seconds, the one place where an out "
        "holds what a clock said",
    )


class Parameters(Written):
    """Numbers of parameters."""

    total: Count = Field(description="of the whole network")
    trained: Count = Field(description="without a frozen front end")


class Flops(Written):
    """Floating-point operations."""

    forward_per_sample: Cost = Field(description="FLOPs of a forward pass of one sample, as a served model runs it")
    step_per_sample: Cost = Field(description="FLOPs of a training step, for one sample, in the last phase of freezing")
    front: Cost = Field(
        default=0.0,
        description="FLOPs of a frozen front end's look at every picture that the run may read, once; its regions are kept",
    )
    visual_tokens: Cost | None = Field(
        default=None,
        description="visual tokens of a picture in the step that was counted; null where the loss runs the model",
    )
    total: Cost = Field(description="FLOPs of the whole run, the front end's among them")


class Digests(Written):
    """sha256 chains of the batches that a run was handed; null where a chain was not recorded."""

    ids: str | None = Field(default=None, description="of the samples and their order")
    content: str | None = Field(default=None, description="of texts, pictures and targets")
    regions: str | None = Field(default=None, description="of what a frozen front end saw")
    corruption: str | None = Field(
        default=None, description="of masks and mismatched pairs; empty where nothing was corrupted"
    )


class Consumed(Written):
    """What a run was handed, counted from its batches."""

    text_tokens: Count = Field(description="tokens of texts, [CLS] and [SEP] among them")
    words: Count = Field(description="tokens that could have been masked, where words are masked")
    masked_words: Count = Field(description="of them, tokens that are to be predicted")
    regions: Count = Field(description="regions that could have been masked, where regions are masked")
    masked_regions: Count = Field(description="of them, regions that are to be predicted")
    torn_pairs: Count = Field(description="texts for which another picture was drawn, where pairs are torn apart")
    visual_tokens: Cost | None = Field(
        description="visual tokens of a picture in the first step that was run; null where the loss runs the model"
    )


class Optimiser(Written):
    """The optimiser as it was built."""

    name: str = Field(description="its class in torch.optim")
    betas: tuple[float, float] = Field(description="decay of the mean of gradients and of their squares")
    epsilon: float = Field(description="added to the root of the mean square")
    decay: dict[str, list[int]] = Field(
        description="by weight decay: the numbers of dimensions of the tensors that it acts on"
    )
    schedule: list[float] = Field(
        description="factor of the learning rate after 0, 5, 10, 25, 50, 75 and 100 percent of the steps"
    )


class Beginnings(Written):
    """What a run begins with."""

    loaded: dict[str, Fraction] = Field(
        description="fraction of the parameters that came from pretraining, by part: `model`, `head`, and each objective"
    )
    scale: Literal["common", "bert"] | None = Field(
        description="the rule by which fresh weights are drawn; null where some of them came with a checkpoint"
    )
    measured: Count = Field(description="tensors whose scale was held against the rule when they were fresh")
    strays: list[str] = Field(description="of them, those of another scale")


class Frozen(Written):
    """What one freezing rule of the arm did."""

    pattern: str = Field(description="the rule's regular expression over parameter names")
    samples: Count = Field(description="samples for which all that it decides was frozen")
    parameters: Count = Field(description="parameters that it decides")


class Software(Written):
    """What a run was computed with, as far as it can change the numbers."""

    precision: str = Field(description="as Lightning names it, such as 32-true")
    threads: int = Field(ge=1, description="CPU threads")
    accelerator: str = Field(description="cpu, or the name of the GPU")
    deterministic: bool = Field(description="whether kernels are deterministic")
    torch: str = Field(description="version")


class Reads(Written):
    """What a model reads of every sample."""

    visual_tokens: Cost = Field(description="visual tokens of a picture, a mean over pictures without padding")
    truncated_texts: Fraction | None = Field(
        description="fraction of the texts that were cut off at the maximum length; null where no text is read"
    )
    forwards: Cost = Field(description="how often the model is run for one sample of a step")


class StepGate(Written):
    """What an arm can do after its intermediate step, on validation pairs, beside what needs no such step."""

    name: GateName = Field(
        description="masked_words: words found beside the own picture; matching: true and false pairs told apart; "
        "contrastive: the own picture found among those of a batch"
    )
    score: Fraction = Field(description="fraction of the items that are right")
    reference: Fraction = Field(
        description="fraction; of masked words, those found beside another picture, of which the text is false; of the others, "
        "chance"
    )
    standard_error: Cost = Field(description="fraction; of score minus reference, if nothing but chance parted them")
    items: Count = Field(description="masked tokens, pairs, or texts that look for their picture")


class Taught(Written):
    """The weights that a further task began from."""

    task: str = Field(description="the task before")
    cell: str = Field(description="its cell")
    weights: Digest = Field(description="sha256 of that cell's weights")


class Trained(Written):
    """What the training loop knows of itself.

    What is null was not recorded: the certificate then says so.
    """

    samples: Count = Field(description="samples seen")
    steps: Count = Field(description="optimiser steps")
    learning_rate: float = Field(gt=0, description="the highest of the schedule")
    parameters: Parameters
    flops: Flops
    digests: Digests | None = Field(default=None, description="of all batches")
    digests_after: dict[str, Digests] | None = Field(
        default=None, description="of the first 1, 2, 4, 8, ... batches, by their number"
    )
    freezing: list[Frozen] | None = Field(default=None, description="an entry for every rule of the arm")
    dropout: dict[str, int] | None = Field(
        default=None,
        description="how often a training step drops something, by probability; empty where it drops nothing",
    )
    optimiser: Optimiser | None = Field(default=None, description="as it was built")
    consumed: Consumed | None = Field(default=None, description="counts over all batches")
    ran_on: list[Software] | None = Field(default=None, description="one entry, unless the run was resumed elsewhere")
    curves: list[CurvePoint] = Field(
        default=[], description="learning curves on the batches as they passed: `samples`, and every metric by its name"
    )
    metrics: dict[str, float] = Field(default={}, description="the last point of the curves")


class TrainingRecord(Trained):
    """One training run: `record.json` of pretraining, and each cell of fine-tuning."""

    run: dict[str, JsonValue] = Field(description="the stage's arguments; of fine-tuning also `start` and `labels`")
    budget: RecordedBudget
    weights: Digest = Field(description="sha256 of the trained weights")
    begins: Beginnings | None = Field(default=None, description="what the run began with")
    reads: Reads | None = Field(default=None, description="of the intermediate step and of fine-tuning")
    configuration: dict[str, Any] | None = Field(
        default=None,
        description="of fine-tuning: the sizes at which the model was built (components/models/configuration.py)",
    )
    taught: Taught | None = Field(default=None, description="of a further task")
    gates: list[StepGate] | None = Field(
        default=None, description="of the intermediate step: what it taught, for every loss that can be measured so"
    )
    heads: Digest | None = Field(
        default=None,
        description="sha256 of heads.safetensors: of a grid or patches trained on boxes, the heads for objectness, box, class "
        "and attribute; of texts and of the intermediate step, those of the losses",
    )

    @classmethod
    def of(cls, trained: Trained, **more: Any) -> "TrainingRecord":
        """What the loop says, with what the stage knows beside it."""
        return cls.model_validate({**trained.as_json(), **more})

    def without(self, *fields: str) -> "TrainingRecord":
        """The same record without some of its fields."""
        return TrainingRecord.model_validate(self.model_dump(exclude_unset=True, exclude=set(fields)))

    @property
    def chains(self) -> Sequence[Digests]:
        """All digests that it holds, of the whole run and of its beginnings."""
        return [*([self.digests] if self.digests else []), *(self.digests_after or {}).values()]


Arms = dict[str, dict[str, dict[str, list[TrainingRecord]]]]
"""`arms.json` of the stage evaluate: records without curves, by arm, task and cell, one for every replicate."""


class FineTuningRecord(Written):
    """`record.json` of fine-tuning an arm on a task in one replicate."""

    cells: dict[str, TrainingRecord] = Field(description="by cell; empty where the arm cannot do the task")


class Component(Written):
    """A unimodally pretrained component that an arm takes."""

    weights: Digest = Field(description="sha256 of its weights")
    samples: Count = Field(description="samples that it was pretrained on")
    flops: Cost = Field(description="FLOPs that its pretraining took")
    heads: Digest | None = Field(
        default=None, description="sha256 of the heads that it was pretrained with, if they are kept"
    )


Components = dict[str, Component]
"""`record.json` of the stage starts: what an arm is made of, by component."""


class Trial(Written):
    """One training of the search of a learning rate."""

    factor: float = Field(gt=0, description="by which the learning rates are multiplied")
    rung: Count = Field(description="0 is the shortest")
    share: Fraction = Field(description="fraction of the budget of fine-tuning, or of the intermediate step")
    score: FractionOrNan = Field(
        description="fraction, 0 to 1, on validation samples: of fine-tuning the task's metric, of the intermediate step the mean "
        "of its gates' scores; NaN where training came to nothing"
    )
    budget: RecordedBudget
    samples: Count = Field(description="samples seen")
    steps: Count = Field(description="optimiser steps")
    flops: Cost = Field(description="FLOPs of the training")
    digests: Digests | None = Field(default=None, description="of all batches")
    digests_after: dict[str, Digests] | None = Field(default=None, description="of the first 1, 2, 4, 8, ... batches")


class RateSearch(Written):
    """A search of a learning rate."""

    factor: float = Field(gt=0, description="multiplies the learning rates; 1 without a search")
    trials: list[Trial] = Field(description="every training of the search; none without one")


class TuningRecord(RateSearch):
    """`record.json` of the stage tune: the search on fine-tunings, whose factor is that of all fine-tunings of the arm."""

    run: dict[str, JsonValue] = Field(description="the stage's arguments")
    task: str | None = Field(description="on which it searched; null without a search")
    step: RateSearch | None = Field(
        description="the search of the rate of the intermediate step; null where there is no such step, no loss of it can be "
        "measured, or nothing is searched"
    )

    @property
    def step_factor(self) -> float:
        """What multiplies the learning rate of the intermediate step."""
        return self.step.factor if self.step else 1.0


def read_record(folder: Path, stage: str) -> TrainingRecord:
    """The record of one training run.

    Args:
        stage: what wrote it, in words.

    Raises:
        CeterisError: it is missing or is not as this version writes it.
    """
    return read(folder / RECORD, TrainingRecord, f"run {stage} again")
