"""What each intermediate step taught, held against the gates that the study declared, for a terminal and for the report."""

from html import escape

from components.evaluation.certificate.step_gates import GATES, REFERENCES
from components.evaluation.formatting import percent, readable
from components.evaluation.leaderboard.entries import GateEntry, Leaderboard
from components.evaluation.report.page import paragraph, table, text_cell

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


def gates_table(board: Leaderboard) -> str:
    """The same as a table of the report; empty where there is none."""
    if not any(board.gates.values()) and not board.incompetent:
        return ""
    rows = [
        (
            f"{escape(readable(arm))}<small>{escape(GATES[gate.name])}</small>",
            [
                text_cell(_mean(gate.scores), f"{gate.items:,} items"),
                text_cell(_mean(gate.references), REFERENCES[gate.name]),
                text_cell(_mean(gate.required)),
                text_cell(_passed(gate)),
            ],
            False,
        )
        for arm, gates in board.gates.items()
        for gate in gates
    ]
    said = "".join(paragraph(sentence) for sentence in board.incompetent.values())
    header = ["", "score (%)", "held against (%)", "asked for (%)", "passed"]
    return f"{paragraph(_LEAD, 'soft-text')}{said}{table('What each intermediate step taught', header, rows)}"


def _mean(values: list[float]) -> str:
    return percent(sum(values) / len(values))


def _passed(gate: GateEntry) -> str:
    count = sum(gate.passed)
    if count == len(gate.passed):
        return "yes"
    return "no" if not count else f"no: in {count} of {len(gate.passed)} replicates"
