"""The typed study: everything that `params.yaml` says. The same models check the file and the command line.

People write a short study in `studies/`; `components/study/expansion.py` makes the complete one of it.
"""

from pydantic import Field

from components.study.arms import ArmSettings
from components.study.base import Name, Strict
from components.study.budget import Allowance
from components.study.data_settings import DataSettings
from components.study.front_ends import TRAINED_FRONTS
from components.study.settings import (
    EvaluationSettings,
    ImagePretraining,
    ModelSettings,
    RuntimeSettings,
    TextSettings,
    TuningSettings,
)
from components.study.tasks import TaskSettings


class Study(Strict):
    """One question, answered by one run of the pipeline."""

    name: Name
    seed: int = Field(ge=0)
    replicates: list[int] = Field(min_length=1)
    arms: dict[Name, ArmSettings] = Field(min_length=1, description="their order is that of every table")
    tasks: dict[Name, TaskSettings] = Field(min_length=1)
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
    def pretrained(self) -> list[str]:
        """The arms with a multimodal intermediate step, in the study's order."""
        return [name for name, arm in self.arms.items() if arm.pretrained]

    @property
    def drawings(self) -> list[int]:
        """The replicates that draw training samples of their own. The first one reads those that lie beside the tests."""
        return self.replicates[1:] if self.data.redrawn else []

    @property
    def first_tasks(self) -> list[str]:
        """The tasks that begin from the starts, in the study's order."""
        return [name for name, task in self.tasks.items() if task.after is None]

    @property
    def further_tasks(self) -> list[str]:
        """The tasks that begin from what another task has taught, in the study's order."""
        return [name for name, task in self.tasks.items() if task.after is not None]

    @property
    def image_fronts(self) -> list[str]:
        """What is pretrained on pictures alone because an arm takes it, in the order of `TRAINED_FRONTS`."""
        needed = {component for arm in self.arms.values() for component in arm.components}
        return [front for front in TRAINED_FRONTS if front in needed]

    @property
    def budgets(self) -> dict[str, Allowance]:
        """Every budget by its key, in the order in which they are spent."""
        return {key: getattr(self, key) for key, field in Study.model_fields.items() if field.annotation is Allowance}
