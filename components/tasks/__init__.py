"""The kinds of downstream task: one file each, and the table of them.

Adding one is one file here, what draws its samples, and one row.

Nothing is imported before it is asked for.
"""

from typing import TYPE_CHECKING

from components.catalogue import EVERY_HALF, Metric, TaskRow, placed

if TYPE_CHECKING:
    from components.tasks.task import Task

# The scenes source writes samples in this order.
TASKS: dict[str, TaskRow] = {
    "vqa": TaskRow(place="components.tasks.vqa:VisualQuestionAnswering", served=True),
    "statements": TaskRow(place="components.tasks.statements:Statements", served=True),
    "classification": TaskRow(place="components.tasks.classification:Classification", served=True, text_optional=True),
    "grounding": TaskRow(
        place="components.tasks.grounding:Grounding",
        needs=("texts", "pictures", "places"),
        served=False,
        metric=Metric("pointing_accuracy"),
        floors=(*EVERY_HALF, "first_object"),
        targets="positions",
        own_scenes="components.data.scenes.grounding:SCENES",
    ),
    "retrieval": TaskRow(
        place="components.tasks.retrieval:Retrieval",
        needs=("texts", "pictures"),
        served=False,
        metric=Metric("recall_at_1"),
        floors=("chance",),
        targets="positions",
        own_scenes="components.data.scenes.retrieval:SCENES",
    ),
    "entailment": TaskRow(
        place="components.tasks.entailment:Entailment",
        served=True,
        own_scenes="components.data.scenes.entailment:SCENES",
    ),
    "pair_statements": TaskRow(
        place="components.tasks.pair_statements:PairStatements",
        served=False,
        own_scenes="components.data.scenes.pair_statements:SCENES",
    ),
}


def load(kind: str) -> "Task":
    """The task of a kind.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in TASKS:
        raise ValueError(f"there is no kind of task {kind!r}; known are {', '.join(TASKS)}")
    return placed(TASKS[kind].place)()
