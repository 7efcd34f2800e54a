"""A small configuration, a small model that reads regions, and small batches for the tests of pretraining losses."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.states import Batch, States
from tests.small_configurations import small

REGIONS, FEATURES, CLASSES, ATTRIBUTES = 5, 6, 4, 3
SMALL = small(region_features=FEATURES, object_classes=CLASSES, object_attributes=ATTRIBUTES)
MASK = 4


class RegionReader(nn.Module):
    """The least that reads words and regions: every state sees its own token and the mean of all others."""

    def __init__(self, masked: bool = True) -> None:
        super().__init__()
        self.words = nn.Embedding(SMALL.vocabulary_size, SMALL.width)
        self.region_projection = nn.Linear(FEATURES, SMALL.width)
        self.hidden = nn.Parameter(torch.randn(SMALL.width))
        self.mixing = nn.Linear(SMALL.width, SMALL.width)
        self.pooled_size = SMALL.width
        self.masked = masked
        self.seen: list[Batch] = []

    def encode(self, batch: Batch) -> States:
        """As an architecture does; remembers what it was shown."""
        self.seen.append(batch)
        text = self.words(batch["input_ids"])
        image = self.region_projection(batch["region_features"])
        if "region_hidden" in batch:
            image = image + batch["region_hidden"][..., None] * self.hidden
        mask, real = batch["attention_mask"][..., None], batch["region_real"][..., None]
        mean = ((text * mask).sum(dim=1) + (image * real).sum(dim=1)) / (mask.sum(dim=1) + real.sum(dim=1))
        mixed = self.mixing(mean)[:, None]
        image_real = batch["region_real"] if self.masked else None
        return States(F.gelu(text + mixed), F.gelu(image + mixed), torch.tanh(mixed[:, 0]), image_real)

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings."""
        return self.words


def batch(count: int, seed: int = 0) -> dict[str, Tensor]:
    """`count` pairs of texts of 3 to 9 tokens and pictures, with what every pass asks for.

    The first text asks for no word; every second pair is torn apart; the last region of every second picture
    is padding; every third text is no question.
    """
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randint(3, 10, (count,), generator=generator)
    mask = (torch.arange(9) < ends[:, None]).long()
    input_ids = torch.randint(5, 60, (count, 9), generator=generator) * mask
    input_ids[:, 0] = 2
    input_ids[torch.arange(count), ends - 1] = 3
    labels = torch.full_like(input_ids, -100)
    labels[:, 1] = input_ids[:, 1]
    labels[0, :] = -100
    rows = torch.arange(count)
    corner = torch.rand(count, REGIONS, 2, generator=generator) / 2
    sides = torch.rand(count, REGIONS, 2, generator=generator) / 2
    real = torch.ones(count, REGIONS, dtype=torch.bool)
    real[::2, -1] = False
    chosen = (torch.rand(count, REGIONS, generator=generator) < 0.5) & real
    chosen[:, 0] = True
    return {
        "input_ids": input_ids,
        "attention_mask": mask,
        "pixels": torch.randn(count, 3, 32, 32, generator=generator),
        "masked_input_ids": input_ids.where(labels == -100, MASK),
        "mlm_labels": labels,
        "itm_image_rows": torch.where(rows % 2 == 0, rows.roll(1), rows),
        "itm_text_rows": torch.where(rows % 2 == 1, rows.roll(1), rows),
        "truth": torch.eye(count, dtype=torch.bool),
        "region_features": torch.randn(count, REGIONS, FEATURES, generator=generator) * real[..., None],
        "region_boxes": torch.cat([corner, corner + sides], dim=-1),
        "region_real": real,
        "region_classes": torch.rand(count, REGIONS, CLASSES, generator=generator).softmax(dim=-1),
        "region_attributes": torch.rand(count, REGIONS, ATTRIBUTES, generator=generator).softmax(dim=-1),
        "region_chosen": chosen,
        "region_treatment": torch.rand(count, REGIONS, generator=generator),
        "region_other": (torch.arange(count * REGIONS).view(count, REGIONS) + REGIONS) % (count * REGIONS),
        "pair_answers": torch.randint(0, 7, (count,), generator=generator).where(rows % 3 > 0, -1),
    }
