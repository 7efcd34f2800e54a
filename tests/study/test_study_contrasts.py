"""What a study may ask of its arms: contrasts, interactions, and the levels that arms can have."""

from typing import Any

import pytest

from components.errors import CeterisError
from components.study.cells import Cell
from components.study.differences import differences
from components.study.loading import parse_study
from tests.study.complete import complete


def controlled(**axes: str) -> dict[str, Any]:
    settings = {"fusion": "single_stream", "spatial_code": "sum_5", "readout": "product", "objectives": "words"}
    settings |= {"norm": "post", "initial_scale": "common"}
    return {
        "architecture": "controlled",
        "front": "detector",
        "axes": {**settings, **axes},
        "unimodal": ["text"],
        "pairs": {"share": 1.0, "caption_noise": 0.0, "domain": "all"},
        "starts": ["unimodal", "multimodal"],
        "few_label_starts": ["multimodal"],
        "matched_starts": ["unimodal"],
        "masked_words": 0.15,
        "freezing": [],
    }


def with_contrasts(*contrasts: dict[str, Any]) -> dict[str, Any]:
    """The default study with controlled arms: `single` the reference, every other one a step away from it."""
    study = complete()
    study["arms"] |= {
        "single": controlled(),
        "crossed": controlled(fusion="lxmert"),
        "unplaced": controlled(spatial_code="none"),
        "both": controlled(fusion="lxmert", spatial_code="none"),
        "dense": {**controlled(), "front": "grid"},
        "dense_started": {**controlled(), "front": "grid", "unimodal": ["text", "grid"]},
        "told": {**controlled(), "front": "boxes"},
    }
    study["arms"] |= {
        "crossed_few": {
            **controlled(fusion="lxmert"),
            "pairs": {"share": 0.25, "caption_noise": 0.0, "domain": "all"},
        },
        "few": {**controlled(), "pairs": {"share": 0.25, "caption_noise": 0.0, "domain": "all"}},
        "noisy": {**controlled(), "pairs": {"share": 1.0, "caption_noise": 0.3, "domain": "all"}},
        "shapes": {**controlled(), "pairs": {"share": 0.25, "caption_noise": 0.0, "domain": "shapes"}},
        "frozen": {**controlled(), "freezing": [{"pattern": "text_embedding.*", "share": 0.1}]},
        "before": {**controlled(norm="pre"), "unimodal": []},
        "after": {**controlled(), "unimodal": []},
        "berts": controlled(initial_scale="bert"),
        "berts_fresh": {**controlled(initial_scale="bert"), "unimodal": []},
        "berts_crossed": controlled(fusion="lxmert", initial_scale="bert"),
        "visualbert_few": {
            **study["arms"]["visualbert"],
            "pairs": {"share": 0.25, "caption_noise": 0.0, "domain": "all"},
        },
        "visualbert_frozen": {
            **study["arms"]["visualbert"],
            "freezing": [{"pattern": "text_embedding.*", "share": 0.1}],
        },
    }
    study["evaluation"]["contrasts"] = [
        {"name": f"asked_{index}", "question": "Does it matter?", "task": "vqa", **contrast}
        for index, contrast in enumerate(contrasts)
    ]
    return study


def contrast(axis: str, first: str, second: str, **changes: str) -> dict[str, str]:
    return {"axis": axis, "first": first, "second": second, **changes}


def test_contrasts_that_can_be_answered_are_taken() -> None:
    study = parse_study(
        with_contrasts(
            contrast("fusion", "single/multimodal", "crossed/multimodal"),
            contrast("spatial_code", "single/unimodal", "unplaced/unimodal"),
            contrast("front", "single/multimodal", "dense/multimodal"),
            contrast("start", "single/multimodal", "single/unimodal_matched"),
            contrast("system", "visualbert/unimodal", "late_fusion/unimodal"),
        ),
        "mine",
    )
    assert [asked.name for asked in study.evaluation.contrasts] == [f"asked_{index}" for index in range(5)]


def test_contrasts_on_data_and_freezing_are_taken() -> None:
    study = parse_study(
        with_contrasts(
            contrast("amount", "single/multimodal", "few/multimodal"),
            contrast("amount", "visualbert/multimodal_few", "visualbert_few/multimodal_few"),
            contrast("caption_noise", "noisy/multimodal", "single/multimodal"),
            contrast("domain", "shapes/multimodal", "few/multimodal"),
            contrast("freezing", "frozen/multimodal", "single/multimodal"),
        ),
        "mine",
    )
    asked = [one.axis for one in study.evaluation.contrasts]
    assert asked == ["amount", "amount", "caption_noise", "domain", "freezing"]


