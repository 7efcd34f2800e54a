"""VL-BERT against its original code: fixtures/vlbert.npz, made by originals/make_vlbert.py.

The original closes the regions with [END], which ours has not (a deviation of components/models/architectures/vlbert.py). Here it
is put behind our regions, so that everything else can be compared to the last digit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components import objectives
from components.models.architectures.vlbert import VLBERT
from components.models.states import Batch, States
from components.models.visual_embedding import Embedded
from components.objectives.inputs import as_seen
from tests.parity.original_weights import Arrays, assert_gradients, filled
from tests.parity.originals.dropout import totals, watched_dropout
from tests.parity.originals.fixture import load
from tests.small_configurations import parity

CONFIGURATION = parity(
    width=12,
    layers=2,
    heads=2,
    feed_forward=20,
    vocabulary_size=30,
    max_length=15,
    dropout=0.1,
    region_features=16,
    object_classes=5,
)
ANSWERS = 6
FIXTURE = load("vlbert")
(PASS,) = VLBERT.PRETRAINING.passes
KEPT = 0.95
"""A draw by which a chosen region stays as it is."""


def network() -> nn.ModuleDict:
    """The model, the losses of its pass, the head for answers, and [END]."""
    model = VLBERT(CONFIGURATION)
    losses = {name: objectives.load(name)(model, CONFIGURATION) for name in VLBERT.PRETRAINING.losses}
    return nn.ModuleDict({"model": model, **losses, "vqa": model.head(ANSWERS), "end": nn.Embedding(1, 12)})


def fill(network: nn.ModuleDict, arrays: Arrays) -> None:
    model, visual = network["model"], network["model"].visual_embedding
    arrays.fill(model.text_embedding.words, "vlbert.word_embeddings")
    arrays.fill(model.text_embedding.positions, "vlbert.position_embeddings")
    arrays.fill(model.text_embedding.segments, "vlbert.token_type_embeddings")
    arrays.fill(model.text_embedding.norm, "vlbert.embedding_LayerNorm")
    arrays.fill(visual.projection, "image_feature_extractor.obj_downsample.1")
    arrays.fill(visual.image_word, "object_linguistic_embeddings")
    arrays.fill(visual.hidden_word, "object_mask_word_embedding")
    arrays.fill(visual.hidden_features, "object_mask_visual_embedding")
    arrays.fill(visual.word_norm, "vlbert.visual_ln_text")
    arrays.fill(visual.region_norm, "vlbert.visual_ln_object")
    arrays.fill(network["end"], "vlbert.end_embedding")
    for number in range(2):
        first, second = (model.layers.sublayers[2 * number + one].sides["both"] for one in (0, 1))
        arrays.fill_bert_layer(first, second, f"vlbert.encoder.layer.{number}")
    arrays.fill(model.text_pooler, "vlbert.pooler.dense")
    arrays.fill_word_head(network["mlm"], "vlbert.mlm_head.predictions")
    regions = network["region_distribution"].head
    arrays.fill(regions[0], "vlbert.mvrc_head.transform.dense")
    arrays.fill(regions[-1], "vlbert.mvrc_head.region_cls_pred")
    arrays.fill(network["vqa"][0], "final_mlp.0.dense")
    arrays.fill(next(part for part in network["vqa"] if isinstance(part, nn.LayerNorm)), "final_mlp.0.LayerNorm")
    arrays.fill(network["vqa"][-1], "final_mlp.2")


@pytest.fixture(scope="module")
def ours() -> nn.ModuleDict:
    found = network()
    assert filled(found, FIXTURE.weights, fill) == set()
    return found


def expected(loss: str) -> nn.ModuleDict:
    """The gradients of a loss. Ours has one segment for all text, so its gradient is that of both of the original."""
    gradients = dict(FIXTURE.gradients[loss])
    kinds = gradients["vlbert.token_type_embeddings.weight"].clone()
    kinds[0], kinds[1] = kinds[0] + kinds[1], 0.0
    found = network()
    filled(found, gradients | {"vlbert.token_type_embeddings.weight": kinds}, fill, rest=0.0)
    return found


@contextmanager
def closed_by_end(network: nn.ModuleDict) -> Iterator[None]:
    """While open, [END] stands behind the regions: a region's segment, one position behind theirs, no visual part."""

    def behind(module: nn.Module, given: Any, embedded: Embedded) -> Embedded:
        batch, text = given
        place = text.at(batch["attention_mask"].sum(dim=1, keepdim=True).long() + 1)
        end = text.normalised(network["end"].weight[0] + place + text.segments.weight[2])
        real = None if embedded.real is None else F.pad(embedded.real, (0, 1), value=True)
        return Embedded(embedded.text, torch.cat([embedded.image, end], dim=1), real)

    hook = network["model"].visual_embedding.register_forward_hook(behind)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def picture_given(network: nn.ModuleDict, picture: Tensor) -> Iterator[None]:
    """While open, the whole picture has these features (B, F)."""

    def replaced(module: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        first = torch.cat([given[0][:, 0, : -picture.shape[1]], picture], dim=1)
        return (torch.cat([first[:, None], given[0][:, 1:]], dim=1),)

    hook = network["model"].visual_embedding.projection.register_forward_pre_hook(replaced)
    try:
        yield
    finally:
        hook.remove()


def encoded(network: nn.ModuleDict, shown: Batch) -> States:
    """The states with [END] in the sequence but not among the regions."""
    with closed_by_end(network):
        states = network["model"].encode(shown)
    real = None if states.image_real is None else states.image_real[:, :-1]
    return states._replace(image=states.image[:, :-1], image_real=real)


def masked() -> dict[str, Tensor]:
    """What the pass of pretraining shows."""
    given = dict(FIXTURE.inputs)
    hidden = given.pop("region_hidden")
    draws = {
        "region_treatment": (~hidden).double() * KEPT,
        "region_other": torch.zeros_like(hidden, dtype=torch.long),
    }
    return as_seen(given | draws, PASS)


def question() -> dict[str, Tensor]:
    """Questions with a [MASK] and another [SEP] behind them; the original reads them so, and answers from the [MASK]."""
    names = ("region_features", "region_boxes", "region_real")
    questions = FIXTURE.inputs["questions"]
    return {name: FIXTURE.inputs[name] for name in names} | {
        "input_ids": questions,
        "attention_mask": (questions > 0).long(),
    }


def assert_same(ours: Tensor, expected: Tensor | str, tolerance: float = 1e-9) -> None:
    expected = FIXTURE.outputs[expected] if isinstance(expected, str) else expected
    torch.testing.assert_close(ours, expected, atol=tolerance, rtol=tolerance)


def test_the_picture_is_the_mean_of_the_regions_that_are_not_hidden(ours: nn.ModuleDict) -> None:
    """Their sum over their number and 1e-5 (pretrain/data/datasets/conceptual_captions.py:185-190)."""
    found: list[Tensor] = []
    hook = ours["model"].visual_embedding.projection.register_forward_hook(
        lambda module, given, _: found.append(*given)
    )
    ours["model"].encode(masked())
    hook.remove()
    features = FIXTURE.inputs["picture_features"]
    assert_same(found[0][:, 0, -features.shape[1] :], features, 1e-5)


def test_words_of_masked_texts_beside_masked_regions(ours: nn.ModuleDict) -> None:
    """The picture's features are the fixture's, which were added up in single precision."""
    shown = masked()
    with picture_given(ours, FIXTURE.inputs["picture_features"]):
        states = encoded(ours, shown)
    real = shown["attention_mask"].bool()
    assert_same(ours["mlm"].logits(ours["model"], states.text)[real], FIXTURE.outputs["mlm_scores"][real])
    loss, _ = ours["mlm"](ours["model"], states, shown)
    assert_same(loss, "loss_mlm")
    assert_gradients(loss, ours, expected("mlm"))


def test_classes_of_masked_regions(ours: nn.ModuleDict) -> None:
    """Linear, GELU, linear (common/visual_linguistic_bert.py:473-502), and the soft cross-entropy of common/utils/misc.py."""
    shown = masked()
    with picture_given(ours, FIXTURE.inputs["picture_features"]):
        states = encoded(ours, shown)
    scores = ours["region_distribution"].head(states.image)
    assert_same(scores[shown["region_real"]], FIXTURE.outputs["mvrc_scores"][shown["region_real"]])
    loss, _ = ours["region_distribution"](ours["model"], states, shown)
    assert_same(loss, "loss_mvrc_soft")
    kinds = shown["region_classes"]
    shown["region_classes"] = F.one_hot(kinds.argmax(dim=2), kinds.shape[2]).double()
    certain, _ = ours["region_distribution"](ours["model"], states, shown)
    assert_same(certain, "loss_mvrc_hard")
    assert_gradients(certain, ours, expected("mvrc_hard"))


def test_states_and_answers(ours: nn.ModuleDict) -> None:
    """Answered from the state before the closing [SEP] by BERT's transform and a linear layer."""
    shown = question()
    states = encoded(ours, shown)
    assert_same(states.pooled, "vqa_pooled")
    for row, (text, regions) in enumerate(
        zip(shown["attention_mask"].sum(dim=1).tolist(), shown["region_real"].sum(dim=1).tolist(), strict=True)
    ):
        theirs = FIXTURE.outputs["vqa_states"][row]
        assert_same(states.text[row, :text], theirs[:text])
        # Theirs begin with the whole picture and end with [END].
        assert_same(states.image[row, :regions], theirs[text + 1 : text + 1 + regions])
    scores = ours["vqa"](ours["model"].readout(states, shown, "vqa"))
    assert_same(scores, "vqa_scores")
    loss = F.binary_cross_entropy_with_logits(scores, FIXTURE.inputs["answers"]) * ANSWERS
    assert_same(loss, "loss_vqa")
    assert_gradients(loss, ours, expected("vqa"))


@pytest.mark.parametrize("task", ["pretraining", "vqa"])
def test_dropout_acts_where_the_original_has_it(ours: nn.ModuleDict, task: str) -> None:
    """The same numbers dropped in the same places give the same scores. Ours drops words and regions apart.

    The original also drops 0.1 behind the transform of the head for answers (vqa/modules/resnet_vlbert_for_vqa.py:74).
    """
    regions = int(FIXTURE.inputs["region_real"][0].sum())
    given = question()
    if task == "pretraining":
        given |= {"input_ids": FIXTURE.inputs["masked_input_ids"], "attention_mask": FIXTURE.inputs["attention_mask"]}
    shown = {name: tensor[:1, :regions] if name.startswith("region_") else tensor[:1] for name, tensor in given.items()}
    model = ours.train()["model"]
    with watched_dropout() as places:
        states = encoded(ours, shown)
        in_states = totals(places)
        if task == "pretraining":
            name, scores = "mlm", ours["mlm"].logits(model, states.text)
        else:
            pooled = model.readout(states, shown, "vqa")
            ours["vqa"](pooled)
            assert not totals(places) - totals(FIXTURE.places[task])
            transform = [part for part in ours["vqa"] if not isinstance(part, nn.Dropout)]
            name, scores = "vqa", transform[-1](F.dropout(nn.Sequential(*transform[:-1])(pooled), 0.1))
    ours.eval()
    in_head = {"pretraining": 0, "vqa": 1}[task]
    in_states["states of 12 0.1"] += in_head
    assert in_states == totals(FIXTURE.places[task])
    assert_same(scores, f"{name}_scores_in_training")
