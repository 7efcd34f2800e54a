"""The typed study: everything in `params.yaml` and `studies/NAME.yaml`, and nothing else.

One study is one complete, flat file: no inheritance, no defaults hidden in code. The same models check the file, the
command line and the form on the Prefect page.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from pydantic import Field, ValidationError, model_validator

from components.axes import AxesSettings, Fraction, Name, PairsSettings, Strict, arm_fault
from components.budget import Allowance
from components.capabilities import SERVED, lacks
from components.contrasts import ContrastSettings, fault
from components.data_settings import DataSettings
from components.errors import CeterisError

Start = Literal["scratch", "unimodal", "multimodal"]
Component = Literal["text", "grid", "patches"]
Kind = Literal["vqa", "classification", "statements", "grounding", "retrieval", "pair_statements", "entailment"]
Front = Literal["pixels", "detector", "boxes", "grid", "patches", "precomputed"]

ORACLE: Front = "boxes"
"""Exact boxes tell how many objects there are: shown, never ranked with the others."""
FRONT_COMPONENTS: dict[Front, str | None] = {
    "pixels": None,
    "detector": "detector",
    "boxes": "detector",
    "grid": "grid",
    "patches": "patches",
    "precomputed": None,
}
"""The image-pretraining component that a visual front end is made of."""


class TextSettings(Strict):
    """How texts become tokens, and how many are masked, for all architectures alike."""

    tokenizer: str = Field(description="'built' from the training texts, or a Hugging Face name or local folder")
    vocabulary_size: int = Field(ge=64)
    max_length: int = Field(ge=4, le=512, description="tokens, [CLS] and [SEP] included")
    masked_share: float = Field(
        gt=0, lt=1, description="of words, in masked language modelling; all architectures alike"
    )


class ModelSettings(Strict):
    """The one size at which all architectures are built."""

    width: int = Field(ge=8)
    layers: int = Field(ge=1)
    heads: int = Field(ge=1)
    feed_forward: int = Field(ge=8)
    dropout: Fraction
    patch_size: int = Field(ge=2, description="side of a square patch, in pixels")
    stem_widths: list[int] = Field(min_length=1, description="channels of the tiny ResNet's stages")
    image_tokens: int = Field(ge=1, le=9, description="MMBT: pooled grid tokens")
    projection: int = Field(ge=8, description="CLIP: width of the shared embedding space")
    text_encoder: str = Field(
        description="'tiny', or the Hugging Face name or local folder of BERT, RoBERTa or another encoder"
    )
    grid_encoder: str = Field(description="'tiny', or a Hugging Face ResNet name or local folder")
    patch_encoder: str = Field(description="'tiny', or a Hugging Face ViT name or local folder")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "ModelSettings":
        if self.width % self.heads:
            raise ValueError(f"model.heads ({self.heads}) must divide model.width ({self.width})")
        return self


class ImagePretraining(Strict):
    """What visual front ends learn on pictures alone. A detector learns from boxes in any case."""

    labels: Literal["image", "boxes"] = Field(
        description="of whole pictures, or boxes of objects with classes and attributes; all front ends alike"
    )
    regions: int = Field(ge=1, description="regions that the detector proposes for every picture")


class FreezingRule(Strict):
    """Parameters whose name matches `pattern` stay frozen for the first `share` of the samples."""

    pattern: str = Field(description="regular expression, matched against the whole parameter name")
    share: Fraction


class ArmSettings(Strict):
    """What one arm is, what it begins from, and what it keeps frozen for how long."""

    architecture: Name = Field(
        description="its file in components/models/architectures; 'controlled' if axes are given"
    )
    mode: Literal["faithful", "controlled"] = Field(description="as its paper has it, or as axes say and nothing else")
    front: Front = Field(
        description="who looks at the picture: the architecture itself (pixels), or a frozen front end"
    )
    axes: AxesSettings | None = Field(description="of a controlled arm; null for a faithful one")
    unimodal: list[Component] = Field(description="unimodally pretrained components it begins from")
    pairs: PairsSettings = Field(description="what its intermediate step reads of the captioned pictures")
    starts: list[Start] = Field(min_length=1)
    few_label_starts: list[Start] = Field(description="starts also fine-tuned on few labels")
    matched_starts: list[Start] = Field(
        description="starts with a twin that is fine-tuned for longer, by what the intermediate step costs in FLOPs"
    )
    freezing: list[FreezingRule] = Field(description="ordered; the first rule that matches a parameter decides")

    @model_validator(mode="after")
    def _few_is_a_subset(self) -> "ArmSettings":
        for key, starts in (("few_label_starts", self.few_label_starts), ("matched_starts", self.matched_starts)):
            if unknown := set(starts) - set(self.starts):
                raise ValueError(f"{key} names {sorted(unknown)}, which are not among starts")
        if self.matched_starts and ("multimodal" in self.matched_starts or "multimodal" not in self.starts):
            raise ValueError(
                "matched_starts are twins of the multimodal start, by its FLOPs: starts must name multimodal, and "
                "matched_starts only others"
            )
        return self

    @model_validator(mode="after")
    def _axes_belong_to_controlled_arms(self) -> "ArmSettings":
        controlled = (self.mode == "controlled", self.architecture == "controlled", self.axes is not None)
        if len(set(controlled)) > 1:
            raise ValueError(
                "a controlled arm has mode: controlled, architecture: controlled and axes; a faithful one has none of them"
            )
        return self

    def with_twin(self, start: Start) -> list[str]:
        """A start and, where it has one, its twin: names of cells with all labels."""
        return [start, f"{start}_matched"] if start in self.matched_starts else [start]

    @property
    def components(self) -> list[str]:
        """Everything of unimodal pretraining that the arm takes, its front end included."""
        front = FRONT_COMPONENTS[self.front]
        return [*self.unimodal, *([front] if front and front not in self.unimodal else [])]


class TaskSettings(Strict):
    """A downstream task."""

    kind: Kind
    few_labels: int | None = Field(ge=1, description="labelled samples of the few-label runs; null for none")


class Architectures(Strict):
    """The arms of the study."""

    pretrained: list[Name] = Field(min_length=1, description="with a multimodal intermediate step")
    direct: list[Name] = Field(min_length=1, description="fine-tuned from unimodal encoders alone")

    @property
    def all(self) -> list[str]:
        """Every arm, in the study's order."""
        return [*self.pretrained, *self.direct]


