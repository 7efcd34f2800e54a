"""What grade a comparison gets: controlled, of systems, or descriptive."""

import pytest

from components.evaluation.certificate.certificates import Certificate
from components.evaluation.leaderboard.grade import Grade, grade_of, grade_of_contrast, overall
from components.study.cells import Cell
from components.study.study import Study
from tests.evaluation.fabricate import WHOLE, controlled_study, data_study, interaction_study, study_of

VALID = Certificate(valid=True, checks=[], stated={})
BROKEN = Certificate(valid=False, checks=[], stated={})


@pytest.mark.parametrize(
    ("first", "second", "grade", "axis"),
    [
        ("single/multimodal", "crossed/multimodal", "controlled", "fusion"),
        ("single/multimodal", "dense/multimodal", "controlled", "front"),
        ("single/multimodal", "single/unimodal", "controlled", "start"),
        ("single/unimodal_matched", "single/unimodal", "controlled", "budget"),
        ("single/multimodal", "both/multimodal", "descriptive", None),
        ("single/unimodal", "crossed/multimodal", "descriptive", None),
        ("single/multimodal", "late_fusion/unimodal", "descriptive", None),
        ("single/multimodal", "told/multimodal", "descriptive", "front"),
        ("late_fusion/unimodal", "text_only/unimodal", "system", "system"),
    ],
)
def test_grades(first: str, second: str, grade: str, axis: str | None) -> None:
    study = controlled_study()
    sides = Cell.parse(first), Cell.parse(second)
    found = grade_of(study, *sides, dict.fromkeys(study.arms, VALID))
    assert (found.grade, found.axis) == (grade, axis)
    assert found.reason.endswith(".")
    two = controlled_study(replicates=[0, 1])
    assert grade_of(two, *sides, dict.fromkeys(two.arms, VALID)).grade == "descriptive"
    broken = dict.fromkeys(study.arms, VALID) | {sides[1].arm: BROKEN}
    assert grade_of(study, *sides, broken).grade == "descriptive"


def test_norms_of_systems() -> None:
    study = study_of()
    certificates = dict.fromkeys(study.arms, VALID)

    def graded(first: str, second: str) -> tuple[str, str | None]:
        found = grade_of(study, Cell.parse(first), Cell.parse(second), certificates)
        return found.grade, found.obstacle

    assert graded("vilt/multimodal", "clip/multimodal") == ("system", None)
    assert graded("mmbt/unimodal", "late_fusion/unimodal") == ("system", None)
    assert graded("vilt/multimodal", "image_only/unimodal") == ("system", None)  # which has no such layers
    assert graded("image_only/unimodal", "mmbt/unimodal") == ("system", None)
    for sides in (("vilt/multimodal", "mmbt/unimodal"), ("mmbt/unimodal", "vilt/multimodal")):
        assert graded(*sides) == ("descriptive", "norm")
        reason = grade_of(study, *map(Cell.parse, sides), certificates).reason
        assert reason.startswith("vilt is pre-norm and mmbt post-norm: the two want other learning rates")


@pytest.mark.parametrize(
    ("first", "second", "grade", "axis"),
    [
        ("single/multimodal", "single_quarter/multimodal", "controlled", "amount"),
        ("single_noisy/multimodal", "single/multimodal", "controlled", "caption_noise"),
        ("crossed_shapes/multimodal_few", "crossed_quarter/multimodal_few", "controlled", "domain"),
        ("single_quarter/multimodal", "crossed_quarter/multimodal", "controlled", "fusion"),
        ("single_quarter/multimodal", "crossed/multimodal", "descriptive", None),
        ("single_quarter/multimodal", "single_noisy/multimodal", "descriptive", None),
    ],
)
def test_grades_of_data(first: str, second: str, grade: str, axis: str | None) -> None:
    study = data_study()
    found = grade_of(study, Cell.parse(first), Cell.parse(second), dict.fromkeys(study.arms, VALID))
    assert (found.grade, found.axis) == (grade, axis)
    assert found.obstacle == ("axes" if axis is None else None)


