"""ViLT against the Hugging Face class, with copied weights."""

import pytest
import torch
from transformers import ViltConfig, ViltForMaskedLM, ViltModel

from components.models.architectures.vilt import ViLT
from components.objectives.mlm import MaskedLanguageModelling
from tests.parity.copied_models import copied_vilt
from tests.parity.weight_copying import copy, randomise
from tests.small_configurations import PARITY, parity


@pytest.fixture(scope="module")
def reference() -> ViltForMaskedLM:
    torch.manual_seed(3)
    ours = PARITY
    model = ViltForMaskedLM(
        ViltConfig(
            vocab_size=ours.vocabulary_size,
            hidden_size=ours.width,
            num_hidden_layers=ours.layers,
            num_attention_heads=ours.heads,
            intermediate_size=ours.feed_forward,
            max_position_embeddings=ours.max_length,
            image_size=ours.image_size,
            patch_size=ours.patch_size,
            max_image_length=-1,
            pad_token_id=0,
        )
    )
    randomise(model)
    return model.eval()


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels, token ids and mask; rows of different length."""
    generator = torch.Generator().manual_seed(5)
    lengths = torch.tensor([12, 7, 2, 9])
    mask = (torch.arange(12) < lengths[:, None]).long()
    input_ids = torch.randint(1, 50, (4, 12), generator=generator) * mask
    return torch.randn(4, 3, 24, 24, generator=generator), input_ids, mask


def test_states_and_readout_equal_hugging_face(reference: ViltForMaskedLM) -> None:
    pixels, input_ids, mask = batch()
    ours = copied_vilt(reference.vilt, PARITY)
    with torch.no_grad():
        states = ours.encode({"pixels": pixels, "input_ids": input_ids, "attention_mask": mask})
        theirs = reference.vilt(input_ids=input_ids, attention_mask=mask, pixel_values=pixels)
    text, image = theirs.last_hidden_state.split([12, 10], dim=1)
    real = mask.bool()
    # The reference shuffles patches when it selects them; with all of them selected it keeps their order.
    torch.testing.assert_close(states.text[real], text[real], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(_sorted(states.image), _sorted(image[:, 1:]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states.pooled, theirs.pooler_output, atol=1e-5, rtol=1e-5)


def _sorted(states: torch.Tensor) -> torch.Tensor:
    """Patch tokens in the order of their first entry."""
    order = states[..., :1].argsort(dim=1)
    return states.gather(1, order.expand_as(states))


def test_vocabulary_logits_equal_hugging_face(reference: ViltForMaskedLM) -> None:
    pixels, input_ids, mask = batch()
    ours = copied_vilt(reference.vilt, PARITY)
    objective = MaskedLanguageModelling(ours, PARITY)
    objective.logit_scale = 1.0  # the reference does not scale its logits
    copy(objective.transform, reference.mlm_score.transform.dense)
    copy(objective.norm, reference.mlm_score.transform.LayerNorm)
    copy(objective.bias, reference.mlm_score.decoder.bias)
    copy(objective.decoder.weight, reference.mlm_score.decoder.weight)
    labels = torch.full_like(input_ids, -100)
    labels[:, 1] = input_ids[:, 1]
    with torch.no_grad():
        states = ours.encode({"pixels": pixels, "input_ids": input_ids, "attention_mask": mask})
        logits = objective.logits(ours, states.text)
        loss, _ = objective(ours, states, {"mlm_labels": labels})
        theirs = reference(input_ids=input_ids, attention_mask=mask, pixel_values=pixels, labels=labels)
    torch.testing.assert_close(logits[mask.bool()], theirs.logits[mask.bool()], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(loss, theirs.loss, atol=1e-5, rtol=1e-5)


def test_parameter_count_at_base_size() -> None:
    with torch.device("meta"):
        model = ViLT(
            parity(
                width=768,
                layers=12,
                heads=12,
                feed_forward=3072,
                patch_size=32,
                vocabulary_size=30522,
                max_length=40,
                image_size=384,
            )
        )
        theirs = ViltModel(ViltConfig())
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == sum(parameter.numel() for parameter in theirs.parameters()) == 111_595_008
