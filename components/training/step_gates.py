"""What an intermediate step has taught, measured on validation pairs: the same pairs, masks and false pictures for every arm.

Without gradients, in evaluation mode, and with draws of their own purposes: nothing of what trains can change. What a step must
have taught is a setting of the study, and is decided where the record is read (components/evaluation/certificate/step_gates.py).

Shapes: B batch, T text tokens, D width.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from components.data.batches import Ingredients, collate, truth_of
from components.data.corruption import mask_tokens
from components.data.regions import RegionArrays
from components.data.store import Part, Store
from components.data.streams import Stream
from components.models.passes import Pretraining
from components.objectives.inputs import IGNORED
from components.records.training import GateName, StepGate
from components.study.axes import AxesSettings
from components.training.model_inputs import looked_at
from components.training.pretraining import PretrainingNetwork

PAIRS = 1024
"""Pairs that are looked at, at most."""
BATCH = 64
"""Pictures among which a text looks for its own, and of which another is taken for it."""
MASKED_SHARE = 0.15
"""Of words, whatever an arm trains with (Devlin et al. 2019, section 3.1)."""
GATES: dict[str, GateName] = {"mlm": "masked_words", "itm": "matching", "contrastive": "contrastive"}
"""The gate of each loss that has one."""
_SPLIT = "validation"

Tensors = dict[str, Tensor]


def gates_of(pretraining: Pretraining, axes: AxesSettings | None) -> list[GateName]:
    """What an arm is measured by.

    Words that never see the picture cannot gain by it: where streams stay apart to the readout (fusion `late`), masked words
    are asked for only if nothing else is.

    Args:
        axes: of a controlled arm.
    """
    found = [gate for loss, gate in GATES.items() if loss in pretraining.losses]
    if axes is not None and axes.fusion == "late" and len(found) > 1:
        found.remove("masked_words")
    return found


def measure(
    network: PretrainingNetwork,
    gates: Sequence[GateName],
    store: Store,
    regions: RegionArrays | None,
    seed: int,
    device: torch.device,
) -> list[StepGate]:
    """Measure an arm with its objectives; the network is left as it was, but on the processor.

    Args:
        gates: of `gates_of`.
        store: holds the validation pairs.
        regions: output of a frozen front end for every picture; None where the arm looks itself.
        seed: of pairs, masks and false pictures.

    Returns:
        One entry for each gate. Where there are no validation pairs it has no items.
    """
    tallies = {gate: _Tally(gate) for gate in gates}
    if _SPLIT in store.splits("pairs"):
        part = store.part("pairs", _SPLIT)
        was_training = network.training
        network.to(device).eval()
        with torch.no_grad():
            for step, rows in enumerate(_batches(len(part), seed)):
                test = _Test(network, store, part, rows, regions, seed, step, device)
                for gate, tally in tallies.items():
                    tally.add(*_MEASURES[gate](test))
        network.cpu().train(was_training)
    return [tally.closed() for tally in tallies.values()]


def mean_score(gates: Sequence[StepGate]) -> float:
    """What a search of the step's learning rate compares: the mean of the scores, 0 to 1."""
    return sum(gate.score for gate in gates) / len(gates)


