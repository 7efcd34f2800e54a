"""Embed regions, or cells of a grid, as visual tokens: one module for each paper, and one for controlled arms.

The modules differ in what a token contains besides the features, where it is normalised, and how it encodes its place. The
last point, the spatial code, was found to matter (Bugliarello et al., 2021) and is a setting of controlled arms.

Shapes: B batch, T text tokens, V visual tokens, D width, R regions, F features of a region, K cells.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.bert_text import BertEmbedding
from components.models.configuration import ModelConfiguration
from components.models.encoders import grid_channels, grid_encoder, grid_features
from components.models.initialisation import initialised
from components.models.spatial_code import BoxCode, box_sines, spatial_code
from components.models.states import Batch

NORM_EPSILON = 1e-12


class Embedded(NamedTuple):
    """The input of the layers.

    Attributes:
        text: (B, T, D).
        image: (B, V, D).
        real: (B, V) bool, False at padding; None where every visual token is real.
    """

    text: Tensor
    image: Tensor
    real: Tensor | None


class Seen(NamedTuple):
    """The regions of a batch, after the whole picture if that comes first.

    Attributes:
        features: (B, V, F).
        boxes: (B, V, 4).
        real: (B, V) bool, False at padding; None where all are real.
        hidden: (B, V) bool, True where pretraining removed the features; None where it removed none.
    """

    features: Tensor
    boxes: Tensor
    real: Tensor | None
    hidden: Tensor | None


def see(batch: Batch, *, picture_first: bool, without_hidden: bool = False) -> Seen:
    """The regions of a batch.

    Args:
        picture_first: put a region as large as the picture before them. Its features are the mean over the picture's real
            regions after masking, so that removed features count as zeros (jiasenlu/vilbert_beta).
        without_hidden: take the mean over the regions whose features were not removed (jackroos/VL-BERT).
    """
    features, boxes = batch["region_features"], batch["region_boxes"]
    real, hidden = batch.get("region_real"), batch.get("region_hidden")
    real = None if real is None else real.bool()
    if not picture_first:
        return Seen(features, boxes, real, hidden)
    counted = torch.ones_like(boxes[..., :1]) if real is None else real[..., None].to(features.dtype)
    if without_hidden and hidden is not None:
        counted = counted * ~hidden[..., None]
    mean = (features * counted).sum(dim=1, keepdim=True) / counted.sum(dim=1, keepdim=True).clamp(min=1)
    whole = boxes.new_tensor([0.0, 0.0, 1.0, 1.0]).expand(len(boxes), 1, 4)
    return Seen(
        torch.cat([mean, features], dim=1),
        torch.cat([whole, boxes], dim=1),
        None if real is None else F.pad(real, (1, 0), value=True),
        None if hidden is None else F.pad(hidden, (1, 0), value=False),
    )


class VisualEmbedding(nn.Module):
    """The base class: from a batch to embedded text and visual tokens.

    Attributes:
        segments: rows that the text's table of segments must have.
        extra_positions: rows that the text's table of positions must have in addition to the text's own.
        picture_first: whether the first visual token is the whole picture; `States.image` leaves it out.
    """

    segments: int = 2
    extra_positions: int = 0
    picture_first: bool = False

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed a batch.

        Args:
            text: the text's embedding block, parts of which some papers use for the image too.
        """
        raise NotImplementedError

    def begin(self, text: BertEmbedding) -> None:
        """Copy the tables that start as copies of the text's; called whenever the text gets new weights."""


