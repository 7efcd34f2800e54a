"""Stage: texts to token ids, pictures to pixel arrays, once for every stage that trains."""

import argparse
import json
from pathlib import Path

import numpy as np

from components.data import samples
from components.data import tokenizer as wordpiece
from components.data.images import Rendering
from components.data.region_table import write_arrays
from components.data.store_writing import survey, write_images, write_parts
from components.errors import CeterisError
from components.files.digests import digest_of_folder
from components.files.json_files import write_json
from components.paths import data_folder, verdict_file
from components.stages.stage import Stage, main
from components.study.study import Study

CHUNK = 512  # pictures held at once


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
    labels, size = description["image_labels"], study.data.image_size
    rows, names = write_images(data, out, labels, size, rendering, lambda done, what: stage.progress(0.6 * done, what))
    regions = write_arrays(data, out, rows)
    stage.progress(60, "pictures decoded")
    found = survey(data)
    if study.text.tokenizer == wordpiece.BUILT:
        tokenizer = wordpiece.build(found.words, study.text.vocabulary_size, study.text.max_length)
    else:
        tokenizer = wordpiece.load(study.text.tokenizer, study.text.max_length)
    wordpiece.save(tokenizer, out / "tokenizer")
    truncated, unknown = write_parts(data, out, tokenizer, rows, description["answers"], found)
    mean, deviation = channel_statistics(out)
    special = wordpiece.special_tokens(tokenizer)
    index = {
        "parts": found.parts,
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
    stage.spool.dataset(study.data.source, description["digest"], found.counts.total(), "training")
    stage.progress(100, "tokenised")


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


if __name__ == "__main__":
    main("tokenize", run)
