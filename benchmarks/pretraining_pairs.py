"""What `pretraining_step.py` holds against one another: our pretraining networks and the Hugging Face classes.

Of each pair both sides have the same layers at base size, read the same batch and compute the same losses; where the two
would not, `Pair.note` says what was left out. Shapes: B batch, T text tokens, V visual tokens, R regions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    LxmertConfig,
    LxmertForPreTraining,
    ViltConfig,
    ViltForImageAndTextRetrieval,
    ViltForMaskedLM,
    VisualBertConfig,
    VisualBertForPreTraining,
)

from components import objectives
from components.data.corruption import choose_regions, mask_tokens, mismatch, other_regions
from components.data.streams import Stream
from components.models.architectures import load
from components.models.configuration import ModelConfiguration
from components.models.passes import Pass, Pretraining
from components.models.pixels import PixelScaling
from components.objectives.inputs import IGNORED, as_seen
from components.objectives.regions import share_transform
from components.training.pretraining import PretrainingNetwork

CLS, SEP, MASK, FIRST_WORD = 2, 3, 4, 5
MASKED_SHARE = 0.15
OBJECTS, ATTRIBUTES, ANSWERS = 1600, 400, 9500
"""LXMERT's, background and "none" aside."""


@dataclass(frozen=True)
class Shape:
    """How large everything is.

    Attributes:
        batch: B.
        text: T of the longest text; lengths are even between a quarter of it and all of it, as captions differ.
        visual: R, all of them real; of patches the largest square number that is no more.
        dropout: rate, on both sides.
    """

    batch: int
    text: int
    visual: int
    dropout: float
    width: int = 768
    layers: int = 12
    heads: int = 12
    vocabulary: int = 30_522
    features: int = 2048
    patch_size: int = 32

    @property
    def image_size(self) -> int:
        """Pixels along each side of a picture."""
        return isqrt(self.visual) * self.patch_size


@dataclass(frozen=True)
class Pair:
    """Two modules that, called with their inputs, return the loss of one batch."""

    ours: nn.Module
    our_inputs: tuple[Any, ...]
    theirs: nn.Module
    their_inputs: tuple[Any, ...]
    tokens: int
    note: str


def configuration(shape: Shape) -> ModelConfiguration:
    """Our models at the size of theirs."""
    return ModelConfiguration(
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        feed_forward=4 * shape.width,
        dropout=shape.dropout,
        patch_size=shape.patch_size,
        stem_widths=(64,),
        image_tokens=1,
        projection=shape.width,
        text_encoder="tiny",  # fresh, at the sizes above
        grid_encoder="tiny",
        patch_encoder="tiny",
        vocabulary_size=shape.vocabulary,
        max_length=512,
        image_size=shape.image_size,
        pad_token_id=0,
        region_features=shape.features,
        object_classes=OBJECTS + 1,
        object_attributes=ATTRIBUTES + 1,
    )


