"""The downstream tasks of a study."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from components.study.base import Name, Strict, one_of
from components.tasks import TASKS

Kind = Annotated[str, AfterValidator(one_of(TASKS))]


class TaskSettings(Strict):
    """A downstream task."""

    kind: Kind
    few_labels: int | None = Field(ge=1, description="labelled samples of the few-label runs; null for none")


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
