"""What holds for every architecture."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import pictures, small, texts
from torch import nn

from components.models.architecture import AXES, Architecture, load_component
from components.models.architectures import ARCHITECTURES, load
from components.models.encoders import grid_encoder, patch_encoder, text_encoder
from components.models.states import States
from components.objectives import OBJECTIVES

ENCODERS = {"text": text_encoder, "grid": grid_encoder, "patches": patch_encoder}
# What no task gradient reaches, for a reason of its own.
UNREACHED = {
    "clip": {"logit_scale"},  # the temperature of the contrastive loss
}


def build(name: str, **changes: object) -> Architecture:
    torch.manual_seed(0)
    return load(name)(small(**changes))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_card_is_complete_and_names_known_axes_components_and_objectives(name: str) -> None:
    architecture = load(name)
    assert set(architecture.CARD) == set(AXES)
    assert set(architecture.MAY_DIFFER) <= set(AXES)
    assert {objective for objective, _ in architecture.OBJECTIVES} <= set(OBJECTIVES)
    assert set(architecture.COMPONENTS) <= set(ENCODERS)
    assert "DEVIATIONS" in (architecture.__doc__ or "")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no architecture 'flamingo'; known are clip, .*vilt"):
        load("flamingo")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shapes(name: str) -> None:
    model = build(name)
    input_ids, mask = texts([9, 4, 2, 7, 9], 9)
    states = model.encode(pictures(5), input_ids, mask)
    visual = {"clip": 17, "vilt": 17, "mmbt": 3, "image_only": 16, "late_fusion": 16, "text_only": None}[name]
    assert (states.text is None) == (name == "image_only")
    if states.text is not None:
        assert states.text.shape == (5, 9, 32)
    assert (None if states.image is None else states.image.shape[:2]) == (None if visual is None else (5, visual))
    assert states.pooled.shape == (5, model.pooled_size)
    assert model.head(7)(states.pooled).shape == (5, 7)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_task_gradient_reaches_every_parameter(name: str) -> None:
    model = build(name)
    head = model.head(5)
    input_ids, mask = texts([8, 5, 8, 3], 8)
    states = model.encode(pictures(4), input_ids, mask)
    nn.functional.cross_entropy(head(states.pooled), torch.tensor([0, 1, 2, 3])).backward()
    unreached = {
        key
        for key, one in [*model.named_parameters(), *head.named_parameters()]
        if one.grad is None or not one.grad.any()
    }
    assert unreached == UNREACHED.get(name, set())


@pytest.mark.parametrize("name", ARCHITECTURES)
@settings(max_examples=12, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 10), min_size=1, max_size=5),
    extra=st.integers(1, 6),
    filler=st.integers(0, 59),
    seed=st.integers(0, 99),
)
def test_padding_changes_nothing(name: str, lengths: list[int], extra: int, filler: int, seed: int) -> None:
    """More padding, and other tokens under it, leave real states and the readout as they are."""
    model = build(name).eval()
    length, count = max(lengths), len(lengths)
    input_ids, mask = texts(lengths, length, seed)
    longer_ids, longer_mask = (nn.functional.pad(one, (0, extra)) for one in (input_ids, mask))
    longer_ids = longer_ids.where(longer_mask.bool(), filler)
    with torch.no_grad():
        short = model.encode(pictures(count, seed), input_ids, mask)
        long = model.encode(pictures(count, seed), longer_ids, longer_mask)
    torch.testing.assert_close(long.pooled, short.pooled, atol=1e-5, rtol=1e-5)
    if short.text is not None:
        torch.testing.assert_close(long.text[:, :length][mask.bool()], short.text[mask.bool()], atol=1e-5, rtol=1e-5)
    if short.image is not None:
        torch.testing.assert_close(long.image, short.image, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_both_sides_matter_where_they_should(name: str) -> None:
    model = build(name).eval()
    input_ids, mask = texts([6, 6], 6)
    other_ids, _ = texts([6, 6], 6, seed=1)
    with torch.no_grad():
        first = model.encode(pictures(2), input_ids, mask).pooled
        other_text = model.encode(pictures(2), other_ids, mask).pooled
        other_image = model.encode(pictures(2, seed=1), input_ids, mask).pooled
    assert torch.equal(first, other_text) == (name == "image_only")
    assert torch.equal(first, other_image) == (name == "text_only")


@pytest.mark.parametrize(
    ("name", "component"), [(name, one) for name in ARCHITECTURES for one in load(name).COMPONENTS]
)
def test_components_load_strictly_and_keep_their_function(name: str, component: str) -> None:
    torch.manual_seed(1)
    encoder = ENCODERS[component](small())
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(std=0.2)
    weights = encoder.state_dict()
    model = build(name)
    load_component(model, component, weights)
    loaded = model.get_submodule(model.COMPONENTS[component]).state_dict()
    if name == "clip":  # no bias in its patch projection: the same tokens come out all the same
        pixels = pictures(2)
        torch.testing.assert_close(model.image_encoder.embed(pixels), encoder.embed(pixels), atol=1e-5, rtol=1e-5)
        weights = {key: one for key, one in weights.items() if key in loaded and key != "positions"}
        loaded.pop("positions")
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)

    missing = dict(encoder.state_dict())
    missing.pop(next(key for key in missing if key.endswith("weight")))
    with pytest.raises(RuntimeError, match="Missing key"):
        load_component(model, component, missing)


def test_a_component_that_is_not_taken_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ViLT takes no component 'text' \(it takes: patches\)"):
        load_component(build("vilt"), "text", {})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_survive_a_round_trip(name: str) -> None:
    first, second = build(name), load(name)(small())
    second.load_state_dict(first.state_dict(), strict=True)
    input_ids, mask = texts([5, 3], 5)
    with torch.no_grad():
        states: list[States] = [model.eval().encode(pictures(2), input_ids, mask) for model in (first, second)]
    assert torch.equal(states[0].pooled, states[1].pooled)
    assert all(one.is_contiguous() for one in first.state_dict().values())  # safetensors asks for it


def test_clip_reads_nothing_after_the_end_of_the_text() -> None:
    model = build("clip").eval()
    input_ids, mask = texts([5, 3], 8)
    changed = input_ids.where(mask.bool(), 41)
    with torch.no_grad():
        assert torch.equal(model.embed_text(input_ids, mask), model.embed_text(changed, mask))
        # ... and nothing looks ahead: earlier states do not know what comes later.
        ahead = input_ids.clone()
        ahead[0, 3] = 41
        first, second = (model.encode(pictures(2), ids, mask).text[0] for ids in (input_ids, ahead))
    assert torch.equal(first[:3], second[:3])
    assert not torch.equal(first[3:], second[3:])


@pytest.mark.parametrize("names", [["vilt"], list(ARCHITECTURES)], ids=["vilt alone", "all"])
def test_architectures_load_no_other_part_of_the_product(names: list[str]) -> None:
    program = f"""
import sys
from importlib import import_module
for name in {names!r}:
    import_module("components.models.architectures." + name)
ours = [m for m in sys.modules if m.split(".")[0] in ("components", "flows", "registry", "infra")]
print([m for m in ours if m != "components" and not (m + ".").startswith("components.models.")])
print(sorted(m.split(".")[3] for m in ours if m.startswith("components.models.architectures.")))
print("transformers" in sys.modules)
"""
    lines = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert lines[0] == "[]"
    assert lines[1] == str(sorted(names))
    assert lines[2] == "False"  # importing it takes seconds; only building a Hugging Face encoder needs it