def make_batch(shape: Shape, *, pixels: bool) -> dict[str, Tensor]:
    """A batch as the stream of pairs hands it over: padded to its longest text, drawn by the stream's own functions."""
    draw = Stream(0, "benchmark", "batch").at(0)
    count, regions = shape.batch, shape.visual
    lengths = np.linspace(max(3, shape.text // 4), shape.text, count).astype(np.int64)
    places = np.arange(shape.text)
    mask = (places < lengths[:, None]).astype(np.int64)
    input_ids = draw.integers(FIRST_WORD, shape.vocabulary, (count, shape.text)) * mask
    input_ids[:, 0], input_ids[np.arange(count), lengths - 1] = CLS, SEP
    masked, labels = mask_tokens(input_ids, lengths, draw, MASKED_SHARE, MASK, FIRST_WORD, shape.vocabulary)
    drawn: dict[str, np.ndarray] = {
        "input_ids": input_ids,
        "attention_mask": mask,
        "masked_input_ids": masked,
        "mlm_labels": labels,
        "itm_image_rows": mismatch(np.eye(count, dtype=bool), draw),
        "itm_text_rows": mismatch(np.eye(count, dtype=bool), draw),
    }
    if pixels:
        side = shape.image_size
        drawn["pixels"] = draw.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    else:
        real = np.ones((count, regions), dtype=bool)
        corners = np.sort(draw.random((count, regions, 2, 2), dtype=np.float32), axis=2)
        drawn |= {
            "region_features": draw.standard_normal((count, regions, shape.features), dtype=np.float32),
            "region_boxes": corners.reshape(count, regions, 4),
            "region_real": real,
            "region_classes": draw.dirichlet(np.ones(OBJECTS + 1), (count, regions)).astype(np.float32),
            "region_attributes": draw.dirichlet(np.ones(ATTRIBUTES + 1), (count, regions)).astype(np.float32),
            "region_chosen": choose_regions(real, draw, MASKED_SHARE),
            "region_treatment": draw.random(real.shape, dtype=np.float32),
            "region_other": other_regions(real, np.arange(count), draw),
            "pair_answers": draw.integers(0, ANSWERS, count),
        }
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in drawn.items()}


def our_network(name: str, shape: Shape, pretraining: Pretraining | None = None) -> PretrainingNetwork:
    """An arm under its own passes and losses, or under those given."""
    size = configuration(shape)
    model = load(name)(size)
    model.begin_pretraining()
    pretraining = pretraining or model.PRETRAINING
    heads: dict[str, Any] = {}
    for loss in pretraining.losses:
        kind: Any = objectives.load(loss)
        heads[loss] = kind.for_answers(model, size, ANSWERS)
    share_transform([heads[loss] for loss in pretraining.shared_transform])
    return PretrainingNetwork(model, PixelScaling(), pretraining, heads)


class Ours(nn.Module):
    """The loss alone: (B, ...) to a scalar."""

    def __init__(self, network: PretrainingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Scaling of pixels, swaps and masks included: that is part of our step."""
        return self.network(batch)[0]


class Theirs(nn.Module):
    """A Hugging Face class that sums its own losses."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, given: dict[str, Any]) -> Tensor:
        """Swapped and masked beforehand."""
        return self.model(**given).loss


class TheirViLT(nn.Module):
    """Two classes around one `ViltModel`, as there is none for both losses; matching asks for two logits as ours does."""

    def __init__(self, configuration: ViltConfig) -> None:
        super().__init__()
        self.words = ViltForMaskedLM(configuration)
        self.matching = ViltForImageAndTextRetrieval(configuration)
        self.matching.vilt = self.words.vilt
        self.matching.rank_output = nn.Linear(configuration.hidden_size, 2)

    def forward(self, masked: dict[str, Tensor], torn: dict[str, Tensor], matches: Tensor) -> Tensor:
        """One forward for each loss."""
        return self.words(**masked).loss + F.cross_entropy(self.matching(**torn).logits, matches)


def shared_sizes(shape: Shape) -> dict[str, Any]:
    """What the three Hugging Face configurations name alike."""
    return {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "num_attention_heads": shape.heads,
        "intermediate_size": 4 * shape.width,
        "hidden_dropout_prob": shape.dropout,
        "attention_probs_dropout_prob": shape.dropout,
        "pad_token_id": 0,
    }


def visualbert(shape: Shape) -> Pair:
    """One stream over words and regions."""
    batch = make_batch(shape, pixels=False)
    network = our_network("visualbert", shape)
    theirs = VisualBertForPreTraining(
        VisualBertConfig(num_hidden_layers=shape.layers, visual_embedding_dim=shape.features, **shared_sizes(shape))
    )
    (one_pass,) = network.pretraining.passes
    seen = as_seen(batch, one_pass)
    given = {
        "input_ids": seen["input_ids"],
        "attention_mask": seen["attention_mask"],
        "visual_embeds": seen["region_features"],
        "visual_attention_mask": seen["region_real"].float(),
        "labels": F.pad(seen["mlm_labels"], (0, shape.visual), value=IGNORED),
        "sentence_image_labels": seen["pair_matches"],
    }
    note = "masked words, image-text matching; one forward; VisualBertForPreTraining"
    return Pair(Ours(network), (batch,), Theirs(theirs), (given,), shape.text + shape.visual, note)


def lxmert(shape: Shape) -> Pair:
    """Two encoders and cross-attention, under all six losses."""
    batch = make_batch(shape, pixels=False)
    network = our_network("lxmert", shape)
    (one_pass,) = network.pretraining.passes
    seen = as_seen(batch, one_pass)
    asked = seen["region_asked"]
    theirs = LxmertForPreTraining(
        LxmertConfig(
            num_object_labels=OBJECTS,
            num_attr_labels=ATTRIBUTES,
            num_qa_labels=ANSWERS,
            visual_feat_dim=shape.features,
            l_layers=shape.layers * 9 // 12,
            r_layers=shape.layers * 5 // 12,
            x_layers=shape.layers * 5 // 12,
            # They divide by all regions; times this it is the mean over those asked for, which we take.
            visual_loss_normalizer=asked.numel() / int(asked.sum()),
            **shared_sizes(shape),
        )
    )
    objects, attributes = (seen[f"region_{kind}"][..., :-1].max(dim=-1) for kind in ("classes", "attributes"))
    given = {
        "input_ids": seen["input_ids"],
        "attention_mask": seen["attention_mask"],
        "visual_feats": seen["region_features"],
        "visual_pos": seen["region_boxes"],
        "visual_attention_mask": seen["region_real"].float(),
        "labels": seen["mlm_labels"],
        "matched_label": seen["pair_matches"],
        "obj_labels": {
            "obj": (objects.indices, objects.values * asked),
            "attr": (attributes.indices, attributes.values * asked),
            "feat": (seen["region_targets"], asked.float()),
        },
        "ans": seen["pair_answers"].where(seen["pair_matches"].bool(), IGNORED),
    }
    note = "masked words, matching, classes, attributes and features of regions, questions; LxmertForPreTraining"
    return Pair(Ours(network), (batch,), Theirs(theirs), (given,), shape.text + shape.visual, note)


def vilt(shape: Shape) -> Pair:
    """One stream over words and patches, two forwards."""
    batch = make_batch(shape, pixels=True)
    passes = (
        Pass(losses=(("mlm", 1.0),), words=True),
        Pass(losses=(("itm", 1.0),), mismatched="images"),
    )
    network = our_network("vilt", shape, Pretraining(passes))
    theirs = TheirViLT(
        ViltConfig(
            num_hidden_layers=shape.layers,
            image_size=shape.image_size,
            patch_size=shape.patch_size,
            max_position_embeddings=512,
            **shared_sizes(shape),
        )
    )
    masked, torn = (as_seen({**batch, "pixels": network.scaling(batch["pixels"])}, one) for one in passes)
    inputs = [
        {"input_ids": seen["input_ids"], "attention_mask": seen["attention_mask"], "pixel_values": seen["pixels"]}
        for seen in (masked, torn)
    ]
    inputs[0]["labels"] = masked["mlm_labels"]
    tokens = shape.text + 1 + isqrt(shape.visual) ** 2
    note = (
        "masked words, image-text matching; two forwards; ViltForMaskedLM and ViltForImageAndTextRetrieval around one "
        "model; without our word-patch alignment, which they lack"
    )
    return Pair(Ours(network), (batch,), theirs, (*inputs, torn["pair_matches"]), tokens, note)


def lxmert_paper(shape: Shape) -> Pair:
    """LXMERT at its paper's lengths."""
    return lxmert(replace(shape, text=20, visual=36))


PAIRS: dict[str, Callable[[Shape], Pair]] = {
    "visualbert": visualbert,
    "lxmert": lxmert,
    "lxmert_20_36": lxmert_paper,
    "vilt": vilt,
}
