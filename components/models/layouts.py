"""Layouts: tables that describe an image-text transformer sub-layer by sub-layer.

Bugliarello et al. (2021, "Multimodal Pretraining Unmasked", section 3) showed that between their embeddings and their heads
the BERT-era models differ only in

* which modality may attend to which in a sub-layer,
* which modalities a sub-layer transforms,
* where the two modalities share weights.

A layout is that table, with one row for each sub-layer, numbered from 0. `components.models.bimodal.BimodalStack` runs it.

A direction names first the modality of the queries, then that of the keys: "tv" is text queries over visual keys.
"""

from dataclasses import dataclass
from itertools import zip_longest

from components.models.configuration import Fusion

DIRECTIONS = frozenset({"tt", "tv", "vt", "vv"})


@dataclass(frozen=True)
class Attention:
    """An attention sub-layer.

    The scores of one modality's queries over all keys go through one softmax: text with "tt" and "tv" divides its attention
    between words and visual tokens. A modality without queries passes through unchanged.

    Attributes:
        directions: which modality attends to which: some of "tt", "tv", "vt" and "vv".
        shared: whether both modalities use the same weights.
    """

    directions: frozenset[str]
    shared: bool = False

    def __post_init__(self) -> None:
        """Check the row.

        Raises:
            ValueError: there is no direction or an unknown one, or weights are shared although only one modality takes part.
        """
        object.__setattr__(self, "directions", frozenset(self.directions))
        if not self.directions or self.directions - DIRECTIONS:
            raise ValueError(f"directions must be some of {sorted(DIRECTIONS)}, not {sorted(self.directions)}")
        if self.shared and self.directions in ({"tt"}, {"vv"}):
            raise ValueError(f"shared weights need both modalities, and {sorted(self.directions)} has one")

    @property
    def crosses(self) -> bool:
        """Whether one modality attends to the other."""
        return not self.directions.isdisjoint({"tv", "vt"})

    @property
    def joined(self) -> bool:
        """Whether it is plain self-attention over the two sequences concatenated."""
        return self.shared and self.directions == DIRECTIONS


@dataclass(frozen=True)
class FeedForward:
    """A feed-forward sub-layer, which transforms each token separately. A modality without one passes through unchanged.

    Attributes:
        text: whether text has one.
        image: whether visual tokens have one.
        shared: whether both use the same weights.
    """

    text: bool
    image: bool
    shared: bool = False

    def __post_init__(self) -> None:
        """Check the row.

        Raises:
            ValueError: neither modality has one, or weights are shared with a modality that has none.
        """
        if not (self.text or self.image):
            raise ValueError("a feed-forward sub-layer needs text, image or both")
        if self.shared and not (self.text and self.image):
            raise ValueError("shared weights need both modalities")


Layout = tuple[Attention | FeedForward, ...]

TEXT = (Attention(frozenset({"tt"})), FeedForward(text=True, image=False))
"""A transformer layer of the text alone."""
IMAGE = (Attention(frozenset({"vv"})), FeedForward(text=False, image=True))
"""A transformer layer of the image alone."""
EACH = (Attention(frozenset({"tt", "vv"})), FeedForward(text=True, image=True))
"""A transformer layer of each modality, side by side."""
CO_ATTENTION = (Attention(frozenset({"tv", "vt"})), FeedForward(text=True, image=True))
"""ViLBERT's co-attention layer: each modality attends to the other, with its own weights."""
TIED_CROSS_ATTENTION = Attention(frozenset({"tv", "vt"}), shared=True)
"""LXMERT's cross-attention: each modality attends to the other, both with the same weights."""
JOINED = (Attention(DIRECTIONS, shared=True), FeedForward(text=True, image=True, shared=True))
"""A BERT layer over both sequences concatenated."""


def single_stream(layers: int) -> Layout:
    """One transformer over both sequences concatenated.

    In post-norm it is VisualBERT, UNITER, VL-BERT, Pixel-BERT and MMBT, which differ in their input. In pre-norm it is ViLT,
    except for the final normalisation, which the caller adds.
    """
    return JOINED * layers


def vilbert(text_only: int, connected: int) -> Layout:
    """Lu et al. (2019), figure 1: `text_only` text layers, then `connected` times a co-attention layer and one layer
    of each modality (6 and 6 at base size).

    Visual tokens attend to text before they first attend to one another.
    """
    return TEXT * text_only + (*CO_ATTENTION, *EACH) * connected


def lxmert(text: int, image: int, cross: int) -> Layout:
    """Tan and Bansal (2019), section 2.2: `text` text layers beside `image` object layers, then `cross` times
    cross-attention, self-attention of each modality, feed-forward of each (9, 5 and 5 at base size).

    There is no feed-forward between cross-attention and the self-attention that follows it.
    """
    return _side_by_side(text, image) + (TIED_CROSS_ATTENTION, *EACH) * cross


def late(layers: int) -> Layout:
    """Two separate stacks; text and image are joined only after the last layer."""
    return _side_by_side(layers, layers)


def named(fusion: Fusion, layers: int) -> Layout:
    """The layout of a level of the fusion axis, scaled to a study's depth.

    Args:
        fusion: the level.
        layers: the study's depth. At 12 every layout is that of its paper (single stream 12, ViLBERT 6 and 6, LXMERT
            9/5/5). At other depths its parts keep their share (at 3: ViLBERT 1 and 2, LXMERT 2/1/1), and every part of
            LXMERT keeps at least one layer. The wide single stream is wider in its sizes, not in its layout.

    Raises:
        ValueError: there is no such level, or no layer.
    """
    if layers < 1:
        raise ValueError(f"a layout needs at least one layer, not {layers}")
    match fusion:
        case "single_stream" | "single_stream_wide":
            return single_stream(layers)
        case "vilbert":
            return vilbert(layers // 2, layers - layers // 2)
        case "lxmert":
            some = max(1, layers * 5 // 12)
            return lxmert(max(1, layers * 9 // 12), some, some)
        case "late":
            return late(layers)
        case _:
            raise ValueError(f"there is no fusion called {fusion!r}")


def _side_by_side(text: int, image: int) -> Layout:
    """`text` text layers and `image` image layers. As long as both have layers left, they are put into common sub-layers."""
    rows: Layout = ()
    for has_text, has_image in zip_longest([True] * text, [True] * image, fillvalue=False):
        rows += EACH if has_text and has_image else TEXT if has_text else IMAGE
    return rows
