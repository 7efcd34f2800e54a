"""Write the arrays of tokenised data: texts to token ids, pictures to pixels, in the layout that `store.py` opens.

Two passes over the samples in bounded memory: one to count, one to fill memory-mapped arrays. Data that is tokenised beside
other data takes over its names and its widths (`Known`), so that one model can read both.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from components.data import samples
from components.data import tokenizer as wordpiece
from components.data.boxes import BoxTable
from components.data.images import Rendering, to_pixels
from components.errors import CeterisError

IMAGE_COLUMNS = ["image_id", "image", "group", "objects", "label", "boxes", "classes", "attributes"]
COLUMNS = ("id", "group", "form", "text", "target", "pair")
FILL = -1  # pads facts and objects; the oracle skips it

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Known:
    """What the data beside which other data is tokenised has settled.

    Attributes:
        classes: names of what boxes hold; no other may occur. None where nothing is settled.
        attributes: likewise of what it is like.
        boxes: the least width of the arrays of boxes, in boxes.
        objects: of the array of objects, in numbers.
        facts: of the arrays of facts, in numbers.
    """

    classes: tuple[str, ...] | None = None
    attributes: tuple[str, ...] | None = None
    boxes: int = 0
    objects: int = 0
    facts: int = 0


NOTHING = Known()


@dataclass(frozen=True)
class Survey:
    """What the first pass over the samples finds.

    Attributes:
        counts: samples per part and split.
        words: of the training texts, with how often they occur.
        longest: the most facts of a sample, in numbers.
        paired: the parts whose samples have a second picture.
    """

    counts: Counter[tuple[str, str]]
    words: Counter[str]
    longest: int
    paired: set[str]

    @property
    def parts(self) -> dict[str, dict[str, int]]:
        """The counts by part, then by split, sorted."""
        parts: dict[str, dict[str, int]] = {}
        for (part, split), count in sorted(self.counts.items()):
            parts.setdefault(part, {})[split] = count
        return parts


def write_images(
    data: Path,
    out: Path,
    labels: list[str],
    size: int,
    rendering: Rendering,
    progress: Progress,
    known: Known = NOTHING,
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Decode every picture once; returns the row of each picture id, and the names of what boxes hold.

    Args:
        data: folder of the samples.
        out: folder of the arrays.
        labels: of whole pictures, in the order of their columns.
        size: side of the square, in pixels.
        progress: called with the percentage done and the current activity.

    Raises:
        CeterisError: a box holds something that is not known.
    """
    total = sum(pq.read_metadata(shard).num_rows for shard in samples.shards(data, "images"))
    pixels = np.lib.format.open_memmap(out / "pixels.npy", mode="w+", dtype=np.uint8, shape=(total, size, size, 3))
    marks = np.zeros((total, max(1, len(labels))), dtype=bool)
    label_columns = {label: column for column, label in enumerate(labels)}
    groups = np.zeros(total, dtype=np.int32)
    group_numbers: dict[str, int] = {}
    objects: list[list[int]] = []
    boxes = BoxTable(size)
    rows: dict[str, int] = {}
    for batch in samples.read(data, "images", IMAGE_COLUMNS):
        columns = batch.to_pydict()
        for image_id, image, group, scene, label, *boxed in zip(*columns.values(), strict=True):
            row = rows[image_id] = len(rows)
            pixels[row] = to_pixels(image, size, rendering)
            groups[row] = group_numbers.setdefault(group, len(group_numbers))
            objects.append(scene or [])
            boxes.add(image, *boxed)
            for name in (label or "").split(";"):
                if name:
                    marks[row, label_columns[name]] = True
        progress(100 * len(rows) / total, f"{len(rows)} of {total} pictures")
    pixels.flush()
    np.save(out / "labels.npy", marks)
    np.save(out / "image_groups.npy", groups)
    np.save(out / "objects.npy", _padded(objects, max(known.objects, max(map(len, objects), default=0))))
    for seen, settled in ((boxes.classes, known.classes), (boxes.attributes, known.attributes)):
        if settled is None:
            continue
        if new := sorted(seen - set(settled)):
            raise CeterisError(f"boxes hold {', '.join(new)}, which the data set has nowhere: give it more pictures.")
        seen.update(settled)
    for name, array in boxes.arrays(known.boxes).items():
        np.save(out / f"{name}.npy", array)
    return rows, {"object_classes": sorted(boxes.classes), "object_attributes": sorted(boxes.attributes)}