class EvaluationSettings(Strict):
    """How scores are turned into evidence."""

    confidence: float = Field(gt=0.5, lt=1.0)
    margin: float = Field(
        gt=0.0, lt=0.5, description="equivalence margin, as a fraction: a smaller difference counts as none"
    )
    contrasts: list[ContrastSettings] = Field(
        max_length=5, description="confirmatory ones, with Holm's correction over these alone; all else is exploratory"
    )
    examples: int = Field(ge=0, description="example predictions shown in the report, per task")


class TuningSettings(Strict):
    """A search of the learning rate: for every arm the same candidates, rungs and budget, and its cost charged to the arm.

    One factor, on all learning rates of an arm. Candidates train on shares of the fine-tuning budget, and the best
    1/reduction go on from each rung to the next.
    """

    trials: int = Field(
        ge=0, description="candidates for every arm; 0 for no search: the rates are those of the budgets"
    )
    lowest: float = Field(gt=0, description="smallest factor on the learning rates of the budgets")
    highest: float = Field(gt=0, description="largest factor; candidates are spaced evenly on a logarithmic scale")
    rungs: int = Field(ge=1, description="the last is the whole budget, each before it 1/reduction of the next")
    reduction: int = Field(ge=2)

    @model_validator(mode="after")
    def _is_a_search(self) -> "TuningSettings":
        if self.trials and not (self.trials > 1 and self.lowest < self.highest):
            raise ValueError("a search needs at least two trials, and tuning.lowest below tuning.highest")
        return self


