"""Which class do a picture and its text belong to?"""

from typing import ClassVar

from components.tasks.task import Task


class Classification(Task):
    """One class a sample."""

    kind: ClassVar[str] = "classification"
