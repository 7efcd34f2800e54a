"""NLVR in both layouts: nothing of dev, validation or gate is trained on, in any order of its boxes."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data import samples
from components.data.images import facts
from components.data.sources.nlvr import KINDS, open_corpus
from components.data.sources.source import write
from components.errors import CeterisError
from components.study.loading import load_study
from components.study.tasks import TaskSettings

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data" / "nlvr"
DEFAULT = load_study(ROOT / "params.yaml").data
TASK = {"statements": TaskSettings(kind="statements", few_labels=None)}

needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")


def materialise(path: Path, out: Path) -> list[dict]:
    settings = DEFAULT.model_copy(update={"source": "nlvr", "path": str(path)})
    with samples.SampleWriter(out) as writer:
        write(writer, settings, TASK, lambda percent, message: None)
    return [row for batch in samples.read(out, "samples") for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def from_parquet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """A part of the real Parquet files: 200 labelled examples in six orders, 300 unlabelled ones, all of dev."""
    folder = tmp_path_factory.mktemp("nlvr")
    for name, rows in (("train", 1200), ("dev", 989), ("train_unlabelled", 300)):
        pq.write_table(pq.read_table(SHARED / f"{name}.parquet").slice(0, rows), folder / f"{name}.parquet")
    return folder, materialise(folder, folder / "out")


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official sample, half of its groups posing as the training split."""
    folder = tmp_path_factory.mktemp("official")
    source = SHARED / "official_sample" / "nlvr" / "dev"
    lines = (source / "dev.json").read_text(encoding="utf-8").splitlines()
    groups = sorted({json.loads(line)["identifier"].split("-")[0] for line in lines})
    for split, mine in (("train", set(groups[::2])), ("dev", set(groups[1::2]))):
        kept = [line for line in lines if json.loads(line)["identifier"].split("-")[0] in mine]
        (folder / split).mkdir()
        (folder / split / f"{split}.json").write_text("\n".join(kept) + "\n", encoding="utf-8")
        for line in kept:
            row = json.loads(line)
            for order in range(6):
                name = f"images/{row['directory']}/{{}}-{row['identifier']}-{order}.png"
                target = folder / split / name.format(split)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name.format("dev"), target)
    return folder


@needs_data
def test_dev_is_the_selection_split_whole(from_parquet: tuple[Path, list[dict]]) -> None:
    _, written = from_parquet
    dev = [row for row in written if row["split"] == "selection"]
    published = pq.read_table(SHARED / "dev.parquet", columns=["identifier", "label"]).to_pylist()
    assert {row["id"]: row["target"] for row in dev} == {
        f"dev-{row['identifier']}-0": str(row["label"]).lower() for row in published
    }
    assert {row["part"] for row in dev} == {"statements"}


@needs_data
def test_training_holds_all_orders_and_held_out_splits_one(from_parquet: tuple[Path, list[dict]]) -> None:
    _, written = from_parquet
    orders = {"train": Counter(), "validation": Counter(), "gate": Counter()}
    for row in written:
        if row["part"] == "statements" and row["split"] in orders:
            orders[row["split"]][row["id"].rpartition("-")[0]] += 1
    assert set(orders["train"].values()) == {6}
    assert set(orders["validation"].values()) == set(orders["gate"].values()) == {1}


