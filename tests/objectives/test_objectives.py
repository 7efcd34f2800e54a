"""The pretraining losses, each against its formula."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from components.models.architectures import load as load_architecture
from components.models.encoders import grid_encoder, patch_encoder, text_encoder
from components.models.passes import Pass
from components.objectives import OBJECTIVES, load
from components.objectives.contrastive import MAXIMUM_LOG_SCALE, Contrastive
from components.objectives.image_labels import ImageLabels
from components.objectives.image_questions import ImageQuestions
from components.objectives.inputs import as_seen
from components.objectives.itm import ImageTextMatching
from components.objectives.mlm import MaskedLanguageModelling
from tests.objectives.small_batches import SMALL, RegionReader, batch


def test_every_listed_loss_loads_and_an_unknown_one_is_refused() -> None:
    assert all(issubclass(load(name), nn.Module) for name in OBJECTIVES)
    with pytest.raises(ValueError, match=r"no objective 'guess'; known are alignment, .*mlm"):
        load("guess")


@pytest.mark.parametrize("architecture", ["vilt", "mmbt", "text alone"])
def test_mlm_looks_at_masked_positions_only_and_equals_full_logits(architecture: str) -> None:
    torch.manual_seed(0)
    model: Any = text_encoder(SMALL) if architecture == "text alone" else load_architecture(architecture)(SMALL)
    model.eval()
    objective = MaskedLanguageModelling(model, SMALL)
    seen = as_seen(batch(6), Pass(losses=(), words=True))
    if architecture == "text alone":
        given_states = None
        text = model(input_ids=seen["input_ids"], attention_mask=seen["attention_mask"]).last_hidden_state
    else:
        given_states = model.encode(seen)
        text = given_states.text
    loss, metrics = objective(model, given_states, seen)
    logits, labels = objective.logits(model, text), seen["mlm_labels"]
    assert logits.shape == (6, 9, 60)
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=1e-6)
    right = (logits.argmax(dim=-1) == labels)[labels != -100].float().mean()
    torch.testing.assert_close(metrics["accuracy"], right)
    loss.backward()
    assert model.get_input_embeddings().weight.grad.abs().sum() > 0
    assert not any(one.requires_grad for one in metrics.values())


def test_mlm_logits_are_tied_to_the_words_and_hold_no_copy_of_the_model() -> None:
    model = load_architecture("mmbt")(SMALL)
    objective = MaskedLanguageModelling(model, SMALL)
    assert {name for name, _ in objective.named_parameters()} == {
        "bias", "norm.bias", "norm.weight", "transform.bias", "transform.weight",
    }  # fmt: skip
    states = torch.randn(2, 32)
    before = objective.logits(model, states)
    with torch.no_grad():
        model.get_input_embeddings().weight[7] *= 2
    after = objective.logits(model, states)
    assert torch.equal(after[:, :7], before[:, :7])
    torch.testing.assert_close(after[:, 7], 2 * before[:, 7])


def test_vilt_predicts_words_by_a_layer_of_its_own() -> None:
    model = load_architecture("vilt")(SMALL)
    objective = MaskedLanguageModelling(model, SMALL)
    states = torch.randn(2, 32)
    before = objective.logits(model, states)
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(2)
    assert torch.equal(objective.logits(model, states), before)


def test_mlm_without_a_masked_token_is_zero() -> None:
    model = load_architecture("vilt")(SMALL)
    seen = as_seen(batch(3), Pass(losses=(), words=True))
    seen["mlm_labels"].fill_(-100)
    loss, metrics = MaskedLanguageModelling(model, SMALL)(model, model.encode(seen), seen)
    loss.backward()
    assert loss.item() == metrics["accuracy"].item() == 0.0


def test_itm_tells_the_pairs_that_the_pass_tore_apart() -> None:
    torch.manual_seed(0)
    model = load_architecture("vilt")(SMALL)
    objective = ImageTextMatching(model, SMALL)
    given_batch = batch(5)
    seen = as_seen(given_batch, Pass(losses=(), mismatched="images"))
    loss, metrics = objective(model, model.encode(seen), seen)
    rows = given_batch["itm_image_rows"].tolist()
    logits = torch.cat(
        [
            objective.head(
                model.encode(
                    {
                        "pixels": given_batch["pixels"][row : row + 1],
                        "input_ids": given_batch["input_ids"][text : text + 1],
                        "attention_mask": given_batch["attention_mask"][text : text + 1],
                    }
                ).pooled
            )
            for text, row in enumerate(rows)
        ]
    )
    labels = torch.tensor([int(text == row) for text, row in enumerate(rows)])
    torch.testing.assert_close(loss, F.cross_entropy(logits, labels), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(metrics["accuracy"], (logits.argmax(1) == labels).float().mean())


@pytest.mark.parametrize("mismatched", [None, "images"])
def test_questions_are_answered_where_there_is_an_answer_and_the_pair_is_whole(mismatched: Any) -> None:
    torch.manual_seed(0)
    model = RegionReader()
    objective = ImageQuestions(model, SMALL, answers=7)
    seen = as_seen(batch(8), Pass(losses=(), mismatched=mismatched))
    states = model.encode(seen)
    loss, metrics = objective(model, states, seen)
    asked = [row for row in range(8) if seen["pair_answers"][row] >= 0 and seen["pair_matches"][row]]
    assert 0 < len(asked) < 8
    logits = objective.head(states.pooled.detach()).double()
    answers = seen["pair_answers"]
    terms = [(logits[row].exp().sum().log() - logits[row, answers[row]]).item() for row in asked]
    assert loss.item() == pytest.approx(sum(terms) / len(terms), abs=1e-5)
    right = sum(int(logits[row].argmax() == answers[row]) for row in asked)
    assert metrics["accuracy"].item() == pytest.approx(right / len(asked))
    loss.backward()
    assert model.mixing.weight.grad is not None
    assert model.mixing.weight.grad.abs().sum() > 0


def test_no_question_is_no_loss() -> None:
    model = RegionReader()
    seen = as_seen(batch(4), Pass(losses=()))
    seen["pair_answers"].fill_(-1)
    loss, metrics = ImageQuestions(model, SMALL)(model, model.encode(seen), seen)
    loss.backward()
    assert loss.item() == metrics["accuracy"].item() == 0.0


class Embeddings(nn.Module):
    """Stands in for two towers: free unit vectors."""

    def __init__(self, count: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.text = nn.Parameter(torch.randn(count, 6, generator=generator, dtype=torch.float64))
        self.image = nn.Parameter(torch.randn(count, 6, generator=generator, dtype=torch.float64))
        self.logit_scale = nn.Parameter(torch.tensor(1.5, dtype=torch.float64))

    def embed_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(self.text, dim=1)

    def embed_image(self, pixels: Tensor) -> Tensor:
        return F.normalize(self.image, dim=1)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 6), seed=st.integers(0, 999), density=st.floats(0, 1))
def test_contrastive_equals_the_formula_with_false_negatives_left_out(count: int, seed: int, density: float) -> None:
    model = Embeddings(count, seed)
    truth = torch.rand(count, count, generator=torch.Generator().manual_seed(seed)) < density
    truth.fill_diagonal_(True)
    given_batch = {"truth": truth, "input_ids": truth, "attention_mask": truth, "pixels": truth}
    loss, metrics = Contrastive(model, SMALL)(model, None, given_batch)  # type: ignore[arg-type]
    with torch.no_grad():
        text, image = (one.numpy() for one in (model.embed_text(truth, truth), model.embed_image(truth)))
    scores = np.exp(1.5) * text @ image.T
    known = truth.numpy()
    total, found = 0.0, 0
    for i in range(count):
        pictures = [j for j in range(count) if j == i or not known[i, j]]
        sentences = [j for j in range(count) if j == i or not known[j, i]]
        total -= scores[i, i] - np.log(np.exp(scores[i, pictures]).sum())
        total -= scores[i, i] - np.log(np.exp(scores[sentences, i]).sum())
        found += scores[i, i] == scores[i, pictures].max()
        found += scores[i, i] == scores[sentences, i].max()
    assert loss.item() == pytest.approx(total / (2 * count), abs=1e-9)
    assert metrics["accuracy"].item() == pytest.approx(found / (2 * count))


def test_contrastive_clamps_the_scale_at_100_while_training() -> None:
    model = Embeddings(3, 0)
    objective = Contrastive(model, SMALL)  # type: ignore[arg-type]
    truth = torch.eye(3, dtype=torch.bool)
    given_batch = {"truth": truth, "input_ids": truth, "attention_mask": truth, "pixels": truth}
    with torch.no_grad():
        model.logit_scale.fill_(9.0)
    loss, metrics = objective(model, None, given_batch)
    assert metrics["scale"].item() == pytest.approx(100.0)
    assert model.logit_scale.item() == pytest.approx(MAXIMUM_LOG_SCALE)
    loss.backward()
    assert model.logit_scale.grad is not None  # it can come down again
    with torch.no_grad():
        model.logit_scale.fill_(1.0)
    objective(model, None, given_batch)
    assert model.logit_scale.item() == 1.0


@pytest.mark.parametrize(("kind", "build"), [("grid", grid_encoder), ("patches", patch_encoder)])
def test_image_labels_equal_the_formula(kind: Any, build: Any) -> None:
    torch.manual_seed(0)
    encoder = build(SMALL).eval()
    objective = ImageLabels(kind, SMALL, labels=7)
    pixels = batch(4)["pixels"]
    labels = torch.tensor([[1, 0, 0, 0, 0, 0, 1], [0, 1, 1, 0, 0, 0, 1], [0] * 7, [0, 0, 0, 1, 0, 0, 0]]).float()
    loss, metrics = objective(encoder, {"pixels": pixels, "labels": labels})
    logits = objective.logits(encoder, pixels)
    probabilities = logits.detach().double().sigmoid()
    likelihood = probabilities.where(labels.bool(), 1 - probabilities).log().sum(dim=1)
    assert loss.item() == pytest.approx(-likelihood.mean().item(), abs=1e-5)
    right = sum(
        int(labels[row, label])
        for row in range(4)
        for label in logits[row].topk(int(labels[row].sum())).indices.tolist()
    )
    assert metrics["precision"].item() == pytest.approx(right / 6)
    loss.backward()
    unreached = {name for name, one in encoder.named_parameters() if one.grad is None or not one.grad.any()}
    assert unreached == set()


def test_text_pretraining_leaves_only_the_pooler_untouched() -> None:
    encoder = text_encoder(SMALL)
    seen = as_seen(batch(6), Pass(losses=(), words=True))
    MaskedLanguageModelling(encoder, SMALL)(encoder, None, seen)[0].backward()
    unreached = {key for key, one in encoder.named_parameters() if one.grad is None or not one.grad.any()}
    assert unreached == {"pooler.dense.weight", "pooler.dense.bias"}
