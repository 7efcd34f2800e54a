"""What of BERT goes where in the layouts of the BERT-era models."""

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from components.models.bimodal import BimodalStack, Sizes
from components.models.layouts import Attention, FeedForward, Layout, late, lxmert, single_stream, vilbert

WORDS, REGIONS = 5, 4
EQUAL = Sizes.equal(16, 2, 24, 0.0)


def fresh(layout: Layout, sizes: Sizes) -> BimodalStack:
    """A stack that is ready for evaluation."""
    torch.manual_seed(0)
    return BimodalStack(layout, sizes).eval()


def bert(layers: int, width: int = 16) -> BertModel:
    torch.manual_seed(4)
    model = BertModel(
        BertConfig(
            vocab_size=30,
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=24,
            max_position_embeddings=WORDS,
        )
    )
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


def test_bert_in_a_single_stream_without_regions_is_bert() -> None:
    reference = bert(3)
    model = fresh(single_stream(3), EQUAL)
    model.load_bert(reference.state_dict())
    input_ids = torch.randint(1, 30, (3, WORDS))
    mask = torch.arange(WORDS) < torch.tensor([5, 3, 1])[:, None]
    with torch.no_grad():
        expected = reference(input_ids=input_ids, attention_mask=mask).last_hidden_state
        words, regions = model(reference.embeddings(input_ids), torch.zeros(3, 0, 16), mask, None)
    torch.testing.assert_close(words[mask], expected[mask], atol=1e-5, rtol=1e-5)
    assert regions.shape == (3, 0, 16)


@pytest.mark.parametrize(
    ("layout", "layers"), [(vilbert(1, 2), 3), (late(3), 3), (lxmert(2, 1, 1), 3)], ids=["ViLBERT", "late", "LXMERT"]
)
def test_bert_goes_to_the_text_side_of_two_streams_alone(layout: Layout, layers: int) -> None:
    """With cross-attention taken out the text side is BERT; nothing else has moved."""
    reference = bert(layers)
    model = fresh(layout, EQUAL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_bert(reference.state_dict())
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    crossing = [n for n, row in enumerate(layout) if isinstance(row, Attention) and row.crosses]
    # The feed-forward of co-attention belongs to it.
    after = {n + 1 for n in crossing if isinstance(layout[n + 1], FeedForward)}
    texts = [
        n
        for n, row in enumerate(layout)
        if n not in {*crossing, *after} and (row.text if isinstance(row, FeedForward) else "tt" in row.directions)
    ]
    assert moved == {name for name in before if any(name.startswith(f"sublayers.{n}.sides.text.") for n in texts)}
    assert len(texts) == 2 * layers
    side = BimodalStack(tuple(layout[n] for n in texts), EQUAL).eval()
    for ours, number in zip(side.sublayers, texts, strict=True):
        ours.load_state_dict(model.sublayers[number].state_dict())
    input_ids = torch.randint(1, 30, (3, WORDS))
    with torch.no_grad():
        words, _ = side(reference.embeddings(input_ids), torch.randn(3, REGIONS, 16))
        torch.testing.assert_close(words, reference(input_ids).last_hidden_state, atol=1e-5, rtol=1e-5)


def test_the_first_layers_of_a_deeper_bert_are_taken() -> None:
    deep, shallow = fresh(single_stream(2), EQUAL), fresh(single_stream(2), EQUAL)
    weights = bert(4).state_dict()
    deep.load_bert(weights)
    shallow.load_bert(
        {name: one for name, one in weights.items() if ".layer.2." not in name and ".layer.3." not in name}
    )
    assert all(torch.equal(one, shallow.state_dict()[name]) for name, one in deep.state_dict().items())


def test_a_bert_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 3 layers of BERT and the checkpoint has 2"):
        fresh(single_stream(3), EQUAL).load_bert(bert(2).state_dict())
    with pytest.raises(ValueError, match="checkpoint has 0"):
        fresh(single_stream(3), EQUAL).load_bert({}, partly=True)
    with pytest.raises(ValueError, match=r"is \(48, 16\) and BERT's is \(60, 20\)"):
        fresh(single_stream(1), EQUAL).load_bert(bert(1, width=20).state_dict())
    with pytest.raises(ValueError, match="post-norm"):
        fresh(single_stream(1), Sizes.equal(16, 2, 24, 0.0, norm="pre")).load_bert(bert(1).state_dict())


def test_bert_may_fill_part_of_a_deeper_layout() -> None:
    """Twelve layers of BERT-base start LXMERT's fourteen text layers."""
    model = fresh(lxmert(2, 1, 2), EQUAL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_bert(bert(3).state_dict(), partly=True)
    moved = {int(name.split(".")[1]) for name, one in model.state_dict().items() if not torch.equal(one, before[name])}
    assert moved == {0, 1, 2, 3, 5, 6}
