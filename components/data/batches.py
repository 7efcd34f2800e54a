"""Deterministic batch stream: the batch of step t is a pure function of (seed, t).

Every arm gets the same samples in the same order. The draws of an objective (masks, mismatched pictures) come from
streams of their own, so that they cannot change any other draw.

Shapes: B batch, T tokens, C labels, R regions, F features of a region, L classes of object, A attributes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from components.data.corruption import choose_regions, mask_tokens, mismatch, other_regions
from components.data.regions import RegionArrays
from components.data.scenes.oracle import holds
from components.data.store import Part, Store
from components.data.streams import Order, Stream

Batch = dict[str, Tensor]

CONTINUATION = "##"  # how the vocabulary marks tokens that continue a word


@dataclass(frozen=True)
class Ingredients:
    """What a batch carries beside the row numbers of its samples."""

    pictures: bool = False  # pixels uint8 (B, H, W, 3)
    texts: bool = False  # input_ids int64 (B, T), attention_mask int64 (B, T)
    targets: bool = False  # targets int64 (B,)
    image_labels: bool = False  # labels float32 (B, C)
    # region_features (B, R, F), region_boxes (B, R, 4), region_classes (B, R, L), region_attributes (B, R, A), all
    # float32, and region_real bool (B, R)
    regions: bool = False
    masked_share: float = 0.0  # above 0: masked_input_ids int64 (B, T), mlm_labels int64 (B, T)
    whole_words: bool = False  # mask all tokens of a word or none
    # Above 0: region_chosen bool (B, R), region_treatment float32 (B, R), region_other int64 (B, R) into B * R
    masked_region_share: float = 0.0
    mismatches: bool = False  # itm_image_rows int64 (B,), itm_text_rows int64 (B,)
    pass_draw: bool = False  # pass_draw float32 (1,) in [0, 1)
    further: tuple[str, ...] = ()  # what objectives need beside all this, by its name in `FURTHER`


def collate(
    store: Store,
    part: Part,
    rows: np.ndarray,
    ingredients: Ingredients,
    regions: RegionArrays | None = None,
    captions: np.ndarray | None = None,
) -> Batch:
    """The samples at the given rows, as tensors; texts are cut to the longest of the batch.

    Args:
        regions: output of a visual front end, for batches with regions.
        captions: for each picture the row whose text and pair answer go with it; `rows` itself when None.

    Raises:
        ValueError: the ingredients ask for regions, and `regions` is None.
    """
    batch: dict[str, np.ndarray] = {"rows": rows}
    captions = rows if captions is None else captions
    if ingredients.pictures:
        batch["pixels"] = np.ascontiguousarray(store.pixels[part.image_rows[rows]])
    if ingredients.texts:
        lengths = part.lengths[captions]
        batch["input_ids"] = part.input_ids[captions, : lengths.max()].astype(np.int64)
        batch["attention_mask"] = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    if ingredients.targets:
        batch["targets"] = part.targets[rows]
    if ingredients.image_labels:
        batch["labels"] = store.image_labels[part.image_rows[rows]].astype(np.float32)
    if ingredients.regions:
        batch |= _seen(regions).of(part.image_rows[rows])
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}


def _seen(regions: RegionArrays | None) -> RegionArrays:
    if regions is None:
        raise ValueError("a batch with regions needs the arrays of a visual front end")
    return regions


def held(store: Store, part: Part, texts: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Which texts are true of which pictures: bool (texts, pictures). Both are given as rows of their samples.

    Where the data has no oracle, a text counts as true of
    * its own picture,
    * other pictures of the same group,
    * pictures with exactly the same text.
    """
    if store.index["oracle"] == "scenes":
        return holds(part.facts[texts], store.objects[part.image_rows[pictures]])
    groups = [store.image_groups[part.image_rows[rows]] for rows in (texts, pictures)]
    same: np.ndarray = groups[0][:, None] == groups[1]
    return same | (part.input_ids[texts][:, None, :] == part.input_ids[pictures]).all(axis=2)


def truth_of(store: Store, part: Part, rows: np.ndarray) -> np.ndarray:
    """Whether text i of the batch is true of picture j: bool (B, B), always true on the diagonal."""
    truth = held(store, part, rows, rows)
    truth[np.diag_indices(len(rows))] = True
    return truth


@dataclass(frozen=True)
class Step:
    """The samples of one batch of pairs, from which anything further is made.

    Attributes:
        rows: int64 (B,), the samples whose pictures are shown.
        captions: int64 (B,), the samples whose texts stand beside them.
        generator: gives the random numbers of a purpose at this step. Every purpose has numbers of its own.
    """

    store: Store
    part: Part
    rows: np.ndarray
    captions: np.ndarray
    generator: Callable[[str], np.random.Generator]

    @cached_property
    def truth(self) -> np.ndarray:
        """Whether text i holds of picture j, each picture taken for the one that its caption was written for: bool (B, B)."""
        return truth_of(self.store, self.part, self.captions)


