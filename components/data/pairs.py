"""Select the captioned pictures that an intermediate step reads: their share, their domain and their wrong captions.

Every choice ranks samples by a keyed hash of their ids, so it depends neither on the order of the files nor on the arm.
Arms of a replicate with equal settings read the same pictures. A smaller share is a subset of a larger one.
Shapes: N captioned pictures, of which K are read.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.data.batches import held
from components.data.scenes.oracle import FIRST_DIGIT, OBJECT_WIDTH
from components.data.store import Part, Store
from components.errors import CeterisError
from components.study.axes import Domain, PairsSettings

CHUNK = 64
"""Number of (caption, picture) pairs that are checked against the truth at once."""


class SelectedPairs(NamedTuple):
    """The selected pictures and their captions.

    Attributes:
        rows: int64 (K,), the samples whose pictures are read, in their order in the part.
        captions: int64 (N,), for each picture the sample whose caption it is shown with: its own or a wrong one.
    """

    rows: np.ndarray
    captions: np.ndarray


def select_pairs(store: Store, settings: PairsSettings, seed: int, batch_size: int, arm: str) -> SelectedPairs:
    """Select the captioned pictures that an arm's intermediate step reads.

    `settings.share` is of all captioned pictures that the replicate has, so a domain arm and an all-domains arm read equally
    many.

    Args:
        seed: of the replicate.
        batch_size: of a training step; all pictures of a batch must differ.
        arm: named in errors.

    Raises:
        CeterisError: the data has too few pictures of the domain, they do not fill a batch, or a picture has no wrong caption.
    """
    part = store.part("pairs", "train")
    rows = store.training_rows("pairs")
    every = len(rows)
    count = settings.count(every)
    if count < every or settings.domain != "all":
        ranked = rows[ranks([part.ids[row] for row in rows], seed, "share")]
        ranked = ranked[of_domain(store, part, settings.domain)[ranked]]
        if len(ranked) < count:
            most = len(ranked) * 1000 // every / 1000
            raise CeterisError(
                f"arms.{arm}.pairs asks for {count:,} captioned pictures of the domain {settings.domain} and there are "
                f"{len(ranked):,}: give it a share of {most} or less, and those it is compared with."
            )
        rows = np.sort(ranked[:count])
    if len(rows) < batch_size:
        raise CeterisError(
            f"arms.{arm}.pairs leaves {len(rows):,} captioned pictures, too few for a batch of {batch_size}: raise its share."
        )
    captions = np.arange(len(part))
    noisy = round(settings.caption_noise * len(rows))
    if noisy:
        ranked = rows[ranks([part.ids[row] for row in rows], seed, "caption noise")]
        captions[ranked[:noisy]] = _wrong_captions(store, part, ranked, noisy, arm)
    return SelectedPairs(rows, captions)


def ranks(ids: Sequence[str], seed: int, purpose: str) -> np.ndarray:
    """Indices of the ids, sorted by their keyed hashes: int64, one for each id."""
    key = hashlib.sha256(f"{seed}/pairs/{purpose}".encode()).digest()
    hashes = [hashlib.blake2b(one.encode(), digest_size=16, key=key).digest() for one in ids]
    return np.array(sorted(range(len(ids)), key=hashes.__getitem__), dtype=np.int64)


def of_domain(store: Store, part: Part, domain: Domain) -> np.ndarray:
    """Which pictures of a part are of a domain: bool (N,). Only generated scenes have domains other than 'all'."""
    if domain == "all":
        return np.ones(len(part), dtype=bool)
    objects = store.objects[part.image_rows].reshape(len(part), -1, OBJECT_WIDTH)
    # An object whose colour is 0 or less is padding; its other numbers have no meaning.
    digits = ((objects[..., 0] > 0) & (objects[..., 1] >= FIRST_DIGIT)).any(axis=1)
    return digits if domain == "digits" else ~digits


def _wrong_captions(store: Store, part: Part, ranked: np.ndarray, noisy: int, arm: str) -> np.ndarray:
    """For each of the first `noisy` ranked samples, the next sample in the ranking whose caption is false of its picture.

    The search wraps around at the end. The ranking holds all samples read, so a picture has the same wrong caption at
    every noise level that includes it.
    """
    found = np.empty(noisy, dtype=np.int64)
    without = np.arange(noisy)
    for step in range(1, len(ranked)):
        if not len(without):
            break
        candidates = ranked[(without + step) % len(ranked)]
        wrong = ~_true_of(store, part, candidates, ranked[without])
        found[without[wrong]] = candidates[wrong]
        without = without[~wrong]
    if len(without):
        raise CeterisError(
            f"arms.{arm}.pairs asks for wrong captions, and all captions read hold of the picture of "
            f"{part.ids[ranked[without[0]]]}: set caption_noise to 0.0."
        )
    return found


def _true_of(store: Store, part: Part, texts: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Whether each text is true of the picture at the same position: bool, one for each text."""
    chunks = range(0, len(texts), CHUNK)
    return np.concatenate(
        [
            held(store, part, texts[begin : begin + CHUNK], pictures[begin : begin + CHUNK]).diagonal()
            for begin in chunks
        ]
    )
