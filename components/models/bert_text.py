"""The text side of the BERT-era image-text transformers: its sizes, its embedding block, and its pretrained weights.

BERT and RoBERTa have the same layers. RoBERTa counts positions from its padding token on, and has only one segment.
Shapes: B batch, T text tokens, D width.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.encoders import TINY, check_complete, check_room, first_position
from components.models.text_embedding import TextEmbedding

KINDS = ("bert", "roberta")
"""`model_type` of the checkpoints whose layers fit."""


@dataclass(frozen=True)
class TextSizes:
    """The sizes of the text side.

    Attributes:
        positions: rows of the table of positions.
        first_position: the row of the first token.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary_size: int
    positions: int
    first_position: int
    pad_token_id: int
    norm_epsilon: float


def fresh_sizes(configuration: ModelConfiguration) -> TextSizes:
    """The sizes of a fresh BERT at the configuration's own size."""
    return TextSizes(
        width=configuration.width,
        layers=configuration.layers,
        heads=configuration.heads,
        feed_forward=configuration.feed_forward,
        vocabulary_size=configuration.vocabulary_size,
        positions=configuration.max_length,
        first_position=0,
        pad_token_id=configuration.pad_token_id,
        norm_epsilon=1e-12,
    )


def text_sizes(configuration: ModelConfiguration) -> TextSizes:
    """The sizes of the configuration's text encoder.

    Raises:
        OSError: there is no such checkpoint.
        ValueError: its layers cannot be used, or it has no room for the texts.
    """
    name = configuration.text_encoder
    if name == TINY:
        return fresh_sizes(configuration)
    from transformers import AutoConfig

    theirs = AutoConfig.from_pretrained(name)
    if theirs.model_type not in KINDS:
        raise ValueError(
            f"text_encoder {name!r} is a {theirs.model_type}; only layers of BERT and RoBERTa can be taken"
        )
    if theirs.hidden_act != "gelu" or getattr(theirs, "position_embedding_type", "absolute") != "absolute":
        raise ValueError(f"text_encoder {name!r} must have GELU and absolute positions, as BERT has")
    check_room(configuration, theirs)
    return TextSizes(
        width=theirs.hidden_size,
        layers=theirs.num_hidden_layers,
        heads=theirs.num_attention_heads,
        feed_forward=theirs.intermediate_size,
        vocabulary_size=theirs.vocab_size,
        positions=theirs.max_position_embeddings,
        first_position=first_position(theirs),
        pad_token_id=theirs.pad_token_id,
        norm_epsilon=theirs.layer_norm_eps,
    )


def pretrained_weights(configuration: ModelConfiguration) -> dict[str, Tensor] | None:
    """The state dict of the configuration's text encoder, with the names of `BertModel`; None where the encoder is 'tiny'.

    It holds a pooler only if the checkpoint has one.

    Raises:
        OSError: there is no such checkpoint.
        ValueError: the checkpoint lacks weights other than the pooler's.
    """
    if configuration.text_encoder == TINY:
        return None
    from transformers import AutoModel

    model, report = AutoModel.from_pretrained(configuration.text_encoder, output_loading_info=True)
    missing = set(report["missing_keys"])
    check_complete(configuration.text_encoder, missing)
    return {name: tensor for name, tensor in model.state_dict().items() if name not in missing}


class BertEmbedding(TextEmbedding):
    """BERT's embedding block at the sizes of a text encoder. Its sum and its normalisation can be called apart.

    Args:
        segments: rows of the table of segments; the text is segment 0.
        extra_positions: rows of the table of positions beyond those of the text encoder.
    """

    def __init__(self, sizes: TextSizes, dropout: float, *, segments: int = 2, extra_positions: int = 0) -> None:
        super().__init__(
            sizes.vocabulary_size,
            sizes.positions + extra_positions,
            sizes.width,
            pad_token_id=sizes.pad_token_id,
            dropout=dropout,
        )
        self.segments = nn.Embedding(segments, sizes.width)
        self.norm = nn.LayerNorm(sizes.width, eps=sizes.norm_epsilon)
        self.first_position = sizes.first_position
        self.needed_positions = sizes.positions

    def forward(self, input_ids: Tensor) -> Tensor:
        """(B, T) token ids to (B, T, D)."""
        return self.normalised(self.summed(input_ids))

    def summed(self, input_ids: Tensor) -> Tensor:
        """The sum of word, position and segment embeddings: (B, T) to (B, T, D)."""
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        return self.words(input_ids) + self.at(places) + self.segments.weight[0]

    def at(self, places: Tensor) -> Tensor:
        """The embeddings of positions counted from 0: int64 (...) to (..., D)."""
        return self.positions(places + self.first_position)

    def normalised(self, summed: Tensor) -> Tensor:
        """LayerNorm and dropout: (..., D) to (..., D)."""
        return self.dropout(self.norm(summed))

    def load_bert(self, weights: Mapping[str, Tensor]) -> None:
        """Load the embeddings from a `BertModel` or `RobertaModel` state dict.

        * If the checkpoint's table has more rows, its first rows are loaded.
        * If it has fewer, the other rows stay fresh. But RoBERTa's only segment is loaded into all segments (as in
          jackroos/VL-BERT).

        Raises:
            RuntimeError: a table is missing or does not fit.
        """
        names = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "segments"}
        names |= {"LayerNorm": "norm"}
        ours = {}
        for name, tensor in weights.items():
            part, _, kind = name.removeprefix("embeddings.").partition(".")
            if name.startswith("embeddings.") and part in names:
                ours[f"{names[part]}.{kind}"] = tensor
        if "segments.weight" in ours:
            theirs = ours["segments.weight"]
            theirs = theirs.expand(len(self.segments.weight), -1) if len(theirs) == 1 else theirs
            ours["segments.weight"] = _first_rows(theirs, self.segments.weight, 1)
        if "positions.weight" in ours:
            ours["positions.weight"] = _first_rows(
                ours["positions.weight"], self.positions.weight, self.needed_positions
            )
        self.load_state_dict(ours, strict=True)


def _first_rows(theirs: Tensor, ours: Tensor, needed: int) -> Tensor:
    """Our table with its first rows replaced by theirs. If theirs does not fit it is returned unchanged, so torch raises."""
    fits = len(theirs) >= needed and theirs.shape[1:] == ours.shape[1:]
    return torch.cat([theirs[: len(ours)], ours.detach()[len(theirs) :]]) if fits else theirs
