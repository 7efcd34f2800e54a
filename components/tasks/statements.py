"""Is a statement true of a picture?"""

from typing import ClassVar

from components.tasks.task import Task


class Statements(Task):
    """True or false (as NLVR): a classification with two balanced answers, so that guessing scores one half."""

    kind: ClassVar[str] = "statements"