class RegionEmbedding(VisualEmbedding):
    """Tokens from `region_features`, `region_boxes`, `region_real` and, if pretraining masks regions, `region_hidden`.

    Args:
        configuration: F, among other things.
        text: the text's embedding block; its sizes and weights are read, but it does not become a submodule.
        width: D of visual tokens.
        picture_first: see `see`.

    Raises:
        ValueError: the configuration has no region features.
    """

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = False
    ) -> None:
        super().__init__()
        if configuration.region_features < 1:
            raise ValueError("this architecture reads regions: its front end must say how many features describe one")
        self.picture_first = picture_first
        self.projection = nn.Linear(configuration.region_features, width)
        self.dropout = nn.Dropout(configuration.dropout)

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed words and regions separately."""
        seen = see(batch, picture_first=self.picture_first)
        return Embedded(text(batch["input_ids"]), self.dropout(self.tokens(seen)), seen.real)

    def tokens(self, seen: Seen) -> Tensor:
        """Visual tokens (B, V, D) before dropout."""
        raise NotImplementedError


class ControlledEmbedding(RegionEmbedding):
    """LN(LN(linear features) + spatial code), with any spatial code."""

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = False
    ) -> None:
        super().__init__(configuration, text, width, picture_first=picture_first)
        if configuration.axes is None:
            raise ValueError("a controlled arm needs axes that say what it is")
        self.kind = configuration.axes.spatial_code
        self.feature_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.code = spatial_code(self.kind, configuration, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        initialised(self, configuration.initial_scale)

    def tokens(self, seen: Seen) -> Tensor:
        """See the class."""
        summed = self.feature_norm(self.projection(seen.features))
        if self.code is not None:
            summed = summed + self.code(seen.boxes)
        return self.norm(summed / 2 if self.kind == "averaged_4" else summed)


class VisualBERTEmbedding(RegionEmbedding):
    """Linear features, a visual type and the visual position 0; one LayerNorm for words and regions (Li et al., 2019).

    As in the code (uclanlp/visualbert), the tables of visual types and positions are as large as the text's and start as
    copies of them, and the default type is 0 (in transformers it is 1). Boxes are not used.
    """

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = False
    ) -> None:
        super().__init__(configuration, text, width, picture_first=picture_first)
        self.types = nn.Embedding(*text.segments.weight.shape)
        self.positions = nn.Embedding(*text.positions.weight.shape)
        initialised(self)
        self.begin(text)

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed words and regions under one normalisation."""
        seen = see(batch, picture_first=self.picture_first)
        words = text.normalised(text.summed(batch["input_ids"]))
        return Embedded(words, text.normalised(self.tokens(seen)), seen.real)

    def tokens(self, seen: Seen) -> Tensor:
        """Visual tokens (B, V, D) before the normalisation."""
        return self.projection(seen.features) + self.positions.weight[0] + self.types.weight[0]

    def begin(self, text: BertEmbedding) -> None:
        """Copy the text's tables."""
        self.types.load_state_dict(text.segments.state_dict())
        self.positions.load_state_dict(text.positions.state_dict())


class ViLBERTEmbedding(RegionEmbedding):
    """LN(linear features + linear box of five numbers) (Lu et al., 2019; code: jiasenlu/vilbert_beta)."""

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = False
    ) -> None:
        super().__init__(configuration, text, width, picture_first=picture_first)
        self.code = BoxCode(5, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        initialised(self)

    def tokens(self, seen: Seen) -> Tensor:
        """See the class."""
        return self.norm(self.projection(seen.features) + self.code(seen.boxes))


class LXMERTEmbedding(RegionEmbedding):
    """The mean of LN(linear features) and LN(linear box) (Tan and Bansal, 2019, section 2.1; code: airsplay/lxmert)."""

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = False
    ) -> None:
        super().__init__(configuration, text, width, picture_first=picture_first)
        self.feature_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.code = BoxCode(4, width, normed=True)
        initialised(self)

    def tokens(self, seen: Seen) -> Tensor:
        """See the class."""
        return (self.feature_norm(self.projection(seen.features)) + self.code(seen.boxes)) / 2


