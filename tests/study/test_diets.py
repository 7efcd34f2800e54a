"""What cells have read and spent, and where that forbids a verdict on whole systems."""

from typing import Any

import pytest

from components.study.cells import Cell
from components.study.diets import budget_of, diet_of, equal_data, unequal, what_was_read
from components.study.study import Study
from tests.study.complete import complete

QUARTER = {"share": 0.25, "caption_noise": 0.0, "domain": "all"}


def family(**changes: Any) -> Study:
    """The family study, in which every start of the eight architectures has a twin, with some further arms."""
    values = complete("family")
    values["evaluation"]["contrasts"] = []
    values["arms"] |= {
        "uniter_quarter": {**values["arms"]["uniter"], "pairs": QUARTER},
        "seen": {**values["arms"]["visualbert"], "front": "precomputed"},
        "fresh": {**values["arms"]["visualbert"], "unimodal": []},
        "twice": {**values["arms"]["visualbert"], "unimodal": ["text", "grid"]},
    }
    return Study.model_validate({**values, **changes})


def sides(first: str, second: str) -> tuple[Cell, Cell]:
    return Cell.parse(first), Cell.parse(second)


def test_what_cells_have_read() -> None:
    study = family()
    scratch, unimodal, multimodal = (
        diet_of(study, Cell("lxmert", start)) for start in ("scratch", "unimodal", "multimodal")
    )
    # A frozen front end comes pretrained, whatever the rest of the arm begins from.
    assert (scratch.texts, scratch.pictures, scratch.captioned, scratch.answers) == (False, {"boxes"}, None, False)
    assert unimodal == scratch
    assert multimodal.captioned == study.arms["lxmert"].pairs
    assert multimodal.answers
    mmbt = diet_of(study, Cell("mmbt", "scratch"))
    assert (mmbt.texts, mmbt.pictures) == (False, frozenset())
    mmbt = diet_of(study, Cell("mmbt", "unimodal", few=True))
    assert (mmbt.texts, mmbt.pictures, mmbt.labels) == (True, {"boxes"}, "few")
    labelled = family(image_pretraining={"labels": "image", "regions": 8})
    assert diet_of(labelled, Cell("mmbt", "unimodal")).pictures == {"image"}
    assert diet_of(labelled, Cell("twice", "unimodal")).pictures == {"image", "boxes"}
    assert diet_of(labelled, Cell("seen", "unimodal")).pictures == {"unknown"}


