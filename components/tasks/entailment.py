"""Does a picture entail a hypothesis, contradict it, or leave it open?"""

from typing import ClassVar

from components.tasks.task import Task


class Entailment(Task):
    """Entailment, neutral or contradiction (as SNLI-VE), with a picture as the premise and a text as the hypothesis."""

    kind: ClassVar[str] = "entailment"
