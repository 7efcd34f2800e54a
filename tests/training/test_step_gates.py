"""What an intermediate step has taught: the same test for every arm, which changes nothing and can be failed and passed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.data.store import Store
from components.models.architectures import load as load_architecture
from components.models.passes import Pass, Pretraining
from components.models.pixels import PixelScaling
from components.models.states import Batch, States
from components.objectives import load
from components.study.axes import AxesSettings
from components.training.pretraining import PretrainingNetwork
from components.training.step_gates import BATCH, gates_of, mean_score, measure
from components.training.weights import digest_of
from tests.objectives.small_batches import MASK, SMALL
from tests.study.complete import complete

PAIRS, LENGTH, SIDE, VOCABULARY = 150, 9, 32, 60
CPU = torch.device("cpu")


def write(folder: Path, split: str = "validation", alike: int = 2) -> Store:
    """Random texts beside pictures in whose first row they are written, token by token.

    Args:
        alike: how many of the texts are the same one.
    """
    part = folder / "parts/pairs" / split
    part.mkdir(parents=True)
    generator = np.random.default_rng(0)
    lengths = generator.integers(4, LENGTH + 1, PAIRS)
    ids = generator.integers(5, VOCABULARY, (PAIRS, LENGTH))
    ids[:, 0], ids[np.arange(PAIRS), lengths - 1] = 2, 3
    ids[np.arange(LENGTH) >= lengths[:, None]] = 0
    ids[:alike], lengths[:alike] = ids[0], lengths[0]
    pixels = generator.integers(0, 256, (PAIRS, SIDE, SIDE, 3), dtype=np.uint8)
    pixels[:, 0, :LENGTH, 0] = ids
    for name, array in {
        "input_ids": ids.astype(np.int32),
        "lengths": lengths.astype(np.int32),
        "image_rows": np.arange(PAIRS),
        "targets": np.full(PAIRS, -1),
    }.items():
        np.save(part / f"{name}.npy", array)
    np.save(folder / "pixels.npy", pixels)
    np.save(folder / "image_groups.npy", np.arange(PAIRS, dtype=np.int32))
    special = {"pad": 0, "cls": 2, "sep": 3, "mask": MASK, "first_word": 5}
    index = {"parts": {"pairs": {split: PAIRS}}, "oracle": "identity", "special_tokens": special}
    (folder / "index.json").write_text(json.dumps(index | {"vocabulary_size": VOCABULARY}), encoding="utf-8")
    return Store(folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write(tmp_path_factory.mktemp("tokens"))


class Reader(nn.Module):
    """Reads the text that is written in the picture, so it knows every masked word, pair and picture; or takes no look at it.

    Attributes:
        seen: every batch that it read.
    """

    def __init__(self, looks: bool = True) -> None:
        super().__init__()
        self.looks = looks
        self.weight = nn.Parameter(torch.ones(1))
        self.seen: list[Batch] = []

    def encode(self, batch: Batch) -> States:
        """As an architecture does."""
        self.seen.append(batch)
        words = batch["input_ids"]
        written = batch["pixels"][:, 0, : words.shape[1], 0].long() if self.looks else words
        known = (words == written) | (batch["attention_mask"] == 0)
        return States(F.one_hot(written, VOCABULARY).float(), None, known.all(dim=1).float()[:, None])

    def embed_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The words as a unit vector."""
        return F.normalize(F.one_hot(input_ids, VOCABULARY).float().flatten(1), dim=1)

    def embed_image(self, pixels: Tensor) -> Tensor:
        """The words that are written in it, or the same vector for every picture."""
        width = LENGTH if self.looks else 0
        written = F.one_hot(pixels[:, 0, :width, 0].long(), VOCABULARY).float().flatten(1)
        return F.normalize(F.pad(written, (0, LENGTH * VOCABULARY - written.shape[1])), dim=1)


class Words(nn.Module):
    """Masked words from states that are one-hot."""

    READS_STATES = True

    def logits(self, model: nn.Module, states: Tensor) -> Tensor:
        """The states themselves."""
        return states


class Matching(nn.Module):
    """Pairs from a readout that is 1 where they belong together."""

    READS_STATES = True

    def head(self, pooled: Tensor) -> Tensor:
        """(B, 1) to (B, 2)."""
        return torch.cat([1 - pooled, pooled], dim=1)


def of_reader(reader: Reader) -> PretrainingNetwork:
    """A reader of pictures as they are stored."""
    passes = Pretraining((Pass((("mlm", 1.0), ("itm", 1.0), ("contrastive", 1.0)), words=True, mismatched="texts"),))
    heads: Any = {"mlm": Words(), "itm": Matching(), "contrastive": nn.Identity()}
    heads["contrastive"].READS_STATES = False
    return PretrainingNetwork(reader, nn.Identity(), passes, heads)  # type: ignore[arg-type]


def of_architecture(name: str) -> PretrainingNetwork:
    """An arm that has learned nothing, in training mode."""
    torch.manual_seed(0)
    arm = load_architecture(name)(SMALL)
    heads: dict[str, Any] = {loss: load(loss)(arm, SMALL) for loss in arm.PRETRAINING.losses}  # type: ignore[call-arg]
    return PretrainingNetwork(arm, PixelScaling(), arm.PRETRAINING, heads).train()


def measured(network: PretrainingNetwork, store: Store, seed: int = 3) -> dict[str, Any]:
    gates = gates_of(network.pretraining, None)
    return {gate.name: gate for gate in measure(network, gates, store, None, seed, CPU)}


