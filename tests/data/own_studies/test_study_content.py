"""What a made study asks for fits the data."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.own_studies.study_content import FEWEST_FOR_A_STEP, Measured, adapt
from components.data.validation.check import DEFAULT_SETTINGS
from components.study.loading import load_study, parse_study
from components.study.study import Study

ROOT = Path(__file__).parents[3]
PLENTY = Measured(
    training=3000,
    texts=True,
    boxes=False,
    box_classes=0,
    image_size=96,
    background="white",
    value_range=None,
    vocabulary_size=2345,
    max_length=48,
    fewest_rows_per_answer=2,
)


def made(measured: Measured, task: str = "vqa") -> tuple[Study, list[str]]:
    content: dict[str, Any] = load_study(ROOT / "params.yaml").model_dump(mode="json")
    said = adapt(content, "mine", task, DEFAULT_SETTINGS, measured)
    return parse_study(content, "a made study"), said


def test_what_was_measured_stands_in_the_study() -> None:
    study, _ = made(replace(PLENTY, background="black", value_range=(0.0, 4095.0)))
    assert (study.data.image_size, study.model.patch_size) == (96, 24)
    assert (study.data.background, study.data.value_range) == ("black", (0.0, 4095.0))
    assert (study.text.vocabulary_size, study.text.max_length) == (2345, 48)
    assert study.data.manifest.fewest_rows_per_answer == 2
    assert study.tasks["vqa"].few_labels == 300


@pytest.mark.parametrize("boxes", [True, False])
def test_detectors_are_for_pictures_with_boxes(boxes: bool) -> None:
    study, said = made(replace(PLENTY, boxes=boxes))
    fronts = {arm.front for arm in study.arms.values()}
    assert ("detector" in fronts) == ("detector" in study.image_fronts) == boxes
    assert any("detector" in sentence for sentence in said) != boxes
    assert study.image_pretraining.labels == "image"


@pytest.mark.parametrize(("rows", "steps"), [(FEWEST_FOR_A_STEP - 1, 1), (FEWEST_FOR_A_STEP, 3)])
def test_few_rows_give_fewer_arms_and_say_so(rows: int, steps: int) -> None:
    study, said = made(replace(PLENTY, training=rows))
    assert len(study.pretrained) == steps
    assert any("too few to tell many architectures apart" in sentence for sentence in said) == (steps == 1)


@given(
    rows=st.integers(1, 200_000),
    boxes=st.booleans(),
    texts=st.booleans(),
    task=st.sampled_from(["vqa", "classification"]),
)
def test_every_made_study_is_sound_and_passes_over_its_rows_a_bounded_number_of_times(
    rows: int, boxes: bool, texts: bool, task: str
) -> None:
    study, said = made(replace(PLENTY, training=rows, boxes=boxes, texts=texts), task)
    for budget in study.budgets.values():
        known = budget.known()
        assert known.steps >= 1
        assert budget.samples <= max(20 * rows, 50 * budget.batch_size)
    assert all(sentence and "\n" not in sentence for sentence in said)
