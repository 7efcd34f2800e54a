"""Answer requests with the model in a package folder: pictures and texts in, answers and scores out.

Registered models carry a copy of this file, of `components.models` and of the code that reads pictures, and run on those
copies. So a champion answers as it did when it was promoted, even if the code has changed since.

As a program it answers a file of requests: `python -m components.serving.answering PACKAGE REQUESTS ANSWERS`. REQUESTS has the
Parquet columns `image` (binary) and `text`; ANSWERS has `answer`, `score`, `scores` (in the package's order of answers) and
`notes`.
"""

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from components.data.images import Rendering, to_pixels
from components.errors import CeterisError
from components.models.architecture import Architecture
from components.models.architectures import load
from components.models.configuration import ModelConfiguration
from components.models.pixels import PixelScaling

if TYPE_CHECKING:
    from components.models.regions import FrontEnd

BATCH_SIZE = 256
SHOWN = 3  # unknown tokens that a note names


@dataclass(frozen=True)
class Answer:
    """The most likely answer, its probability, the probability of every answer, and sentences on text that was not read."""

    answer: str
    score: float
    scores: dict[str, float]
    notes: tuple[str, ...] = ()


class Answerer:
    """A fine-tuned model with its tokenizer and its answers.

    Args:
        package: the content of `package.json`.
        tokenizer: adds [CLS] and [SEP], pads and truncates as set in its file.
        model: an architecture of `components.models`.
        head: readout (B, P) to logits (B, C), in the order of the package's answers.
        scaling: scales pictures as in training.
        front: the visual front end of a model that reads regions; None for a model that reads pixels.
    """

    def __init__(
        self,
        package: dict[str, Any],
        tokenizer: Tokenizer,
        model: Architecture,
        head: nn.Module,
        scaling: PixelScaling,
        front: nn.Module | None = None,
    ) -> None:
        self.configuration = ModelConfiguration(**package["configuration"])
        self.kind: str = package["kind"]
        self.answers: list[str] = package["answers"]
        limits = package["value_range"]
        self.rendering = Rendering(package["background"], None if limits is None else (limits[0], limits[1]))
        self._tokenizer = tokenizer
        self._model = model.eval()
        self._head = head.eval()
        self._scaling = scaling
        self._front = None if front is None else front.eval()

    @classmethod
    def load(cls, folder: Path) -> "Answerer":
        """Rebuild the model from a package folder; its weights must fit exactly.

        Raises:
            CeterisError: a file of the package is missing.
        """
        for name in ("package.json", "model.safetensors", "tokenizer/tokenizer.json"):
            if not (folder / name).is_file():
                raise CeterisError(f"{folder / name} is missing: make the package again with the package stage.")
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        configuration = ModelConfiguration(**package["configuration"])
        model = load(package["architecture"])(configuration)
        head = model.head(len(package["answers"]))
        scaling = PixelScaling()
        parts = nn.ModuleDict({"model": model, "head": head, "scaling": scaling})
        if (front := front_of(package, configuration)) is not None:
            parts["front"] = front
        parts.load_state_dict(load_file(folder / "model.safetensors"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
        return cls(package, tokenizer, model, head, scaling, front)

    def answer(self, images: Sequence[bytes], texts: Sequence[str]) -> list[Answer]:
        """Answer each text about the encoded picture at the same position; any number of them, including zero.

        Raises:
            CeterisError: a picture or a text cannot be read; its position is named.
        """
        if len(images) != len(texts):
            raise CeterisError(f"{len(images)} pictures came with {len(texts)} texts: send one text with each picture.")
        if wrong := [row for row, text in enumerate(texts) if not isinstance(text, str)]:
            raise CeterisError(f"request {wrong[0]} has no text: send a string, which may be empty.")
        if broken := [row for row, text in enumerate(texts) if not _is_unicode(text)]:
            raise CeterisError(f"the text of request {broken[0]} holds half a character: send it as UTF-8.")
        answers: list[Answer] = []
        for begin in range(0, len(images), BATCH_SIZE):
            end = begin + BATCH_SIZE
            pixels = np.stack([self._pixels(image, begin + row) for row, image in enumerate(images[begin:end])])
            logits = self.logits(torch.from_numpy(pixels), texts[begin:end])
            asked = zip(logits.double().softmax(dim=1), texts[begin:end], strict=True)
            answers += [self._answer(row, text) for row, text in asked]
        return answers

    @torch.inference_mode()
    def logits(self, pixels: Tensor, texts: Sequence[str]) -> Tensor:
        """Logits of the answers (B, C) from pictures as uint8 (B, H, W, 3) and B texts."""
        encodings = self._tokenizer.encode_batch(list(texts))
        attention_mask = torch.tensor([encoding.attention_mask for encoding in encodings])
        longest = int(attention_mask.sum(dim=1).max())
        input_ids = torch.tensor([encoding.ids for encoding in encodings])[:, :longest]
        batch = {"input_ids": input_ids, "attention_mask": attention_mask[:, :longest]}
        if self._front is None:
            batch["pixels"] = self._scaling(pixels)
        else:
            regions = cast("FrontEnd", self._front).regions(self._scaling(pixels))
            batch |= {f"region_{name}": tensor for name, tensor in regions._asdict().items()}
        return self._head(self._model.readout(self._model.encode(batch), batch, self.kind))

    def _pixels(self, image: bytes, row: int) -> np.ndarray:
        try:
            return to_pixels(image, self.configuration.image_size, self.rendering)
        except CeterisError as error:
            raise CeterisError(f"request {row}: {error}") from None

    def _answer(self, probabilities: Tensor, text: str) -> Answer:
        scores = dict(zip(self.answers, probabilities.tolist(), strict=True))
        best = max(scores, key=scores.__getitem__)
        return Answer(best, scores[best], scores, unread(self._tokenizer, text))


def unread(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    """Sentences on the parts of a text that a tokenizer does not read: those beyond its limit, and those without a token."""
    text = unicodedata.normalize("NFC", text)  # so that a note names a letter together with its accents
    encoding = tokenizer.encode(text)
    notes = []
    if encoding.overflowing:
        read, more = _own_tokens(encoding), sum(map(_own_tokens, encoding.overflowing))
        notes.append(f"the text was cut: the model reads {read} tokens of it, and {more} more were left out.")
    unknown = tokenizer.token_to_id("[UNK]")
    spans = zip(encoding.ids, encoding.offsets, strict=True)
    strange = [text[begin:end] for token, (begin, end) in spans if token == unknown]
    if strange:
        named = ", ".join(repr(part) for part in list(dict.fromkeys(strange))[:SHOWN])
        more_named = ", ..." if len(set(strange)) > SHOWN else ""
        notes.append(
            f"the model does not know {len(strange)} of the {_own_tokens(encoding)} tokens that it reads ({named}{more_named})."
        )
    return tuple(notes)


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded as UTF-8. Python's strings may hold lone surrogates, which cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _own_tokens(encoding: Encoding) -> int:
    """Number of tokens of the text itself, without special tokens."""
    return encoding.special_tokens_mask.count(0)


def front_of(package: Mapping[str, Any], configuration: ModelConfiguration) -> nn.Module | None:
    """The front end of the packaged arm, with fresh weights; None for a model that reads pixels.

    Raises:
        CeterisError: the model reads regions that come with the data, so it cannot read new pictures.
    """
    if package["front"] == "pixels":
        return None
    if package["front"] in ("boxes", "precomputed"):
        raise CeterisError(
            f"the model of {package['task']} reads {package['front']} regions, which come with the data: it cannot look at "
            "new pictures; package an arm whose front end is the detector, the grid or the patches."
        )
    from components.models.front_ends import region_front

    return region_front(package["front"], configuration)


def main(package: str, requests: str, answers: str) -> None:
    """Answer a file of requests."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    torch.set_num_threads(1)
    asked = pq.read_table(requests, columns=["image", "text"]).to_pydict()
    given = Answerer.load(Path(package)).answer(asked["image"], asked["text"])
    columns = {
        "answer": pa.array([answer.answer for answer in given], pa.string()),
        "score": pa.array([answer.score for answer in given], pa.float64()),
        "scores": pa.array([list(answer.scores.values()) for answer in given], pa.list_(pa.float64())),
        "notes": pa.array([list(answer.notes) for answer in given], pa.list_(pa.string())),
    }
    pq.write_table(pa.table(columns), answers)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4])
    except CeterisError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
