"""ViLBERT against its original code: fixtures/vilbert.npz, made by originals/make_vilbert.py."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components import objectives
from components.models.architectures.vilbert import ViLBERT
from components.models.heads import linear_head
from components.objectives.inputs import as_seen
from components.tasks.grounding import Grounding
from components.tasks.retrieval import Retrieval
from tests.parity.original_weights import Arrays, assert_gradients, filled
from tests.parity.originals.dropout import watched_dropout
from tests.parity.originals.fixture import load
from tests.parity.weight_copying import copy
from tests.small_configurations import parity

CONFIGURATION = parity(
    width=12,
    layers=3,
    heads=2,
    feed_forward=16,
    vocabulary_size=25,
    max_length=10,
    dropout=0.1,
    region_features=6,
    object_classes=5,
)
ANSWERS = 4
FIXTURE = load("vilbert")
(PASS,) = ViLBERT.PRETRAINING.passes
TEXT_ROWS = torch.tensor([0, 2, 1, 3])
"""Texts 1 and 2 changed places; this puts them back."""
KEPT = 0.95
"""A draw by which a chosen region stays as it is."""


def network() -> nn.ModuleDict:
    """The model, the losses of its pass and the heads of tasks."""
    model = ViLBERT(CONFIGURATION)
    losses = {name: objectives.load(name)(model, CONFIGURATION) for name in ViLBERT.PRETRAINING.losses}
    heads = {
        "vqa": model.head(ANSWERS),
        "rank": linear_head(model.pooled_size, 1),
        "grounding": Grounding().head(model, 0),
    }
    return nn.ModuleDict({"model": model, **losses, **heads})


def fill(network: nn.ModuleDict, arrays: Arrays) -> None:
    model, visual, encoder = network["model"], network["model"].visual_embedding, "bert.encoder"
    arrays.fill(model.text_embedding.words, "bert.embeddings.word_embeddings")
    arrays.fill(model.text_embedding.positions, "bert.embeddings.position_embeddings")
    arrays.fill(model.text_embedding.segments, "bert.embeddings.token_type_embeddings")
    arrays.fill(model.text_embedding.norm, "bert.embeddings.LayerNorm")
    arrays.fill(visual.projection, "bert.v_embeddings.image_embeddings")
    arrays.fill(visual.code.linear, "bert.v_embeddings.image_location_embeddings")
    arrays.fill(visual.norm, "bert.v_embeddings.LayerNorm")

    def side(number: int, name: str) -> nn.Module:
        return model.layers.sublayers[number].sides[name]

    arrays.fill_bert_layer(side(0, "text"), side(1, "text"), f"{encoder}.layer.0")
    for number in range(2):
        first, layer = 2 + 4 * number, f"{encoder}.c_layer.{number}"
        for name, own, short in (("image", 1, "v"), ("text", 2, "t")):
            parts = [f"{layer}.biattention.{part}{own}" for part in ("query", "key", "value")]
            output, norm = f"{layer}.biOutput.dense{own}", f"{layer}.biOutput.LayerNorm{own}"
            arrays.fill_attention(side(first, name), parts, output, norm)
            expand, contract = f"{layer}.{short}_intermediate.dense", f"{layer}.{short}_output.dense"
            arrays.fill_feed_forward(side(first + 1, name), expand, contract, f"{layer}.{short}_output.LayerNorm")
        for name, alone in (("text", f"layer.{number + 1}"), ("image", f"v_layer.{number}")):
            arrays.fill_bert_layer(side(first + 2, name), side(first + 3, name), f"{encoder}.{alone}")
    arrays.fill(model.text_pooler, "bert.t_pooler.dense")
    arrays.fill(model.image_pooler, "bert.v_pooler.dense")
    arrays.fill_word_head(network["mlm"], "cls.predictions")
    regions = network["region_divergence"].head
    arrays.fill(regions[0], "cls.imagePredictions.transform.dense")
    arrays.fill(regions[2], "cls.imagePredictions.transform.LayerNorm")
    arrays.fill(regions[3], "cls.imagePredictions.decoder")
    for kind, parameter in network["itm"].head.named_parameters():
        # Class 1 of the original is a pair that does not belong together, of ours one that does.
        copy(parameter, arrays[f"cls.bi_seq_relationship.{kind}"].flip(0))
    for layer, place in zip(layers_of(network["vqa"]), (0, 3), strict=True):
        copy(layer.bias, arrays[f"vil_prediction.main.{place}.bias"])
        copy(layer.parametrizations.weight.original0, arrays[f"vil_prediction.main.{place}.weight_g"])
        copy(layer.parametrizations.weight.original1, arrays[f"vil_prediction.main.{place}.weight_v"])
    arrays.fill(network["rank"], "vil_logit")
    arrays.fill(network["grounding"], "vision_logit")


def layers_of(head: nn.Module) -> list[nn.Linear]:
    return [part for part in head if isinstance(part, nn.Linear)]


@pytest.fixture(scope="module")
def ours() -> nn.ModuleDict:
    found = network()
    assert filled(found, FIXTURE.weights, fill) == set()
    return found


def expected(loss: str) -> nn.ModuleDict:
    """The gradients of a loss."""
    found = network()
    filled(found, FIXTURE.gradients[loss], fill, rest=0.0)
    return found


def masked() -> dict[str, Tensor]:
    """What the pass of pretraining shows, from the draws that `as_seen` reads."""
    given = dict(FIXTURE.inputs)
    hidden = given.pop("region_hidden")
    texts = ("input_ids", "masked_input_ids", "mlm_labels", "attention_mask")
    given |= {name: given[name][TEXT_ROWS] for name in texts}
    draws = {
        "region_treatment": (~hidden).double() * KEPT,
        "region_other": torch.zeros_like(hidden, dtype=torch.long),
        "itm_text_rows": TEXT_ROWS,
    }
    return as_seen(given | draws, PASS)


def assert_same(ours: Tensor, expected: Tensor | str) -> None:
    expected = FIXTURE.outputs[expected] if isinstance(expected, str) else expected
    torch.testing.assert_close(ours, expected, atol=1e-9, rtol=1e-9)


def test_embeddings_states_and_poolers(ours: nn.ModuleDict) -> None:
    """The whole picture's features are the mean over regions (vilbert/datasets/_image_features_reader.py:78)."""
    model, shown = ours["model"], FIXTURE.inputs
    words, regions = shown["attention_mask"].bool(), shown["region_real"]
    embedded = model.visual_embedding(
        {name: shown[name] for name in ("input_ids", "region_features", "region_boxes", "region_real")},
        model.text_embedding,
    )
    assert_same(embedded.text, "text_embedded")
    assert_same(embedded.image[embedded.real], FIXTURE.outputs["regions_embedded"][embedded.real])
    states = model.encode(plain())
    assert_same(states.text[words], FIXTURE.outputs["text"][words])
    assert_same(states.image[regions], FIXTURE.outputs["regions"][:, 1:][regions])
    assert_same(states.pooled, FIXTURE.outputs["text_pooled"] * FIXTURE.outputs["regions_pooled"])
    assert states.pooled.count_nonzero() > 5


