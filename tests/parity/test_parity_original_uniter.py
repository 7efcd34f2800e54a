"""UNITER against its original code: fixtures/uniter.npz, made by originals/make_uniter.py."""

from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from components import objectives
from components.models.architectures.uniter import UNITER
from components.models.heads import linear_head
from components.objectives.alignment import transport_distance
from components.objectives.inputs import as_seen
from components.tasks.retrieval import Retrieval
from tests.parity.original_weights import Arrays, assert_gradients, filled
from tests.parity.originals.dropout import watched_dropout
from tests.parity.originals.fixture import load
from tests.parity.weight_copying import copy
from tests.small_configurations import parity

CONFIGURATION = parity(
    width=12,
    layers=2,
    heads=2,
    feed_forward=20,
    vocabulary_size=30,
    max_length=10,
    dropout=0.1,
    region_features=8,
    object_classes=6,
)
ANSWERS = 5
FIXTURE = load("uniter")
PASSES = dict(zip(("matching", "mlm", "mrfr", "mrckl"), UNITER.PRETRAINING.passes, strict=True))
LOSSES = {"matching": {"itm": 1.0, "ot": 0.1}, "mlm": {"mlm": 1.0}, "mrfr": {"mrfr": 1.0}, "mrckl": {"mrckl": 1.0}}
"""The original's losses of each pass and their weights (config/pretrain-indomain-base-8gpu.json)."""
IMAGE_ROWS = torch.tensor([0, 2, 1, 3])
"""Pictures 1 and 2 changed places; this puts them back."""


def network() -> nn.ModuleDict:
    """The model, the losses of its passes and the heads of tasks."""
    model = UNITER(CONFIGURATION)
    names = UNITER.PRETRAINING.losses
    losses = {name: objectives.load(name)(model, CONFIGURATION) for name in names}
    heads = {"vqa": model.head(ANSWERS), "rank": linear_head(model.pooled_size, 1)}
    return nn.ModuleDict({"model": model, **losses, **heads})


def fill(network: nn.ModuleDict, arrays: Arrays) -> None:
    model, visual = network["model"], network["model"].visual_embedding
    text, image = "uniter.embeddings", "uniter.img_embeddings"
    arrays.fill(model.text_embedding.words, f"{text}.word_embeddings")
    arrays.fill(model.text_embedding.positions, f"{text}.position_embeddings")
    arrays.fill(model.text_embedding.segments, f"{text}.token_type_embeddings")
    arrays.fill(model.text_embedding.norm, f"{text}.LayerNorm")
    arrays.fill(visual.projection, f"{image}.img_linear")
    arrays.fill(visual.feature_norm, f"{image}.img_layer_norm")
    arrays.fill(visual.code.linear, f"{image}.pos_linear")
    arrays.fill(visual.code.norm, f"{image}.pos_layer_norm")
    arrays.fill(visual.mask, f"{image}.mask_embedding")
    arrays.fill(visual.norm, f"{image}.LayerNorm")
    for number in range(2):
        first, second = (model.layers.sublayers[2 * number + one].sides["both"] for one in (0, 1))
        arrays.fill_bert_layer(first, second, f"uniter.encoder.layer.{number}")
    arrays.fill(model.text_pooler, "uniter.pooler.dense")
    arrays.fill(network["itm"].head, "itm_output")
    arrays.fill_word_head(network["mlm"], "cls.predictions")
    arrays.fill(network["region_features"].transform, "feat_regress.net")
    copy(network["region_features"].bias, arrays["feat_regress.bias"])
    arrays.fill(network["region_divergence_mean"].head, "region_classifier.net")
    arrays.fill(network["vqa"], "vqa_output")
    arrays.fill(network["rank"], "rank_output")


def seen(name: str) -> dict[str, Tensor]:
    """What a pass shows the model, from the draws that `as_seen` reads: all hidden regions are chosen, and zeroed."""
    given = dict(FIXTURE.inputs)
    chosen = given.pop("region_hidden")
    if name == "matching":
        given |= {one: given[one][IMAGE_ROWS] for one in given if one.startswith("region_")}
    draws = {
        "region_chosen": chosen,
        "region_treatment": torch.zeros(chosen.shape),
        "region_other": torch.zeros_like(chosen, dtype=torch.long),
        "itm_image_rows": IMAGE_ROWS,
    }
    return as_seen(given | draws, PASSES[name])


