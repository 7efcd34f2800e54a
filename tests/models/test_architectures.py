"""What holds for every architecture."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from components.models.architecture import AXES, load_component
from components.models.architectures import ARCHITECTURES, load
from components.models.encoders import grid_encoder, patch_encoder, text_encoder
from components.models.states import States
from components.objectives import OBJECTIVES
from components.objectives import load as load_objective
from tests.models.region_batches import FAMILY, READS_REGIONS, batch, build, configured
from tests.models.small_models import pictures, texts
from tests.small_configurations import small

ENCODERS = {"text": text_encoder, "grid": grid_encoder, "patches": patch_encoder}
# What no task gradient reaches, for a reason of its own.
UNREACHED = {
    "clip": {"logit_scale"},  # the temperature of the contrastive loss
    "uniter": {"visual_embedding.mask.weight"},  # of regions that pretraining hides
    "vlbert": {"visual_embedding.hidden_word.weight", "visual_embedding.hidden_features.weight"},
    # What becomes of the image in the last layer: the readout is the text's.
    "lxmert": {
        f"layers.sublayers.{part}.{kind}"
        for part in (
            "3.sides.image.projection",
            "3.sides.image.output",
            "3.sides.image.residual.norm",
            "4.sides.image.network.expand",
            "4.sides.image.network.contract",
            "4.sides.image.residual.norm",
        )
        for kind in ("weight", "bias")
    },
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_card_is_complete_and_names_known_axes_components_and_objectives(name: str) -> None:
    architecture = load(name)
    assert set(architecture.CARD) == set(AXES)
    assert set(architecture.MAY_DIFFER) <= set(AXES)
    assert set(architecture.PRETRAINING.losses) <= set(OBJECTIVES)
    assert set(architecture.COMPONENTS) <= set(ENCODERS)
    assert "DEVIATIONS" in (architecture.__doc__ or "")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no architecture 'flamingo'; known are clip, .*vilt"):
        load("flamingo")


VISUAL_TOKENS = {
    "clip": 16,
    "vilt": 16,
    "mmbt": 3,
    "image_only": 16,
    "late_fusion": 16,
    "pixelbert": 16,
} | dict.fromkeys(READS_REGIONS, 4)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shapes(name: str) -> None:
    model = build(name)
    states = model.encode(batch([9, 4, 2, 7, 9], [4, 4, 1, 2, 3]))
    assert (states.text is None) == (name == "image_only")
    if states.text is not None:
        assert states.text.shape == (5, 9, 32)
    assert (states.image is None) == (name == "text_only")
    if states.image is not None:
        assert states.image.shape[:2] == (5, VISUAL_TOKENS[name])
    assert (states.image_real is not None) == (name in READS_REGIONS)
    if states.image_real is not None:
        assert states.image_real.sum(dim=1).tolist() == [4, 4, 1, 2, 3]
    assert states.pooled.shape == (5, model.pooled_size)
    assert model.head(7)(states.pooled).shape == (5, 7)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_task_gradient_reaches_every_parameter(name: str) -> None:
    model = build(name)
    head = model.head(5)
    states = model.encode(batch([8, 5, 8, 3]))
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
    pairs=st.lists(st.tuples(st.integers(2, 10), st.integers(1, 4)), min_size=1, max_size=5),
    extra=st.integers(1, 6),
    filler=st.integers(0, 59),
    seed=st.integers(0, 99),
)
def test_padding_changes_nothing(name: str, pairs: list[tuple[int, int]], extra: int, filler: int, seed: int) -> None:
    """More padding, and other tokens and regions under it, leave real states and the readout as they are."""
    model = build(name).eval()
    lengths, counts = ([pair[side] for pair in pairs] for side in (0, 1))
    given_batch = batch(lengths, counts, seed, seed)
    mask, real = given_batch["attention_mask"].bool(), given_batch["region_real"]
    padded = dict(given_batch)
    for key in ("input_ids", "attention_mask", "region_real"):
        padded[key] = nn.functional.pad(given_batch[key], (0, extra))
    for key in ("region_features", "region_boxes"):
        padded[key] = nn.functional.pad(given_batch[key], (0, 0, 0, extra))
        padded[key] = padded[key].where(padded["region_real"][..., None], filler / 59)
    padded["input_ids"] = padded["input_ids"].where(padded["attention_mask"].bool(), filler)
    with torch.no_grad():
        short, long = model.encode(given_batch), model.encode(padded)
    torch.testing.assert_close(long.pooled, short.pooled, atol=1e-5, rtol=1e-5)
    if short.text is not None:
        torch.testing.assert_close(long.text[:, : max(lengths)][mask], short.text[mask], atol=1e-5, rtol=1e-5)
    if short.image_real is not None:
        assert torch.equal(long.image_real, padded["region_real"])
        torch.testing.assert_close(long.image[:, :4][real], short.image[real], atol=1e-5, rtol=1e-5)
    elif short.image is not None:
        torch.testing.assert_close(long.image, short.image, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_both_sides_matter_where_they_should(name: str) -> None:
    model = build(name).eval()
    with torch.no_grad():
        first = model.encode(batch([6, 6])).pooled
        other_text = model.encode(batch([6, 6], seed=1)).pooled
        other_image = model.encode(batch([6, 6], image_seed=1)).pooled
    assert torch.equal(first, other_text) == (name == "image_only")
    assert torch.equal(first, other_image) == (name == "text_only")


@pytest.mark.parametrize("name", READS_REGIONS)
def test_what_reads_regions_reads_no_pixels(name: str) -> None:
    given_batch = batch([6, 4])
    del given_batch["pixels"]
    assert build(name).eval().encode(given_batch).pooled.isfinite().all()


@pytest.mark.parametrize(
    ("name", "component"),
    # What becomes of a text encoder in layers that read text and image jointly: test_family.py.
    [(name, one) for name in ARCHITECTURES for one, place in load(name).COMPONENTS.items() if place],
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


@pytest.mark.parametrize("name", [name for name in FAMILY if "text" in load(name).COMPONENTS])
def test_a_text_encoder_that_lacks_a_weight_is_refused(name: str) -> None:
    missing = dict(text_encoder(small()).state_dict())
    missing.pop("embeddings.word_embeddings.weight")
    with pytest.raises(RuntimeError, match="Missing key"):
        load_component(build(name), "text", missing)


def test_a_component_that_is_not_taken_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ViLT takes no component 'text' \(it takes: patches\)"):
        load_component(build("vilt"), "text", {})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_survive_a_round_trip(name: str) -> None:
    first, second = build(name), load(name)(configured())
    second.load_state_dict(first.state_dict(), strict=True)
    with torch.no_grad():
        states: list[States] = [model.eval().encode(batch([5, 3])) for model in (first, second)]
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
        first, second = (
            model.encode({"pixels": pictures(2), "input_ids": ids, "attention_mask": mask}).text[0]
            for ids in (input_ids, ahead)
        )
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
print([m for m in ours if m not in ("components", "components.catalogue") and not (m + ".").startswith("components.models.")])
print(sorted(m.split(".")[3] for m in ours if m.startswith("components.models.architectures.")))
print("transformers" in sys.modules)
"""
    lines = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert lines[0] == "[]"
    assert lines[1] == str(sorted(names))
    assert lines[2] == "False"  # importing it takes seconds; only building a Hugging Face encoder needs it


@pytest.mark.parametrize("name", ["visualbert", "controlled", "text_only"])
def test_nothing_is_dropped_between_a_readout_and_what_reads_it(name: str) -> None:
    """The readout is what the poolers made, and heads drop nothing of it, in training mode."""
    model = build(name, dropout=0.5).train()
    poolers = [model.text_encoder.pooler.dense] if name == "text_only" else [model.text_pooler]
    poolers += [model.image_pooler] if name == "controlled" else []
    made: list[torch.Tensor] = []
    for pooler in poolers:
        pooler.register_forward_hook(lambda module, given, output: made.append(output))
    shown = batch([6, 4])
    states = model.encode(shown)
    assert torch.equal(states.pooled, made[0].relu() * made[1].relu() if name == "controlled" else made[0].tanh())
    matching = load_objective("itm")(model, configured(dropout=0.5)).head
    for kind, head in (("vqa", model.head(5)), ("retrieval", model.pair_head()), ("itm", matching)):
        first, second = (head.train()(model.readout(states, shown, kind)) for _ in range(2))
        assert torch.equal(first, second)