def plain() -> dict[str, Tensor]:
    """Texts and regions with nothing masked."""
    names = ("input_ids", "attention_mask", "region_features", "region_boxes", "region_real")
    return {name: FIXTURE.inputs[name] for name in names}


def test_losses_and_gradients_of_pretraining(ours: nn.ModuleDict) -> None:
    """Divergences are summed over classes and averaged over regions; the three losses are added (train_concap.py:488)."""
    shown = masked()
    assert shown["pair_matches"].tolist() == FIXTURE.inputs["pair_matches"].tolist()
    states = ours["model"].encode(shown)
    words, regions = shown["attention_mask"].bool(), shown["region_real"]
    assert_same(ours["mlm"].logits(ours["model"], states.text)[words], FIXTURE.outputs["mlm_scores"][words])
    assert_same(ours["region_divergence"].head(states.image)[regions], FIXTURE.outputs["classes_scores"][regions])
    assert_same(ours["itm"].head(states.pooled), FIXTURE.outputs["itm_scores"].flip(1))
    losses = {name: weight * ours[name](ours["model"], states, shown)[0] for name, weight in PASS.losses}
    for name, theirs in (("mlm", "mlm"), ("region_divergence", "classes"), ("itm", "itm")):
        assert_same(losses[name], f"loss_{theirs}")
    assert_gradients(sum(losses.values()), ours, expected("pretraining"))