@pytest.fixture(scope="module")
def ours() -> nn.ModuleDict:
    found = network()
    # The ranking head begins as row 1 of the matching head, whose weights the original keeps beside it.
    assert filled(found, FIXTURE.weights, fill) == set()
    return found


def assert_same(ours: Tensor, name: str, **tolerance: float) -> None:
    torch.testing.assert_close(ours, FIXTURE.outputs[name], **({"atol": 1e-9, "rtol": 1e-9} | tolerance))


def compact(text: Tensor, image: Tensor) -> Tensor:
    """The original's order of states: real words, then real regions without a gap; what is left is padding."""
    real = FIXTURE.inputs["attention_mask"].bool(), FIXTURE.inputs["region_real"]
    rows = [torch.cat([text[row][real[0][row]], image[row][real[1][row]]]) for row in range(len(text))]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


def test_embeddings(ours: nn.ModuleDict) -> None:
    model = ours["model"]
    embedded = model.visual_embedding(seen("mlm") | {"input_ids": FIXTURE.inputs["input_ids"]}, model.text_embedding)
    assert_same(embedded.text, "text_embedded")
    real = FIXTURE.inputs["region_real"]
    torch.testing.assert_close(embedded.image[real], FIXTURE.outputs["regions_embedded"][real], atol=1e-9, rtol=1e-9)
    hidden = model.visual_embedding(seen("mrfr"), model.text_embedding).image
    torch.testing.assert_close(hidden[real], FIXTURE.outputs["regions_embedded_hidden"][real], atol=1e-9, rtol=1e-9)


def test_states_and_pooler(ours: nn.ModuleDict) -> None:
    states = ours["model"].encode(seen("matching"))
    expected = FIXTURE.outputs["states"]
    lengths = FIXTURE.inputs["attention_mask"].sum(dim=1) + FIXTURE.inputs["region_real"].sum(dim=1)
    real = torch.arange(expected.shape[1]) < lengths[:, None]
    torch.testing.assert_close(compact(states.text, states.image)[real], expected[real], atol=1e-9, rtol=1e-9)
    assert_same(states.pooled, "pooled")
    assert_same(ours["itm"].head(states.pooled), "itm_scores")


def test_distances_of_the_best_plan(ours: nn.ModuleDict) -> None:
    """Over all real tokens, [CLS] and [SEP] too (data/itm.py:166-170), and in single precision (model/pretrain.py:186-187)."""
    states = ours["model"].encode(seen("matching"))
    real = FIXTURE.inputs["attention_mask"].bool(), FIXTURE.inputs["region_real"]
    distances = transport_distance(states.text.float(), states.image.float(), *real).double()
    matches = FIXTURE.inputs["pair_matches"].bool()
    assert_same(distances[matches], "ot_matching", atol=1e-6, rtol=1e-5)
    assert_same(distances[~matches], "ot_mismatched", atol=1e-6, rtol=1e-5)


def pass_loss(network: nn.ModuleDict, name: str) -> Tensor:
    """The weighted losses of one pass together."""
    shown = seen(name)
    states = network["model"].encode(shown)
    return sum(weight * network[one](network["model"], states, shown)[0] for one, weight in PASSES[name].losses)


@pytest.mark.parametrize("name", PASSES)
def test_losses_and_gradients_of_pretraining(ours: nn.ModuleDict, name: str) -> None:
    """The divergence is a mean over classes too (model/pretrain.py:219 and pretrain.py:295 of the original)."""
    loss = pass_loss(ours, name)
    weights = LOSSES[name]
    expected = sum(weight * FIXTURE.outputs[f"loss_{one}"] for one, weight in weights.items())
    # Both codes move words in single precision.
    tolerance = 1e-6 if name == "matching" else 1e-9
    torch.testing.assert_close(loss, expected, atol=tolerance, rtol=tolerance)
    gradients = network()
    together = {
        one: sum(weight * FIXTURE.gradients[loss][one] for loss, weight in weights.items()) for one in FIXTURE.weights
    }
    filled(gradients, together, fill, rest=0.0)
    assert_gradients(loss, ours, gradients)


