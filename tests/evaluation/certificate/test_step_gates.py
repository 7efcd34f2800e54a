"""Gates of the intermediate step: when a study takes them for passed, and what is said and concluded where they are not."""

from typing import Any

import pytest

from components.evaluation.certificate.certificates import Certificate
from components.evaluation.certificate.step_gates import passes, step_fault, step_said
from components.records.training import StepGate, TrainingRecord
from components.study.cells import Cell
from components.study.settings import GateSettings
from tests.evaluation.fabricate import study_of

ASKED = GateSettings(masked_words=0.02, matching=0.55, contrastive=4.0)


def gate(name: str, score: float, reference: float, error: float = 0.005, items: int = 1000) -> StepGate:
    return StepGate(name=name, score=score, reference=reference, standard_error=error, items=items)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (gate("masked_words", 0.45, 0.40), True),
        (gate("masked_words", 0.415, 0.40, error=0.001), False),  # surely above, and not by enough
        (gate("masked_words", 0.45, 0.40, error=0.04), False),  # by enough, and not surely
        (gate("masked_words", 0.40, 0.40, error=0.0), False),
        (gate("matching", 0.56, 0.5), True),
        (gate("matching", 0.54, 0.5), False),
        (gate("matching", 0.60, 0.5, error=0.07), False),
        (gate("contrastive", 0.08, 0.017), True),
        (gate("contrastive", 0.06, 0.017), False),
        (gate("matching", 0.0, 0.0, error=0.0, items=0), False),
        (gate("masked_words", 0.0, 0.0, error=0.0, items=0), False),
        (gate("contrastive", 0.0, 0.0, error=0.0, items=0), False),
    ],
)
def test_a_gate_asks_for_a_difference_that_is_large_and_sure(found: StepGate, passed: bool) -> None:
    assert passes(found, ASKED) == passed


def said(*replicates: list[StepGate] | None) -> str:
    study = study_of(replicates=list(range(len(replicates))))
    records: list[Any] = [TrainingRecord.model_construct(gates=gates) for gates in replicates]
    return step_said(study, "vilt", records)


def test_a_step_passes_if_every_gate_passes_in_every_replicate() -> None:
    good = [gate("masked_words", 0.45, 0.40), gate("matching", 0.8, 0.5)]
    bad = [gate("masked_words", 0.310, 0.308), gate("matching", 0.8, 0.5)]
    assert said(good, good) == ""
    assert said(bad) == (
        "The intermediate step of vilt did not pass its gates: masked words 31.0% beside the picture and 30.8% beside another; "
        "nothing is concluded from it."
    )
    assert said(good, bad).startswith(
        "The intermediate step of vilt did not pass its gates in replicate 1: masked words"
    )
    chance = [gate("masked_words", 0.45, 0.40), gate("matching", 0.5, 0.5)]
    assert "in replicate 2: matching 50.0%, by chance 50.0%; nothing is concluded" in said(good, bad, chance)
    assert "matching could be asked of no validation pair" in said([gate("matching", 0.0, 0.0, 0.0, 0)])


def test_a_step_that_was_not_measured_is_not_taken_for_competent() -> None:
    assert said([gate("matching", 0.8, 0.5)], None).endswith("was not measured; nothing is concluded from it.")
    # No loss of it can be measured so, or there is no step.
    assert said([], []) == ""
    assert step_said(study_of(), "mmbt", []) == ""


def test_only_cells_that_went_through_the_step_are_concerned() -> None:
    certificates = {
        arm: Certificate(valid=True, checks=[], stated={}, step=step)
        for arm, step in (("vilt", "It failed."), ("clip", ""), ("uniter", "So did this."))
    }

    def fault(*cells: str) -> str:
        return step_fault(map(Cell.parse, cells), certificates)

    assert fault("vilt/multimodal", "clip/multimodal") == "It failed."
    assert fault("vilt/multimodal_few", "vilt/multimodal") == "It failed."
    assert fault("vilt/unimodal", "clip/multimodal") == fault("vilt/unimodal_matched", "vilt/scratch") == ""
    assert fault("vilt/multimodal", "uniter/multimodal") == "It failed. So did this."