FURTHER: dict[str, Callable[[Step], np.ndarray]] = {
    # int64 (B,): the answer to the text where it is a question, -1 elsewhere
    "pair_answers": lambda step: step.part.targets[step.captions],
    # bool (B, B): text i holds of picture j
    "truth": lambda step: step.truth,
}
"""What some objectives need of a batch of pairs, beside what passes ask for. An objective says so in its row. What is random
here has a purpose of its own, so that nothing else that is drawn changes."""


class BatchStream(IterableDataset):
    """Batches `start`, `start + 1`, ... of a part's training split.

    Args:
        seed: names the replicate's streams.
        steps: number of batches; 0 until training has decided its length and sets it.
        subset: rows to draw from (all that the store trains on when None), for runs with few labels or a share of the pairs.
        regions: output of a frozen front end, for batches with regions.
        captions: for every row the row whose text it is shown with (its own when None). Truth labels ignore caption noise:
            no loss knows which captions are wrong.
    """

    def __init__(
        self,
        store: Store,
        part: str,
        seed: int,
        batch_size: int,
        steps: int,
        ingredients: Ingredients,
        subset: np.ndarray | None = None,
        regions: RegionArrays | None = None,
        captions: np.ndarray | None = None,
    ) -> None:
        self.store = store
        self.part = store.part(part, "train")
        self.source = part
        self.seed = seed
        self.batch_size = batch_size
        self.steps = steps
        self.start = 0
        self.ingredients = ingredients
        self.rows = store.training_rows(part) if subset is None else subset
        self.regions = regions
        self.captions = captions
        self.order = Order(seed, part, len(self.rows))
        self.continues = continuations(store) if ingredients.whole_words else None

    @cached_property
    def pictures(self) -> int:
        """How many different pictures its rows show."""
        shown = np.concatenate([rows[self.rows] for rows in self.part.pictures])
        return len(np.unique(shown[shown >= 0]))

    def at(self, step: int) -> Batch:
        """The batch of one step."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        rows = self.rows[self.order.at(positions)]
        captions = rows if self.captions is None else self.captions[rows]
        batch = collate(self.store, self.part, rows, self.ingredients, self.regions, captions)
        of = Step(self.store, self.part, rows, captions, lambda purpose: self._generator(purpose, step))
        drawn = self._word_masks(batch, of) | self._region_masks(of) | self._mismatches(of)
        if self.ingredients.pass_draw:
            drawn["pass_draw"] = of.generator("passes").random(1, dtype=np.float32)
        drawn |= {name: FURTHER[name](of) for name in self.ingredients.further}
        return batch | {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in drawn.items()}

    def _generator(self, purpose: str, step: int) -> np.random.Generator:
        return Stream(self.seed, self.source, purpose).at(step)

    def _word_masks(self, batch: Batch, step: Step) -> dict[str, np.ndarray]:
        if not self.ingredients.masked_share:
            return {}
        special = self.store.index["special_tokens"]
        masked, labels = mask_tokens(
            batch["input_ids"].numpy(),
            self.part.lengths[step.captions],
            step.generator("masks"),
            self.ingredients.masked_share,
            special["mask"],
            special["first_word"],
            self.store.index["vocabulary_size"],
            self.continues,
        )
        return {"masked_input_ids": masked, "mlm_labels": labels}

    def _region_masks(self, step: Step) -> dict[str, np.ndarray]:
        """Region masks, drawn for the picture of each row, whichever row a pass later shows that picture in."""
        if not self.ingredients.masked_region_share:
            return {}
        pictures = self.part.image_rows[step.rows]
        real = _seen(self.regions).real[pictures].astype(bool)
        share = self.ingredients.masked_region_share
        return {
            "region_chosen": choose_regions(real, step.generator("region_masks"), share),
            "region_treatment": step.generator("region_treatments").random(real.shape, dtype=np.float32),
            "region_other": other_regions(real, pictures, step.generator("region_others")),
        }

    def _mismatches(self, step: Step) -> dict[str, np.ndarray]:
        if not self.ingredients.mismatches:
            return {}
        return {
            "itm_image_rows": mismatch(step.truth, step.generator("negatives")),
            "itm_text_rows": mismatch(step.truth.T, step.generator("text_negatives")),
        }

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.start, self.steps):
            yield self.at(step)


def continuations(store: Store) -> np.ndarray:
    """Which tokens continue a word: bool, one for each id of the vocabulary."""
    vocabulary = (store.folder / "tokenizer/vocab.txt").read_text(encoding="utf-8")
    return np.array([token.startswith(CONTINUATION) for token in vocabulary.removesuffix("\n").split("\n")])


def few_labels(count: int, part: str, seed: int, store: Store) -> np.ndarray:
    """The rows that a run with few labels may use, sorted; the same for every arm of a replicate."""
    rows = store.training_rows(part)
    return np.sort(rows[Stream(seed, part, "labels").at(0).permutation(len(rows))[:count]])


def in_order(part: Part, batch_size: int) -> Iterator[np.ndarray]:
    """Rows of a part in file order, for prediction."""
    for begin in range(0, len(part), batch_size):
        yield np.arange(begin, min(begin + batch_size, len(part)))
