"""BERT's embedding block, for architectures that take nothing else from BERT."""

import torch
from torch import Tensor, nn


class TextEmbedding(nn.Module):
    """Word, position and segment embeddings, LayerNorm, dropout (Devlin et al., 2019, section 3.2)."""

    def __init__(
        self, vocabulary_size: int, max_length: int, width: int, *, pad_token_id: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary_size, width, padding_idx=pad_token_id)
        self.positions = nn.Embedding(max_length, width)
        self.segments = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input_ids: Tensor) -> Tensor:
        """(B, T) token ids to (B, T, D); all tokens are segment 0."""
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        summed = self.words(input_ids) + self.positions(places) + self.segments.weight[0]
        return self.dropout(self.norm(summed))
