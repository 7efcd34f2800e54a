"""The arrays that are written of texts, and what is said of what was lost."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from components.data import tokenizer as wordpiece
from components.data.samples import Sample, SampleWriter
from components.data.store_writing import survey, write_parts

QUESTION = "请仔细看看这张照片"  # nine characters and no blank


def written(folder: Path, rows: list[tuple[str, str, str]], length: int) -> tuple[dict[str, float], dict[str, float]]:
    """The stage's two passes over rows of (part, split, text)."""
    with SampleWriter(folder / "data") as writer:
        for number, (part, split, text) in enumerate(rows):
            writer.sample(Sample(f"row {number}", part, split, text=text))
        writer.finish(source="manifest", oracle="", answers={}, image_labels=[], texts={})
    found = survey(folder / "data")
    assert found.counts == Counter((part, split) for part, split, _ in rows)
    tokenizer = wordpiece.build(found.words, 64, length)
    return write_parts(folder / "data", folder, tokenizer, {}, {}, found)


def test_texts_without_blanks_fill_the_arrays(tmp_path: Path) -> None:
    rows = [("vqa", "train", f"{QUESTION}{number}") for number in ("一", "二")]
    truncated, unknown = written(tmp_path, rows, 12)
    assert (truncated, unknown) == ({"vqa": 0.0}, {"vqa": 0.0})
    ids = np.load(tmp_path / "parts/vqa/train/input_ids.npy")
    assert np.load(tmp_path / "parts/vqa/train/lengths.npy").tolist() == [12, 12]
    assert (ids[0] != ids[1]).sum() == 1


def test_questions_that_differ_in_a_mark_stay_two(tmp_path: Path) -> None:
    written(tmp_path, [("vqa", "train", "かきですか"), ("vqa", "train", "かぎですか")], 16)
    ids = np.load(tmp_path / "parts/vqa/train/input_ids.npy")
    assert (ids[0] != ids[1]).sum() == 1


def test_what_is_cut_and_what_is_unknown_is_counted_per_part(tmp_path: Path) -> None:
    rows = [
        ("text", "train", "a b c"),
        ("vqa", "train", "a b c a b c"),
        ("vqa", "selection", "a ☃"),
        ("vqa", "selection", ""),
        ("images", "train", ""),
    ]
    truncated, unknown = written(tmp_path, rows, 6)
    assert truncated == {"images": 0.0, "text": 0.0, "vqa": pytest.approx(1 / 3)}
    # Four tokens of the cut text are read, and two of the other.
    assert unknown == {"images": 0.0, "text": 0.0, "vqa": pytest.approx(1 / 6)}
