"""A further replicate: it draws training samples of its own, trains on them, and predicts what all others predict."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.data.findings import FaultyDataError
from components.data.predicted import predicted_pictures, predicted_splits
from components.data.samples import Picture, SampleWriter, read
from components.data.scenes import generate
from components.data.store import Store
from components.data.tokenizer import encode, load
from components.data.training_store import training_store
from components.files.digests import digest_of_folder
from components.stages import finetune, initial_weights, pretrain, pretrain_image, pretrain_text, redraw, tune
from components.study.loading import parse_study
from components.study.plan import fine_tunings
from components.study.study import Study
from components.training.digests import BatchDigests
from components.training.task_run import put_together
from tests.stages.in_process import prepare, stage
from tests.study.complete import complete

ARM, REPLICATE = "uniter", "1"


def small() -> Study:
    """One arm that reads regions; everything is as short as can be."""
    values = complete("smoke")
    values["arms"] = {ARM: values["arms"][ARM] | {"few_label_starts": []}}
    values["data"]["scenes"] |= {
        "pairs": 64,
        "text_only": 64,
        "image_only": 64,
        "train": 64,
        "selection": 32,
        "gate": 32,
    }
    values["tuning"]["trials"] = 0
    for budget in ("pretrain_text", "pretrain_image", "pretrain", "finetune"):
        values[budget] |= {"samples": 64, "batch_size": 32}
    return parse_study(values, "mine")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study]:
    """The data, and what the second replicate has drawn."""
    root, study = tmp_path_factory.mktemp("drawn"), small()
    with pytest.MonkeyPatch.context() as patch:
        prepare(root, study, patch)
        before = digest_of_folder(root / "outputs")
        redraw.run(study, argparse.Namespace(replicate=REPLICATE), stage(root, "outputs/drawn/1"))
    drawn = root / "outputs/drawn"
    own = digest_of_folder(drawn)
    drawn.rename(root / "aside")
    assert digest_of_folder(root / "outputs") == before  # what the first replicate reads is as it was
    (root / "aside").rename(drawn)
    assert digest_of_folder(drawn) == own
    return root, study


def test_what_is_drawn_means_the_same_as_the_tests(prepared: tuple[Path, Study]) -> None:
    root, study = prepared
    tokens, drawn = Store(root / "outputs/tokens"), training_store(root, study, 1)
    assert drawn.folder == root / "outputs/drawn/1"
    own = {"parts", "truncated", "unknown", "data_digest", "digest"}
    assert {key: value for key, value in drawn.index.items() if key not in own} == {
        key: value for key, value in tokens.index.items() if key not in own
    }
    assert list(drawn.index["parts"]) == list(tokens.index["parts"])
    assert {split for splits in drawn.index["parts"].values() for split in splits} == {"train"}
    for name in ("boxes", "objects", "image_labels"):
        assert getattr(drawn, name).shape[1:] == getattr(tokens, name).shape[1:]
    for file in ("tokenizer.json", "vocab.txt"):
        assert (drawn.folder / "tokenizer" / file).read_bytes() == (tokens.folder / "tokenizer" / file).read_bytes()
    tokenizer = load(str(tokens.folder / "tokenizer"), study.text.max_length)
    for part in tokens.index["parts"]:
        mine = drawn.part(part, "train")
        assert mine.facts.shape[1:] == tokens.part(part, "train").facts.shape[1:]
        np.testing.assert_array_equal(encode(tokenizer, mine.texts)[0], mine.input_ids)
        assert not set(mine.ids) & set(tokens.part(part, "train").ids)
    answers = tokens.index["answers"]["vqa"]
    asked = drawn.part("vqa", "train")
    said = pq.read_table(asked.folder / "samples.parquet").column("target").to_pylist()
    assert [answers[target] for target in asked.targets] == said


def test_no_picture_of_a_drawing_is_one_of_the_data_set(prepared: tuple[Path, Study]) -> None:
    stores = [Store(prepared[0] / place) for place in ("outputs/tokens", "outputs/drawn/1")]
    looks = [{picture.tobytes() for picture in store.pixels} for store in stores]
    assert [len(found) for found in looks] == [len(store.pixels) for store in stores]
    assert not looks[0] & looks[1]


def test_a_further_replicate_trains_on_what_it_has_drawn_and_predicts_the_tests(
    prepared: tuple[Path, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, study = prepared
    monkeypatch.chdir(root)

    def run(module: Any, out: str, **arguments: str) -> Path:
        given = stage(root, out)
        given.scratch = root / ".ceteris" / module.__name__
        given.scratch.mkdir()
        given.out().parent.mkdir(parents=True, exist_ok=True)
        module.run(study, argparse.Namespace(**arguments), given)
        return root / out

    run(pretrain_text, "outputs/unimodal/1/text", replicate=REPLICATE)
    run(pretrain_image, "outputs/unimodal/1/detector", front="detector", replicate=REPLICATE)
    run(initial_weights, "outputs/starts/1", replicate=REPLICATE)
    run(tune, f"outputs/tuning/{ARM}", arm=ARM)
    run(pretrain, f"outputs/pretrain/{ARM}/1", arm=ARM, replicate=REPLICATE)
    done = run(finetune, f"outputs/finetune/{ARM}/vqa/1", arm=ARM, task="vqa", replicate=REPLICATE)

    tokens, drawn = Store(root / "outputs/tokens"), Store(root / "outputs/drawn/1")
    splits = predicted_splits(tokens, "vqa")
    predictions = pq.read_table(done / "predictions.parquet")
    assert predictions.column("id").to_pylist() == [name for split in splits for name in tokens.part("vqa", split).ids]

    (cell,) = fine_tunings(study, ARM, "vqa")
    record = json.loads((done / "record.json").read_text(encoding="utf-8"))["cells"][cell.name]

    def content(store: Store) -> str:
        stream = put_together(study, root, store, ARM, "vqa", 1, cell, 32).stream
        digests = BatchDigests()
        for step in range(record["steps"]):
            digests.update(stream.at(step))
        return digests.chains["content"]

    assert record["digests"]["content"] == content(drawn)
    assert record["digests"]["content"] != content(tokens)

    (seen,) = (root / ".ceteris/regions/detector/1-tests").glob("*/features.npy")
    features = np.load(seen, mmap_mode="r")
    shown = predicted_pictures(tokens, study.tasks)
    assert len(features) == len(tokens.pixels)
    assert np.flatnonzero(features.any(axis=(1, 2))).tolist() == shown.tolist()
    assert 0 < len(shown) < len(tokens.pixels) / 2


def test_a_redraw_that_fails_leaves_nothing_and_goes_on(
    prepared: tuple[Path, Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, study = prepared
    given = stage(root, "outputs/drawn/again")
    given.scratch = tmp_path
    arguments = argparse.Namespace(replicate=REPLICATE)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(redraw, "write_parts", killed)
        with pytest.raises(KeyboardInterrupt):
            redraw.run(study, arguments, given)
    assert [path.name for path in (root / "outputs/drawn").iterdir()] == ["1"]
    redraw.run(study, arguments, given)
    assert digest_of_folder(root / "outputs/drawn/again") == digest_of_folder(root / "outputs/drawn/1")
    (root / "outputs/drawn/again").rename(tmp_path / "again")


def test_a_drawing_with_a_test_picture_stops_the_pipeline(
    prepared: tuple[Path, Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, study = prepared
    images = next(read(root / "outputs/data", "images", ["image_id", "image"])).to_pylist()
    shown = Store(root / "outputs/tokens").part("vqa", "gate").ids
    taken = next(row["image"] for row in images if f"vqa-{row['image_id']}-0" == shown[0])
    given = stage(root, "outputs/drawn/leaky")
    given.scratch = tmp_path

    def leaky(writer: SampleWriter, *others: Any) -> None:
        add = writer.picture

        def picture(one: Picture) -> None:
            add(Picture(**{**vars(one), "image": taken}) if one.image_id == "1/train-000007" else one)

        monkeypatch.setattr(writer, "picture", picture)
        generate.redraw(writer, *others)

    monkeypatch.setattr(redraw, "redraw", leaky)
    with pytest.raises(FaultyDataError, match="what replicate 1 has drawn has") as error:
        redraw.run(study, argparse.Namespace(replicate=REPLICATE), given)
    assert "train-000007" in str(error.value)
    assert not (root / "outputs/drawn/leaky").exists()