class RuntimeSettings(Strict):
    """How training processes use the machine. On CPUs results are bit-exact for a given thread count."""

    threads: int = Field(ge=1)
    accelerator: Literal["auto", "cpu", "gpu"]
    devices: int | Literal["auto"]
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
    checkpoint_seconds: float = Field(gt=0, description="seconds between resumable checkpoints")
    prediction_batch_size: int = Field(ge=1)


class FurtherTasks(Strict):
    """Tasks that begin from what every start has learned on another task, with a fresh head (intermediate-task training:
    Phang et al. 2018, arXiv:1811.01088)."""

    after: Name | None = Field(description="the task whose weights they begin from; null where there are none")
    tasks: list[Name]

    @model_validator(mode="after")
    def _both_or_neither(self) -> "FurtherTasks":
        if (self.after is None) != (not self.tasks):
            raise ValueError("further.after names the task that further.tasks begin from: give both, or null and []")
        return self


class Cell(NamedTuple):
    """One fine-tuning of an architecture on a task: a start with an amount of labels."""

    name: str
    start: Start
    labels: int | None  # None: all of them
    budget: Allowance
    matched: bool = False  # the budget is stretched by the FLOPs of the intermediate step
    taught: str | None = None  # of a further task: the cell of the task before, whose weights it begins from