def test_answers(ours: nn.ModuleDict) -> None:
    """Two weight-normalised layers (vilbert/vilbert.py:1568-1580)."""
    shown = plain()
    scores = ours["vqa"](ours["model"].readout(ours["model"].encode(shown), shown, "vqa"))
    assert_same(scores, "vqa_scores")
    loss = F.binary_cross_entropy_with_logits(scores, FIXTURE.inputs["answers"]) * ANSWERS
    assert_same(loss, "loss_vqa")
    assert_gradients(loss, ours, expected("vqa"))


def test_pairs_are_ranked_by_one_layer(ours: nn.ModuleDict) -> None:
    """One linear layer on the readout and cross-entropy over candidates (vilbert/vilbert.py:1514, vilbert/task_utils.py)."""
    shown = plain()
    scores = ours["rank"](ours["model"].readout(ours["model"].encode(shown), shown, "retrieval"))
    assert_same(scores, "rank_scores")
    loss = F.cross_entropy(scores.view(2, 2), torch.tensor([0, 1]))
    assert_same(loss, "loss_rank")
    assert_gradients(loss, ours, expected("rank"))


def test_the_task_ranks_by_one_layer(ours: nn.ModuleDict) -> None:
    shapes = {name: tuple(one.shape) for name, one in Retrieval().head(ours["model"], 0).named_parameters()}
    assert shapes == {"weight": (1, 12), "bias": (1,)}


def test_regions_are_pointed_at_by_one_layer(ours: nn.ModuleDict) -> None:
    """One linear layer on each region's state (vilbert/vilbert.py:1563)."""
    scores, real = Grounding().scores(ours["model"], ours["grounding"], plain()), FIXTURE.inputs["region_real"]
    assert_same(scores[real], FIXTURE.outputs["grounding_scores"][real])


def alone() -> dict[str, Tensor]:
    """Row 0 without its padding."""
    regions = int(FIXTURE.inputs["region_real"][0].sum())
    given = plain()
    return {name: tensor[:1, :regions] if name.startswith("region_") else tensor[:1] for name, tensor in given.items()}


def test_dropout_of_the_states_acts_where_the_original_has_it(ours: nn.ModuleDict) -> None:
    with watched_dropout() as places:
        states = ours.train()["model"].encode(alone())
    ours.eval()
    assert Counter(places) == Counter(FIXTURE.places["states"])
    assert_same(states.text, "text_in_training")
    assert_same(states.image, FIXTURE.outputs["regions_in_training"][:, 1:])


def test_no_dropout_in_heads_beyond_the_original(ours: nn.ModuleDict) -> None:
    """The original drops 0.1 of the readout before matching, ranking and answers, 0.1 of the regions' states before pointing,
    and 0.5 between the two layers for answers (vilbert/vilbert.py:1014, 1508, 1512). Where it does, its scores come out."""
    states = Counter(FIXTURE.places["states"])
    readout, hidden, regions, words = "states 1x12 0.1", "states 1x24 0.5", "states 4x12 0.1", "states 7x12 0.1"
    assert Counter(FIXTURE.places["pretraining"]) - states == Counter([readout])
    assert Counter(FIXTURE.places["tasks"]) - states == Counter([readout, readout, hidden, regions, words])
    shown, model = alone(), ours.train()["model"]
    with watched_dropout() as places:
        found = model.encode(shown)
        pooled = model.readout(found, shown, "vqa")
        del places[:]
        ours["rank"](pooled), ours["itm"].head(pooled), ours["grounding"](found.image)
        assert not places
        ours["vqa"](pooled)
        assert Counter(places) == Counter([hidden.replace("0.5", "0.1")])  # in its place, at the study's rate
        dropped = F.dropout(pooled, 0.1)
        first, second = layers_of(ours["vqa"])
        scores = {"itm": ours["itm"].head(dropped).flip(1), "rank": ours["rank"](dropped)}
        scores["vqa"] = second(F.dropout(first(dropped).relu(), 0.5))
        scores["grounding"] = ours["grounding"](F.dropout(found.image, 0.1)).squeeze(2)
    ours.eval()
    for name, tensor in scores.items():
        assert_same(tensor, f"{name}_scores_in_training")
