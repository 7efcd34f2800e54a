"""The gated bimodal layer: one implementation of every BERT-era image-text transformer.

After Bugliarello et al. (2021, "Multimodal Pretraining Unmasked", section 3) a model is a table of sub-layers (see
`components.models.layouts`), and in each attention sub-layer four gates say which modality may attend to which.

Shapes: B batch, T text tokens, V visual tokens, D width (of a modality: Dt, Dv), H heads, K keys, S head size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models import layouts
from components.models.layouts import Layout
from components.models.transformer import Activation, FeedForward, NormPlacement

Side = Literal["text", "image", "both"]
"""A modality, or both concatenated, text first."""
SIDES: dict[str, Side] = {"t": "text", "v": "image"}
"""Sides by their letter in a layout's directions."""
Sequences = dict[Side, Tensor]
"""The states between two sub-layers: "text" (B, T, Dt) and "image" (B, V, Dv), or "both" (B, T + V, D)."""
Masks = dict[tuple[Side, ...], Tensor | None]
"""Masks by the sides whose keys are attended to: (B, 1, 1, K) bool, True at real tokens; None where all tokens are real."""


@dataclass(frozen=True)
class Sizes:
    """Sizes and settings of a stack.

    Attributes:
        text_width: Dt.
        image_width: Dv.
        text_heads: heads where text attends to text, and wherever weights are shared.
        image_heads: heads where visual tokens attend to one another.
        cross_width: inner width of unshared attention sub-layers in which modalities attend to one another.
        cross_heads: their heads.
        text_feed_forward: hidden width of the text's feed-forward sub-layers.
        image_feed_forward: hidden width of those of the visual tokens.
        dropout: rate of attention probabilities and of a sub-layer's output (Devlin et al., 2019, appendix A.2).
        norm: "post" normalises the sum of a sub-layer's input and output (BERT), "pre" the input of a sub-layer (ViT).
            "pre" has no normalisation after the last sub-layer.
        norm_epsilon: of every LayerNorm.
        activation: of every feed-forward sub-layer.
        further_units: hidden units of every feed-forward sub-layer beyond `text_feed_forward` and `image_feed_forward`.
    """

    text_width: int
    image_width: int
    text_heads: int
    image_heads: int
    cross_width: int
    cross_heads: int
    text_feed_forward: int
    image_feed_forward: int
    dropout: float
    norm: NormPlacement = "post"
    norm_epsilon: float = 1e-12
    activation: Activation = "gelu"
    further_units: int = 0

    def __post_init__(self) -> None:
        """Check that heads divide widths.

        Raises:
            ValueError: they do not.
        """
        for part in ("text", "image", "cross"):
            width, heads = getattr(self, f"{part}_width"), getattr(self, f"{part}_heads")
            if width % heads:
                raise ValueError(f"{part}_heads ({heads}) must divide {part}_width ({width})")

    @classmethod
    def equal(
        cls,
        width: int,
        heads: int,
        feed_forward: int,
        dropout: float,
        *,
        norm: NormPlacement = "post",
        norm_epsilon: float = 1e-12,
        activation: Activation = "gelu",
    ) -> "Sizes":
        """The same sizes for text, image and cross-attention."""
        sides = (width, width, heads, heads, width, heads, feed_forward, feed_forward)
        return cls(*sides, dropout=dropout, norm=norm, norm_epsilon=norm_epsilon, activation=activation)

    def width(self, side: Side) -> int:
        """D of a side; for "both" that of the text, because shared weights need equal widths."""
        return self.image_width if side == "image" else self.text_width

    def heads(self, side: Side) -> int:
        """H of a side's own attention."""
        return self.image_heads if side == "image" else self.text_heads

    def feed_forward(self, side: Side) -> int:
        """Hidden width of a side's feed-forward sub-layers."""
        return (self.image_feed_forward if side == "image" else self.text_feed_forward) + self.further_units


