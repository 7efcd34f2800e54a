"""The kinds of downstream task. Adding one is one file and one line here; nothing is imported before it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.tasks.task import Task

# Written as entry points are: module:class.
TASKS: dict[str, str] = {
    "classification": "components.tasks.classification:Classification",
    "entailment": "components.tasks.entailment:Entailment",
    "grounding": "components.tasks.grounding:Grounding",
    "pair_statements": "components.tasks.pair_statements:PairStatements",
    "retrieval": "components.tasks.retrieval:Retrieval",
    "statements": "components.tasks.statements:Statements",
    "vqa": "components.tasks.vqa:VisualQuestionAnswering",
}


def load(kind: str) -> "Task":
    """The task of a kind.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in TASKS:
        raise ValueError(f"there is no kind of task {kind!r}; known are {', '.join(TASKS)}")
    module, class_name = TASKS[kind].split(":")
    return getattr(import_module(module), class_name)()
