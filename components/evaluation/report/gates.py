"""What each intermediate step taught, held against the gates that the study declared, for a terminal and for the report."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.certificate.step_gates import GATES, REFERENCES
from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import GateEntry, Leaderboard
from components.evaluation.report.parts import Row, Table, TableCell

_LEAD = (
    "Measured at the end of the step on validation pairs, the same ones for every arm; what must be reached was declared in the "
    "study file. Where a step passes all of its gates in every replicate, it was competent. Where it does not, nothing is "
    "concluded from it."
)


def gates_text(board: Leaderboard) -> list[str]:
    """Lines for a terminal; none where no arm has a step that can be measured."""
    if not any(board.gates.values()) and not board.incompetent:
        return []
    wide = max(14, *(len(arm) + 1 for arm in board.gates))
    lines = ["What each intermediate step taught (validation pairs, percent, means over replicates):"]
    for arm, gates in board.gates.items():
        said = "; ".join(
            f"{GATES[gate.name]} {_mean(gate.scores)}, {REFERENCES[gate.name]} {_mean(gate.references)}"
            for gate in gates
        )
        lines.append(f"  {arm:<{wide}}{said or 'nothing that can be measured so'}")
    return [*lines, *(f"  {sentence}" for sentence in board.incompetent.values())]


@dataclass(frozen=True)
class Taught:
    """What the steps taught: how it was measured, what fell short, and all of it as a table."""

    lead: str
    sentences: Sequence[str]
    table: Table


def taught(board: Leaderboard) -> Taught | None:
    """The same for the report; none where no arm has a step that can be measured."""
    if not any(board.gates.values()) and not board.incompetent:
        return None
    rows = [
        Row(
            readable(arm),
            [
                TableCell(_mean(gate.scores), under=f"{gate.items:,} items"),
                TableCell(_mean(gate.references), under=REFERENCES[gate.name]),
                TableCell(_mean(gate.required)),
                TableCell(_passed(gate)),
            ],
            under=GATES[gate.name],
        )
        for arm, gates in board.gates.items()
        for gate in gates
    ]
    header = ["", "score (%)", "held against (%)", "asked for (%)", "passed"]
    return Taught(_LEAD, list(board.incompetent.values()), Table("What each intermediate step taught", header, rows))


def _mean(values: list[float]) -> str:
    return percent(sum(values) / len(values))


def _passed(gate: GateEntry) -> str:
    count = sum(gate.passed)
    if count == len(gate.passed):
        return "yes"
    return "no" if not count else f"no: in {count} of {len(gate.passed)} replicates"