class Residual(nn.Module):
    """The input and output of a sub-layer: LayerNorm, dropout and the residual connection.

    Pre-norm normalises the input and post-norm the sum. So a side that is read but not changed has a norm only in pre-norm.
    """

    def __init__(self, width: int, sizes: Sizes, *, changes: bool = True) -> None:
        super().__init__()
        self.norm_first = sizes.norm == "pre"
        self.norm = nn.LayerNorm(width, eps=sizes.norm_epsilon) if changes or self.norm_first else nn.Identity()
        self.dropout = nn.Dropout(sizes.dropout)

    def read(self, x: Tensor) -> Tensor:
        """The sub-layer's input from the states (B, tokens, D)."""
        return self.norm(x) if self.norm_first else x

    def add(self, x: Tensor, change: Tensor) -> Tensor:
        """The states (B, tokens, D) after the sub-layer's change to them."""
        x = x + self.dropout(change)
        return x if self.norm_first else self.norm(x)


class AttentionSide(nn.Module):
    """The weights of one side in an attention sub-layer.

    A side that attends to nothing has no queries; one that nothing attends to has no keys and values. Queries, keys and values
    are computed by one matrix product, in this order.
    """

    def __init__(self, width: int, inner: int, heads: int, sizes: Sizes, *, queries: bool, keys: bool) -> None:
        super().__init__()
        self.heads = heads
        self.parts = ("query",) * queries + ("key", "value") * keys
        self.projection = nn.Linear(width, len(self.parts) * inner)
        self.output = nn.Linear(inner, width) if queries else None
        self.residual = Residual(width, sizes, changes=queries)

    def project(self, x: Tensor) -> dict[str, Tensor]:
        """States (B, tokens, D) to those of "query", "key" and "value" that the side has: (B, H, tokens, S) each."""
        projected = self.projection(self.residual.read(x)).unflatten(-1, (len(self.parts), self.heads, -1))
        return dict(zip(self.parts, projected.permute(2, 0, 3, 1, 4), strict=True))

    def add(self, x: Tensor, mixed: Tensor) -> Tensor:
        """States (B, tokens, D) and mixed values (B, H, tokens, S) to new states."""
        assert self.output is not None, "only a side that looks is changed"
        return self.residual.add(x, self.output(mixed.transpose(1, 2).flatten(2)))


class AttentionSublayer(nn.Module):
    """One attention row of a layout.

    For each side with queries, the keys of all sides that it attends to are concatenated, so that their scores go through one
    softmax. All sides are read before any is changed. Where modalities attend to one another with unshared weights, each is
    projected from its own width to `cross_width` and back; otherwise a side keeps its own width.
    """

    def __init__(self, row: layouts.Attention, sizes: Sizes) -> None:
        super().__init__()
        self.joined = row.joined
        self.dropout = sizes.dropout
        self.looks: dict[Side, tuple[Side, ...]] = {}
        if row.joined:
            self.looks["both"] = ("both",)
        else:
            for direction in sorted(row.directions):
                looking, seen = SIDES[direction[0]], SIDES[direction[1]]
                self.looks[looking] = (*self.looks.get(looking, ()), seen)
        seen_sides = {side for sides in self.looks.values() for side in sides}
        self.takes_part = tuple(dict.fromkeys([*self.looks, *sorted(seen_sides)]))
        crossing = row.crosses and not row.shared
        owners: tuple[Side, ...] = ("both",) if row.shared else self.takes_part
        self.sides = nn.ModuleDict(
            {
                owner: AttentionSide(
                    sizes.width(owner),
                    sizes.cross_width if crossing else sizes.width(owner),
                    sizes.cross_heads if crossing else sizes.heads(owner),
                    sizes,
                    queries=owner == "both" or owner in self.looks,
                    keys=owner == "both" or owner in seen_sides,
                )
                for owner in owners
            }
        )

    def of(self, side: Side) -> AttentionSide:
        """The module with a side's weights; the same one for both sides if they are shared."""
        return cast(AttentionSide, self.sides["both" if "both" in self.sides else side])

    def forward(self, states: Sequences, masks: Masks) -> Sequences:
        """Apply attention; shapes stay the same."""
        projected = {side: self.of(side).project(states[side]) for side in self.takes_part}
        changed = dict(states)
        for side, seen in self.looks.items():
            mixed = F.scaled_dot_product_attention(
                projected[side]["query"],
                _end_to_end([projected[one]["key"] for one in seen]),
                _end_to_end([projected[one]["value"] for one in seen]),
                attn_mask=masks[seen],
                dropout_p=self.dropout if self.training else 0.0,
            )
            changed[side] = self.of(side).add(states[side], mixed)
        return changed