def survey(data: Path) -> Survey:
    """Count the samples and the words of the training texts."""
    counts: Counter[tuple[str, str]] = Counter()
    paired: set[str] = set()
    words: Counter[str] = Counter()
    longest = 0
    for batch in samples.read(data, "samples", ["part", "split", "image_ids", "text", "facts"]):
        columns = batch.to_pydict()
        counts.update(zip(columns["part"], columns["split"], strict=True))
        # The vocabulary comes from training texts alone, so that evaluation texts cannot shape it.
        words.update(
            wordpiece.word_counts(
                text for text, split in zip(columns["text"], columns["split"], strict=True) if split == "train"
            )
        )
        longest = max(longest, max((len(facts or []) for facts in columns["facts"]), default=0))
        paired.update(
            part for part, shown in zip(columns["part"], columns["image_ids"], strict=True) if len(shown or []) > 1
        )
    return Survey(counts, words, longest, paired)


def write_parts(
    data: Path,
    out: Path,
    tokenizer: Tokenizer,
    rows: Mapping[str, int],
    answers: Mapping[str, list[str]],
    found: Survey,
    known: Known = NOTHING,
) -> tuple[dict[str, float], dict[str, float]]:
    """Fill the arrays of every part and split; returns per part the share of texts cut off and that of unknown tokens."""
    counts, paired, longest = found.counts, found.paired, max(found.longest, known.facts)
    folders = {key: out / "parts" / key[0] / key[1] for key in counts}
    arrays: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    writers: dict[tuple[str, str], pq.ParquetWriter] = {}
    schema = pa.schema({name: pa.string() for name in COLUMNS})
    targets = {task: {answer: index for index, answer in enumerate(values)} for task, values in answers.items()}
    length = len(tokenizer.encode("").ids)
    for key, folder in folders.items():
        folder.mkdir(parents=True)
        shapes = {
            "input_ids": (np.int32, (counts[key], length)),
            "lengths": (np.int32, (counts[key],)),
            "image_rows": (np.int64, (counts[key],)),
            "targets": (np.int64, (counts[key],)),
            "facts": (np.int16, (counts[key], longest)),
        }
        if key[0] in paired:
            shapes["image_rows_second"] = (np.int64, (counts[key],))
        arrays[key] = {
            name: np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)
            for name, (dtype, shape) in shapes.items()
        }
        writers[key] = pq.ParquetWriter(folder / "samples.parquet", schema)
    filled: Counter[tuple[str, str]] = Counter()
    cut: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    unknown_id = wordpiece.special_tokens(tokenizer).unknown
    for batch in samples.read(data, "samples"):
        table = pa.Table.from_batches([batch])
        keys = list(zip(table["part"].to_pylist(), table["split"].to_pylist(), strict=True))
        for key in dict.fromkeys(keys):
            chosen = table.take([index for index, other in enumerate(keys) if other == key])
            columns = chosen.to_pydict()
            begin, end = filled[key], filled[key] + chosen.num_rows
            array = arrays[key]
            input_ids, lengths, truncated = wordpiece.encode(tokenizer, columns["text"])
            array["input_ids"][begin:end], array["lengths"][begin:end] = input_ids, lengths
            cut[key[0]] += int(truncated.sum())
            tokens[key[0]] += int(lengths.sum()) - 2 * len(lengths)  # without [CLS] and [SEP]
            unknown[key[0]] += int((input_ids == unknown_id).sum())
            array["image_rows"][begin:end] = [rows[ids[0]] if ids else -1 for ids in columns["image_ids"]]
            if key[0] in paired:
                array["image_rows_second"][begin:end] = [
                    rows[ids[1]] if len(ids) > 1 else -1 for ids in columns["image_ids"]
                ]
            classes = targets.get(key[0], {})
            array["targets"][begin:end] = [classes.get(target, -1) for target in columns["target"]]
            array["facts"][begin:end] = _padded(columns["facts"], longest)
            writers[key].write_table(chosen.select(COLUMNS))
            filled[key] = end
    for writer in writers.values():
        writer.close()
    totals: Counter[str] = Counter()
    for (part, _), count in counts.items():
        totals[part] += count
    parts = sorted(totals)
    return (
        {part: cut[part] / totals[part] for part in parts},
        {part: unknown[part] / max(1, tokens[part]) for part in parts},
    )


def _padded(lists: list[list[int]], length: int) -> np.ndarray:
    padded = np.full((len(lists), length), FILL, dtype=np.int16)
    for row, values in enumerate(lists):
        padded[row, : len(values or [])] = values or []
    return padded