def interaction(axis: str, by: str, *cells: str, **changes: Any) -> dict[str, Any]:
    first, second, third, fourth = cells
    pair = {"first": third, "second": fourth}
    return {"axis": axis, "by": by, "first": first, "second": second, "against": pair, **changes}


STEP = ("single/multimodal", "single/unimodal", "crossed/multimodal", "crossed/unimodal")
AMOUNT = ("single/multimodal", "few/multimodal", "crossed/multimodal", "crossed_few/multimodal")
SYSTEMS = ("visualbert/multimodal", "visualbert/unimodal", "uniter/multimodal", "uniter/unimodal")


def test_interactions_are_taken() -> None:
    turned = [AMOUNT[place] for place in (0, 2, 1, 3)]
    study = parse_study(
        with_contrasts(
            interaction("start", "fusion", *STEP),
            interaction("amount", "fusion", *AMOUNT),
            interaction("fusion", "amount", *turned),
            interaction("start", "system", *SYSTEMS),
            contrast("fusion", "single/multimodal", "crossed/multimodal"),
        ),
        "mine",
    )
    first, *_, plain = study.evaluation.contrasts
    assert [str(cell) for cell in first.cells] == list(STEP)
    assert first.weights == (1.0, -1.0, -1.0, 1.0)
    assert ([str(cell) for cell in plain.cells], plain.weights) == (
        ["single/multimodal", "crossed/multimodal"],
        (1.0, -1.0),
    )
    # Nulls are what is left out.
    written = study.model_dump(mode="json")
    assert written["evaluation"]["contrasts"][-1]["against"] is None
    assert parse_study(written, "mine") == study


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            interaction("start", "fusion", *STEP, against=None),
            "asked_0 of evaluation.contrasts names by without against",
        ),
        ({**interaction("start", "fusion", *STEP), "by": None}, "names against without by: an interaction needs both"),
        (interaction("start", "start", *STEP), "names start as axis and as by"),
        (interaction("start", "fusion", *STEP[:3], "crossed/multimodal"), "names crossed/multimodal twice"),
        (interaction("start", "fusion", *STEP[:2], *STEP[:2]), "names single/multimodal twice"),
        (
            interaction("start", "fusion", *STEP[:3], "crossed/scratch"),
            "names crossed/scratch, but crossed has unimodal",
        ),
        (
            interaction("start", "fusion", *STEP[:2], "crossed/multimodal_few", "crossed/unimodal"),
            "few labels with all labels",
        ),
        (
            interaction("start", "fusion", *STEP[:2], "told/multimodal", "told/unimodal"),
            "told/multimodal, which reads exact",
        ),
        (
            interaction("start", "fusion", *STEP[:2], "both/multimodal", "both/unimodal"),
            "single/multimodal and both/multimodal differ in fusion and spatial_code",
        ),
        (
            interaction("start", "fusion", *STEP[:3], "crossed/unimodal_matched"),
            "single/unimodal and crossed/unimodal_matched differ in budget and fusion",
        ),
        (
            interaction("fusion", "amount", AMOUNT[0], AMOUNT[2], AMOUNT[3], AMOUNT[1]),
            "about the axis amount, .*: single/multimodal and crossed_few/multimodal differ in amount and fusion",
        ),
        (
            interaction("start", "amount", AMOUNT[0], "single/unimodal", AMOUNT[1], "few/unimodal"),
            "single/unimodal and few/unimodal differ in nothing",
        ),
        (
            interaction("norm", "start", "before/multimodal", "after/multimodal", "before/unimodal", "after/unimodal"),
            "before is pre-norm and after post-norm",
        ),
        (
            interaction("system", "start", SYSTEMS[0], "lxmert/multimodal", SYSTEMS[1], "lxmert/scratch"),
            "must keep start the same where system differs: visualbert/unimodal and lxmert/scratch differ in start too",
        ),
        (
            interaction("system", "start", SYSTEMS[0], SYSTEMS[3], SYSTEMS[1], SYSTEMS[2]),
            "as large a budget for both: visualbert went through the intermediate step and uniter did not",
        ),
        (interaction("start", "system", *STEP), "about whole systems, which needs two faithful arms"),
        (interaction("start", "colour", *STEP), r"contrasts\.0\.by"),
        (interaction("start", "fusion", *STEP, against={"first": STEP[2]}), r"contrasts\.0\.against\.second"),
    ],
)
def test_an_interaction_that_cannot_be_answered_is_said(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(CeterisError, match=said) as error:
        parse_study(with_contrasts(asked), "mine")
    assert "\n" not in str(error.value)


def test_what_a_cell_has_not_been_through_is_no_difference() -> None:
    study = parse_study(with_contrasts(), "mine")

    def differ(first: str, second: str) -> list[str]:
        return differences(study, Cell.parse(first), Cell.parse(second))

    assert differ("single/multimodal", "shapes/multimodal") == ["amount", "domain"]
    assert differ("single/unimodal", "shapes/unimodal") == []
    assert differ("single/multimodal", "few/unimodal") == ["start"]
    assert differ("single/unimodal", "frozen/unimodal") == ["freezing"]
    assert differ("single/multimodal", "after/multimodal") == ["text_encoder"]
    assert differ("single/scratch", "after/scratch") == []
    assert differ("late_fusion/unimodal", "image_only/unimodal") == ["architecture", "text_encoder"]
    assert differ("single/unimodal", "dense_started/unimodal") == ["front", "unimodal"]


def test_an_arm_that_begins_without_the_text_encoder_asks_what_it_is_worth() -> None:
    asked = contrast("text_encoder", "single/multimodal", "after/multimodal")
    worth = interaction("start", "text_encoder", *STEP[:2], "after/multimodal", "after/unimodal")
    parse_study(with_contrasts(asked, worth), "mine")
    for first, second, said in (
        ("single/multimodal", "before/multimodal", "differ in norm and text_encoder"),
        ("single/multimodal", "crossed/multimodal", "differ in fusion"),
    ):
        study = with_contrasts(contrast("text_encoder", first, second))
        study["tuning"]["trials"] = 16
        with pytest.raises(CeterisError, match=said):
            parse_study(study, "mine")


def test_initial_scales_are_compared_after_a_search() -> None:
    """With the text encoder, where the axis acts on the rest, and without, where it acts on everything."""
    study = with_contrasts(
        contrast("initial_scale", "berts/multimodal", "single/multimodal"),
        contrast("initial_scale", "berts/unimodal", "single/unimodal"),
        contrast("initial_scale", "after/multimodal_few", "berts_fresh/multimodal_few"),
    )
    study["tuning"]["trials"] = 16
    parsed = parse_study(study, "mine")
    sides = [Cell.of("berts", "multimodal"), Cell.of("single", "multimodal")]
    assert differences(parsed, *sides) == ["initial_scale"]
    study["evaluation"]["contrasts"] = [
        {**study["evaluation"]["contrasts"][0], "second": "crossed/multimodal"},
    ]
    with pytest.raises(CeterisError, match="differ in fusion and initial_scale"):
        parse_study(study, "mine")


def test_there_are_two_initial_scales() -> None:
    study = with_contrasts()
    study["arms"]["berts"]["axes"]["initial_scale"] = "xavier"
    with pytest.raises(CeterisError, match=r"arms\.berts\.axes\.initial_scale"):
        parse_study(study, "mine")
    del study["arms"]["berts"]["axes"]["initial_scale"]
    with pytest.raises(CeterisError, match=r"arms\.berts\.axes\.initial_scale"):
        parse_study(study, "mine")


def test_domains_are_of_scenes() -> None:
    study = with_contrasts()
    study["arms"]["vilt"]["pairs"]["domain"] = "digits"
    parse_study(study, "mine")
    study["data"] |= {"source": "manifest", "redrawn": False}
    with pytest.raises(CeterisError, match="of the source manifest have no domains: say all"):
        parse_study(study, "mine")


def test_a_pre_norm_arm_takes_no_text_encoder() -> None:
    study = with_contrasts()
    study["arms"]["before"]["unimodal"] = ["text"]
    with pytest.raises(CeterisError, match=r"before\.unimodal names the text encoder, which is post-norm"):
        parse_study(study, "mine")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (contrast("amount", "single/multimodal", "shapes/multimodal"), "differ in amount and domain"),
        (
            contrast("amount", "single/unimodal", "few/unimodal"),
            "alone: single/unimodal and few/unimodal differ in nothing",
        ),
        (contrast("caption_noise", "single/multimodal", "few/multimodal"), "differ in amount"),
        (
            contrast("system", "visualbert/multimodal", "visualbert_few/multimodal"),
            "needs as much data and as large a budget for both: visualbert and visualbert_few differ in amount: unequal data",
        ),
        (
            contrast("system", "visualbert_few/multimodal", "lxmert/multimodal"),
            "visualbert_few and lxmert differ in amount",
        ),
        (
            contrast("system", "visualbert/unimodal", "uniter/multimodal"),
            r"uniter went through the intermediate step and visualbert did not: unequal data and budget; the twin "
            r"visualbert/unimodal_matched \(matched_starts\) would have as large a budget",
        ),
        (
            contrast("system", "lxmert/multimodal", "mmbt/unimodal"),
            "unequal data and budget; lxmert/scratch can be compared with mmbt/unimodal",
        ),
        (
            contrast("system", "visualbert/multimodal", "visualbert/unimodal"),
            "visualbert/multimodal went through the intermediate step and visualbert/unimodal did not",
        ),
        (
            contrast("system", "vilt/scratch", "clip/unimodal"),
            "clip begins from pretrained components and vilt from nothing",
        ),
        (
            contrast("freezing", "visualbert_frozen/multimodal", "visualbert/multimodal"),
            "the architecture of visualbert_frozen trains everything from the start",
        ),
        (contrast("norm", "before/multimodal", "after/multimodal"), "before is pre-norm and after post-norm"),
        (
            contrast("initial_scale", "berts/multimodal", "single/multimodal"),
            "berts begins with weights of BERT's size and single with those of the common rule.*let tuning search the rate",
        ),
        (contrast("fusion", "single/multimodal", "berts_crossed/multimodal"), "because berts_crossed begins with"),
        (contrast("fusion", "single/multimodal", "both/multimodal"), "differ in fusion and spatial_code"),
        (contrast("fusion", "single/multimodal", "unplaced/multimodal"), "differ in spatial_code"),
        (contrast("fusion", "single/multimodal", "crossed/unimodal"), "differ in fusion and start"),
        (contrast("fusion", "visualbert/multimodal", "lxmert/multimodal"), "differ in architecture and text_encoder"),
        (contrast("start", "single/multimodal", "crossed/unimodal"), "two starts of one arm"),
        (contrast("start", "single/unimodal", "single/unimodal_matched"), "differ in budget"),
        (contrast("system", "single/multimodal", "both/multimodal"), "two faithful arms"),
        (contrast("system", "visualbert/multimodal", "vilt/multimodal"), "vilt is pre-norm and visualbert post-norm"),
        (
            contrast("system", "clip/multimodal", "late_fusion/unimodal"),
            "can have no verdict, because clip is pre-norm",
        ),
        (contrast("start", "single/multimodal", "single/multimodal"), "with itself"),
        (contrast("start", "single/multimodal", "single/multimodal_few"), "few labels with all labels"),
        (contrast("system", "single/scratch", "crossed/unimodal"), "single has unimodal, unimodal_matched, multimodal"),
        (contrast("system", "singel/multimodal", "crossed/multimodal"), "the arm 'singel'"),
        (contrast("system", "single/multimodal", "crossed/multimodal", task="vqb"), "the task 'vqb'"),
        (contrast("front", "told/multimodal", "single/multimodal"), "exact boxes"),
        (contrast("colour", "single/multimodal", "crossed/multimodal"), "contrasts.0.axis"),
        (contrast("fusion", "single", "crossed"), "contrasts.0.first"),
    ],
)
def test_a_contrast_that_cannot_be_answered_is_said(asked: dict[str, str], said: str) -> None:
    with pytest.raises(CeterisError, match=said) as error:
        parse_study(with_contrasts(asked), "mine")
    assert "\n" not in str(error.value)


def test_front_ends_with_unlike_labels_differ_in_more_than_the_front_end() -> None:
    study = with_contrasts(contrast("front", "single/multimodal", "dense/multimodal"))
    study["image_pretraining"]["labels"] = "image"
    with pytest.raises(CeterisError, match="differ in front and label_diet"):
        parse_study(study, "mine")


def test_contrasts_are_few_and_have_names_of_their_own() -> None:
    asked = contrast("start", "single/multimodal", "single/unimodal")
    with pytest.raises(CeterisError, match=r"evaluation\.contrasts names something twice"):
        parse_study(with_contrasts({**asked, "name": "same"}, {**asked, "name": "same"}), "mine")
    with pytest.raises(CeterisError, match="at most 5"):
        parse_study(with_contrasts(*[asked] * 6), "mine")