class FeedForwardSide(nn.Module):
    """The weights of one side in a feed-forward sub-layer."""

    def __init__(self, side: Side, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width(side)
        self.network = FeedForward(width, sizes.feed_forward(side), sizes.activation)
        self.residual = Residual(width, sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token separately: (B, tokens, D) to the same shape."""
        return self.residual.add(x, self.network(self.residual.read(x)))


class FeedForwardSublayer(nn.Module):
    """One feed-forward row of a layout."""

    def __init__(self, row: layouts.FeedForward, sizes: Sizes) -> None:
        super().__init__()
        # Shared weights run on the joined sequence, as one larger matrix product.
        self.joined = row.shared
        own: list[Side] = [side for side, has in zip(SIDES.values(), (row.text, row.image), strict=True) if has]
        sides: list[Side] = ["both"] if row.shared else own
        self.sides = nn.ModuleDict({side: FeedForwardSide(side, sizes) for side in sides})

    def forward(self, states: Sequences, masks: Masks) -> Sequences:
        """Transform the tokens of the sides that have a network; shapes stay the same, masks are ignored."""
        return {side: self.sides[side](x) if side in self.sides else x for side, x in states.items()}


class BimodalStack(nn.Module):
    """A layout's sub-layers in order.

    Consecutive sub-layers over both sequences run on the joined sequence, which is concatenated once for all of them. So a
    single stream is a plain transformer with one fused attention in each layer.
    """

    def __init__(self, layout: Layout, sizes: Sizes) -> None:
        """Build it with torch's own initial weights (see `components.models.initialisation.initialised`).

        Raises:
            ValueError: modalities share weights but have different widths, heads or feed-forward widths.
        """
        super().__init__()
        self.layout = layout
        self.sizes = sizes
        for number, row in enumerate(layout):
            if row.shared:
                _check_sharing(number, row, sizes)
        self.sublayers = nn.ModuleList(
            AttentionSublayer(row, sizes) if isinstance(row, layouts.Attention) else FeedForwardSublayer(row, sizes)
            for row in layout
        )

    def forward(
        self, text: Tensor, image: Tensor, text_real: Tensor | None = None, image_real: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run all sub-layers.

        Args:
            text: (B, T, Dt) embedded words.
            image: (B, V, Dv) embedded visual tokens. Their order does not matter; only their embeddings say where they are.
            text_real: (B, T), True (or not zero) at words and False at padding, to which nothing attends; None where
                nothing is padded.
            image_real: (B, V), the same for visual tokens.

        Returns:
            (B, T, Dt) and (B, V, Dv); padded positions hold meaningless numbers. Where queries attend to one side alone,
            each row needs at least one real token there.
        """
        tokens = text.shape[1]
        masks = _masks(text, image, text_real, image_real)
        states: Sequences = {"text": text, "image": image}
        for sublayer in self.sublayers:
            states = _joined(states) if sublayer.joined else _separate(states, tokens)
            states = sublayer(states, masks)
        states = _separate(states, tokens)
        return states["text"], states["image"]

    def load_bert(self, weights: Mapping[str, Tensor], *, partly: bool = False) -> None:
        """Load BERT's layers.

        BERT's k-th layer goes to the k-th sub-layer in which text attends to text, and to the first feed-forward of text
        between it and the next such sub-layer (Bugliarello et al., 2021, and Lu et al., 2019).

        * A single stream gets everything: layer N fills its sub-layers 2N and 2N + 1.
        * Two streams get it only on the text's side. Their image side, their cross-attention and the feed-forward after it
          keep their weights.
        * If the checkpoint has more layers than the layout has room for, its first layers are loaded.
        * Further units of a feed-forward network stand behind BERT's and change nothing at first.

        Args:
            weights: a `BertModel`'s state dict; only `encoder.layer.N...` is read.
            partly: if the checkpoint has fewer layers than the layout, fill the first ones and leave the others fresh instead
                of raising, as Bugliarello et al. do with LXMERT (12 of its 14).

        Raises:
            ValueError: the checkpoint has too few layers, or sizes differ, or the stack is pre-norm (BERT's
                normalisations come after the sum and would have another meaning).
        """
        if self.sizes.norm == "pre":
            raise ValueError("BERT is post-norm; its weights mean something else in a pre-norm stack")
        numbers = {int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer.")}
        places = self._places_of_bert()
        if len(numbers) < len(places) and not (partly and numbers):
            raise ValueError(f"the layout takes {len(places)} layers of BERT and the checkpoint has {len(numbers)}")
        for layer, (attention, feed_forward) in zip(sorted(numbers), places, strict=False):
            prefix = f"encoder.layer.{layer}"
            for kind in ("weight", "bias"):
                fused = [weights[f"{prefix}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
                self._fill(f"{attention}.projection.{kind}", torch.cat(fused))
                renamed = {f"{attention}.output": "attention.output.dense"}
                renamed[f"{attention}.residual.norm"] = "attention.output.LayerNorm"
                if feed_forward is not None:
                    renamed[f"{feed_forward}.network.expand"] = "intermediate.dense"
                    renamed[f"{feed_forward}.network.contract"] = "output.dense"
                    renamed[f"{feed_forward}.residual.norm"] = "output.LayerNorm"
                for ours, theirs in renamed.items():
                    name = f"{ours}.{kind}"
                    self._fill(name, self._with_further_units(name, weights[f"{prefix}.{theirs}.{kind}"]))

    def _places_of_bert(self) -> list[tuple[str, str | None]]:
        """The target of each layer of BERT: the names of an `AttentionSide` and of a `FeedForwardSide`, if there is one."""
        places: list[tuple[str, str | None]] = []
        for number, row in enumerate(self.layout):
            name = f"sublayers.{number}.sides.{'both' if row.shared else 'text'}"
            if isinstance(row, layouts.Attention):
                if "tt" in row.directions:
                    places.append((name, None))
            elif row.text and places and places[-1][1] is None:
                places[-1] = (places[-1][0], name)
        return places

    def _with_further_units(self, name: str, tensor: Tensor) -> Tensor:
        """BERT's tensor for a parameter, with what the further units have in it."""
        units = self.sizes.further_units
        if units and ".expand." in name:
            return torch.cat([tensor, self.get_parameter(name).detach()[-units:]])
        if units and name.endswith(".contract.weight"):
            # Zero, so that the loaded function is kept. What leads into the units is not zero, so they learn from the first step.
            return F.pad(tensor, (0, units))
        return tensor

    def _fill(self, name: str, tensor: Tensor) -> None:
        """Copy a tensor into the parameter of that name."""
        parameter = self.get_parameter(name)
        if parameter.shape != tensor.shape:
            raise ValueError(f"{name} is {tuple(parameter.shape)} and BERT's is {tuple(tensor.shape)}")
        with torch.no_grad():
            parameter.copy_(tensor)


def _check_sharing(number: int, row: layouts.Attention | layouts.FeedForward, sizes: Sizes) -> None:
    """Raise ValueError where modalities cannot share the weights of a sub-layer."""
    needed = ("width", "heads") if isinstance(row, layouts.Attention) else ("width", "feed_forward")
    for name in needed:
        text, image = getattr(sizes, name)("text"), getattr(sizes, name)("image")
        if text != image:
            raise ValueError(f"sub-layer {number} is shared, so text_{name} ({text}) must equal image_{name} ({image})")


def _end_to_end(parts: list[Tensor]) -> Tensor:
    """Concatenate the keys, or values, of several sides: (B, H, K, S)."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def _joined(states: Sequences) -> Sequences:
    """Concatenate the two sequences, unless they are joined already."""
    return states if "both" in states else {"both": torch.cat([states["text"], states["image"]], dim=1)}


def _separate(states: Sequences, tokens: int) -> Sequences:
    """Split into text, the first `tokens`, and image, unless they are separate already."""
    if "both" not in states:
        return states
    return {"text": states["both"][:, :tokens], "image": states["both"][:, tokens:]}


def _masks(text: Tensor, image: Tensor, text_real: Tensor | None, image_real: Tensor | None) -> Masks:
    """The masks for all sub-layers, by the sides that are attended to."""
    both = None
    if text_real is not None or image_real is not None:
        known = [
            torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if real is None else real.bool()
            for x, real in ((text, text_real), (image, image_real))
        ]
        both = torch.cat(known, dim=1)[:, None, None, :]
    return {
        ("text",): None if text_real is None else text_real.bool()[:, None, None, :],
        ("image",): None if image_real is None else image_real.bool()[:, None, None, :],
        ("text", "image"): both,
        ("both",): both,
    }
