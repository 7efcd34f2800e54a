"""Checks of what the materialise stage wrote: sound data passes, and each planted fault is found."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.data.findings import Findings
from components.data.samples import Picture, Sample, SampleWriter
from components.data.sources.source import write
from components.data.validation.materialised import check_data
from components.study.loading import load_study
from components.study.tasks import TaskSettings

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
VQA = {"vqa": TaskSettings(kind="vqa", few_labels=None)}
Pictures, Samples = dict[str, Picture], dict[str, Sample]


def encoded(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def sound() -> tuple[Pictures, Samples]:
    """Forty questions in each split, and the pretraining parts."""
    pictures, samples = {}, {}
    for split in ("train", "validation", "selection", "gate", "general_far"):
        for number in range(40):
            name = f"{split}-{number}"
            pictures[name] = Picture(name, encoded(len(pictures)), name, boxes=[[0, 0, 12, 12]])
            samples[name] = Sample(name, "vqa", split, [name], f"what is {name}?", "yes" if number % 2 else "no", name)
    for part in ("pairs", "text", "images"):
        images = [] if part == "text" else ["train-0"]
        text = "" if part == "images" else "a picture"
        samples[part] = Sample(part, part, "train", images, text, group="train-0")
    return pictures, samples


def check(folder: Path, pictures: Pictures, samples: Samples, tests: Path | None = None) -> Findings:
    write_samples(folder, pictures, samples)
    return check_data(folder, VQA, None, lambda percent, message: None, tests=tests)


def write_samples(folder: Path, pictures: Pictures, samples: Samples) -> None:
    with SampleWriter(folder) as writer:
        for picture in pictures.values():
            writer.picture(picture)
        for sample in samples.values():
            writer.sample(sample)
        writer.finish("test", "identity", {"vqa": ["no", "yes"]}, [], {})


def change(row: str, **values: object) -> Callable[[Pictures, Samples], None]:
    """Alter the sample, or the picture if the values belong to one."""

    def apply(pictures: Pictures, samples: Samples) -> None:
        table = pictures if set(values) <= {"image", "boxes", "image_id"} else samples
        old = table[row]
        table[row] = type(old)(**{**vars(old), **values})

    return apply


def leave_out(*names: str) -> Callable[[Pictures, Samples], None]:
    def apply(pictures: Pictures, samples: Samples) -> None:
        for name in names:
            del samples[name]

    return apply


def rewrite(split: str, yes: str, no: str) -> Callable[[Pictures, Samples], None]:
    def apply(pictures: Pictures, samples: Samples) -> None:
        for name, sample in list(samples.items()):
            if sample.part == "vqa" and sample.split == split:
                samples[name] = replace(sample, target=yes if sample.target == "yes" else no)

    return apply


GATE = tuple(f"gate-{number}" for number in range(40))
FAULTS = {
    "unique ids": (change("gate-3", id="gate-4"), "(gate-4, gate-4): has an id that another row has too"),
    "id length": (change("gate-3", id=""), "has an id that is empty"),
    "known split": (change("gate-3", split="tset"), "has a split that is not known ('tset')"),
    "known part": (change("gate-3", part="vqaa"), "does not know ('vqaa')"),
    "text present": (change("gate-3", text=""), "(gate-3): has no text"),
    "target present": (change("gate-3", target=""), "(gate-3): has no target"),
    "targets alike in all splits": (
        rewrite("gate", "Yes ", "No "),
        "40 of 40 rows (100.0%) have a target that is no class of the training rows, because it is written differently "
        "('No ' here is 'no' there, 'Yes ' here is 'yes' there)",
    ),
    "several targets": (rewrite("train", "no", "no"), "all training rows have the target 'no'"),
    "picture present": (change("gate-3", image_ids=["nowhere"]), "refers to a picture that is not there"),
    "picture leak": (change("gate-3", image_ids=["train-5"]), "shows a picture that occurs in gate and train"),
    "group leak": (change("gate-3", group="selection-3"), "occurs in gate and selection ('selection-3')"),
    "picture decodes": (change("gate-3", image=encoded(1)[:80]), "(gate-3): has a picture that is damaged"),
    "boxes inside": (change("gate-3", boxes=[[4, 4, 12, 4]]), "boxes that are empty or leave the picture"),
    "rows in every split": (leave_out(*GATE), "(vqa gate): has no rows"),
    "unique pictures": (change("gate-3", image_id="gate-4"), "has a picture id that another row has too ('gate-4')"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_each_planted_fault_is_found(tmp_path: Path, rule: str) -> None:
    pictures, samples = sound()
    plant, sentence = FAULTS[rule]
    plant(pictures, samples)
    findings = check(tmp_path / "data", pictures, samples)
    assert not findings.passed
    (item,) = [item for item in findings.items if item.rule == rule]
    assert sentence in item.sentence
    assert item.severity == "critical"


def test_a_text_that_is_far_too_long_is_a_warning(tmp_path: Path) -> None:
    pictures, samples = sound()
    change("gate-3", text="x" * 5001)(pictures, samples)
    findings = check(tmp_path / "data", pictures, samples)
    assert findings.passed
    (item,) = findings.items
    assert "has a text of more than 5000 characters: shorten it, or have it cut" in item.sentence


def test_targets_that_training_lacks_are_a_warning_with_their_share(tmp_path: Path) -> None:
    pictures, samples = sound()
    for number in (3, 5, 9):
        change(f"gate-{number}", target="maybe" if number < 9 else "perhaps")(pictures, samples)
    findings = check(tmp_path / "data", pictures, samples)
    assert findings.passed
    (item,) = findings.items
    assert item.rule == "target in vocabulary"
    assert item.sentence.startswith(
        "data (vqa gate): 3 of 40 rows (7.5%) have a target that is no class of the training rows, so they can only be missed "
        "('maybe' in gate-3, 'perhaps' in gate-9): "
    )


def test_most_of_a_split_may_be_missed_only_where_answers_are_free(tmp_path: Path) -> None:
    for free in (True, False):
        pictures, samples = sound()
        for number in range(30):
            change(f"gate-{number}", target=f"a sentence of its own {number if free else number % 3}")(
                pictures, samples
            )
        findings = check(tmp_path / str(free), pictures, samples)
        assert findings.passed == free
        (item,) = findings.items
        assert "30 of 40 rows (75.0%)" in item.sentence
        assert free or "training has 'no', 'yes'" in item.sentence


def test_sound_data_passes_and_every_missing_part_is_told(tmp_path: Path) -> None:
    pictures, samples = sound()
    findings = check(tmp_path / "sound", pictures, samples)
    assert findings.sentences() == []
    for part in ("pairs", "text", "images"):
        del samples[part]
    findings = check(tmp_path / "less", pictures, samples)
    assert [item.rule for item in findings.items] == ["rows in every split"]
    assert findings.items[0].count == 3


def test_generalisation_splits_may_look_at_the_selection_pictures(tmp_path: Path) -> None:
    pictures, samples = sound()
    change("general_far-3", image_ids=["selection-3"], group="selection-3")(pictures, samples)
    assert check(tmp_path / "data", pictures, samples).passed
    change("general_far-3", image_ids=["gate-3"], group="x")(pictures, samples)
    assert [item.rule for item in check(tmp_path / "worse", pictures, samples).items] == ["picture leak"]


def test_equal_pixels_leak_whatever_the_file(tmp_path: Path) -> None:
    pictures, samples = sound()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(pictures["train-1"].image)).save(buffer, "BMP")
    change("gate-3", image=buffer.getvalue())(pictures, samples)
    findings = check(tmp_path / "data", pictures, samples)
    assert [item.rule for item in findings.items] == ["picture leak"]
    assert findings.items[0].count == 2


def test_columns_types_and_broken_shards_are_told(tmp_path: Path) -> None:
    pictures, samples = sound()
    check(tmp_path, pictures, samples)
    shard = tmp_path / "samples-00000.parquet"
    table = pq.read_table(shard)
    pq.write_table(table.drop_columns(["group"]).set_column(0, "id", pa.array(range(table.num_rows))), shard)
    (tmp_path / "images-00001.parquet").write_bytes(b"PAR1")
    findings = check_data(tmp_path, VQA, None, lambda percent, message: None)
    sentences = "\n".join(findings.sentences("critical"))
    assert "samples-00000.parquet: has the column 'id' of type int64, not string" in sentences
    assert "samples-00000.parquet: lacks the column 'group'" in sentences
    assert "images-00001.parquet: cannot be read" in sentences


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    findings = check_data(tmp_path, VQA, None, lambda percent, message: None)
    assert not findings.passed
    assert "holds no samples" in findings.sentences()[0]


def test_a_small_study_of_scenes_passes(tmp_path: Path) -> None:
    study = load_study(ROOT / "studies" / "smoke.yaml")
    with SampleWriter(tmp_path) as writer:
        write(writer, study.data, study.tasks, lambda percent, message: None)
    findings = check_data(tmp_path, study.tasks, None, lambda percent, message: None)
    assert findings.passed, findings.sentences()


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")
def test_nlvr_passes(tmp_path: Path) -> None:
    for name, rows in (("train", 1200), ("dev", 200), ("train_unlabelled", 200)):
        pq.write_table(pq.read_table(SHARED / "nlvr" / f"{name}.parquet").slice(0, rows), tmp_path / f"{name}.parquet")
    settings = load_study(ROOT / "params.yaml").data.model_copy(update={"source": "nlvr", "path": str(tmp_path)})
    tasks = {"statements": TaskSettings(kind="statements", few_labels=None)}
    with SampleWriter(tmp_path / "out") as writer:
        write(writer, settings, tasks, lambda percent, message: None)
    findings = check_data(tmp_path / "out", tasks, None, lambda percent, message: None)
    assert findings.passed, findings.sentences()


def drawn_anew() -> tuple[Pictures, Samples]:
    """Other training samples for the tests of `sound`."""
    pictures, samples = sound()
    names = {name: f"1/{name}" for name, sample in samples.items() if sample.split == "train"}
    own = {
        new: replace(samples[old], id=new, image_ids=[f"1/{name}" for name in samples[old].image_ids], group=new)
        for old, new in names.items()
    }
    drawn = {
        f"1/{name}": replace(picture, image_id=f"1/{name}", image=encoded(1000 + number), group=f"1/{name}")
        for number, (name, picture) in enumerate(pictures.items())
        if name.startswith("train")
    }
    return drawn, own


def test_a_drawing_is_checked_beside_the_tests(tmp_path: Path) -> None:
    write_samples(tmp_path / "data", *sound())
    assert check(tmp_path / "sound", *drawn_anew(), tests=tmp_path / "data").passed
    alone = check(tmp_path / "alone", *drawn_anew()).sentences("critical")
    assert any("vqa selection" in sentence for sentence in alone)


def test_a_drawing_that_shows_a_test_picture_is_refused(tmp_path: Path) -> None:
    pictures, samples = sound()
    write_samples(tmp_path / "data", pictures, samples)
    drawn, own = drawn_anew()
    drawn["1/train-5"] = replace(drawn["1/train-5"], image=pictures["gate-9"].image)
    said = check(tmp_path / "leaky", drawn, own, tests=tmp_path / "data").sentences("critical")
    assert any("1/train-5" in sentence for sentence in said)
    assert any("data/samples-00000.parquet" in sentence and "gate-9" in sentence for sentence in said)
    # The training pictures of the data set are nobody's test.
    drawn["1/train-5"] = replace(drawn["1/train-5"], image=pictures["train-5"].image)
    assert check(tmp_path / "met", drawn, own, tests=tmp_path / "data").passed
