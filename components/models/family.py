"""The base class of the BERT-era family: embedded words and visual tokens run through a stack of gated bimodal layers.

Single-stream (VisualBERT, UNITER, VL-BERT, Pixel-BERT) and dual-stream architectures (ViLBERT, LXMERT) share this class. Each
states its `Design`; they have everything else in common.

Shapes: B batch, T text tokens, V visual tokens, D width, P readout width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architecture import Architecture
from components.models.bert_text import BertEmbedding, TextSizes, fresh_sizes, pretrained_weights, text_sizes
from components.models.bimodal import BimodalStack, Side, Sizes
from components.models.configuration import Fusion, InitialScale, ModelConfiguration, Norm, Readout
from components.models.equal_size import as_large_as
from components.models.heads import linear_head
from components.models.initialisation import initialised
from components.models.layouts import named
from components.models.states import Batch, States
from components.models.visual_embedding import PixelEmbedding, RegionEmbedding, VisualEmbedding

BASE_WIDTH = 768
VILBERT_IMAGE_WIDTH, VILBERT_IMAGE_HEADS = 1024, 8


@dataclass(frozen=True)
class Design:
    """The choices that define one paper's model.

    Attributes:
        fusion: the layout of its layers, at the study's depth.
        embedding: how regions or cells become visual tokens.
        readout: 'pooled_text' is tanh of a linear layer on the text's [CLS], as in BERT. 'product' multiplies two linear
            layers with ReLU, one on [CLS] and one on the token of the whole picture.
        picture_first: whether the first visual token is the whole picture.
        wide_image: whether at base size (768) the image side and co-attention are 1,024 wide with 8 heads. At any other
            size both sides are equal.
        begins_with_bert: whether it starts from the study's text encoder; otherwise from scratch at the study's size.
        norm: with 'pre' there is also a normalisation after the last layer, as in ViT: one for a single stream, which shares
            all weights, otherwise one for each side.
        initial_scale: the rule by which its fresh weights are drawn.
    """

    fusion: Fusion
    embedding: type[RegionEmbedding] | type[PixelEmbedding]
    readout: Readout = "pooled_text"
    picture_first: bool = False
    wide_image: bool = False
    begins_with_bert: bool = True
    norm: Norm = "post"
    initial_scale: InitialScale = "common"


class FusionArchitecture(Architecture):
    """The base class of the family. Its submodules are `text_embedding`, `visual_embedding`, `layers` and the poolers.

    Attributes:
        DESIGN: the design of the class, for all configurations.
        design: the design of this instance.
        image_width: D of `States.image`.
        dropout_rate: of the study; a task head with dropout has the same.
        words_are_fresh: whether its word embeddings are fresh, not those of a text encoder.
    """

    DESIGN: ClassVar[Design]
    # A text encoder is loaded into text embedding, layers and pooler, so the submodule is the whole architecture.
    COMPONENTS: ClassVar[dict[str, str]] = {"text": ""}

    visual_embedding: VisualEmbedding

    def __init__(self, configuration: ModelConfiguration) -> None:
        """Build it with fresh weights, or with those of the text encoder that the configuration names.

        Raises:
            OSError: there is no such text encoder.
            ValueError: its layers cannot be used, or the configuration lacks what the design needs.
        """
        super().__init__(configuration)
        design = self.design = self.designed(configuration)
        text = text_sizes(configuration) if design.begins_with_bert else fresh_sizes(configuration)
        sizes = layer_sizes(text, configuration.dropout, wide_image=design.wide_image, norm=design.norm)
        self.text_embedding = initialised(
            BertEmbedding(
                text,
                configuration.dropout,
                segments=design.embedding.segments,
                extra_positions=design.embedding.extra_positions,
            ),
            design.initial_scale,
        )
        self.visual_embedding = design.embedding(
            configuration, self.text_embedding, sizes.image_width, picture_first=design.picture_first
        )
        layout = named(design.fusion, text.layers)
        if design.fusion == "single_stream_wide":
            sizes = as_large_as(named("vilbert", text.layers), layout, sizes)
        self.layers = initialised(BimodalStack(layout, sizes), design.initial_scale)
        self.final_norms = _final_norms(design, sizes)
        self.image_width = sizes.image_width
        self.pooled_size = sizes.cross_width if design.readout == "product" else text.width
        self.text_pooler = initialised(nn.Linear(text.width, self.pooled_size), design.initial_scale)
        if design.readout == "product":
            self.image_pooler = initialised(nn.Linear(sizes.image_width, self.pooled_size), design.initial_scale)
        self.words_are_fresh = True
        self.dropout_rate = configuration.dropout
        weights = pretrained_weights(configuration) if design.begins_with_bert else None
        if weights is not None:
            self.load_bert(weights)

    def designed(self, configuration: ModelConfiguration) -> Design:
        """The design for a configuration."""
        return self.DESIGN

    def encode(self, batch: Batch) -> States:
        """Read text and picture jointly; see `Architecture.encode`."""
        text, image, real = self.visual_embedding(batch, self.text_embedding)
        text, image = self.layers(text, image, batch["attention_mask"], real)
        if self.design.norm == "pre":
            # In a single stream the first and the last are the same module.
            text, image = self.final_norms[0](text), self.final_norms[-1](image)
        if self.design.readout == "product":
            pooled = F.relu(self.text_pooler(text[:, 0])) * F.relu(self.image_pooler(image[:, 0]))
        else:
            pooled = torch.tanh(self.text_pooler(text[:, 0]))
        if self.visual_embedding.picture_first:
            image, real = image[:, 1:], None if real is None else real[:, 1:]
        return States(text=text, image=image, pooled=pooled, image_real=real)

    def pair_head(self) -> nn.Module:
        """One linear layer, drawn by the rule of the design; see `Architecture.pair_head`."""
        return linear_head(self.pooled_size, 1, self.design.initial_scale)

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings, to which the masked language modelling head is tied."""
        return self.text_embedding.words

    def load_bert(self, weights: Mapping[str, Tensor]) -> None:
        """Load BERT: its embeddings, its layers (see `BimodalStack.load_bert`), and its pooler.

        LXMERT's layout may have more text layers than BERT (14 and 12); then BERT fills the first ones.

        Args:
            weights: state dict of a `BertModel` or `RobertaModel`. If it has no pooler, the pooler stays fresh. The pooler
                of the readout 'product' always stays fresh, because it is not BERT's.

        Raises:
            RuntimeError: names or shapes do not fit, or the layers are pre-norm, unlike BERT's.
        """
        self.text_embedding.load_bert(weights)
        try:
            self.layers.load_bert(weights, partly=self.design.fusion == "lxmert")
        except (KeyError, ValueError) as error:
            raise RuntimeError(f"the text encoder does not fit into {type(self).__name__}: {error}") from error
        pooler = {
            name: weights[f"pooler.dense.{name}"] for name in ("weight", "bias") if f"pooler.dense.{name}" in weights
        }
        if pooler and self.design.readout == "pooled_text":
            self.text_pooler.load_state_dict(pooler, strict=True)
        self.visual_embedding.begin(self.text_embedding)
        self.words_are_fresh = False


