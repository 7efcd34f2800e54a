"""The downstream tasks of a study."""

from typing import Annotated

from pydantic import AfterValidator, Field

from components.study.base import Name, Strict, one_of
from components.tasks import TASKS

Kind = Annotated[str, AfterValidator(one_of(TASKS))]


class TaskSettings(Strict):
    """A downstream task.

    A task with `after` is a *further* task: it begins from what every start has learned on the task named there, with a fresh
    head (intermediate-task training: Phang et al. 2018, arXiv:1811.01088).
    """

    kind: Kind
    few_labels: int | None = Field(ge=1, description="labelled samples of the few-label runs; null for none")
    after: Name | None = Field(
        default=None, description="the task whose weights it begins from; null to begin from the starts"
    )