def test_matching_is_told_apart(ours: nn.ModuleDict) -> None:
    """One layer on the pooler; class 1 is a pair that belongs together."""
    shown = seen("matching")
    assert shown["pair_matches"].tolist() == FIXTURE.inputs["pair_matches"].tolist()
    loss, _ = ours["itm"](ours["model"], ours["model"].encode(shown), shown)
    assert_same(loss, "loss_itm")


def test_answers(ours: nn.ModuleDict) -> None:
    """The original's loss is a sum of binary cross-entropies over answers; ours, for all architectures, a softmax."""
    shown = seen("matching")
    scores = ours["vqa"](ours["model"].readout(ours["model"].encode(shown), shown, "vqa"))
    assert_same(scores, "vqa_scores")
    loss = nn.functional.binary_cross_entropy_with_logits(scores, FIXTURE.inputs["answers"]) * ANSWERS
    assert_same(loss, "loss_vqa")
    gradients = network()
    filled(gradients, FIXTURE.gradients["vqa"], fill, rest=0.0)
    assert_gradients(loss, ours, gradients)


def test_pairs_are_ranked_by_one_layer(ours: nn.ModuleDict) -> None:
    """The original ranks by one linear layer on the pooler, which begins as row 1 of the matching head (model/itm.py:25-28)."""
    shown = seen("matching")
    scores = ours["rank"](ours["model"].readout(ours["model"].encode(shown), shown, "retrieval"))
    assert_same(scores, "rank_scores")
    torch.testing.assert_close(ours["rank"].weight, ours["itm"].head.weight[1:])
    chances = scores.sigmoid().view(-1, 2)
    loss = (0.2 + chances[:, 1:] - chances[:, :1]).clamp(min=0).mean()
    assert_same(loss, "loss_rank")
    gradients = network()
    filled(gradients, FIXTURE.gradients["rank"], fill, rest=0.0)
    assert_gradients(loss, ours, gradients)


def test_the_task_ranks_by_one_layer(ours: nn.ModuleDict) -> None:
    shapes = {name: tuple(one.shape) for name, one in Retrieval().head(ours["model"], 0).named_parameters()}
    assert shapes == {"weight": (1, 12), "bias": (1,)}


def test_the_task_ranks_by_cross_entropy_and_not_by_a_margin() -> None:
    """The original's loss is above (model/itm.py:46-52); on its own scores the task's is another."""
    scores = FIXTURE.outputs["rank_scores"].view(1, 2, 2)  # a sample, two directions, the right candidate first
    loss = Retrieval().loss(scores, {"targets": torch.tensor([0])})
    torch.testing.assert_close(loss, (scores.logsumexp(dim=2) - scores[..., 0]).mean())
    assert abs(loss - FIXTURE.outputs["loss_rank"]) > 0.1


@pytest.mark.parametrize("task", ["itm", "mlm", "mrckl", "vqa", "rank"])
def test_dropout_acts_where_the_original_has_it(ours: nn.ModuleDict, task: str) -> None:
    """The same places, and the same numbers dropped there give the same scores. Row 0 has nothing padded but a region."""
    regions = int(FIXTURE.inputs["region_real"][0].sum())
    shown = {name: tensor[:1] for name, tensor in seen({"mlm": "mlm", "mrckl": "mrckl"}.get(task, "matching")).items()}
    shown = {name: tensor[:, :regions] if name.startswith("region_") else tensor for name, tensor in shown.items()}
    model = ours.train()["model"]
    with watched_dropout() as places:
        states = model.encode(shown)
        if task == "mlm":
            scores = ours["mlm"].logits(model, states.text[shown["mlm_labels"] != -100])
        elif task == "mrckl":
            scores = ours["region_divergence_mean"].head(states.image[shown["region_asked"]])
        else:
            head = {"itm": ours["itm"].head, "vqa": ours["vqa"], "rank": ours["rank"]}[task]
            scores = head(model.readout(states, shown, task))
    ours.eval()
    assert Counter(places) == Counter(FIXTURE.places[task])
    assert_same(scores, f"{task}_scores_in_training")
