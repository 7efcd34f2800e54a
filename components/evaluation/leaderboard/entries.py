"""What stands in the leaderboard: typed, with units and ranges, and the one way of reading it from disk.

Scores are fractions. An end of an interval is null where it cannot be estimated; a p-value is null where nothing is tested.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from components.evaluation.certificate.certificates import Certificate, DigestSummary
from components.paths import leaderboard_file
from components.records.model import Count, Fraction, FractionOrNan, Written, read
from components.records.scores import CellName, ChosenCell, Estimate, Floors, Obstacle
from components.records.training import GateName, GivenBudget, Parameters
from components.study.axes import DataAxis
from components.study.cells import Cell

GradeWord = Literal["controlled", "system", "descriptive"]
StudyGrade = Literal["controlled", "system", "mixed", "descriptive"]
Labels = Literal["all", "few"]
Redrawn = Literal["anew", "shares", "never"]
Judgement = Literal["better", "worse", "equivalent", "cannot tell", "descriptive"]
"""Of a first cell against a second; descriptive where the comparison carries no verdict."""
StepJudgement = Literal["helps", "hurts", "equivalent", "cannot tell", "descriptive"]
"""Of the intermediate step."""
ContrastJudgement = Literal[
    "better",
    "worse",
    "equivalent",
    "larger effect",
    "smaller effect",
    "equivalent effects",
    "cannot tell",
    "descriptive",
]
"""Of a declared contrast; of an interaction it is about the size of two effects."""
P = Fraction | None


class Difference(Written):
    """The first minus the second, with its interval and its p-values."""

    difference: float = Field(ge=-2, le=2, description="fraction; beyond 1 only where it is one of two differences")
    low: float | None = Field(description="fraction; lower end of its interval")
    high: float | None = Field(description="fraction; upper end of its interval")
    p: P = Field(description="two-sided, against no difference")
    p_holm: P = Field(description="p after Holm's correction over its family")
    p_equivalence: P = Field(description="of two one-sided tests against the margin")
    p_equivalence_holm: P = Field(description="p_equivalence after Holm's correction over its family")


class CellPair(Written):
    """Two cells, of which the difference is taken."""

    first: CellName
    second: CellName


class ContrastResult(CellPair, Difference):
    """A question that the study declared, with its answer; corrected over the declared ones alone."""

    name: str
    question: str
    axis: str = Field(description="the one thing in which the cells differ; system for whole systems")
    by: str | None = Field(description="of an interaction: the axis on whose level the effect may depend")
    task: str
    against: CellPair | None = Field(
        description="of an interaction: the other pair, whose difference is taken off the first's"
    )
    effects: tuple[float, float] | None = Field(description="fractions; of an interaction: the two differences")
    grade: GradeWord
    grade_reason: str
    margin: Fraction = Field(description="fraction; within it a difference counts as none")
    verdict: ContrastJudgement
    minimum_detectable_effect: float | None = Field(
        ge=0, description="fraction; what would have been found at 80% power, corrected for the other contrasts"
    )
    replicates: int = Field(ge=1, description="how many")
    protocol: str = Field(description="hash of everything that is held equal")


class PairResult(CellPair, Difference):
    """Two ranked cells of a task; exploratory, corrected over the pairs of the task that can have a verdict."""

    grade: GradeWord
    grade_reason: str
    axis: str | None = Field(description="the one thing in which they differ, if it is one")
    verdict: Judgement
    protocol: str = Field(description="hash of everything that is held equal")


class StepEffect(Difference):
    """What the intermediate step changes in an arm: multimodal minus another start; corrected over all of these."""

    arm: str
    task: str
    labels: Labels
    labelled: int | None = Field(ge=1, description="samples with labels, where few")
    against: str = Field(
        description="the other cell: unimodal, or scratch of an arm without it, or the matched twin of either"
    )
    extra_samples: int | None = Field(description="samples that the multimodal cell saw more; null where not known")
    grade: GradeWord
    verdict: StepJudgement
    protocol: str = Field(description="hash of everything that is held equal")

    @property
    def other(self) -> Cell:
        """The cell that the multimodal one is measured against."""
        return Cell.of(self.arm, self.against)


class DataEffect(CellPair, Difference):
    """Two arms that differ in what their intermediate step reads alone; exploratory, corrected over all of these."""

    axis: DataAxis
    family: str = Field(description="the arm of these that reads most")
    task: str
    labels: Labels
    labelled: int | None = Field(ge=1, description="samples with labels, where few")
    levels: tuple[float | str, float | str] = Field(description="of the first and of the second; a share or a domain")
    grade: GradeWord
    verdict: Judgement
    protocol: str = Field(description="hash of everything that is held equal")


class Variance(Written):
    """Where the squared standard error comes from."""

    replicates: float | None = Field(description="share of the replicates; null with one")
    samples: float | None = Field(description="share of the choice of samples")


class CellFlops(Written):
    """Floating-point operations of a cell."""

    forward_per_sample: Count = Field(description="FLOPs of a forward pass of one sample")
    training: Count | None = Field(description="FLOPs of all training that led there; null where not all is known")


class CellSamples(Written):
    """Samples seen on the way to a cell."""

    unimodal: Count | None = Field(description="samples; in the pretraining of its components; null where not known")
    tuning: Count = Field(
        description="samples; in the search of the arm's rate of fine-tuning, and of that of its intermediate step where the cell "
        "went through it"
    )
    pretraining: Count = Field(description="samples; in the intermediate step")
    task_before: Count = Field(description="samples; of a further task: in the task that it goes on from")
    finetuning: Count = Field(description="samples; in its own fine-tuning")
    total: Count | None = Field(description="samples; null where not all are known")


class CellCosts(Written):
    """What a cell cost."""

    visual: str = Field(description="visual components, joined by +; none where it has none")
    parameters: Parameters
    flops: CellFlops
    samples: CellSamples


class CellEntry(CellName, Estimate, CellCosts):
    """One cell of a task."""

    start: str
    labels: Labels
    labelled: int | None = Field(ge=1, description="samples with labels, where few")
    baseline: bool = Field(description="its arm is one of the simple baselines")
    oracle: bool = Field(description="its arm was shown exact boxes, so it is not ranked")
    comparable: bool = Field(description="its arm passed the certificate")
    representative: bool = Field(
        description="it stands for its arm: of the cells with all labels the best on validation"
    )
    candidate: bool = Field(description="a representative that is ranked")
    chosen: bool = Field(description="the best mean of the candidates")
    tied: bool = Field(description="not separated from the chosen one; never where all is descriptive")
    undecided: Obstacle | None = Field(description="why it can have no verdict against the chosen one")
    ranks: tuple[int, int] | None = Field(description="best and worst place, simultaneous; null where it is not ranked")
    p_against_best: P = Field(description="after Holm over the pairs; null for the best one")
    above_floors: bool = Field(description="the lower end of its interval is above the highest floor")
    standard_error: float | None = Field(ge=0, description="fraction; of the mean")
    degrees_of_freedom: float | None = Field(ge=0, description="of the interval")
    variance: Variance
    scores: list[Fraction] = Field(description="fractions, one for every replicate, in order")
    splits: dict[str, Estimate] = Field(description="by split")
    forms: dict[str, Estimate] = Field(description="by question form, of the selection split")
    hard: Estimate | None = Field(description="over the selection samples that both unimodal floors get wrong")


class CutTexts(Written):
    """Texts that were too long."""

    share: Fraction = Field(description="fraction of the task's texts")
    max_length: int = Field(ge=1, description="tokens that are kept")


class TaskEntry(Written):
    """One task."""

    kind: str
    after: str | None = Field(description="of a further task: the task before")
    items: Count = Field(description="samples of the selection split")
    groups: Count = Field(description="groups of these that share a picture")
    cannot: dict[str, str] = Field(description="arms without cells here, with the reason: a gap, not a zero")
    floors: Floors = Field(description="what can be scored without understanding: fractions by split and floor")
    chosen: ChosenCell | None = Field(description="null where no arm passed its certificate")
    cells: list[CellEntry] = Field(description="all labels first, then by falling mean")
    pairs: list[PairResult] = Field(description="of candidates")
    missed: dict[str, Fraction] = Field(
        description="by split: fraction of the samples that can only be missed, for their answer is no class"
    )
    cut: CutTexts | None = Field(description="null where no arm reads texts")

    @property
    def representatives(self) -> list[CellEntry]:
        """The cell that stands for each arm, by falling mean; the one that is chosen is the first ranked."""
        return [cell for cell in self.cells if cell.representative]

    @property
    def highest_floor(self) -> tuple[str, float]:
        """The highest floor of the selection split, by name and value."""
        return max(self.floors["selection"].items(), key=lambda floor: floor[1])


class GateEntry(Written):
    """What the intermediate step of an arm taught, by one gate; lists are one entry for every replicate, in order."""

    name: GateName
    scores: list[Fraction] = Field(description="fractions of the items that are right")
    references: list[Fraction] = Field(
        description="fractions; of masked words, those found beside another picture; of the others, chance"
    )
    required: list[Fraction] = Field(description="fractions; the score that the study asks for")
    passed: list[bool] = Field(description="as high as asked, and above the reference beyond sampling error")
    items: Count = Field(description="masked tokens, pairs, or texts that look for their picture")


class TrialEntry(Written):
    """One training of a search."""

    factor: float = Field(gt=0, description="multiplies the learning rates")
    rung: Count = Field(description="0 is the shortest")
    share: Fraction = Field(description="fraction of the budget of fine-tuning, or of the intermediate step")
    score: FractionOrNan = Field(
        description="fraction, 0 to 1: on validation samples; NaN where training came to nothing"
    )
    samples: Count = Field(description="samples seen")


class RateEntry(Written):
    """A search of a learning rate."""

    factor: float = Field(gt=0, description="multiplies the learning rates")
    trials: list[TrialEntry] = Field(description="none where no search was asked for")


class SearchEntry(RateEntry):
    """The searches of an arm: of the rate of its fine-tunings, and of that of its intermediate step."""

    task: str | None = Field(description="on which fine-tuning was searched; null without a search")
    step: RateEntry | None = Field(description="of the intermediate step; null where nothing was searched for it")


class TrainingData(Written):
    """Whether the replicates learned from other training samples, or from the same ones."""

    redrawn: Redrawn = Field(
        description="anew: each replicate draws its own; shares: each has its own share of the groups of rows; never: all have "
        "the same, and all that is said holds for these"
    )
    samples: Count = Field(description="labelled training samples, of all tasks together")
    share: Fraction | None = Field(
        description="fraction of their groups that a replicate learns from, where it is a share"
    )


class Leaderboard(Written):
    """Everything that a study found."""

    study: str
    confidence: float = Field(gt=0, lt=1, description="fraction; of the intervals")
    margin: Fraction = Field(description="fraction; within it a difference counts as none")
    replicates: list[int] = Field(description="their numbers")
    protocol: str = Field(description="hash of everything that is held equal")
    grade: StudyGrade = Field(description="of the study as a whole; verdicts need three replicates")
    grade_reason: str
    interval_over: Literal["replicates and samples", "samples"]
    training: TrainingData
    contrasts: list[ContrastResult] = Field(description="as declared")
    tasks: dict[str, TaskEntry] = Field(description="by task")
    pretraining: list[StepEffect] = Field(description="effects of the intermediate step")
    gates: dict[str, list[GateEntry]] = Field(
        description="what each intermediate step taught, by arm; of an arm whose step did not pass, its certificate says so"
    )
    data: list[DataEffect] = Field(description="effects of what the intermediate step reads")
    tuning: dict[str, SearchEntry] = Field(description="by arm")
    budgets: dict[str, GivenBudget] = Field(description="what every arm was given alike, by its key in the study")
    certificates: dict[str, Certificate] = Field(description="by arm")
    digests: DigestSummary

    @property
    def cells(self) -> Iterator[CellEntry]:
        """Every cell of every task."""
        for entry in self.tasks.values():
            yield from entry.cells

    @property
    def incompetent(self) -> dict[str, str]:
        """Arms whose intermediate step did not pass its gates, with a sentence of what it did instead."""
        return {arm: certificate.step for arm, certificate in self.certificates.items() if certificate.step}

    @property
    def broken(self) -> list[str]:
        """Arms that failed their certificate."""
        return [arm for arm, certificate in self.certificates.items() if not certificate.valid]


def read_leaderboard(root: Path) -> Leaderboard:
    """The leaderboard of the workspace at `root`.

    Raises:
        CeterisError: there is none yet, or it is not as this version writes it.
    """
    path = leaderboard_file(root)
    return read(path, Leaderboard, "run the stage compare again" if path.is_file() else "run the pipeline first")
