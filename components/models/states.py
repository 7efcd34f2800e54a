"""The input and output types of architectures and front ends: `Batch`, `States` and `Regions`.

Shapes: B batch, T text tokens, V visual tokens, D width, P readout width, R regions, F features of a region, L classes.
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

Batch = Mapping[str, Tensor]
"""Tensors by name. Every architecture reads those of the following that it needs:

* `input_ids` (B, T) int64, [CLS] first, [SEP] last of the tokens, padded on the right; `attention_mask` (B, T), 1 at
  tokens and 0 at padding;
* `pixels` (B, 3, height, width) float, for architectures that read the picture themselves;
* for architectures that read regions: `region_features` (B, R, F) float; `region_boxes` (B, R, 4) float (left, top, right,
  bottom as shares of the picture); `region_real` (B, R) bool, False at padding; and, if a pretraining task masks regions,
  `region_hidden` (B, R) bool, True where the features were removed.
"""


class Regions(NamedTuple):
    """The output of a visual front end. A region is a detected object, a grid cell or a patch.

    Attributes:
        features: (B, R, F).
        boxes: (B, R, 4): left, top, right, bottom as shares of the picture's sides, 0 to 1.
        real: (B, R) bool, False at padding.
        classes: (B, R, L): probabilities over the classes of object; the last class is background. L is 1 where the front
            end has no classes.
        attributes: (B, R, A): probabilities over attributes (colours); the last is "none". A is 1 where the front end has
            no attributes.
    """

    features: Tensor
    boxes: Tensor
    real: Tensor
    classes: Tensor
    attributes: Tensor


class States(NamedTuple):
    """The outputs of one forward pass.

    Attributes:
        text: (B, T, D), aligned with `input_ids`, or None where the architecture reads no text. States of padded positions
            are meaningless.
        image: (B, V, D), or None where it reads no image. Visual tokens are places of the picture: regions in the order of
            the batch, or grid cells or patches, row by row. Class tokens and similar ones are not included.
        pooled: (B, P), the paper's readout, which task heads read.
        image_real: (B, V) bool, False at padding; None where every visual token is real.
    """

    text: Tensor | None
    image: Tensor | None
    pooled: Tensor
    image_real: Tensor | None = None
