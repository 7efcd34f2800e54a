"""Text encoders from a local folder, of any class that is trained on masked words."""

from pathlib import Path

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    GPT2Config,
    GPT2Model,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5Model,
)

from components.models.architectures import load
from components.models.encoders import text_encoder
from components.models.initialisation import tied_logit_scale
from components.objectives.mlm import MaskedLanguageModelling
from tests.models.small_models import texts
from tests.models.text_checkpoints import CLOSE, SIZES, randomised
from tests.small_configurations import small

DISTILLED = {"vocab_size": 70, "dim": 24, "n_layers": 2, "n_heads": 4, "hidden_dim": 40, "max_position_embeddings": 20}


def bert() -> PreTrainedModel:
    return randomised(BertModel(BertConfig(**SIZES)))


def roberta() -> PreTrainedModel:
    return randomised(RobertaModel(RobertaConfig(**SIZES, type_vocab_size=1, pad_token_id=1)))


def distilbert() -> PreTrainedModel:
    return randomised(DistilBertModel(DistilBertConfig(**DISTILLED)))


@pytest.fixture(params=[bert, roberta, distilbert], ids=["BERT", "RoBERTa", "DistilBERT"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[PreTrainedModel, str]:
    model: PreTrainedModel = request.param()
    model.save_pretrained(tmp_path)
    return model, str(tmp_path)


def test_a_checkpoint_is_read_as_its_own_class_reads(checkpoint: tuple[PreTrainedModel, str]) -> None:
    reference, folder = checkpoint
    model = load("text_only")(small(text_encoder=folder)).eval()
    ids, mask = texts([9, 5, 2], 9)
    ids = ids.where(mask.bool(), reference.config.pad_token_id)
    with torch.no_grad():
        states = model.encode({"input_ids": ids, "attention_mask": mask})
        expected = reference(input_ids=ids, attention_mask=mask)
    torch.testing.assert_close(states.text[mask.bool()], expected.last_hidden_state[mask.bool()], **CLOSE)
    pooled = expected.pooler_output if "pooler_output" in expected else expected.last_hidden_state[:, 0]
    torch.testing.assert_close(states.pooled, pooled, **CLOSE)


def test_a_checkpoint_is_trained_on_masked_words_and_handed_over(checkpoint: tuple[PreTrainedModel, str]) -> None:
    """As `pretrain_text` and `starts` do it."""
    reference, folder = checkpoint
    size = small(text_encoder=folder)
    encoder = text_encoder(size)
    objective = MaskedLanguageModelling(encoder, size)
    ids, mask = texts([9, 5, 4], 9)
    labels = torch.full_like(ids, -100)
    labels[:, 2] = ids[:, 2]
    batch = {"input_ids": ids, "attention_mask": mask, "mlm_labels": labels}
    loss, _ = objective(encoder, None, batch)
    loss.backward()
    assert encoder.get_input_embeddings().weight.grad.abs().sum() > 0
    # Words of a checkpoint have a size of their own: their logits are plain products.
    assert objective.logit_scale == 1.0 != tied_logit_scale(24)
    fused = load("late_fusion")(size)
    fused.text_encoder.load_state_dict(encoder.state_dict(), strict=True)
    assert torch.equal(fused.get_input_embeddings().weight, reference.get_input_embeddings().weight)


def test_a_pooler_that_the_checkpoint_lacks_begins_fresh(tmp_path: Path) -> None:
    reference = randomised(BertForMaskedLM(BertConfig(**SIZES)))
    reference.save_pretrained(tmp_path)
    encoder = text_encoder(small(text_encoder=str(tmp_path)))
    assert torch.equal(encoder.get_input_embeddings().weight, reference.bert.get_input_embeddings().weight)
    assert 0 < encoder.pooler.dense.weight.std() < 0.1


def test_mmbt_needs_two_segments(checkpoint: tuple[PreTrainedModel, str]) -> None:
    reference, folder = checkpoint
    size = small(text_encoder=folder)
    if reference.config.model_type == "bert":
        assert load("mmbt")(size).pooled_size == 24
    else:
        with pytest.raises(ValueError, match=f"BERT's two segments.* is a {reference.config.model_type}$"):
            load("mmbt")(size)


def test_what_is_no_text_encoder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    half = bert()
    weights = {name: tensor for name, tensor in half.state_dict().items() if "layer.1." not in name}
    for name, model in (
        ("gpt", GPT2Model(GPT2Config(vocab_size=70, n_embd=24, n_layer=1, n_head=2))),
        ("t5", T5Model(T5Config(vocab_size=70, d_model=24, d_kv=12, d_ff=40, num_layers=1, num_heads=2))),
        ("narrow", ElectraModel(ElectraConfig(**SIZES, embedding_size=12))),
        ("few", BertModel(BertConfig(**{**SIZES, "vocab_size": 30}))),
        ("short", RobertaModel(RobertaConfig(**{**SIZES, "max_position_embeddings": 17}, pad_token_id=1))),
    ):
        model.save_pretrained(tmp_path / name)
    half.save_pretrained(tmp_path / "half", state_dict=weights)
    for name, match in (
        ("gpt", "is a gpt2, which is no encoder trained on masked words"),
        ("t5", "is a t5, which is no encoder trained on masked words"),
        ("narrow", "words of width 12 and states of width 24: choose one whose widths are equal"),
        ("few", "has room for a vocabulary_size of 30, not of 60"),
        ("short", "has room for a max_length of 15, not of 16"),
        ("half", r"lacks the weights encoder\.layer\.1\."),
    ):
        with pytest.raises(ValueError, match=match) as error:
            text_encoder(small(text_encoder=str(tmp_path / name)))
        assert "\n" not in str(error.value)
    with pytest.raises(OSError, match="no/such"):
        text_encoder(small(text_encoder=str(tmp_path / "no/such")))
