"""The table of who can do what, against the architectures themselves."""

from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor

from components.models.architectures import ARCHITECTURES
from components.models.architectures import load as load_architecture
from components.models.configuration import Axes
from components.study.axes import AxesSettings
from components.study.capabilities import LACKS, lacks, may_freeze, names_of_boxes, norm_of
from components.tasks import TASKS, load
from tests.models.region_batches import AXES, READS_REGIONS, batch, build
from tests.models.small_models import texts

TOO_COARSE = {"mmbt"}  # its tokens have read the text, but are means over large parts of the picture


def asked(name: str, count: int) -> dict[str, Tensor]:
    """What an architecture reads, and nothing else; of two pictures, and with a box over a part of the first."""
    texts_alone = ("input_ids", "attention_mask")
    first, second = batch([6] * count), batch([6] * count, image_seed=1)
    seen = [key for key in first if (key.startswith("region_") if name in READS_REGIONS else key == "pixels")]
    read = {key: first[key] for key in (*texts_alone, *seen)} | {f"{key}_second": second[key] for key in seen}
    return read | {
        "targets": torch.arange(count) % 8,
        "target_boxes": torch.tensor([0.0, 0.0, 0.6, 0.6]).expand(count, 4),
    }


def test_every_ability_is_asked_for_and_has_words() -> None:
    assert {ability for row in TASKS.values() for ability in row.needs} == set(LACKS)
    assert {ability for row in ARCHITECTURES.values() for ability in row.offers} == set(LACKS)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_norms_are_those_of_the_cards(name: str) -> None:
    said = load_architecture(name).CARD["norm"]
    found = {"pre-norm": "pre", "post-norm": "post"}
    norm = ARCHITECTURES[name].norm
    assert norm == next((norm for words, norm in found.items() if said.startswith(words)), None)
    assert (norm is None) == ("-norm" not in said or said.startswith("an axis"))


def test_the_norm_of_a_controlled_arm_is_what_its_axis_says() -> None:
    assert [norm_of("controlled", axis) for axis in ("pre", "post")] == ["pre", "post"]
    assert norm_of("vilt", None) == "pre"
    assert norm_of("image_only", None) is None


def test_who_may_freeze_is_who_says_so() -> None:
    for name in ARCHITECTURES:
        assert may_freeze(name) == ("freezing" in load_architecture(name).MAY_DIFFER), name
    assert not may_freeze("unheard_of")


def test_what_a_study_may_set_apart_is_what_a_controlled_arm_may_differ_in() -> None:
    axes = {axis.replace("_", " ") for axis in AxesSettings.model_fields}
    assert axes <= set(load_architecture("controlled").MAY_DIFFER)
    others = [load_architecture(name) for name in ARCHITECTURES if name != "controlled"]
    assert {kind.CARD["initial scale"] for kind in others} == {"common"}
    assert not any("initial scale" in kind.MAY_DIFFER for kind in others)
    for axis, levels in get_type_hints(Axes).items():
        assert get_args(levels) == get_args(AxesSettings.model_fields[axis].annotation)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_is_offered_is_there(name: str) -> None:
    model = build(name).eval()
    first = asked(name, 2)
    other_text = first | {"input_ids": texts([6, 6], 6, seed=5)[0]}
    second = {key.removesuffix("_second"): value for key, value in first.items() if key.endswith("_second")}
    with torch.no_grad():
        states, reread, relooked = (model.encode(each) for each in (first, other_text, first | second))
    assert ("texts" in ARCHITECTURES[name].offers) == (not torch.allclose(states.pooled, reread.pooled))
    assert ("pictures" in ARCHITECTURES[name].offers) == (not torch.allclose(states.pooled, relooked.pooled))
    fused = states.image is not None and reread.image is not None and not torch.allclose(states.image, reread.image)
    assert ("places" in ARCHITECTURES[name].offers) == (fused and name not in TOO_COARSE)


def test_late_fusion_of_a_controlled_arm_tells_no_places() -> None:
    assert lacks("controlled", "grounding", "late")
    assert not lacks("controlled", "grounding", "lxmert")
    assert not lacks("controlled", "retrieval", "late")
    model = build("controlled", axes=replace(AXES, fusion="late")).eval()
    first = asked("controlled", 2)
    with torch.no_grad():
        states, reread = model.encode(first), model.encode(first | {"input_ids": texts([6, 6], 6, seed=5)[0]})
    assert states.image is not None
    assert reread.image is not None
    assert torch.allclose(states.image, reread.image)


@pytest.mark.parametrize("kind", ["retrieval", "pair_statements", "entailment"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_who_can_learns(name: str, kind: str) -> None:
    if lacks(name, kind):
        return
    torch.manual_seed(0)
    task, model, given = load(kind), build(name).eval(), asked(name, 8)
    if kind != "retrieval":
        given["targets"] = torch.arange(8) % 2
    scores = task.scores(model, task.head(model, 3), given)
    assert task.correct(scores, given).shape == ((8, len(task.questions)) if task.questions else (8,))
    loss = task.loss(scores, given)
    assert loss > 0
    loss.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if not lacks(name, "grounding")])
def test_who_can_point_points(name: str) -> None:
    torch.manual_seed(0)
    task, model = load("grounding"), build(name).eval()
    given = asked(name, 8)
    scores = task.scores(model, task.head(model, 4), given)
    assert scores.shape == (8, 4) if name in READS_REGIONS else scores.shape[1] in (4, 16)
    loss = task.loss(scores, given)
    loss.backward()
    assert loss > 0
    text = dict(model.named_parameters())[next(n for n, _ in model.named_parameters() if "word" in n)]
    assert text.grad is not None
    assert text.grad.abs().sum() > 0  # where it points depends on what was said


def test_what_losses_need_of_boxes_is_what_the_architectures_name() -> None:
    needed = {}
    for name in sorted({*ARCHITECTURES} - {"controlled"}):  # its losses are an axis
        losses = set(load_architecture(name).PRETRAINING.losses)
        if "region_attributes" in losses:
            needed[name] = "attributes"
        elif losses & {"region_classes", "region_distribution", "region_divergence", "region_divergence_mean"}:
            needed[name] = "classes"
    assert needed == {name: told for name in ARCHITECTURES if (told := names_of_boxes(name))}


def test_who_is_told_answers_is_whose_losses_ask_for_them() -> None:
    told = {name for name in ARCHITECTURES if "image_questions" in load_architecture(name).PRETRAINING.losses}
    assert told == {name for name, row in ARCHITECTURES.items() if row.reads_answers}