def test_what_cells_have_spent() -> None:
    study = family()
    assert budget_of(study, Cell("mmbt", "scratch")) == ()
    assert budget_of(study, Cell("visualbert", "multimodal")) == ("pretrain", "pretrain_image", "pretrain_text")
    assert budget_of(study, Cell("twice", "unimodal")) == ("pretrain_image", "pretrain_image", "pretrain_text")
    twins = [budget_of(study, Cell(arm, "unimodal", matched=True)) for arm in ("visualbert", "uniter")]
    assert twins[0] != twins[1]  # as many samples as the FLOPs of another step come to
    values = study.model_dump()
    for key in ("pretrain", "finetune"):
        values[key] = {"flops": 1e12, **{name: one for name, one in values[key].items() if name != "samples"}}
    paid = Study.model_validate(values)
    twin = budget_of(paid, Cell("visualbert", "unimodal", matched=True))
    assert twin == budget_of(paid, Cell("uniter", "multimodal"))
    assert not equal_data(paid, *sides("visualbert/unimodal_matched", "uniter/multimodal"))
    assert equal_data(paid, *sides("visualbert/unimodal_matched", "uniter/unimodal_matched"))


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("visualbert/multimodal", "uniter/multimodal", True),
        ("visualbert/unimodal", "vilbert/unimodal", True),
        ("visualbert/multimodal", "pixelbert/multimodal", True),  # boxes for all
        ("vilt/scratch", "clip/scratch", True),
        ("visualbert/multimodal", "lxmert/multimodal", False),
        ("fresh/multimodal", "lxmert/multimodal", False),  # which is told answers to questions
        ("fresh/unimodal", "lxmert/scratch", True),
        ("visualbert/multimodal", "visualbert/multimodal_few", False),
        ("visualbert/multimodal", "seen/multimodal", False),
        ("visualbert/multimodal", "twice/multimodal", False),
        ("visualbert/multimodal", "uniter_quarter/multimodal", False),
        ("visualbert/unimodal", "uniter_quarter/unimodal", True),
        ("image_only/unimodal", "text_only/unimodal", False),
        ("visualbert/unimodal_matched", "uniter/unimodal_matched", False),
        ("visualbert/unimodal_matched", "uniter/multimodal", False),
    ],
)
def test_equal_data(first: str, second: str, equal: bool) -> None:
    study = family()
    assert equal_data(study, *sides(first, second)) is equal
    assert equal_data(study, *sides(second, first)) is equal


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            "lxmert/multimodal",
            "mmbt/unimodal",
            "lxmert went through the intermediate step and mmbt did not: unequal data and budget; "
            "lxmert/scratch can be compared with mmbt/unimodal",
        ),
        (
            "visualbert/unimodal",
            "lxmert/multimodal",
            "lxmert went through the intermediate step and visualbert did not: unequal data and budget; the twin "
            "visualbert/unimodal_matched (matched_starts) would have as large a budget",
        ),
        (
            "visualbert/unimodal_matched",
            "uniter/unimodal",
            "visualbert trained for longer, by the cost of its intermediate step, and uniter did not: unequal budget; the twin "
            "uniter/unimodal_matched (matched_starts) would have as large a budget",
        ),
        (
            "vilt/scratch",
            "clip/unimodal",
            "clip begins from pretrained components and vilt from nothing: unequal data and budget; "
            "vilt/unimodal can be compared with clip/unimodal",
        ),
        (
            "vilt/scratch_matched",
            "vilt/unimodal",
            "vilt/scratch_matched trained for longer, by the cost of its intermediate step, and vilt/unimodal did not: unequal "
            "data and budget",
        ),
        (
            "visualbert/multimodal",
            "uniter_quarter/multimodal",
            "visualbert and uniter_quarter differ in amount: unequal data",
        ),
    ],
)
def test_what_is_unequal_is_said(first: str, second: str, said: str) -> None:
    study = family()
    assert unequal(study, *sides(first, second)).startswith(said)
    assert unequal(study, *sides(second, first))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("visualbert/multimodal", "lxmert/multimodal"),
        ("visualbert/unimodal", "lxmert/scratch"),  # which has no unimodal components by its paper
        ("visualbert/unimodal_matched", "lxmert/multimodal"),
        ("visualbert/unimodal_matched", "lxmert/scratch_matched"),
        ("mmbt/scratch", "vilt/scratch"),
        ("image_only/unimodal", "visualbert/unimodal"),
    ],
)
def test_unlike_diets_of_equal_budgets_may_be_judged(first: str, second: str) -> None:
    study = family()
    assert unequal(study, *sides(first, second)) == ""
    assert "equal" not in what_was_read(study, *sides(first, second))


def test_the_cell_that_is_named_as_a_way_out_is_one() -> None:
    study = family()
    cells = [
        Cell(arm, start, matched=matched)
        for arm, settings in study.arms.items()
        for start in settings.starts
        for matched in sorted({False, start in settings.matched_starts})
    ]
    named = 0
    for first, second in ((one, other) for one in cells for other in cells if one.arm != other.arm):
        _, _, way = unequal(study, first, second).partition("; ")
        if "matched_starts" in way:
            twin = Cell.parse(way.split()[2])
            assert not unequal(study, twin, second if twin.arm == first.arm else first), way
        elif way:
            one, _, other = way.partition(" can be compared with ")
            assert not unequal(study, *sides(one, other)), way
        named += bool(way)
    assert named > 100


def test_samples_are_told_where_both_are_known() -> None:
    study = family()
    first, second = sides("mmbt/unimodal", "lxmert/multimodal")
    said = unequal(study, first, second, {first: 38000, second: 123000})
    assert said.startswith(
        "lxmert went through the intermediate step (123,000 samples in all) and mmbt did not (38,000): unequal data and budget"
    )
    assert "samples" not in unequal(study, first, second, {first: 38000, second: None})


def test_what_was_read_is_told_of_both() -> None:
    study = family()
    assert what_was_read(study, *sides("twice/unimodal_matched", "lxmert/multimodal_few")) == (
        "twice has read texts alone, pictures with boxes with each of two encoders and labelled samples for longer, by the cost of "
        "its intermediate step; lxmert has read pictures with boxes, captioned pictures with answers to questions and few "
        "labelled samples"
    )
    assert what_was_read(study, *sides("mmbt/scratch", "mmbt/unimodal")).startswith(
        "mmbt/scratch has read labelled samples; mmbt/unimodal has read texts alone,"
    )


def test_a_checkpoint_from_outside_counts_as_read() -> None:
    values = family().model_dump()
    values["model"]["text_encoder"] = "bert-base-uncased"
    study = Study.model_validate(values)
    assert equal_data(study, *sides("visualbert/multimodal", "uniter/multimodal"))
    # Whether these begin from it is not known here.
    assert not equal_data(study, *sides("vilt/unimodal", "clip/unimodal"))
    assert not equal_data(study, *sides("visualbert/scratch", "lxmert/scratch"))