@needs_data
def test_no_group_and_no_scene_is_in_two_splits(from_parquet: tuple[Path, list[dict]]) -> None:
    folder, written = from_parquet
    homes: dict[str, set[str]] = {}
    for row in written:
        homes.setdefault(row["group"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in homes.values())
    corpus = open_corpus(folder)
    scene = {f"{example.identifier}-{example.order}": example.scene for example in corpus.train()}
    scene |= {f"unlabelled-{example.identifier}-0": example.scene for example in corpus.unlabelled()}
    scene |= {f"dev-{example.identifier}-0": example.scene for example in corpus.dev()}
    seen: dict[tuple, set[str]] = {}
    for row in written:
        for image_id in row["image_ids"]:
            seen.setdefault(scene[image_id], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in seen.values())
    # The check means something: the published files do share scenes.
    assert {example.scene for example in corpus.train()} & {example.scene for example in corpus.dev()}


@needs_data
def test_pretraining_parts_are_what_they_are_called(from_parquet: tuple[Path, list[dict]]) -> None:
    folder, written = from_parquet
    label = {
        f"{row['identifier']}-{row['permutation']}": row["label"] for row in _rows(folder / "train.parquet", "label")
    }
    pairs = [row for row in written if row["part"] == "pairs"]
    assert {row["form"] for row in pairs} == {"labelled", "weak"}
    for row in pairs:
        image_id = row["image_ids"][0]
        if row["form"] == "labelled":
            assert label[image_id] is True
        else:
            assert image_id.startswith("unlabelled-")
            assert image_id.split("-")[2] in ("0", "1")
    texts = [row["text"] for row in written if row["part"] == "text"]
    assert len(texts) == len(set(texts)) > 50
    assert not any(row["target"] for row in written if row["part"] in ("pairs", "text", "images"))


def _rows(path: Path, *columns: str) -> list[dict]:
    return pq.read_table(path, columns=["identifier", "permutation", *columns]).to_pylist()


@needs_data
def test_boxes_lie_on_objects_and_labels_say_what_they_are(from_parquet: tuple[Path, list[dict]]) -> None:
    folder, _ = from_parquet
    checked = 0
    for batch in samples.read(folder / "out", "images"):
        for row in batch.to_pylist()[:40]:
            known = facts(row["image"])
            assert (known.width, known.height) == (400, 100)
            for x, y, width, height in row["boxes"]:
                assert x >= 0
                assert x + width <= 400.5
                assert y + height <= 100.5
                checked += 1
            if row["label"]:
                assert set(row["label"].split(";")) <= set(KINDS)
    assert checked > 50


@needs_data
def test_the_official_layout_is_read(official: Path, tmp_path: Path) -> None:
    written = materialise(official, tmp_path / "out")
    parts = {(row["part"], row["split"]) for row in written}
    assert {("statements", split) for split in ("train", "validation", "selection", "gate")} <= parts
    assert {(part, "train") for part in ("pairs", "text", "images")} <= parts
    assert {row["target"] for row in written if row["part"] == "statements"} == {"true", "false"}


@needs_data
def test_both_layouts_describe_the_same_pictures(official: Path) -> None:
    published = {row["identifier"]: row for row in pq.read_table(SHARED / "dev.parquet").to_pylist()}
    for example in open_corpus(official).dev():
        row = published[example.identifier]
        assert example.picture() == row["image"]
        assert (example.label, example.sentence) == (row["label"], " ".join(row["sentence"].split()))
        expected = [sorted((o["x"], o["y"], o["size"], o["type"], o["color"]) for o in box) for box in row["boxes"]]
        assert [sorted(box) for box in example.boxes] == expected


@needs_data
def test_the_order_of_the_boxes_follows_the_picture(official: Path) -> None:
    """In every order, the colour at the centre of each square is the colour that its box names."""
    import io

    from PIL import Image

    colours = {"Yellow": (255, 255, 0), "Black": (0, 0, 0), "#0099ff": (0, 153, 255)}
    checked = 0
    for example in open_corpus(official).train():
        image = Image.open(io.BytesIO(example.picture())).convert("RGB")
        for index, box in enumerate(example.boxes):
            for x, y, size, shape, colour in box:
                if shape == "square":
                    pixel = image.getpixel((150 * index + x + size // 2, y + size // 2))
                    assert all(abs(a - b) < 40 for a, b in zip(pixel, colours[colour], strict=True))
                    checked += 1
    assert checked > 300


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda folder: (folder / "train" / "train.json").unlink(), "holds no NLVR"),
        (lambda folder: (folder / "train" / "train.json").write_text('{"sentence": 3}\n'), "line 1 is no NLVR example"),
        (lambda folder: shutil.rmtree(folder / "train" / "images"), "cannot be read"),
    ],
)
@needs_data
def test_a_broken_copy_is_told_in_a_sentence(official: Path, tmp_path: Path, break_it, sentence: str) -> None:
    shutil.copytree(official, tmp_path / "nlvr")
    break_it(tmp_path / "nlvr")
    with pytest.raises(CeterisError, match=sentence):
        materialise(tmp_path / "nlvr", tmp_path / "out")


def test_a_parquet_file_that_is_none_is_told(tmp_path: Path) -> None:
    for name in ("train", "dev"):
        (tmp_path / f"{name}.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(CeterisError, match="cannot be read as Parquet"):
        materialise(tmp_path, tmp_path / "out")
    pq.write_table(pa.table({"image": [b""]}), tmp_path / "dev.parquet")
    with pytest.raises(CeterisError, match="lacks the column sentence"):
        materialise(tmp_path, tmp_path / "out2")