def test_who_reads_the_answer_in_the_picture_knows_everything(store: Store) -> None:
    found = measured(of_reader(Reader()), store)
    assert set(found) == {"masked_words", "matching", "contrastive"}
    assert all(gate.score == 1.0 for gate in found.values())
    # Beside another picture it reads that one's words.
    assert found["masked_words"].reference < 0.1
    assert found["matching"].reference == 0.5
    assert found["matching"].items == 2 * found["contrastive"].items == 4 * BATCH
    assert all(gate.score - gate.reference > 10 * gate.standard_error for gate in found.values())


def test_who_does_not_look_knows_what_the_text_alone_gives(store: Store) -> None:
    found = measured(of_reader(Reader(looks=False)), store)
    assert found["masked_words"].score == found["masked_words"].reference
    assert found["masked_words"].standard_error == 0.0
    assert found["matching"].score == 0.5  # a text with its masks off is right of itself: it says yes to both pictures
    assert found["contrastive"].score <= 2 / BATCH


@pytest.mark.parametrize("name", ["vilt", "clip", "pixelbert"])
def test_an_untrained_arm_is_no_better_than_chance_and_is_left_as_it_was(name: str, store: Store) -> None:
    network = of_architecture(name)
    before, random = digest_of(network.state_dict()), torch.random.get_rng_state()
    found = measured(network, store)
    assert set(found) == ({"contrastive"} if name == "clip" else {"masked_words", "matching"})
    assert all(abs(gate.score - gate.reference) < 4 * gate.standard_error + 0.01 for gate in found.values())
    # Running statistics of batch normalisation included, and no random number of training is spent.
    assert digest_of(network.state_dict()) == before
    assert torch.equal(torch.random.get_rng_state(), random)
    assert network.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert found == measured(network, store)


def test_both_pictures_stand_beside_the_very_same_masked_text(store: Store) -> None:
    reader = Reader()
    found = measured(of_reader(reader), store)
    asked = 0
    for own, other, whole, whole_other in zip(*(iter(reader.seen),) * 4, strict=True):
        assert torch.equal(own["input_ids"], other["input_ids"])
        assert torch.equal(whole["input_ids"], whole_other["input_ids"])
        assert torch.equal(own["pixels"], whole["pixels"])
        assert torch.equal(other["pixels"], whole_other["pixels"])
        assert (own["pixels"] != other["pixels"]).any(dim=(1, 2, 3)).all()
        # What is hidden is the mask and nothing else, and at least one word of every text is hidden.
        hidden = own["input_ids"] != whole["input_ids"]
        assert (own["input_ids"][hidden] == MASK).all()
        assert hidden.any(dim=1).all()
        asked += int(hidden.sum())
        # Of no text is the other picture a true one.
        written = whole_other["pixels"][:, 0, : whole["input_ids"].shape[1], 0]
        assert (written != whole["input_ids"]).any(dim=1).all()
    assert found["masked_words"].items == asked


def test_every_arm_is_asked_the_same_and_another_seed_asks_something_else(store: Store) -> None:
    asked = []
    for looks, seed in ((True, 3), (False, 3), (True, 4)):
        reader = Reader(looks)
        measured(of_reader(reader), store, seed)
        asked.append([tensor for batch in reader.seen for tensor in (batch["input_ids"], batch["pixels"])])
    assert all(torch.equal(one, other) for one, other in zip(asked[0], asked[1], strict=True))
    assert any(
        one.shape != other.shape or not torch.equal(one, other) for one, other in zip(asked[0], asked[2], strict=False)
    )


def test_pictures_that_a_text_is_true_of_are_no_wrong_answers(tmp_path: Path) -> None:
    found = measured(of_reader(Reader()), write(tmp_path, alike=PAIRS // 2))
    assert found["contrastive"].score == 1.0
    # Half of the texts have half of the pictures to choose from, so chance is dearer than one in a batch.
    assert 1 / BATCH < found["contrastive"].reference < 2 / BATCH
    # One text for all pictures: it is false of none, so nothing can be asked.
    assert all(not gate.items for gate in measured(of_reader(Reader()), write(tmp_path / "one", alike=PAIRS)).values())


def test_without_validation_pairs_nothing_is_asked(tmp_path: Path) -> None:
    found = measured(of_reader(Reader()), write(tmp_path, "train"))
    assert [(gate.score, gate.items) for gate in found.values()] == [(0.0, 0)] * 3


def test_words_that_never_see_the_picture_are_not_asked_for_where_pairs_are() -> None:
    axes = complete("unmasked")["arms"]["late"]["axes"]
    late, stream = (AxesSettings.model_validate(axes | {"fusion": fusion}) for fusion in ("late", "single_stream"))
    both = Pretraining((Pass((("mlm", 1.0), ("itm", 1.0)), words=True),))
    words = Pretraining((Pass((("mlm", 1.0), ("region_classes", 1.0)), words=True),))
    assert gates_of(both, late) == ["matching"]
    assert gates_of(both, stream) == gates_of(both, None) == ["masked_words", "matching"]
    assert gates_of(words, late) == ["masked_words"]


def test_a_search_compares_the_mean_of_the_scores(store: Store) -> None:
    found = measured(of_reader(Reader(looks=False)), store)
    assert mean_score(list(found.values())) == pytest.approx(np.mean([gate.score for gate in found.values()]))
