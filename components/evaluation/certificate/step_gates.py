"""Whether an intermediate step was competent: what it taught, held against the gates that the study declared.

A step passes if each of its gates passes in every replicate. Where one does not, nothing is concluded from the step: a comparison
with a cell that went through it is descriptive. Nothing here depends on any score of a task.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist

from components.evaluation.certificate.certificates import Certificate
from components.evaluation.formatting import percent
from components.records.training import GateName, StepGate, TrainingRecord
from components.study.cells import Cell
from components.study.settings import GateSettings
from components.study.study import Study

BEYOND = NormalDist().inv_cdf(0.95)
"""Standard errors by which a score must be above its reference: one-sided, 95%."""
GATES: dict[GateName, str] = {
    "masked_words": "masked words",
    "matching": "matching",
    "contrastive": "own picture found",
}
"""What a gate measures, in words."""
REFERENCES: dict[GateName, str] = {
    "masked_words": "beside another picture",
    "matching": "chance",
    "contrastive": "chance",
}
"""What its score is held against."""


def required(gate: StepGate, settings: GateSettings) -> float:
    """The score that the study asks for, a fraction."""
    asked = {
        "masked_words": gate.reference + settings.masked_words,
        "matching": settings.matching,
        "contrastive": settings.contrastive * gate.reference,
    }
    return asked[gate.name]


def passes(gate: StepGate, settings: GateSettings) -> bool:
    """Whether a score is as high as the study asks, and above its reference beyond sampling error."""
    return gate.score >= required(gate, settings) and gate.score - gate.reference > BEYOND * gate.standard_error


def step_said(study: Study, arm: str, records: Sequence[TrainingRecord]) -> str:
    """Why nothing is concluded from the intermediate step of an arm, as a sentence; empty where it passed its gates.

    Args:
        records: of its intermediate step, one for each replicate; none where it has no such step.
    """
    if any(record.gates is None for record in records):
        return f"What the intermediate step of {arm} taught was not measured; nothing is concluded from it."
    failed = [
        (gate, replicate)
        for record, replicate in zip(records, study.replicates, strict=bool(records))
        for gate in record.gates or []
        if not passes(gate, study.evaluation.gates)
    ]
    if not failed:
        return ""
    gate, replicate = min(failed, key=lambda one: one[0].score - required(one[0], study.evaluation.gates))
    where = f" in replicate {replicate}" if len(study.replicates) > 1 else ""
    return (
        f"The intermediate step of {arm} did not pass its gates{where}: {_found(gate)}; nothing is concluded from it."
    )


def step_fault(cells: Iterable[Cell], certificates: Mapping[str, Certificate]) -> str:
    """Why nothing is concluded from a comparison of cells: a step that one of them went through did not pass its gates.

    Empty where all steps passed, and for cells that went through none.
    """
    said = (certificates[cell.arm].step for cell in cells if cell.start == "multimodal")
    return " ".join(dict.fromkeys(sentence for sentence in said if sentence))


def _found(gate: StepGate) -> str:
    if not gate.items:
        return f"{GATES[gate.name]} could be asked of no validation pair"
    score, reference = percent(gate.score), percent(gate.reference)
    if gate.name == "masked_words":
        return f"masked words {score}% beside the picture and {reference}% beside another"
    return f"{GATES[gate.name]} {score}%, by chance {reference}%"
