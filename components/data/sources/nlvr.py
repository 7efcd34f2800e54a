"""The NLVR source (Suhr et al., ACL 2017): is the sentence true of the drawn picture?

Two layouts are read:

* Official: `train/train.json`, `dev/dev.json` (one JSON object in each line) and `SPLIT/images/DIRECTORY/SPLIT-ID-k.png`,
  k = 0..5 for the six orders of the three boxes. All of it may also lie under `nlvr/`.
* Parquet: `train.parquet`, `dev.parquet`, and optionally `train_unlabelled.parquet`, whose pictures have no label.

Splits. The whole development split is `selection`. `validation` and `gate` are taken out of train by `group`: up to four
examples that share a sentence. Groups that share a picture, in any order of its boxes, stay together. If single rows were
divided, the six orders and the shared sentences would leak. Held-out splits hold the first order of every picture, as in
published results; training holds all six.

Two kinds of example are left out of training:

* pictures that also occur, in any order of their boxes, in dev, validation or gate (towers have few possible pictures: 23 of
  the 1,000 labelled training examples at hand are in dev);
* unlabelled examples of a held-out group, because they share the sentence.

Pretraining parts, from training groups (and from validation groups, for the validation curves):

* `pairs`: sentences with pictures of which they are true. Either the label says so (form `labelled`), or the picture has no
  label and its position says so (form `weak`): sentences were written to be true of the pictures at positions 0 and 1,
  which agrees with 86.5% of the labels. The identifier is used for nothing else.
* `text`: every sentence once.
* `images`: all training pictures, with and without label, labelled with the kinds of object in them ("yellow circle"). The
  kinds are read from the boxes, so no annotation beyond the picture's content is used.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.samples import Picture, Sample, SampleWriter
from components.data.sources.splits import carve, connected, shares
from components.errors import CeterisError
from components.study.data_settings import DataSettings
from components.study.tasks import TaskSettings

BOX_STRIDE = 150
ORDERS = tuple(itertools.permutations(range(3)))
COLOURS = {"Yellow": "yellow", "Black": "black", "#0099ff": "blue"}
KINDS = sorted(f"{colour} {shape}" for colour in COLOURS.values() for shape in ("circle", "square", "triangle"))
WRITTEN_TRUE = frozenset({"0", "1"})
PRETRAINING_SPLITS = ("train", "validation")
_PARQUET_BATCH = 256

Box = tuple[tuple[int, int, int, str, str], ...]


@dataclass(frozen=True)
class Example:
    """One picture with its sentence. `boxes` holds the objects of each box as x, y, size, shape and colour."""

    identifier: str
    group: str
    order: int
    sentence: str | None
    label: bool | None
    boxes: tuple[Box, ...]
    picture: Callable[[], bytes]

    @property
    def scene(self) -> tuple[Box, ...]:
        """The content of the picture; equal for all orders of its boxes."""
        return tuple(sorted(tuple(sorted(box)) for box in self.boxes))

    @property
    def kinds(self) -> str:
        """The kinds of object in it, separated by semicolons."""
        names = {f"{COLOURS.get(colour, '')} {shape}" for box in self.boxes for _, _, _, shape, colour in box}
        return ";".join(sorted(names.intersection(KINDS)))

    @property
    def rectangles(self) -> list[list[float]]:
        """Every object as x, y, width and height in the picture."""
        return [
            [float(x + BOX_STRIDE * index), float(y), float(size), float(size)]
            for index, box in enumerate(self.boxes)
            for x, y, size, _, _ in box
        ]


@dataclass
class Corpus:
    """The examples of a corpus. Each call starts a new stream."""

    train: Callable[[], Iterator[Example]]
    dev: Callable[[], Iterator[Example]]
    unlabelled: Callable[[], Iterator[Example]]


@dataclass
class Division:
    """The split of each group, and the scenes that must not be trained on."""

    in_dev: set[bytes]
    splits: dict[str, str] = field(default_factory=dict)
    held_out: set[bytes] = field(default_factory=set)
    left_out: int = 0

    def split_of(self, example: Example) -> str | None:
        """The split of an example of the training files; None for one that is left out."""
        scene = scene_key(example)
        split = self.splits.get(example.group, "train")
        if scene in self.in_dev or (split == "train" and scene in self.held_out):
            return None
        return split


def write(
    writer: SampleWriter,
    settings: DataSettings,
    tasks: Mapping[str, TaskSettings],
    progress: Callable[[float, str], None],
) -> None:
    """Write all samples of the corpus at `settings.path`.

    Raises:
        CeterisError: the folder holds neither layout, or a file of it is damaged.
    """
    if len(tasks) != 1:
        raise CeterisError(
            f"tasks has {len(tasks)} entries ({', '.join(tasks)}): NLVR is one task, of kind statements."
        )
    task = next(iter(tasks))
    corpus = open_corpus(Path(settings.path))
    progress(0, "dividing NLVR by group")
    division = divide(corpus, settings)
    progress(10, "writing the development split")
    _write_held_out(writer, task, corpus.dev(), lambda example: "selection")
    progress(20, "writing validation and gate")
    _write_held_out(writer, task, corpus.train(), division.split_of)
    progress(30, "writing the training split")
    _write_training(writer, task, corpus.train(), division)
    progress(60, "writing the unlabelled pictures")
    weak = _write_unlabelled(writer, corpus.unlabelled(), division)
    progress(90, "writing the sentences")
    _write_sentences(writer, itertools.chain(corpus.train(), corpus.unlabelled()), division)
    writer.finish(
        source="nlvr",
        oracle="identity",
        answers={task: ["false", "true"]},
        image_labels=KINDS,
        texts={
            "text": "the sentences of the training groups",
            "pairs": f"true statements of the training groups, and {weak} weakly labelled by position",
            "splits": "dev is the selection split, whole; validation and gate carved out of train by group; "
            f"{division.left_out} labelled training examples left out because their picture is in dev",
        },
    )


def open_corpus(path: Path) -> Corpus:
    """Recognise the layout.

    Raises:
        CeterisError: neither the official layout nor the Parquet files are there.
    """
    train, dev, unlabelled = (path / f"{name}.parquet" for name in ("train", "dev", "train_unlabelled"))
    if train.is_file() and dev.is_file():
        return Corpus(
            partial(_parquet, train),
            partial(_parquet, dev),
            partial(_parquet, unlabelled) if unlabelled.is_file() else _none,
        )
    for root in (path, path / "nlvr"):
        if (root / "train" / "train.json").is_file() and (root / "dev" / "dev.json").is_file():
            return Corpus(partial(_official, root, "train", ORDERS), partial(_official, root, "dev", ORDERS[:1]), _none)
    raise CeterisError(
        f"{path} holds no NLVR: put train.parquet and dev.parquet there, "
        "or the official folders with train/train.json and dev/dev.json."
    )


def _none() -> Iterator[Example]:
    return iter(())


def divide(corpus: Corpus, settings: DataSettings) -> Division:
    """Decide which training groups are validation and gate, and which scenes may not be trained on."""
    division = Division(in_dev={scene_key(example) for example in corpus.dev()})
    scenes: list[tuple[str, bytes]] = []
    rows: list[tuple[str, str]] = []
    for example in corpus.train():
        if example.order:
            continue
        if scene_key(example) in division.in_dev:
            division.left_out += 1
        else:
            rows.append((example.group, str(example.label).lower()))
            scenes.append((example.group, scene_key(example)))
    together = connected(scenes)
    parts = shares(settings.manifest, ("validation", "gate"))
    parted = carve([(together[group], target) for group, target in rows], parts, settings.manifest.seed)
    division.splits = {group: parted[component] for group, component in together.items()}
    division.held_out = {scene for group, scene in scenes if division.splits[group] != "train"}
    return division


def scene_key(example: Example) -> bytes:
    """A short hash of the content of a picture; equal for all orders of its boxes."""
    return hashlib.sha256(repr(example.scene).encode()).digest()[:16]


def _write_held_out(
    writer: SampleWriter, task: str, examples: Iterator[Example], split_of: Callable[[Example], str | None]
) -> None:
    for example in examples:
        if example.order == 0 and (split := split_of(example)) not in (None, "train"):
            _write_statement(writer, task, example, split)


def _write_training(writer: SampleWriter, task: str, examples: Iterator[Example], division: Division) -> None:
    for example in examples:
        if division.split_of(example) == "train":
            _write_statement(writer, task, example, "train")


def _write_statement(writer: SampleWriter, task: str, example: Example, split: str) -> None:
    """Write one picture with its statement and, if the split is used in pretraining, its samples for that."""
    image_id, group = f"{example.identifier}-{example.order}", f"nlvr-{example.group}"
    pretrains = split in PRETRAINING_SPLITS
    if split == "selection":
        image_id = f"dev-{image_id}"
    label = example.kinds if pretrains and example.kinds else None
    target = None if example.label is None else str(example.label).lower()
    writer.picture(Picture(image_id, example.picture(), group, boxes=example.rectangles, label=label))
    writer.sample(Sample(image_id, task, split, [image_id], example.sentence or "", target, group))
    if pretrains:
        writer.sample(Sample(f"images/{image_id}", "images", split, [image_id], group=group))
    if pretrains and example.label and example.sentence:
        pair = f"pairs/{image_id}"
        writer.sample(Sample(pair, "pairs", split, [image_id], example.sentence, group=group, form="labelled"))


def _write_unlabelled(writer: SampleWriter, examples: Iterator[Example], division: Division) -> int:
    """Write the pictures without label; returns how many became weakly labelled pairs."""
    weak = 0
    for example in examples:
        if division.split_of(example) != "train":
            continue
        image_id, group = f"unlabelled-{example.identifier}-{example.order}", f"nlvr-{example.group}"
        writer.picture(
            Picture(image_id, example.picture(), group, boxes=example.rectangles, label=example.kinds or None)
        )
        writer.sample(Sample(f"images/{image_id}", "images", "train", [image_id], group=group))
        if example.sentence and example.identifier.rpartition("-")[2] in WRITTEN_TRUE:
            writer.sample(
                Sample(f"pairs/{image_id}", "pairs", "train", [image_id], example.sentence, group=group, form="weak")
            )
            weak += 1
    return weak


def _write_sentences(writer: SampleWriter, examples: Iterator[Example], division: Division) -> None:
    seen: set[str] = set()
    for example in examples:
        split = division.split_of(example)
        if example.sentence and example.sentence not in seen and split in PRETRAINING_SPLITS:
            seen.add(example.sentence)
            group = f"nlvr-{example.group}"
            writer.sample(Sample(f"text/{len(seen)}", "text", split, text=example.sentence, group=group))


def _parquet(path: Path) -> Iterator[Example]:
    """Examples of a Parquet file; the pictures of one batch are in memory at a time."""
    needed = ["image", "sentence", "identifier", "group", "permutation", "boxes"]
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if missing := [name for name in needed if name not in names]:
                raise CeterisError(f"{path} lacks the column {', '.join(missing)}: copy the published file again.")
            columns = [*needed, *(["label"] if "label" in names else [])]
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH, columns=columns):
                for row in batch.to_pylist():
                    yield _example_of_row(row)
    except (pa.ArrowException, OSError) as error:
        raise CeterisError(
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}): copy the published file again."
        ) from None


def _example_of_row(row: Mapping[str, Any]) -> Example:
    data = row["image"]
    return Example(
        identifier=row["identifier"],
        group=str(row["group"]),
        order=row["permutation"],
        sentence=" ".join(row["sentence"].split()) if row["sentence"] else None,
        label=row.get("label"),
        boxes=tuple(
            tuple((item["x"], item["y"], item["size"], item["type"], item["color"]) for item in box)
            for box in row["boxes"]
        ),
        picture=lambda: data,
    )


def _official(root: Path, split: str, orders: Sequence[Sequence[int]]) -> Iterator[Example]:
    """Examples of the official layout, each in the given orders of its boxes."""
    path = root / split / f"{split}.json"
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                first = _example_of_line(row)
                folder = root / split / "images" / str(int(row["directory"]))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise CeterisError(f"{path} line {number} is no NLVR example: copy the official file again.") from None
            for k, order in enumerate(orders):
                picture = partial(
                    _read_picture, folder / f"{split}-{first.identifier}-{k}.png", f"{path} line {number}"
                )
                yield replace(first, order=k, boxes=tuple(first.boxes[index] for index in order), picture=picture)


def _example_of_line(row: Mapping[str, Any]) -> Example:
    group, _, position = row["identifier"].partition("-")
    return Example(
        identifier=f"{int(group)}-{int(position)}",
        group=group,
        order=0,
        sentence=" ".join(row["sentence"].split()),
        label={"true": True, "false": False}[str(row["label"]).lower()],
        boxes=tuple(
            tuple((item["x_loc"], item["y_loc"], item["size"], item["type"], item["color"]) for item in box)
            for box in row["structured_rep"]
        ),
        picture=bytes,
    )


def _read_picture(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise CeterisError(f"{where} asks for {path}, which cannot be read: copy the official images again.") from None
