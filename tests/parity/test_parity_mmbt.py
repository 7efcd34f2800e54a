"""MMBT by its card: what it hands to BERT, and BERT itself as the reference."""

from dataclasses import replace

import pytest
import torch
from transformers import ResNetConfig, ResNetModel

from components.models.architectures.mmbt import MMBT, POOLED_SHAPES
from tests.small_configurations import parity

CONFIGURATION = parity(layers=2, stem_widths=(8, 16), image_size=32)
CLS, SEP = 2, 3


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels, token ids with [CLS] and [SEP], and mask; rows of different length."""
    generator = torch.Generator().manual_seed(6)
    lengths = torch.tensor([12, 7, 2, 9])
    mask = (torch.arange(12) < lengths[:, None]).long()
    input_ids = torch.randint(4, 50, (4, 12), generator=generator) * mask
    input_ids[:, 0] = CLS
    input_ids[torch.arange(4), lengths - 1] = SEP
    return torch.randn(4, 3, 32, 32, generator=generator), input_ids, mask


@torch.no_grad()
def test_one_token_and_zeroed_projection_equal_bert_with_one_constant_extra_token() -> None:
    torch.manual_seed(1)
    model = MMBT(CONFIGURATION).eval()
    model.image_projection.weight.zero_()
    model.image_projection.bias.normal_()
    pixels, input_ids, mask = batch()
    states = model.encode({"pixels": pixels, "input_ids": input_ids, "attention_mask": mask})

    bert = model.text_encoder
    words = bert.embeddings.word_embeddings.weight
    rows = []
    for row, length in zip(input_ids, mask.sum(dim=1), strict=True):
        image_segment = torch.stack([words[CLS], model.image_projection.bias, words[SEP]])
        embedded = torch.cat([image_segment, words[row[1:length]]])[None]
        text = int(length) - 1
        rows.append(
            bert(
                inputs_embeds=embedded,
                position_ids=torch.tensor([[0, 1, 2, *range(text)]]),
                token_type_ids=torch.tensor([[0] * 3 + [1] * text]),
            )
        )
    close = {"atol": 1e-5, "rtol": 1e-5}
    for index, (expected, length) in enumerate(zip(rows, mask.sum(dim=1), strict=True)):
        hidden = expected.last_hidden_state[0]
        torch.testing.assert_close(states.text[index, 0], hidden[0], **close)
        torch.testing.assert_close(states.image[index], hidden[1:2], **close)
        torch.testing.assert_close(states.text[index, 1:length], hidden[3:], **close)
        torch.testing.assert_close(states.pooled[index], expected.pooler_output[0], **close)


@pytest.mark.parametrize("image_tokens", sorted(POOLED_SHAPES))
def test_image_segment_first_and_text_positions_restart_at_zero(
    image_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MMBT(replace(CONFIGURATION, image_tokens=image_tokens)).eval()
    pixels, input_ids, mask = batch()
    handed = {}
    embed = model.text_encoder.embeddings.forward

    def watched(**arguments: torch.Tensor) -> torch.Tensor:
        handed.update(arguments)
        return embed(**arguments)

    monkeypatch.setattr(model.text_encoder.embeddings, "forward", watched)
    states = model.encode({"pixels": pixels, "input_ids": input_ids, "attention_mask": mask})
    first, text = image_tokens + 2, 11
    assert handed["position_ids"].tolist() == [[*range(first), *range(text)]]
    assert handed["token_type_ids"].tolist() == [[0] * first + [1] * text] * 4
    words = model.text_encoder.embeddings.word_embeddings.weight
    embedded = handed["inputs_embeds"]
    assert torch.equal(embedded[:, 0], words[CLS].expand(4, -1))
    assert torch.equal(embedded[:, 1 : 1 + image_tokens], model.image_tokens(pixels))
    assert torch.equal(embedded[:, first - 1], words[SEP].expand(4, -1))
    assert torch.equal(embedded[:, first:], words[input_ids[:, 1:]])
    assert states.image.shape == (4, image_tokens, 32)


def test_image_tokens_are_averages_of_their_cells() -> None:
    """Four tokens of a 4x4 grid are the averages of its quarters, row by row."""
    torch.manual_seed(2)
    model = MMBT(replace(CONFIGURATION, image_tokens=4)).eval()
    pixels = batch()[0]
    with torch.no_grad():
        grid = model.image_encoder(pixels).last_hidden_state
        assert grid.shape[2:] == (4, 4)
        quarters = [
            grid[:, :, rows, columns].mean(dim=(2, 3))
            for rows in (slice(0, 2), slice(2, 4))
            for columns in (slice(0, 2), slice(2, 4))
        ]
        expected = model.image_projection(torch.stack(quarters, dim=1))
        torch.testing.assert_close(model.image_tokens(pixels), expected, atol=1e-5, rtol=1e-5)


def test_parameter_count_at_base_size() -> None:
    """BERT-base with its pooler and the projection of 2,048 channels: 111,055,872, beside the ResNet-152."""
    base = replace(
        CONFIGURATION,
        width=768,
        layers=12,
        heads=12,
        feed_forward=3072,
        vocabulary_size=30522,
        max_length=512,
        stem_widths=(64, 2048),
        image_tokens=3,
    )
    with torch.device("meta"):
        model = MMBT(base)
        resnet = ResNetModel(ResNetConfig(depths=[3, 8, 36, 3]))
    grid = sum(one.numel() for one in model.image_encoder.parameters())
    assert sum(one.numel() for one in model.parameters()) - grid == 111_055_872
    assert sum(one.numel() for one in resnet.parameters()) == 58_143_808  # 60,192,808 less the classifier
    assert model.image_projection.in_features == resnet.config.hidden_sizes[-1]


def test_parameter_names_fit_the_freezing_schedule() -> None:
    names = {name.split(".")[0] for name, _ in MMBT(CONFIGURATION).named_parameters()}
    assert names == {"text_encoder", "image_encoder", "image_projection"}
    bert = {name.split(".")[1] for name, _ in MMBT(CONFIGURATION).named_parameters() if name.startswith("text_")}
    assert bert == {"embeddings", "encoder", "pooler"}