class Study(Strict):
    """One question, answered by one run of the pipeline."""

    name: Name
    seed: int = Field(ge=0)
    replicates: list[int] = Field(min_length=1)
    architectures: Architectures
    arms: dict[Name, ArmSettings]
    tasks: dict[Name, TaskSettings] = Field(min_length=1)
    task_names: list[Name] = Field(
        description="the tasks that begin from the starts, as the pipeline's matrix reads them"
    )
    further: FurtherTasks
    image_fronts: list[Literal["grid", "patches", "detector"]]
    data: DataSettings
    text: TextSettings
    model: ModelSettings
    pretrain_text: Allowance
    pretrain_image: Allowance
    image_pretraining: ImagePretraining
    pretrain: Allowance
    finetune: Allowance
    finetune_few: Allowance
    finetune_further: Allowance
    tuning: TuningSettings
    evaluation: EvaluationSettings
    runtime: RuntimeSettings

    def cells(self, architecture: str, task: str) -> list[Cell]:
        """The cells of one architecture on one task, in order: every start, then the starts with few labels.

        A start's twin (`START_matched`) follows it. None where the architecture cannot do the task. A further task begins
        where the same start, or its twin, ended on all labels of the task before; a twin is longer there alone.
        """
        if self.cannot(architecture, task):
            return []
        arm, few, further = self.arms[architecture], self.tasks[task].few_labels, task in self.further.tasks
        amounts: list[tuple[str, int | None, Allowance, list[Start]]] = [
            ("", None, self.finetune_further if further else self.finetune, arm.starts)
        ]
        if few is not None:
            amounts.append(("_few", few, self.finetune_few, arm.few_label_starts))
        return [
            Cell(name + suffix, start, labels, budget, name != start and not further, name if further else None)
            for suffix, labels, budget, starts in amounts
            for start in starts
            for name in arm.with_twin(start)
        ]

    def taught(self, architecture: str, task: str, name: str) -> str | None:
        """Of the cell of that name on a further task: the cell of the task before that it begins from."""
        return next(cell.taught for cell in self.cells(architecture, task) if cell.name == name)

    def freezing(self, architecture: str, cell: Cell) -> list[FreezingRule]:
        """What a cell keeps frozen: an arm's rules spare what was pretrained alone from a head that has learned nothing."""
        return [] if cell.start == "scratch" or cell.taught else self.arms[architecture].freezing

    @property
    def budgets(self) -> dict[str, Allowance]:
        """Every budget by its key, in the order in which they are spent."""
        return {key: getattr(self, key) for key, field in Study.model_fields.items() if field.annotation is Allowance}

    @property
    def learns_from_few(self) -> bool:
        """Whether anything is fine-tuned on few labels."""
        some = any(arm.few_label_starts for arm in self.arms.values())
        return some and any(task.few_labels is not None for task in self.tasks.values())

    @property
    def served_tasks(self) -> list[str]:
        """The tasks whose chosen models are packaged, judged at the gate and served."""
        return [name for name, task in self.tasks.items() if task.kind in SERVED]

    def cannot(self, architecture: str, task: str) -> str:
        """Why an arm cannot do a task, as part of a sentence ("it reads no pictures"); empty where it can."""
        arm = self.arms[architecture]
        return lacks(arm.architecture, self.tasks[task].kind, arm.axes.fusion if arm.axes else None)

    @model_validator(mode="after")
    def _names_agree(self) -> "Study":
        _no_duplicates("replicates", self.replicates)
        _no_duplicates("architectures", self.architectures.all)
        if set(self.arms) != set(self.architectures.all):
            raise ValueError(
                f"arms describes {sorted(self.arms)} but architectures lists {sorted(self.architectures.all)}: "
                "every listed architecture needs one entry in arms"
            )
        if sorted(self.tasks) != sorted([*self.task_names, *self.further.tasks]):
            raise ValueError(
                f"tasks has the keys {list(self.tasks)}, but task_names lists {self.task_names} and further.tasks "
                f"{self.further.tasks}: every task belongs in one of the two lists"
            )
        if self.further.after is not None:
            if self.further.after not in self.task_names:
                raise ValueError(
                    f"further.after is {self.further.after!r}: choose one of task_names, {self.task_names}"
                )
            for arm in self.architectures.all:
                if reason := self.cannot(arm, self.further.after):
                    raise ValueError(
                        f"further.after is {self.further.after!r}, which {arm} cannot do ({reason}): all arms must be able to"
                    )
        for task in self.tasks:
            if all(self.cannot(arm, task) for arm in self.architectures.all):
                raise ValueError(f"none of the architectures can do {task}, a task of the kind {self.tasks[task].kind}")
        for arm in self.architectures.direct:
            if "multimodal" in self.arms[arm].starts:
                raise ValueError(
                    f"arms.{arm}.starts asks for 'multimodal', but {arm} is listed under architectures.direct"
                )
        for arm, settings in self.arms.items():
            if missing := set(settings.components) - {"text"} - set(self.image_fronts):
                raise ValueError(f"arms.{arm} needs {sorted(missing)}, which image_fronts does not pretrain")
            if found := arm_fault(self, arm):
                raise ValueError(found)
        return self

    @model_validator(mode="after")
    def _contrasts_can_be_answered(self) -> "Study":
        _no_duplicates("evaluation.contrasts", [contrast.name for contrast in self.evaluation.contrasts])
        for contrast in self.evaluation.contrasts:
            if found := fault(self, contrast, ORACLE):
                raise ValueError(f"the contrast {contrast.name} of evaluation.contrasts {found}")
        return self


def _no_duplicates(key: str, values: Iterable[object]) -> None:
    values = list(values)
    if len(set(values)) != len(values):
        raise ValueError(f"{key} names something twice: {values}")


def load_study(path: Path | str = "params.yaml") -> Study:
    """Read and check a study file.

    Raises:
        CeterisError: the file is missing, is not YAML, or breaks a rule of the study.
    """
    path = Path(path)
    if not path.is_file():
        raise CeterisError(f"{path} does not exist: name a study file such as studies/laptop.yaml.")
    try:
        return parse_study(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except yaml.YAMLError as error:
        raise CeterisError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def parse_study(content: object, where: str) -> Study:
    """Check the content of a study file; `where` names it in errors."""
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        findings = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'the file'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise CeterisError(f"{where} is not a valid study: {findings}.") from None
