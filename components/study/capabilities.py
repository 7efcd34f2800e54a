"""Which architecture can do which kind of task, and which of two norms its layers have.

Read from the tables of architectures and tasks. A study may list any arm with any task: what an arm cannot do is a gap in its
row of the leaderboard, never a zero.
"""

from components.catalogue import Ability, NamesOfBoxes, Norm
from components.models.architectures import ARCHITECTURES
from components.tasks import TASKS

LACKS: dict[Ability, str] = {
    "texts": "it reads no text",
    "pictures": "it reads no pictures",
    "places": "it has no visual tokens that are each one place of the picture and have read the text",
}
"""What an architecture without the ability is said to lack."""


def lacks(architecture: str, kind: str, fusion: str | None = None) -> str:
    """Why an architecture cannot do a kind of task, as part of a sentence; empty where it can.

    Args:
        fusion: of a controlled arm. With fusion 'late' the visual tokens have not read the text.
    """
    row = ARCHITECTURES.get(architecture)
    # What is not in the table is not known to lack anything.
    offered = row.offers if row else tuple(LACKS)
    for ability in TASKS[kind].needs:
        if ability not in offered or (ability == "places" and fusion == "late"):
            return LACKS[ability]
    return ""


def norm_of(architecture: str, axis: Norm | None) -> Norm | None:
    """The norm of an arm.

    Args:
        axis: of a controlled arm, whose norm is one of its axes.
    """
    row = ARCHITECTURES.get(architecture)
    return axis or (row.norm if row else None)


def may_freeze(architecture: str) -> bool:
    """Whether arms of an architecture may keep parameters frozen for a while."""
    return architecture in ARCHITECTURES and ARCHITECTURES[architecture].freezes


def names_of_boxes(architecture: str) -> NamesOfBoxes | None:
    """What the losses of an architecture need to know of what is in a box; None for nothing."""
    row = ARCHITECTURES.get(architecture)
    return row.names_of_boxes if row else None


def is_baseline(architecture: str) -> bool:
    """Whether an architecture is one of the simple baselines."""
    return architecture in ARCHITECTURES and ARCHITECTURES[architecture].baseline
