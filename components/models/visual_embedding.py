"""How a region, or a cell of a grid, becomes a visual token: one module for each paper, and one for controlled arms.

What differs is what else than the features goes into a token, where it is normalised, and how it says where it is.
That last point, the spatial code, was found to matter (Bugliarello et al., 2021) and is a setting of
controlled arms.

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
    """What goes into the layers.

    Attributes:
        text: (B, T, D).
        image: (B, V, D).
        real: (B, V) bool, False at padding; None where every visual token is real.
    """

    text: Tensor
    image: Tensor
    real: Tensor | None


class Seen(NamedTuple):
    """Regions, behind the whole picture where that comes first.

    Attributes:
        features: (B, V, F).
        boxes: (B, V, 4).
        real: (B, V) bool, False at padding; None where all are real.
        hidden: (B, V) bool, True where the features were taken away; None where none were.
    """

    features: Tensor
    boxes: Tensor
    real: Tensor | None
    hidden: Tensor | None


def see(batch: Batch, *, picture_first: bool) -> Seen:
    """The regions of a batch.

    Args:
        picture_first: put a region before them that is as large as the picture, its features the mean over the
            picture's real regions as they are shown (jiasenlu/vilbert_beta).
    """
    features, boxes = batch["region_features"], batch["region_boxes"]
    real, hidden = batch.get("region_real"), batch.get("region_hidden")
    real = None if real is None else real.bool()
    if not picture_first:
        return Seen(features, boxes, real, hidden)
    counted = torch.ones_like(boxes[..., :1]) if real is None else real[..., None].to(features.dtype)
    mean = (features * counted).sum(dim=1, keepdim=True) / counted.sum(dim=1, keepdim=True).clamp(min=1)
    whole = boxes.new_tensor([0.0, 0.0, 1.0, 1.0]).expand(len(boxes), 1, 4)
    return Seen(
        torch.cat([mean, features], dim=1),
        torch.cat([whole, boxes], dim=1),
        None if real is None else F.pad(real, (1, 0), value=True),
        None if hidden is None else F.pad(hidden, (1, 0), value=False),
    )


class VisualEmbedding(nn.Module):
    """From a batch to embedded text and visual tokens. Text comes first in every architecture here.

    Attributes:
        segments: rows that the text's table of segments must have.
        extra_positions: rows that the text's table of positions must have beyond the text's own.
        picture_first: the first visual token is the whole picture; it is no place of it.
    """

    segments: int = 2
    extra_positions: int = 0
    picture_first: bool = False

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed a batch.

        Args:
            text: the text's embedding block, which some papers share with the image.
        """
        raise NotImplementedError

    def begin(self, text: BertEmbedding) -> None:
        """Take over what begins as a copy of the text's; called whenever the text was given new weights."""


class RegionEmbedding(VisualEmbedding):
    """Tokens from `region_features`, `region_boxes`, `region_real` and, where pretraining says so, `region_hidden`.

    Args:
        configuration: F, among other things.
        text: the text's embedding block; looked at, not held.
        width: D of visual tokens.
        picture_first: see `see`.

    Raises:
        ValueError: the configuration knows no regions.
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
        """Embed words and regions, each by itself."""
        seen = see(batch, picture_first=self.picture_first)
        return Embedded(text(batch["input_ids"]), self.dropout(self.tokens(seen)), seen.real)

    def tokens(self, seen: Seen) -> Tensor:
        """Visual tokens (B, V, D) before dropout."""
        raise NotImplementedError


class ControlledEmbedding(RegionEmbedding):
    """LN(LN(linear features) + spatial code), for every spatial code alike."""

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

    The code's (uclanlp/visualbert) tables of visual types and positions are as large as the text's and begin as
    copies of them. It gives type 0 where none is said (transformers gives 1). Boxes are never looked at.
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
        """Before the normalisation."""
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

    A learned vector of F numbers is added to the features of regions that pretraining has hidden (row 1 of `mask`, whose
    row 0 stays zero; code: ChenRocks/UNITER).
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
        """Before the type and the last normalisation."""
        features = seen.features if seen.hidden is None else seen.features + self.mask(seen.hidden.long())
        return self.feature_norm(self.projection(features)) + self.code(seen.boxes)


class VLBERTEmbedding(RegionEmbedding):
    """Every token, word or region, is a word plus something seen (Su et al., 2020, section 3.2; code: jackroos/VL-BERT).

    What is seen is ReLU(linear(sines of the box, features)), normalised for words and for regions apart. The word of a
    region is [IMG]; what words see is the whole picture. Regions are segment C, and all stand at the position after the
    text. Hidden regions have features and a word of their own.
    """

    segments = 3
    extra_positions = 1

    def __init__(
        self, configuration: ModelConfiguration, text: BertEmbedding, width: int, *, picture_first: bool = True
    ) -> None:
        super().__init__(configuration, text, width, picture_first=True)
        features = configuration.region_features
        # 256 frequencies beside 2,048 features: as many numbers of either kind.
        self.frequencies = max(1, features // 8)
        self.projection = nn.Linear(8 * self.frequencies + features, width)
        self.image_word = nn.Embedding(1, width)
        self.hidden_word = nn.Embedding(1, width)
        self.hidden_features = nn.Embedding(1, features)
        self.word_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.region_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        initialised(self)

    def forward(self, batch: Batch, text: BertEmbedding) -> Embedded:
        """Embed words and regions under one normalisation."""
        seen = see(batch, picture_first=True)
        visual = self.tokens(seen)
        words = text.summed(batch["input_ids"]) + self.word_norm(visual[:, :1])
        word = self.image_word.weight[0]
        if seen.hidden is not None:
            word = torch.where(seen.hidden[..., None], self.hidden_word.weight[0], word)
        place = text.at(batch["attention_mask"].sum(dim=1, keepdim=True).long())
        regions = self.region_norm(visual) + word + place + text.segments.weight[2]
        return Embedded(text.normalised(words), text.normalised(regions), seen.real)

    def tokens(self, seen: Seen) -> Tensor:
        """What is seen, before its normalisation."""
        features = seen.features
        if seen.hidden is not None:
            features = torch.where(seen.hidden[..., None], self.hidden_features.weight[0], features)
        both = torch.cat([box_sines(seen.boxes, self.frequencies), features], dim=-1)
        return F.relu(self.projection(self.dropout(both)))


class PixelEmbedding(VisualEmbedding):
    """Linear cells of a grid encoder, plus one learned vector for all of them; no position (Huang et al., 2020).

    While `samples` is set, training shows a random half of the cells, never more than 100, another one each time: the
    paper's 100 pixels are about half of its grids.
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
