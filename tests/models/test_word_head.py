"""The word head of a checkpoint gives the logits that the checkpoint's own class gives."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertModel, RobertaConfig, RobertaForMaskedLM

from components.models.encoders import TINY, text_encoder
from components.models.word_head import word_head
from components.objectives.mlm import MaskedLanguageModelling
from tests.objectives.small_batches import SMALL

SIZES = {
    "vocab_size": SMALL.vocabulary_size,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": SMALL.max_length + 8,
    "hidden_dropout_prob": 0.3,
    "attention_probs_dropout_prob": 0.2,
}
KINDS: dict[str, Any] = {"bert": (BertForMaskedLM, BertConfig), "roberta": (RobertaForMaskedLM, RobertaConfig)}


def saved(model: Any, folder: Path) -> Any:
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return model.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_the_checkpoint(kind: str, tmp_path: Path) -> None:
    build, sizes = KINDS[kind]
    theirs = saved(build(sizes(**SIZES)), tmp_path)
    size = replace(SMALL, text_encoder=str(tmp_path))
    encoder = text_encoder(size).eval()
    ours = MaskedLanguageModelling(encoder, size)
    found = word_head(size)
    assert len(found) == 5
    ours.begin(found)
    ids = torch.randint(5, SMALL.vocabulary_size, (2, 7))
    mask = torch.ones_like(ids)
    with torch.no_grad():
        states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        wanted = theirs(input_ids=ids, attention_mask=mask).logits
        torch.testing.assert_close(ours.logits(encoder, states), wanted, atol=1e-4, rtol=1e-4)


def test_a_checkpoint_without_a_word_head_has_none(tmp_path: Path) -> None:
    saved(BertModel(BertConfig(**SIZES)), tmp_path)
    assert word_head(replace(SMALL, text_encoder=str(tmp_path))) == {}
    assert word_head(replace(SMALL, text_encoder=TINY)) == {}


def test_a_checkpoint_drops_as_the_study_says(tmp_path: Path) -> None:
    saved(BertModel(BertConfig(**SIZES)), tmp_path)
    encoder = text_encoder(replace(SMALL, text_encoder=str(tmp_path), dropout=0.1))
    rates = {part.p for part in encoder.modules() if isinstance(part, torch.nn.Dropout)}
    assert rates == {0.1}
