"""MMBT against its original code: fixtures/mmbt.npz, made by originals/make_mmbt.py.

Both are given the map of features that their ResNets would make. The original was given our closing [SEP], which its dataset
leaves out (a deviation of components/models/architectures/mmbt.py).
"""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architectures import mmbt
from components.models.architectures.mmbt import MMBT
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
    max_length=10,
    dropout=0.1,
    stem_widths=(8,),
    image_tokens=3,
)
CLASSES = 4
FIXTURE = load("mmbt")


def network(model: MMBT) -> nn.ModuleDict:
    """What both have of the model, and the head."""
    parts = {"text_encoder": model.text_encoder, "image_projection": model.image_projection}
    return nn.ModuleDict({**parts, "head": model.head(CLASSES)})


def fill(network: nn.ModuleDict, arrays: Arrays) -> None:
    bert = network["text_encoder"]
    arrays.fill(bert.embeddings, "enc.txt_embeddings")
    arrays.fill(bert.encoder, "enc.encoder")
    arrays.fill(bert.pooler, "enc.pooler")
    arrays.fill(network["image_projection"], "enc.img_embeddings.img_embeddings")
    arrays.fill(network["head"], "clf")


@pytest.fixture
def model() -> MMBT:
    return MMBT(CONFIGURATION).eval()


@pytest.fixture
def ours(model: MMBT, monkeypatch: pytest.MonkeyPatch) -> nn.ModuleDict:
    monkeypatch.setattr(mmbt, "grid_features", lambda encoder, pixels: FIXTURE.inputs["map"][: len(pixels)])
    found = network(model)
    assert filled(found, FIXTURE.weights, fill) == set()
    return found


def batch(rows: int) -> dict[str, Tensor]:
    """The first rows; pixels are not looked at."""
    shown = {name: FIXTURE.inputs[name][:rows] for name in ("input_ids", "attention_mask")}
    return shown | {"pixels": torch.zeros(rows, 3, 24, 24)}


def assert_same(ours: Tensor, expected: Tensor | str) -> None:
    expected = FIXTURE.outputs[expected] if isinstance(expected, str) else expected
    torch.testing.assert_close(ours, expected, atol=1e-9, rtol=1e-9)


def test_states_classes_and_gradients(model: MMBT, ours: nn.ModuleDict) -> None:
    shown = batch(3)
    assert_same(model.image_tokens(shown["pixels"]), "image_tokens")
    states, theirs = model.encode(shown), FIXTURE.outputs["states"]
    # Theirs: [CLS], three image tokens, [SEP], the text.
    assert_same(states.text[:, 0], theirs[:, 0])
    assert_same(states.image, theirs[:, 1:4])
    words = shown["attention_mask"].bool()[:, 1:]
    assert_same(states.text[:, 1:][words], theirs[:, 5:][words])
    assert_same(states.pooled, "pooled")
    scores = ours["head"](model.readout(states, shown, "vqa"))
    assert_same(scores, "scores")
    loss = F.cross_entropy(scores, FIXTURE.inputs["targets"])
    assert_same(loss, "loss")
    gradients = network(MMBT(CONFIGURATION))
    filled(gradients, FIXTURE.gradients["classes"], fill, rest=0.0)
    assert_gradients(loss, ours, gradients)


def test_dropout_acts_where_the_original_has_it(model: MMBT, ours: nn.ModuleDict) -> None:
    """The same numbers dropped in the same places give the same scores. The original drops the two segments apart."""
    shown = batch(1)
    ours.train()
    with watched_dropout() as places:
        scores = ours["head"](model.readout(model.encode(shown), shown, "vqa"))
    assert totals(places) == totals(FIXTURE.places["classes"])
    assert_same(scores, "scores_in_training")
