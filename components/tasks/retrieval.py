"""Which picture does a text belong to, and which text a picture?"""

import math
from typing import ClassVar, Protocol, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from components.models.architecture import Architecture
from components.models.states import Batch
from components.tasks.task import Task

TO_IMAGE, TO_TEXT = "text to image", "image to text"
MAXIMUM_SCALE = 100.0
"""CLIP's clamp of its temperature."""


class Towers(Protocol):
    """An architecture whose texts and pictures meet in one space of E numbers, as unit vectors."""

    logit_scale: Tensor

    def embed_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, T) to (B, E)."""

    def embed_image(self, pixels: Tensor) -> Tensor:
        """(B, 3, height, width) to (B, E)."""


class Retrieval(Task):
    """Find the own picture among the K of the pool for each text, and the own text for each picture.

    K samples in a row form a pool; no text of a pool is true of another picture of it. Architectures that read jointly
    score a pair by a linear layer to one number (ViLBERT section 3.2), so that a pool costs K forward passes a sample. Where
    the paper has it, the layer begins as the matching head of pretraining.
    Those with two towers (`embed_text`, `embed_image`) score it by the similarity of the embeddings that they were
    pretrained with, times their own temperature; they have no head.

    Training compares each text with the own picture and three others of the pool, and each picture likewise (ViLBERT and
    VOLTA: one right candidate and three distractors); the batch says which others. They stand at the same distances for
    all samples, so that a scored pair serves both directions. Without `distractors` the whole pool is compared.

    Shapes: B samples of whole pools, N pools, K samples of a pool, Q = 2 directions, O scored pairs of each sample.
    """

    kind: ClassVar[str] = "retrieval"
    questions: ClassVar[tuple[str, ...]] = (TO_IMAGE, TO_TEXT)
    pool: ClassVar[int] = 8
    distractors: ClassVar[int] = 3

    def head(self, model: Architecture, answers: int) -> nn.Module:
        """A head to one number, or none for two towers."""
        return nn.Identity() if _has_towers(model) else model.pair_head()

    def scores(self, model: Architecture, head: nn.Module, batch: Batch) -> Tensor:
        """(B, Q, K): how well each picture, and each text, of the pool fits; minus infinity where it was not compared."""
        texts = batch["input_ids"]
        samples, device = torch.arange(len(texts), device=texts.device), texts.device
        pools, places = samples - samples % self.pool, samples % self.pool
        others = batch.get("distractors", torch.arange(1, self.pool, device=device))
        offsets = torch.cat([others.new_zeros(1), others])
        pictures = (places[:, None] + offsets) % self.pool  # (B, O): places in the pool
        rows = pools[:, None] + pictures
        paired = self._paired(model, head, batch, rows)
        scores = paired.new_full((2, len(texts), self.pool), -math.inf)
        scores[0].scatter_(1, pictures, paired)
        scores[1].index_put_((rows, places[:, None].expand_as(rows)), paired)
        return scores.transpose(0, 1)

    def _paired(self, model: Architecture, head: nn.Module, batch: Batch, rows: Tensor) -> Tensor:
        """Scores of text b with the picture of sample rows[b, o]: (B, O)."""
        if _has_towers(model):
            texts = model.embed_text(batch["input_ids"], batch["attention_mask"])
            images = model.embed_image(batch["pixels"])
            scale = model.logit_scale.exp().clamp(max=MAXIMUM_SCALE)
            return scale * torch.einsum("be,boe->bo", texts, images[rows])
        count, compared = rows.shape
        whose = torch.arange(count, device=rows.device).repeat_interleave(compared)
        seen = rows.reshape(-1)
        pairs = {name: batch[name][whose] for name in ("input_ids", "attention_mask")}
        pairs |= {name: batch[name][seen] for name in batch if name == "pixels" or name.startswith("region_")}
        return head(model.readout(model.encode(pairs), pairs, self.kind)).reshape(count, compared)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy of both directions against the place in the pool, over what was compared."""
        return cross_entropy(scores.flatten(0, 1), batch["targets"].long().repeat_interleave(2))

    def correct(self, scores: Tensor, batch: Batch) -> Tensor:
        """1.0 where the own one comes first: (B, Q, K) to (B, Q)."""
        return (scores.argmax(dim=-1) == batch["targets"][:, None]).float()


def _has_towers(model: object) -> TypeGuard[Towers]:
    return hasattr(model, "embed_text") and hasattr(model, "embed_image")
