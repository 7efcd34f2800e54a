"""Stage: texts to token ids, pictures to pixel arrays, once for every stage that trains.

Two passes over the samples in bounded memory: one to count, one to fill memory-mapped arrays.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from components.data import samples
from components.data import tokenizer as wordpiece
from components.data.boxes import BoxTable
from components.data.images import Rendering, to_pixels
from components.data.region_table import write_arrays
from components.errors import CeterisError
from components.files.digests import digest_of_folder
from components.files.json_files import write_json
from components.paths import data_folder, verdict_file
from components.stages.stage import Stage, main
from components.study.study import Study

IMAGE_COLUMNS = ["image_id", "image", "group", "objects", "label", "boxes", "classes", "attributes"]
COLUMNS = ("id", "group", "form", "text", "target", "pair")
CHUNK = 512  # pictures held at once
FILL = -1  # pads facts and objects; the oracle skips it


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Tokenise everything under outputs/data."""
    data = data_folder(stage.root)
    verdict = json.loads(verdict_file(stage.root).read_text(encoding="utf-8"))
    if not verdict["passed"]:
        raise CeterisError("the data did not pass validation: mend what reports/findings.json names, then run again.")
    out = stage.out()
    out.mkdir(parents=True)
    description = samples.describe(data)
    rendering = Rendering(study.data.background, study.data.value_range)
    rows, names = write_images(data, out, description["image_labels"], study.data.image_size, stage, rendering)
    regions = write_arrays(data, out, rows)
    stage.progress(60, "pictures decoded")
    counts, words, longest, paired = survey(data)
    if study.text.tokenizer == wordpiece.BUILT:
        tokenizer = wordpiece.build(words, study.text.vocabulary_size, study.text.max_length)
    else:
        tokenizer = wordpiece.load(study.text.tokenizer, study.text.max_length)
    wordpiece.save(tokenizer, out / "tokenizer")
    truncated, unknown = write_parts(data, out, tokenizer, rows, description["answers"], counts, longest, paired)
    mean, deviation = channel_statistics(out)
    special = wordpiece.special_tokens(tokenizer)
    index = {
        "parts": _nested(counts),
        "answers": description["answers"],
        "image_labels": description["image_labels"],
        **names,
        "oracle": description["oracle"],
        "special_tokens": {name: getattr(special, name) for name in special.__dataclass_fields__},
        "vocabulary_size": tokenizer.get_vocab_size(),
        "max_length": study.text.max_length,
        "truncated": truncated,
        "unknown": unknown,
        "pixel_mean": mean,
        "pixel_deviation": deviation,
        "image_size": study.data.image_size,
        "data_digest": description["digest"],
        "digest": digest_of_folder(out),
        **({"regions": regions} if regions else {}),
    }
    write_json(out / "index.json", index, indent=2)
    stage.spool.dataset(study.data.source, description["digest"], sum(counts.values()), "training")
    stage.progress(100, "tokenised")


def write_images(
    data: Path, out: Path, labels: list[str], size: int, stage: Stage, rendering: Rendering
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Decode every picture once; returns the row of each picture id, and the names of what boxes hold."""
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
        stage.progress(60 * len(rows) / total, f"{len(rows)} of {total} pictures")
    pixels.flush()
    np.save(out / "labels.npy", marks)
    np.save(out / "image_groups.npy", groups)
    np.save(out / "objects.npy", _padded(objects, max((len(scene) for scene in objects), default=0)))
    for name, array in boxes.arrays().items():
        np.save(out / f"{name}.npy", array)
    return rows, {"object_classes": sorted(boxes.classes), "object_attributes": sorted(boxes.attributes)}


def channel_statistics(out: Path) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over the training pictures, from exact sums of integers."""
    pixels = np.load(out / "pixels.npy", mmap_mode="r")
    rows = np.load(out / "parts/images/train/image_rows.npy", mmap_mode="r")
    sums, squares, count = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64), 0
    for begin in range(0, len(rows), CHUNK):
        values = pixels[rows[begin : begin + CHUNK]].reshape(-1, 3).astype(np.int64)
        sums, squares, count = sums + values.sum(axis=0), squares + (values**2).sum(axis=0), count + len(values)
    mean = sums / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1.0))  # a blank data set must not divide by zero
    return [round(float(value), 4) for value in mean], [round(float(value), 4) for value in deviation]


def survey(data: Path) -> tuple[Counter[tuple[str, str]], Counter[str], int, set[str]]:
    """Samples per part and split, words of the training texts, the longest list of facts, and parts with second pictures."""
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
    return counts, words, longest, paired


def write_parts(
    data: Path,
    out: Path,
    tokenizer: Tokenizer,
    rows: Mapping[str, int],
    answers: Mapping[str, list[str]],
    counts: Counter[tuple[str, str]],
    longest: int,
    paired: set[str],
) -> tuple[dict[str, float], dict[str, float]]:
    """Fill the arrays of every part and split; returns per part the share of texts cut off and that of unknown tokens."""
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
            known = targets.get(key[0], {})
            array["targets"][begin:end] = [known.get(target, -1) for target in columns["target"]]
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


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    parts: dict[str, dict[str, int]] = {}
    for (part, split), count in sorted(counts.items()):
        parts.setdefault(part, {})[split] = count
    return parts


if __name__ == "__main__":
    main("tokenize", run)
