"""The losses of pretraining against those of the Hugging Face classes, with copied weights, on the benchmark's batches.

So what `benchmarks/pretraining_step.py` holds against one another is the same computation.
"""

import pytest
import torch
from torch import nn

from benchmarks.pretraining_pairs import PAIRS, Pair, Shape, configuration
from tests.parity.copied_models import copied_lxmert, copied_vilt, copied_visualbert
from tests.parity.weight_copying import copy, randomise

SHAPE = Shape(
    batch=6, text=9, visual=9, dropout=0.0, width=32, layers=5, heads=4, vocabulary=50, features=10, patch_size=8
)


def copy_words(ours: nn.Module, transform: nn.Module, bias: nn.Parameter) -> None:
    """The head of masked words; the references do not scale its logits."""
    copy(ours.transform, transform.dense)
    copy(ours.norm, transform.LayerNorm)
    copy(ours.bias, bias)
    ours.logit_scale = 1.0


def copy_visualbert(pair: Pair) -> None:
    network, reference = pair.ours.network, pair.theirs.model
    network.model.load_state_dict(copied_visualbert(reference.visual_bert, 1, configuration(SHAPE)).state_dict())
    copy_words(network.objectives["mlm"], reference.cls.predictions.transform, reference.cls.predictions.bias)
    copy(network.objectives["itm"].head, reference.cls.seq_relationship)


def copy_lxmert(pair: Pair) -> None:
    network, reference = pair.ours.network, pair.theirs.model
    network.model.load_state_dict(copied_lxmert(reference.lxmert, configuration(SHAPE)).state_dict())
    copy_words(network.objectives["mlm"], reference.cls.predictions.transform, reference.cls.predictions.bias)
    copy(network.objectives["itm"].head, reference.cls.seq_relationship)
    copy(network.objectives["image_questions"].head, reference.answer_head.logit_fc)
    kinds = {"region_classes": "obj", "region_attributes": "attr", "region_features_smooth": "feat"}
    for ours, theirs in kinds.items():  # whose three heads share a transform
        linear, _, norm, output = network.objectives[ours].head
        copy(linear, reference.obj_predict_head.transform.dense)
        copy(norm, reference.obj_predict_head.transform.LayerNorm)
        copy(output, reference.obj_predict_head.decoder_dict[theirs])


def copy_vilt(pair: Pair) -> None:
    network, reference = pair.ours.network, pair.theirs
    network.model.load_state_dict(copied_vilt(reference.words.vilt, configuration(SHAPE)).state_dict())
    head = reference.words.mlm_score
    copy_words(network.objectives["mlm"], head.transform, head.decoder.bias)
    copy(network.objectives["mlm"].decoder.weight, head.decoder.weight)
    copy(network.objectives["itm"].head, reference.matching.rank_output)


COPIES = {"visualbert": copy_visualbert, "lxmert": copy_lxmert, "vilt": copy_vilt}


@pytest.mark.parametrize("name", COPIES)
def test_both_sides_of_the_benchmark_compute_the_same_loss(name: str) -> None:
    torch.manual_seed(3)
    pair = PAIRS[name](SHAPE)
    randomise(pair.theirs)
    COPIES[name](pair)
    ours, theirs = pair.ours.eval()(*pair.our_inputs), pair.theirs.eval()(*pair.their_inputs)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    ours.backward()
    theirs.backward()
    reference = pair.theirs.words if name == "vilt" else pair.theirs.model
    words = pair.ours.network.model.get_input_embeddings().weight.grad
    if name == "vilt":  # the reference predicts words by the embeddings themselves, ours by a layer of its own
        words = words + pair.ours.network.objectives["mlm"].decoder.weight.grad
    assert words.abs().max() > 1e-3
    torch.testing.assert_close(words, reference.get_input_embeddings().weight.grad, atol=1e-4, rtol=1e-4)
