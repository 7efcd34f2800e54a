"""Text encoders by the name of a checkpoint: BERT and RoBERTa, from a local folder."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
)

from components.models.bert_text import text_sizes
from tests.models.region_batches import AXES, batch, build, configured
from tests.models.text_checkpoints import CLOSE, SIZES, randomised


def bert(**changes: object) -> PreTrainedModel:
    return randomised(BertModel(BertConfig(**{**SIZES, **changes})))


def roberta(**changes: object) -> PreTrainedModel:
    """As the real ones: one segment, padding token 1, a larger epsilon."""
    return randomised(
        RobertaModel(
            RobertaConfig(**{**SIZES, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1, **changes})
        )
    )


@pytest.fixture(scope="module", params=[bert, roberta], ids=["BERT", "RoBERTa"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[PreTrainedModel, str]:
    model = request.param()
    folder = tmp_path_factory.mktemp("text")
    model.save_pretrained(folder)
    return model, str(folder)


def texts_alone(pad: int) -> dict[str, torch.Tensor]:
    """A batch whose pictures have no region, padded with the checkpoint's own token."""
    alone = batch([9, 5, 2])
    alone = {name: one[:, :0] if name.startswith("region_") else one for name, one in alone.items()}
    return {**alone, "input_ids": alone["input_ids"].where(alone["attention_mask"].bool(), pad)}


@pytest.mark.parametrize("name", ["visualbert", "uniter"])
def test_a_single_stream_without_regions_is_the_text_encoder(
    name: str, checkpoint: tuple[PreTrainedModel, str]
) -> None:
    reference, folder = checkpoint
    alone = texts_alone(reference.config.pad_token_id)
    mask = alone["attention_mask"]
    model = build(name, text_encoder=folder, pad_token_id=reference.config.pad_token_id).eval()
    with torch.no_grad():
        states = model.encode(alone)
        expected = reference(input_ids=alone["input_ids"], attention_mask=mask)
    assert states.image.shape == (3, 0, 24)
    torch.testing.assert_close(states.text[mask.bool()], expected.last_hidden_state[mask.bool()], **CLOSE)
    torch.testing.assert_close(states.pooled, expected.pooler_output, **CLOSE)


def test_two_streams_that_never_meet_hold_the_text_encoder(checkpoint: tuple[PreTrainedModel, str]) -> None:
    reference, folder = checkpoint
    model = build("controlled", text_encoder=folder, axes=replace(AXES, fusion="late")).eval()
    given_batch = batch([9, 5, 2])
    mask = given_batch["attention_mask"]
    ids = given_batch["input_ids"].where(mask.bool(), reference.config.pad_token_id)
    with torch.no_grad():
        states = model.encode({**given_batch, "input_ids": ids})
        expected = reference(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(states.text[mask.bool()], expected[mask.bool()], **CLOSE)


@pytest.mark.parametrize("name", ["visualbert", "vilbert", "uniter", "vlbert", "pixelbert", "controlled"])
def test_every_architecture_takes_the_checkpoints_sizes(name: str, checkpoint: tuple[PreTrainedModel, str]) -> None:
    reference, folder = checkpoint
    model = build(name, text_encoder=folder)
    words = model.get_input_embeddings().weight
    assert torch.equal(words, reference.get_input_embeddings().weight)
    assert model.layers.sizes.norm_epsilon == reference.config.layer_norm_eps
    states = model.encode(batch([9, 5, 2]))
    assert states.text.shape == (3, 9, 24)
    assert states.pooled.shape == (3, model.pooled_size)
    assert states.image.shape[2] == 24


def test_robertas_one_segment_stands_for_all(tmp_path: Path) -> None:
    model = roberta()
    model.save_pretrained(tmp_path)
    segments = build("vlbert", text_encoder=str(tmp_path)).text_embedding.segments.weight
    assert segments.shape == (3, 24)
    assert torch.equal(segments, model.embeddings.token_type_embeddings.weight.expand(3, -1))


def test_a_checkpoint_without_a_pooler_leaves_ours_fresh(tmp_path: Path) -> None:
    reference = randomised(BertForMaskedLM(BertConfig(**SIZES)))
    reference.save_pretrained(tmp_path)
    model = build("uniter", text_encoder=str(tmp_path))
    assert torch.equal(model.text_embedding.words.weight, reference.bert.embeddings.word_embeddings.weight)
    assert model.text_pooler.weight.std().item() == pytest.approx(24**-0.5, rel=0.2)  # the common initialisation
    assert not model.text_pooler.bias.any()


def test_what_cannot_be_taken_is_refused_in_a_sentence(tmp_path: Path) -> None:
    distilled = DistilBertModel(DistilBertConfig(vocab_size=70, dim=24, n_layers=1, n_heads=2, hidden_dim=40))
    for name, model in (
        ("distilled", distilled),
        ("relu", bert(hidden_act="relu")),
        ("short", roberta(max_position_embeddings=17)),
        ("few", bert(vocab_size=30)),
    ):
        model.save_pretrained(tmp_path / name)
    for name, match in (
        ("distilled", "is a distilbert; only layers of BERT and RoBERTa can be taken"),
        ("relu", "must have GELU"),
        ("short", "has room for a max_length of 15, not of 16"),
        ("few", "has room for a vocabulary_size of 30, not of 60"),
    ):
        with pytest.raises(ValueError, match=match):
            text_sizes(configured(text_encoder=str(tmp_path / name)))
    with pytest.raises(OSError, match="no/such"):
        text_sizes(configured(text_encoder=str(tmp_path / "no/such")))