def _batches(pairs: int, seed: int) -> list[np.ndarray]:
    """Rows of each batch: whole batches, or all pairs at once where they are fewer than one."""
    rows = Stream(seed, "pairs", "gate pairs").at(0).permutation(pairs)[:PAIRS]
    return np.split(rows[: len(rows) // BATCH * BATCH], len(rows) // BATCH) if len(rows) >= BATCH else [rows]


class _Test:
    """One batch of pairs, with another picture for each text of which it is false, and the same masks beside both.

    Attributes:
        truth: bool (B, B), whether text i is true of picture j.
        kept: bool (B,), texts of which a picture of the batch is false; only these are asked about.
        labels: int64 (B, T), the words that are masked, `IGNORED` elsewhere.
    """

    def __init__(
        self,
        network: PretrainingNetwork,
        store: Store,
        part: Part,
        rows: np.ndarray,
        regions: RegionArrays | None,
        seed: int,
        step: int,
        device: torch.device,
    ) -> None:
        self.network = network
        special = store.index["special_tokens"]
        truth = truth_of(store, part, rows)
        draws = Stream(seed, "pairs", "gate pictures").at(step).random(truth.shape)
        false = np.where(truth, np.inf, draws).argmin(axis=1)
        content = Ingredients(pictures=True, texts=True, regions=regions is not None)

        def shown(pictures: np.ndarray) -> Tensors:
            batch = collate(store, part, pictures, content, regions, captions=rows)
            moved = {name: tensor.to(device) for name, tensor in batch.items()}
            return looked_at(moved, network.scaling, network.front)

        self.own, self.other = shown(rows), shown(rows[false])
        self.truth = torch.from_numpy(truth).to(device)
        self.kept = ~self.truth.all(dim=1)
        _, labels = mask_tokens(
            self.own["input_ids"].cpu().numpy(),
            part.lengths[rows],
            Stream(seed, "pairs", "gate masks").at(step),
            MASKED_SHARE,
            special["mask"],
            special["first_word"],
            store.index["vocabulary_size"],
        )
        self.labels = torch.from_numpy(labels).to(device)
        self._mask = special["mask"]

    def masked(self, batch: Tensors) -> Tensors:
        """The batch with every chosen word hidden; none is left as it was or replaced, for that tells nothing here."""
        return batch | {"input_ids": batch["input_ids"].masked_fill(self.labels != IGNORED, self._mask)}


Tallied = tuple[Tensor, Tensor, Tensor, Tensor]
"""Of each text (B,): how many items, right ones, right ones of the reference, and the variance of the difference of both
where nothing but chance parts them."""


def _masked_words(test: _Test) -> Tallied:
    """Masked words beside the own picture and beside the other one. The words of a text are counted as one draw."""
    network, asked = test.network, test.labels != IGNORED
    asked = asked & test.kept[:, None]

    def right(batch: Tensors) -> Tensor:
        states = network.model.encode(test.masked(batch)).text
        found: Tensor = network.objectives["mlm"].logits(network.model, states[asked]).argmax(dim=-1)  # type: ignore[operator]
        hits = torch.zeros_like(asked)
        hits[asked] = found == test.labels[asked]
        return hits.sum(dim=1).double()

    here, elsewhere = right(test.own), right(test.other)
    return asked.sum(dim=1).double(), here, elsewhere, (here - elsewhere) ** 2


def _matching(test: _Test) -> Tallied:
    """Every text once beside its own picture and once beside the other one, both whole."""
    network, kept = test.network, test.kept.double()

    def belongs(batch: Tensors) -> Tensor:
        pooled = network.model.encode(batch).pooled
        answers: Tensor = network.objectives["itm"].head(pooled).argmax(dim=-1)  # type: ignore[operator]
        return answers == 1

    right = belongs(test.own).double() + (~belongs(test.other)).double()
    return 2 * kept, right * kept, kept, 0.5 * kept


def _contrastive(test: _Test) -> Tallied:
    """Each text looks for its own picture; others of which it is true are left out, as the loss does."""
    model, own, kept = test.network.model, test.own, test.kept.double()
    similar = model.embed_text(own["input_ids"], own["attention_mask"]) @ model.embed_image(own["pixels"]).T
    others = test.truth & ~torch.eye(len(similar), dtype=torch.bool, device=similar.device)
    found = similar.masked_fill(others, -math.inf).argmax(dim=1)
    right = (found == torch.arange(len(found), device=found.device)).double()
    chance = kept / (~others).sum(dim=1)
    return kept, right * kept, chance, chance * (kept - chance)


_MEASURES = {"masked_words": _masked_words, "matching": _matching, "contrastive": _contrastive}


class _Tally:
    """Sums of one gate over all batches."""

    def __init__(self, name: GateName) -> None:
        self._name = name
        self._sums = [0.0, 0.0, 0.0, 0.0]

    def add(self, *figures: Tensor) -> None:
        """Add those of one batch."""
        self._sums = [total + float(figure.sum()) for total, figure in zip(self._sums, figures, strict=True)]

    def closed(self) -> StepGate:
        """The gate; nothing is right where nothing was asked."""
        items, right, reference, variance = self._sums
        count = max(items, 1.0)
        return StepGate(
            name=self._name,
            score=right / count,
            reference=reference / count,
            standard_error=math.sqrt(variance) / count,
            items=round(items),
        )
