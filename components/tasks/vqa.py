"""What is the answer to a question about a picture?"""

from typing import ClassVar

from components.tasks.task import Task


class VisualQuestionAnswering(Task):
    """One answer of a fixed vocabulary, by softmax.

    VQAv2 has ten human answers a question, trains on soft targets by binary cross-entropy and gives partial credit
    (an answer that three people gave is right). Questions here have one answer; with one, its metric is accuracy.
    An answer that the training split never gave is no class, and can only be missed.
    """

    kind: ClassVar[str] = "vqa"