class UNITEREmbedding(RegionEmbedding):
    """LN(LN(linear features) + LN(linear box of seven numbers) + the text's segment 1) (Chen et al., 2020, section 3.1).

    A learned vector of F numbers is added to the features of hidden regions (row 1 of `mask`; row 0 stays zero; code:
    ChenRocks/UNITER).
    """

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = False
    ) -> None:
        super().__init__(configuration, text, width, picture_first=picture_first)
        self.mask = nn.Embedding(2, configuration.region_features, padding_idx=0)
        self.feature_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.code = BoxCode(7, width, normed=True)
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        initialised(self)

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed words and regions; the regions' type is the text's segment 1."""
        seen = see(batch, picture_first=self.picture_first)
        regions = self.norm(self.tokens(seen) + text.segments.weight[1])
        return Embedded(text(batch["input_ids"]), self.dropout(regions), seen.real)

    def tokens(self, seen: Seen) -> Tensor:
        """Visual tokens (B, V, D) before the type and the last normalisation."""
        features = seen.features if seen.hidden is None else seen.features + self.mask(seen.hidden.long())
        return self.feature_norm(self.projection(features)) + self.code(seen.boxes)


class VLBERTEmbedding(RegionEmbedding):
    """Every token, word or region, is a word plus a visual part (Su et al., 2020, section 3.2; code: jackroos/VL-BERT).

    * The visual part is ReLU(linear(sines of the box, features)), with separate normalisations for words and for regions.
    * The word of a region is [IMG]. The visual part of a word is that of the whole picture.
    * Regions are segment C and all have the position after the text.
    * Hidden regions have learned features, which begin at zero, and a learned word of their own.
    * The features of the whole picture are the mean over the regions that are not hidden.
    """

    segments = 3
    extra_positions = 1

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = True
    ) -> None:
        super().__init__(configuration, text, width, picture_first=True)
        features = configuration.region_features
        # 256 frequencies with 2,048 features: then there are as many sines and cosines as features.
        self.frequencies = max(1, features // 8)
        self.projection = nn.Linear(8 * self.frequencies + features, width)
        self.image_word = nn.Embedding(1, width)
        self.hidden_word = nn.Embedding(1, width)
        self.hidden_features = nn.Embedding(1, features)
        self.word_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.region_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        initialised(self)
        nn.init.zeros_(self.hidden_features.weight)

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed words and regions under one normalisation."""
        seen = see(batch, picture_first=True, without_hidden=True)
        visual = self.tokens(seen)
        words = text.summed(batch["input_ids"]) + self.word_norm(visual[:, :1])
        word = self.image_word.weight[0]
        if seen.hidden is not None:
            word = torch.where(seen.hidden[..., None], self.hidden_word.weight[0], word)
        place = text.at(batch["attention_mask"].sum(dim=1, keepdim=True).long())
        regions = self.region_norm(visual) + word + place + text.segments.weight[2]
        return Embedded(text.normalised(words), text.normalised(regions), seen.real)

    def tokens(self, seen: Seen) -> Tensor:
        """The visual part (B, V, D) before its normalisation."""
        features = seen.features
        if seen.hidden is not None:
            features = torch.where(seen.hidden[..., None], self.hidden_features.weight[0], features)
        both = torch.cat([box_sines(seen.boxes, self.frequencies), features], dim=-1)
        return F.relu(self.projection(self.dropout(both)))


class PixelEmbedding(VisualEmbedding):
    """Linear cells of a grid encoder plus one learned vector for all of them, without positions (Huang et al., 2020).

    If `samples` is set, every forward pass in training mode reads a new random half of the cells, at most 100. The paper's
    100 pixels are about half of its grids.
    """

    MOST = 100

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = False
    ) -> None:
        super().__init__()
        self.encoder = grid_encoder(configuration)
        self.projection = initialised(nn.Linear(grid_channels(self.encoder), width))
        self.semantics = initialised(nn.Embedding(1, width))
        self.samples = False

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed words and cells."""
        cells = grid_features(self.encoder, batch["pixels"]).flatten(2).transpose(1, 2)
        if self.samples and self.training:
            cells = self.sampled(cells)
        return Embedded(text(batch["input_ids"]), self.tokens(cells), None)

    def tokens(self, cells: Tensor) -> Tensor:
        """(B, K, C) to (B, K, D)."""
        return self.projection(cells) + self.semantics.weight[0]

    def sampled(self, cells: Tensor) -> Tensor:
        """Distinct cells at random, in their order: (B, K, C) to (B, K / 2, C), at most 100 of them."""
        batch, count, channels = cells.shape
        kept = min(self.MOST, max(1, count // 2))
        chosen = torch.rand(batch, count, device=cells.device).argsort(dim=1)[:, :kept].sort(dim=1).values
        return cells.gather(1, chosen[..., None].expand(-1, -1, channels))