def _final_norms(design: Design, sizes: Sizes) -> nn.ModuleList:
    """The normalisations after the last layer; none in post-norm, where every layer ends with one."""
    if design.norm == "post":
        return nn.ModuleList()
    single = design.fusion in ("single_stream", "single_stream_wide")
    sides: tuple[Side, ...] = ("text",) if single else ("text", "image")
    return nn.ModuleList(nn.LayerNorm(sizes.width(side), eps=sizes.norm_epsilon) for side in sides)


def layer_sizes(text: TextSizes, dropout: float, *, wide_image: bool, norm: Norm) -> Sizes:
    """Sizes of both sides; equal, except with `wide_image` at base size (ViLBERT)."""
    wide = wide_image and text.width == BASE_WIDTH
    width = VILBERT_IMAGE_WIDTH if wide else text.width
    heads = VILBERT_IMAGE_HEADS if wide else text.heads
    return Sizes(
        text_width=text.width,
        image_width=width,
        text_heads=text.heads,
        image_heads=heads,
        cross_width=width,
        cross_heads=heads,
        text_feed_forward=text.feed_forward,
        image_feed_forward=width if wide else text.feed_forward,
        dropout=dropout,
        norm=norm,
        norm_epsilon=text.norm_epsilon,
    )


def answer_head(inputs: int, hidden: int, outputs: int, scale: InitialScale = "common") -> nn.Sequential:
    """Linear, GELU, LayerNorm, linear (LXMERT, UNITER, VL-BERT, VOLTA): (B, inputs) to (B, outputs)."""
    return initialised(
        nn.Sequential(
            nn.Linear(inputs, hidden), nn.GELU(), nn.LayerNorm(hidden, eps=1e-12), nn.Linear(hidden, outputs)
        ),
        scale,
    )


def state_before_last(states: States, batch: Batch) -> Tensor:
    """The state of the token before the closing [SEP], (B, D), from which VisualBERT and VL-BERT answer questions."""
    assert states.text is not None
    rows = torch.arange(len(states.text), device=states.text.device)
    return states.text[rows, batch["attention_mask"].sum(dim=1).long() - 2]
