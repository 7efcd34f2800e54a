"""VisualBERT against the Hugging Face classes, with copied weights; without regions it is BERT."""

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel, VisualBertConfig, VisualBertForPreTraining, VisualBertModel

from components.models.architecture import load_component
from components.models.architectures.visualbert import VisualBERT
from components.objectives.mlm import MaskedLanguageModelling
from tests.parity.copied_models import copied_visualbert
from tests.parity.weight_copying import copy, randomise
from tests.small_configurations import parity

FEATURES = 10
CONFIGURATION = parity(region_features=FEATURES)
SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 12,
}
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(scope="module")
def reference() -> VisualBertForPreTraining:
    torch.manual_seed(3)
    model = VisualBertForPreTraining(VisualBertConfig(visual_embedding_dim=FEATURES, **SIZES))
    randomise(model)
    return model.eval()


def batch(regions: int = 7) -> dict[str, Tensor]:
    """Texts of different length beside pictures with different numbers of regions."""
    generator = torch.Generator().manual_seed(5)
    mask = (torch.arange(12) < torch.tensor([12, 7, 2, 9])[:, None]).long()
    return {
        "input_ids": torch.randint(1, 50, (4, 12), generator=generator) * mask,
        "attention_mask": mask,
        "region_features": torch.randn(4, regions, FEATURES, generator=generator),
        "region_boxes": torch.rand(4, regions, 4, generator=generator),
        "region_real": torch.arange(regions) < torch.tensor([7, 1, 4, 6])[:, None],
    }


def theirs(model: VisualBertModel | VisualBertForPreTraining, given: dict[str, Tensor], **further: Tensor) -> object:
    return model(
        input_ids=given["input_ids"],
        attention_mask=given["attention_mask"],
        visual_embeds=given["region_features"],
        visual_attention_mask=given["region_real"].float(),
        **further,
    )


@pytest.mark.parametrize("visual_type", [0, 1])
@torch.no_grad()
def test_states_and_readout_equal_hugging_face(reference: VisualBertForPreTraining, visual_type: int) -> None:
    """transformers gives regions type 1 where none is said, the original code 0."""
    given = batch()
    said = {"visual_token_type_ids": torch.zeros(4, 7, dtype=torch.long)} if visual_type == 0 else {}
    expected = theirs(reference.visual_bert, given, **said)
    states = copied_visualbert(reference.visual_bert, visual_type, CONFIGURATION).encode(given)
    text, image = expected.last_hidden_state.split([12, 7], dim=1)
    real, seen = given["attention_mask"].bool(), given["region_real"]
    torch.testing.assert_close(states.text[real], text[real], **CLOSE)
    torch.testing.assert_close(states.image[seen], image[seen], **CLOSE)
    torch.testing.assert_close(states.pooled, expected.pooler_output, **CLOSE)
    other = copied_visualbert(reference.visual_bert, 1 - visual_type, CONFIGURATION).encode(given)
    assert not torch.allclose(other.pooled, expected.pooler_output, atol=1e-3)  # the type is seen at all


@torch.no_grad()
def test_vocabulary_logits_equal_hugging_face(reference: VisualBertForPreTraining) -> None:
    given = batch()
    expected = theirs(reference, given).prediction_logits[:, :12]
    ours = copied_visualbert(reference.visual_bert, 1, CONFIGURATION)
    objective = MaskedLanguageModelling(ours, CONFIGURATION)
    objective.logit_scale = 1.0  # the reference does not scale its logits
    head = reference.cls.predictions
    copy(objective.transform, head.transform.dense)
    copy(objective.norm, head.transform.LayerNorm)
    copy(objective.bias, head.bias)
    logits = objective.logits(ours, ours.encode(given).text)
    real = given["attention_mask"].bool()
    torch.testing.assert_close(logits[real], expected[real], **CLOSE)


@torch.no_grad()
def test_without_regions_it_is_bert() -> None:
    torch.manual_seed(4)
    bert = BertModel(BertConfig(**SIZES)).eval()
    randomise(bert)
    ours = VisualBERT(CONFIGURATION).eval()
    load_component(ours, "text", bert.state_dict())
    given = {name: one[:, :0] if name.startswith("region_") else one for name, one in batch().items()}
    states = ours.encode(given)
    expected = bert(input_ids=given["input_ids"], attention_mask=given["attention_mask"])
    real = given["attention_mask"].bool()
    torch.testing.assert_close(states.text[real], expected.last_hidden_state[real], **CLOSE)
    torch.testing.assert_close(states.pooled, expected.pooler_output, **CLOSE)


@torch.no_grad()
def test_its_tables_begin_as_the_reference_makes_them() -> None:
    """Visual types and positions are copies of the text's (`special_visual_initialize`)."""
    reference = VisualBertModel(
        VisualBertConfig(visual_embedding_dim=FEATURES, special_visual_initialize=True, **SIZES)
    )
    ours = VisualBERT(CONFIGURATION)
    load_component(ours, "text", reference.state_dict())
    theirs_begin = reference.embeddings.token_type_embeddings.weight
    assert torch.equal(ours.visual_embedding.types.weight, theirs_begin)
    assert torch.equal(ours.visual_embedding.positions.weight, reference.embeddings.position_embeddings.weight)


def test_parameter_count_at_base_size_is_the_references() -> None:
    with torch.device("meta"):
        model = VisualBertModel(VisualBertConfig(visual_embedding_dim=2048))
    assert sum(one.numel() for one in model.parameters()) == 111_450_624  # and ours: tests/models/test_family.py
