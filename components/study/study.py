"""The typed study: everything in `params.yaml`, and nothing else. The same models check the file and the command line."""

from typing import Literal

from pydantic import Field

from components.study.arms import Architectures, ArmSettings
from components.study.base import Name, Strict
from components.study.budget import Allowance
from components.study.data_settings import DataSettings
from components.study.settings import (
    EvaluationSettings,
    ImagePretraining,
    ModelSettings,
    RuntimeSettings,
    TextSettings,
    TuningSettings,
)
from components.study.tasks import FurtherTasks, TaskSettings


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

    @property
    def budgets(self) -> dict[str, Allowance]:
        """Every budget by its key, in the order in which they are spent."""
        return {key: getattr(self, key) for key, field in Study.model_fields.items() if field.annotation is Allowance}
