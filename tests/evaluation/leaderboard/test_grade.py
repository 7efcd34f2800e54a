"""What grade a comparison gets: controlled, of systems, or descriptive."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.certificate.certificates import Certificate
from components.evaluation.leaderboard.grade import Grade, grade_of, grade_of_contrast, overall
from components.study.cells import Cell
from components.study.loading import load_study
from components.study.plan import fine_tunings
from components.study.study import Study
from tests.evaluation.fabricate import ROOT, WHOLE, controlled_study, data_study, interaction_study, study_of

VALID = Certificate(valid=True, checks=[], stated={})
STUDIES = ROOT / "studies"
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
    assert graded("vilt/unimodal", "image_only/unimodal") == ("system", None)  # which has no such layers
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
    assert graded("vilt/multimodal", "clip_quarter/multimodal") == ("descriptive", None, "diet")
    assert graded("vilt/unimodal", "clip_quarter/unimodal") == ("system", "system", None)
    assert graded("vilt/unimodal", "vilt_quarter/unimodal") == ("descriptive", None, "alike")


def test_the_issue_of_unequal_systems_is_said() -> None:
    """LXMERT after the intermediate step against MMBT without one, which has nothing to begin from but labels."""
    study = load_study(STUDIES / "family.yaml")
    certificates = dict.fromkeys(study.arms, VALID)
    first, second = Cell.of("lxmert", "multimodal"), Cell.of("mmbt", "scratch")
    found = grade_of(study, first, second, certificates, {first: 123_000, second: 38_400})
    assert (found.grade, found.axis, found.obstacle) == ("descriptive", None, "diet")
    assert found.reason == (
        "lxmert went through the intermediate step (123,000 samples in all) and mmbt did not (38,400): unequal data and budget; "
        "lxmert/scratch can be compared with mmbt/scratch."
    )


def test_systems_that_have_not_read_the_same_say_what_they_have_read() -> None:
    study = load_study(STUDIES / "family.yaml")
    certificates = dict.fromkeys(study.arms, VALID)
    found = grade_of(study, Cell.of("visualbert", "multimodal"), Cell.of("lxmert", "multimodal"), certificates)
    assert (found.grade, found.obstacle) == ("system", None)
    assert found.reason.endswith(
        "visualbert has read texts alone, pictures with boxes, captioned pictures and labelled samples; lxmert has read pictures "
        "with boxes, captioned pictures with answers to questions and labelled samples."
    )
    assert "equal" not in found.reason
    twins = [Cell(arm, "unimodal", matched=True) for arm in ("visualbert", "uniter")]
    found = grade_of(study, twins[0], twins[1], certificates)
    assert found.grade == "system"
    assert "equal" not in found.reason  # in samples, which the study counts in, the two were trained for unlike lengths
    assert "for longer, by the cost of its intermediate step" in found.reason


def test_of_fusion_it_is_said_what_is_equal_of_the_sizes() -> None:
    values = controlled_study().model_dump()
    values["evaluation"]["contrasts"] = []
    for arm, fusion in (("crossed", "vilbert"), ("both", "single_stream_wide")):
        values["arms"][arm]["axes"] = values["arms"]["single"]["axes"] | {"fusion": fusion}
    study = Study.model_validate(values)
    certificates = dict.fromkeys(study.arms, VALID)

    def said(first: str, second: str) -> str:
        return grade_of(study, Cell.of(first, "multimodal"), Cell.of(second, "multimodal"), certificates).reason

    equal = "The two differ in fusion and in nothing else, at equal depth and equal parameters."
    assert said("both", "crossed") == said("crossed", "both") == equal
    unequal = "The two differ in fusion and in nothing else, at equal depth and unequal parameters."
    assert said("single", "crossed") == said("single", "both") == unequal


def test_the_grade_of_a_study() -> None:
    study = study_of()
    certificates = dict.fromkeys(study.arms, VALID)
    grade, reason = overall(study, certificates)
    assert grade == "mixed"
    assert "equal" not in reason
    values = study.model_dump()

    def overall_of(*names: str, **changes: object) -> tuple[str, str]:
        arms = {name: {**values["arms"][name], "few_label_starts": [], **changes} for name in names}
        some = study_of(arms=arms)
        return overall(some, dict.fromkeys(some.arms, VALID))

    equal = "Whole systems on equal data: differences belong to the systems, not to any one part of them."
    assert overall_of("vilt", "clip", starts=["multimodal"]) == ("system", equal)
    assert overall_of("vilt", "late_fusion", starts=["unimodal"]) == (
        "system",
        "Whole systems, each with what it has read: differences belong to both together.",
    )
    assert overall_of("vilt", "clip", starts=["unimodal", "multimodal"])[0] == "mixed"
    assert overall_of("vilt", "clip", starts=["scratch", "unimodal"])[0] == "mixed"
    assert overall(controlled_study(), dict.fromkeys(controlled_study().arms, VALID))[0] == "mixed"


PAIRS = st.sampled_from([WHOLE, WHOLE | {"share": 0.25}, WHOLE | {"caption_noise": 0.3}])


@st.composite
def small_studies(draw: st.DrawFn) -> Study:
    """Faithful arms with any starts, fronts, components and data, in two currencies."""
    arms = {}
    for number in range(draw(st.integers(2, 4))):
        starts = draw(st.lists(st.sampled_from(["scratch", "unimodal", "multimodal"]), min_size=1, unique=True))
        twins = [start for start in starts if start != "multimodal"] if "multimodal" in starts else []
        arms[f"arm_{number}"] = {
            "architecture": draw(st.sampled_from(["visualbert", "lxmert", "pixelbert", "mmbt", "image_only"])),
            "front": draw(st.sampled_from(["pixels", "detector", "grid", "precomputed"])),
            "axes": None,
            "unimodal": draw(st.lists(st.sampled_from(["text", "grid", "patches"]), unique=True)),
            "pairs": draw(PAIRS) if "multimodal" in starts else WHOLE,
            "masked_words": 0.15,
            "starts": starts,
            "few_label_starts": draw(st.sampled_from([starts, []])),
            "matched_starts": draw(st.sampled_from([twins, []])),
            "freezing": [],
        }
    values = study_of().model_dump()
    pace = {name: one for name, one in values["pretrain"].items() if name != "samples"}
    if draw(st.booleans()):
        values |= {key: {"flops": 1e12, **pace} for key in ("pretrain", "finetune", "finetune_few")}
    labels = {"labels": draw(st.sampled_from(["image", "boxes"])), "regions": 8}
    tasks = {"vqa": {"kind": "vqa", "few_labels": 500}}
    return Study.model_validate({**values, "arms": arms, "image_pretraining": labels, "tasks": tasks})


def read_and_spent(study: Study, cell: Cell) -> tuple[object, ...]:
    """By hand: texts, pictures with their labels, captioned pictures, labels, and what all of it took."""
    arm, labels = study.arms[cell.arm], study.image_pretraining.labels
    alone = {"grid": ["grid"], "detector": ["detector"]}.get(arm.front, [])
    alone = alone if cell.start == "scratch" else sorted({*alone, *arm.unimodal})
    seen = ["boxes" if one == "detector" else labels for one in alone if one != "text"]
    step = (arm.pairs.model_dump_json(), arm.architecture == "lxmert") if cell.start == "multimodal" else None
    twin = cell.matched and (study.pretrain.currency == "flops" or cell.arm)
    known = arm.front != "precomputed"
    return "text" in alone, sorted(seen), known, step, cell.few, twin


@given(small_studies())
def test_equal_data_is_said_only_where_everything_read_and_spent_is_equal(study: Study) -> None:
    certificates = dict.fromkeys(study.arms, VALID)
    cells = [tuning.cell for arm in study.arms for tuning in fine_tunings(study, arm, "vqa")]
    for first, second in combinations(cells, 2):
        found = grade_of(study, first, second, certificates)
        if "equal data" in found.reason.replace("unequal", ""):
            assert read_and_spent(study, first) == read_and_spent(study, second), (first, second, found)
            assert found.grade == "system"
        if found.obstacle == "diet":
            assert read_and_spent(study, first) != read_and_spent(study, second), (first, second, found)
    said = overall(study, certificates)[1]
    if "on equal data" in said:
        assert len({str(read_and_spent(study, cell)) for cell in cells if not cell.few}) == 1


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
    assert found.reason.startswith("Whole systems on equal data: that effects differ belongs to the systems")
