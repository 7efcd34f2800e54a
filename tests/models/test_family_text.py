"""How the BERT-era family takes the text component into embeddings, layers and pooler."""

from dataclasses import replace

import pytest
import torch
from transformers import BertModel

from components.models.architecture import load_component
from components.models.encoders import text_encoder
from tests.models.region_batches import AXES, FAMILY, build, configured

TAKES_TEXT = tuple(name for name in FAMILY if name != "lxmert")


def pretrained(**sizes: object) -> BertModel:
    """The study's text encoder with random weights everywhere."""
    torch.manual_seed(9)
    model = text_encoder(configured(**sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model.eval()


@pytest.mark.parametrize("name", TAKES_TEXT)
def test_the_texts_component_fills_embeddings_layers_and_pooler(name: str) -> None:
    bert, model = pretrained(), build(name)
    weights = bert.state_dict()
    load_component(model, "text", weights)
    embedding = model.text_embedding
    assert torch.equal(embedding.words.weight, weights["embeddings.word_embeddings.weight"])
    assert torch.equal(embedding.positions.weight[:16], weights["embeddings.position_embeddings.weight"])
    assert torch.equal(embedding.segments.weight[:2], weights["embeddings.token_type_embeddings.weight"])
    assert torch.equal(embedding.norm.weight, weights["embeddings.LayerNorm.weight"])
    expand = dict(model.layers.named_parameters())
    taken = [one for key, one in expand.items() if key.endswith("network.expand.weight")]
    for layer in range(2):
        theirs = weights[f"encoder.layer.{layer}.intermediate.dense.weight"]
        assert any(torch.equal(one, theirs) for one in taken)
    same = torch.equal(model.text_pooler.weight, weights["pooler.dense.weight"])
    assert same == (name not in ("vilbert", "controlled"))
    if name == "visualbert":
        assert torch.equal(model.visual_embedding.positions.weight, embedding.positions.weight)
        assert torch.equal(model.visual_embedding.types.weight, embedding.segments.weight)


def test_a_controlled_arm_with_pooled_text_takes_the_pooler_too() -> None:
    bert = pretrained()
    model = build("controlled", axes=replace(AXES, readout="pooled_text"))
    load_component(model, "text", bert.state_dict())
    assert torch.equal(model.text_pooler.weight, bert.pooler.dense.weight)


@pytest.mark.parametrize("layers", [2, 3, 12])
@pytest.mark.parametrize("fusion", ["single_stream", "single_stream_wide", "vilbert", "lxmert", "late"])
def test_the_text_component_fits_into_every_controlled_arm(fusion: str, layers: int) -> None:
    """LXMERT's layout at depth 12 has room for two more layers than BERT fills."""
    model, bert = build("controlled", layers=layers, axes=replace(AXES, fusion=fusion)), pretrained(layers=layers)
    load_component(model, "text", bert.state_dict())
    assert torch.equal(model.text_embedding.words.weight, bert.embeddings.word_embeddings.weight)


def test_a_component_with_more_positions_gives_the_first_ones() -> None:
    bert, model = pretrained(max_length=40), build("visualbert")
    load_component(model, "text", bert.state_dict())
    assert torch.equal(model.text_embedding.positions.weight, bert.embeddings.position_embeddings.weight[:16])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"width": 48, "heads": 4}, "size mismatch"),
        ({"max_length": 8}, "size mismatch for positions"),
        ({"feed_forward": 48}, "the text encoder does not fit into VisualBERT"),
        ({"layers": 1}, "the layout takes 2 layers of BERT and the checkpoint has 1"),
    ],
)
def test_a_component_of_another_size_is_refused(changes: dict[str, int], match: str) -> None:
    with pytest.raises(RuntimeError, match=match):
        load_component(build("visualbert"), "text", pretrained(**changes).state_dict())


def test_a_component_without_a_layers_weight_is_refused() -> None:
    weights = pretrained().state_dict()
    del weights["encoder.layer.1.output.dense.weight"]
    with pytest.raises(RuntimeError, match="does not fit into VisualBERT"):
        load_component(build("visualbert"), "text", weights)


def test_a_pre_norm_arm_begins_from_nothing() -> None:
    axes = replace(AXES, norm="pre")
    model = build("controlled", axes=axes, text_encoder="no/such-checkpoint")
    with pytest.raises(RuntimeError, match="does not fit into Controlled: BERT is post-norm"):
        load_component(model, "text", pretrained().state_dict())