def test_whole_systems_are_compared_on_equal_data() -> None:
    values = study_of().model_dump()
    few = WHOLE | {"share": 0.25}
    values["arms"] |= {f"{name}_quarter": {**values["arms"][name], "pairs": few} for name in ("vilt", "clip")}
    study = Study.model_validate(values)
    certificates = dict.fromkeys(study.arms, VALID)

    def graded(first: str, second: str) -> tuple[str, str | None, str | None]:
        found = grade_of(study, Cell.parse(first), Cell.parse(second), certificates)
        return found.grade, found.axis, found.obstacle

    assert graded("vilt/multimodal", "vilt_quarter/multimodal") == ("controlled", "amount", None)
    assert graded("vilt_quarter/multimodal", "clip_quarter/multimodal") == ("system", "system", None)
    assert graded("vilt/multimodal", "clip_quarter/multimodal") == ("descriptive", None, "axes")
    assert graded("vilt/unimodal", "clip_quarter/unimodal") == ("system", "system", None)
    assert graded("vilt/unimodal", "vilt_quarter/unimodal") == ("descriptive", None, "alike")
    assert overall(study, certificates)[0] == "mixed"
    assert overall(study_of(), certificates)[0] == "system"


def test_norms_of_controlled_arms() -> None:
    values = controlled_study().model_dump()
    values["evaluation"]["contrasts"] = []
    values["arms"]["dense"] |= {"axes": values["arms"]["single"]["axes"] | {"norm": "pre"}, "unimodal": []}
    values["arms"]["both"] |= {"axes": values["arms"]["single"]["axes"], "front": "grid", "unimodal": []}
    study = Study.model_validate(values)
    sides = Cell.of("dense", "multimodal"), Cell.of("both", "multimodal")
    found = grade_of(study, *sides, dict.fromkeys(study.arms, VALID))
    assert (found.grade, found.axis, found.obstacle) == ("descriptive", "norm", "norm")
    assert found.reason.startswith("dense is pre-norm and both post-norm")


def test_initial_scales_of_controlled_arms() -> None:
    values = controlled_study().model_dump()
    values["evaluation"]["contrasts"] = []
    values["arms"]["both"] |= {"axes": values["arms"]["single"]["axes"] | {"initial_scale": "bert"}}
    sides = Cell.of("single", "multimodal"), Cell.of("both", "multimodal")

    def graded() -> Grade:
        study = Study.model_validate(values)
        return grade_of(study, *sides, dict.fromkeys(study.arms, VALID))

    found = graded()
    assert (found.grade, found.axis, found.obstacle) == ("descriptive", "initial_scale", "initial_scale")
    assert found.reason.startswith("both begins with weights of BERT's size and single with those of the common rule")
    assert found.reason.endswith("without a search.")
    values["tuning"]["trials"] = 16
    found = graded()
    assert (found.grade, found.axis, found.obstacle) == ("controlled", "initial_scale", None)
    assert found.reason == "The two differ in initial scale and in nothing else."


def test_front_ends_with_unlike_labels_are_not_controlled() -> None:
    values = controlled_study().model_dump()
    values["image_pretraining"]["labels"] = "image"
    values["evaluation"]["contrasts"] = []
    study = Study.model_validate(values)
    sides = Cell.of("single", "multimodal"), Cell.of("dense", "multimodal")
    assert grade_of(study, *sides, dict.fromkeys(study.arms, VALID)).grade == "descriptive"


def test_an_interaction_needs_four_certificates_and_three_replicates() -> None:
    study = interaction_study()
    plain, asked, _ = study.evaluation.contrasts
    broken = dict.fromkeys(study.arms, VALID) | {"crossed_quarter": BROKEN}
    found = grade_of_contrast(study, asked, broken)
    assert (found.grade, found.reason) == (
        "descriptive",
        "crossed_quarter failed the certificate and cannot be compared.",
    )
    assert grade_of_contrast(study, plain, broken).grade == "controlled"
    few = interaction_study(replicates=[0, 1])
    assert grade_of_contrast(few, asked, dict.fromkeys(few.arms, VALID)).grade == "descriptive"


def test_what_the_step_does_for_systems_is_of_systems() -> None:
    asked = {
        "name": "step",
        "question": "Does it help ViLT more?",
        "axis": "start",
        "by": "system",
        "task": "vqa",
        "first": "vilt/multimodal",
        "second": "vilt/unimodal",
        "against": {"first": "clip/multimodal", "second": "clip/unimodal"},
    }
    study = study_of(evaluation={**study_of().model_dump()["evaluation"], "contrasts": [asked]})
    (contrast,) = study.evaluation.contrasts
    found = grade_of_contrast(study, contrast, dict.fromkeys(study.arms, VALID))
    assert (found.grade, found.axis) == ("system", "system")
