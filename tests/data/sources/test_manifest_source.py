"""The user's own data: what is recognised, and what becomes what."""

import csv
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from components.data import samples
from components.data.sources.columns import recognise
from components.data.sources.manifest_rows import split_word
from components.data.sources.manifest_settings import ManifestColumns
from components.data.sources.source import write
from components.errors import CeterisError
from components.study.data_settings import DataSettings
from components.study.loading import load_study
from components.study.tasks import TaskSettings
from tests.data.small_manifests import picture, pictured, write_jsonl

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
DEFAULT = load_study(ROOT / "params.yaml").data
TASK = {"task": TaskSettings(kind="classification", few_labels=None)}


def with_path(path: Path, source: str = "manifest", **limits: int) -> DataSettings:
    # Studies refuse paths outside the workspace; the source itself reads what it is given.
    manifest = DEFAULT.manifest.model_copy(update=limits)
    return DEFAULT.model_copy(update={"source": source, "path": str(path), "manifest": manifest})


def materialise(path: Path, out: Path, tasks: dict[str, TaskSettings] = TASK) -> list[dict]:
    with samples.SampleWriter(out) as writer:
        write(writer, with_path(path), tasks, lambda percent, message: None)
    return [row for batch in samples.read(out, "samples") for row in batch.to_pylist()]


def of_task(rows: list[dict]) -> list[dict]:
    return [row for row in rows if row["part"] == "task"]


def test_a_manifest_without_splits_gets_all_of_them(tmp_path: Path) -> None:
    rows = pictured(tmp_path / "d", [{"target": "ab"[index % 2], "text": f"number {index}"} for index in range(60)])
    write_jsonl(tmp_path / "d", rows)
    written = materialise(tmp_path / "d", tmp_path / "out")
    assert Counter(row["split"] for row in of_task(written)) == {
        "train": 36,
        "selection": 9,
        "gate": 9,
        "validation": 6,
    }
    parts = {(row["part"], row["split"]) for row in written}
    assert {(part, split) for part in ("pairs", "text", "images") for split in ("train", "validation")} <= parts
    pretrained = [row for row in written if row["part"] in ("pairs", "text", "images")]
    assert {row["split"] for row in pretrained} == {"train", "validation"}
    description = samples.describe(tmp_path / "out")
    assert description["answers"] == {"task": ["a", "b"]}
    assert description["image_labels"] == ["a", "b"]
    assert description["oracle"] == "identity"
    assert "carved out of all rows by group" in description["texts"]["splits"]


def test_only_pictures_that_are_trained_on_carry_labels(tmp_path: Path) -> None:
    rows = pictured(tmp_path / "d", [{"target": "ab"[index % 2]} for index in range(60)])
    write_jsonl(tmp_path / "d", rows)
    written = of_task(materialise(tmp_path / "d", tmp_path / "out"))
    split_by_image = {row["image_ids"][0]: row["split"] for row in written}
    target_by_image = {row["image_ids"][0]: row["target"] for row in written}
    for batch in samples.read(tmp_path / "out", "images"):
        for row in batch.to_pylist():
            allowed = split_by_image[row["image_id"]] in ("train", "validation")
            assert row["label"] == (target_by_image[row["image_id"]] if allowed else None)


def test_captions_stand_in_for_missing_texts_in_pretraining_only(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "d", pictured(tmp_path / "d", [{"target": ["hat", "shoe"][index % 2]} for index in range(60)])
    )
    written = materialise(tmp_path / "d", tmp_path / "out")
    assert {row["text"] for row in of_task(written)} == {""}
    target = {row["id"]: row["target"] for row in of_task(written)}
    for row in written:
        if row["part"] in ("pairs", "text"):
            assert target[row["id"].partition("/")[2]] in row["text"]
            assert row["target"] is None


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["train", "validation"], {"train", "selection", "validation", "gate"}),
        (["train", "test"], {"train", "selection", "validation", "gate"}),
        (["train", "dev", "test"], {"train", "validation", "selection", "gate"}),
        (
            ["training", "val", "test", "gate", "general_far"],
            {"train", "validation", "selection", "gate", "general_far"},
        ),
    ],
)
def test_splits_of_the_manifest_stay_whole(tmp_path: Path, named: list[str], expected: set[str]) -> None:
    rows = [
        {"target": "ab"[index // 40 % 2], "split": named[index % len(named)], "id": str(index)} for index in range(200)
    ]
    write_jsonl(tmp_path / "d", pictured(tmp_path / "d", rows))
    written = {row["id"]: row["split"] for row in of_task(materialise(tmp_path / "d", tmp_path / "out"))}
    assert set(written.values()) == expected
    for row in rows:
        if row["split"] in ("train", "training"):
            assert written[row["id"]] in ({"train"} if "gate" in named else {"train", "validation", "gate"})
        elif row["split"] in ("validation", "val", "dev"):
            assert written[row["id"]] == ("validation" if "test" in named else "selection")
        else:
            assert written[row["id"]] == {"test": "selection"}.get(row["split"], row["split"])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_groups_and_pictures_are_never_parted(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("groups")
    count = data.draw(st.integers(30, 50))
    rows = [
        {
            "image": f"{data.draw(st.integers(0, 24))}.png",
            "group": f"g{data.draw(st.integers(0, 24))}" if data.draw(st.booleans()) else None,
            "target": "ab"[index % 2],
            "id": str(index),
        }
        for index in range(count)
    ]
    for row in rows:
        (folder / row["image"]).write_bytes(picture(int(row["image"].partition(".")[0])))
    write_jsonl(folder, rows)
    try:
        written = of_task(materialise(folder, folder / "out"))
    except CeterisError:
        assume(False)  # everything hangs together: too few groups
    split = {row["id"]: row["split"] for row in written}
    for key in ("group", "image"):
        homes: dict[str, set[str]] = {}
        for row in rows:
            if row[key] is not None:
                homes.setdefault(row[key], set()).add(split[row["id"]])
        assert all(len(found) == 1 for found in homes.values())


def test_the_same_pixels_in_another_file_stay_together(tmp_path: Path) -> None:
    rows = pictured(tmp_path / "d", [{"target": "ab"[index % 2], "id": str(index)} for index in range(60)])
    for index in range(0, 60, 2):
        # The odd picture becomes the even one, in another format.
        image = Image.open(tmp_path / "d" / f"{index}.png")
        image.save(tmp_path / "d" / f"{index + 1}.bmp")
        rows[index + 1]["image"] = f"{index + 1}.bmp"
    write_jsonl(tmp_path / "d", rows)
    split = {row["id"]: row["split"] for row in of_task(materialise(tmp_path / "d", tmp_path / "out"))}
    assert all(split[str(index)] == split[str(index + 1)] for index in range(0, 60, 2))
    assert set(split.values()) == {"train", "validation", "selection", "gate"}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (lambda index: "cat", "all rows have the target 'cat', so there is nothing to tell apart"),
        (lambda index: f"person {index}", "every class has one row only ('person 0', 'person 1', 'person 10', ...)"),
    ],
)
def test_targets_that_teach_nothing_are_refused_with_the_reason(
    tmp_path: Path, target: Callable[[int], str], reason: str
) -> None:
    write_jsonl(tmp_path / "d", pictured(tmp_path / "d", [{"target": target(index)} for index in range(40)]))
    with pytest.raises(CeterisError) as caught:
        materialise(tmp_path / "d", tmp_path / "out")
    assert reason in str(caught.value)


def test_classes_seen_once_stay_in_training(tmp_path: Path) -> None:
    rows = [{"target": "abc"[index % 3] if index < 90 else f"rare {index}", "id": str(index)} for index in range(100)]
    write_jsonl(tmp_path / "d", pictured(tmp_path / "d", rows))
    written = of_task(materialise(tmp_path / "d", tmp_path / "out"))
    assert len(written) == 100
    assert {row["split"] for row in written if row["target"].startswith("rare")} == {"train"}


def test_answers_given_once_go_anywhere_and_only_classes_train(tmp_path: Path) -> None:
    rows = [
        {
            "question": f"q{index}",
            "answer": ["yes", "no"][index % 2] if index % 3 else f"sentence {index}",
            "id": str(index),
        }
        for index in range(200)
    ]
    write_jsonl(tmp_path / "d", pictured(tmp_path / "d", rows))
    tasks = {"task": TaskSettings(kind="vqa", few_labels=None)}
    found: dict[int, Counter[str]] = {}
    for fewest in (1, 2):
        settings = with_path(tmp_path / "d", fewest_rows_per_answer=fewest)
        with samples.SampleWriter(tmp_path / str(fewest)) as writer:
            write(writer, settings, tasks, lambda percent, message: None)
        written = [row for batch in samples.read(tmp_path / str(fewest), "samples") for row in batch.to_pylist()]
        found[fewest] = Counter(row["split"] for row in of_task(written) if row["target"].startswith("sentence"))
        # Pretraining reads every training row.
        assert sum((row["part"], row["split"]) == ("pairs", "train") for row in written) == 120
    assert found[1]["selection"] == found[2]["selection"] > 0
    assert found[1]["train"] > found[2]["train"] == 0
    assert "the other" in samples.describe(tmp_path / "2")["texts"]["answers"]
    assert "answers" not in samples.describe(tmp_path / "1")["texts"]


def test_a_limit_that_leaves_no_two_classes_is_told(tmp_path: Path) -> None:
    rows = [{"target": ["often", f"once {index}"][index % 4 == 0]} for index in range(80)]
    write_jsonl(tmp_path / "d", pictured(tmp_path / "d", rows))
    settings = with_path(tmp_path / "d", fewest_rows_per_answer=2)
    with (
        samples.SampleWriter(tmp_path / "out") as writer,
        pytest.raises(CeterisError, match=r"only 1 of the \d+ targets of training rows has at least 2 rows"),
    ):
        write(writer, settings, TASK, lambda percent, message: None)


def test_csv_jsonl_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [
        {"image": f"{i}.png", "text": f"is it «{i}», or\nnot?", "target": str(i % 3), "id": f"r{i}"} for i in range(40)
    ]
    found = {}
    for kind in ("csv", "tsv", "jsonl", "parquet"):
        folder = tmp_path / kind
        pictured(folder, rows)
        if kind == "parquet":
            table = [
                row | {"image": (folder / row["image"]).read_bytes(), "target": int(row["target"])} for row in rows
            ]
            pq.write_table(pa.Table.from_pylist(table), folder / "m.parquet")
        elif kind == "jsonl":
            write_jsonl(folder, rows)
        else:
            with (folder / f"m.{kind}").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]), delimiter="," if kind == "csv" else "\t")
                writer.writeheader()
                writer.writerows(rows)
        found[kind] = of_task(materialise(folder, tmp_path / f"out-{kind}"))
    assert found["csv"] == found["tsv"] == found["jsonl"] == found["parquet"]


def test_the_struct_of_hugging_face_parquet_is_read(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    table = [{"image": {"bytes": picture(i), "path": None}, "label": i % 2} for i in range(40)]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "d" / "train-00000-of-00001.parquet")
    assert {row["target"] for row in of_task(materialise(tmp_path / "d", tmp_path / "out"))} == {"0", "1"}


def test_questions_share_their_picture(tmp_path: Path) -> None:
    rows = [
        {"image": f"{i // 3}.png", "question": f"q{i % 3}", "answer": "yes;no" if i % 2 else "yes"} for i in range(90)
    ]
    write_jsonl(tmp_path / "d", pictured(tmp_path / "d", rows))
    written = of_task(
        materialise(tmp_path / "d", tmp_path / "out", {"task": TaskSettings(kind="vqa", few_labels=None)})
    )
    assert len({row["image_ids"][0] for row in written}) == 30
    assert sum(batch.num_rows for batch in samples.read(tmp_path / "out", "images", ["image_id"])) == 30
    assert samples.describe(tmp_path / "out")["image_labels"] == ["yes", "yes,no"]


def test_the_same_rows_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "d", pictured(tmp_path / "d", [{"target": "abc"[i % 3], "group": f"g{i % 20}"} for i in range(60)])
    )
    program = (
        "import sys; from pathlib import Path; sys.path[:0] = ['.'];"
        "from tests.data.sources.test_manifest_source import materialise;"
        "materialise(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    digests = set()
    for seed in ("1", "2"):
        out = tmp_path / seed
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", program, tmp_path / "d", out], check=True, cwd=ROOT, env=environment)
        digests.add((samples.digest_of(out), (out / "source.json").read_text(encoding="utf-8")))
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("stem", "split"),
    [
        ("train", "train"),
        ("my_dev-00000-of-00002", "validation"),
        ("Test", "selection"),
        ("manifest", None),
        ("train_test", None),
    ],
)
def test_file_names_tell_splits(stem: str, split: str | None) -> None:
    assert split_word(stem) == split


def test_columns_are_recognised_by_the_names_people_use() -> None:
    found = recognise(["Image", "label", "class_name", "width", "caption"], ManifestColumns(), "m.csv")
    assert (found.image, found.target, found.text, found.split) == ("Image", "class_name", "caption", None)


@pytest.mark.parametrize("name", ["clothing", "fashion_mnist"])
def test_real_data_loads(tmp_path: Path, name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    (tmp_path / "d").mkdir()
    counts = {}
    for split in ("train", "validation"):
        table = pq.read_table(SHARED / name / f"{split}.parquet").slice(0, 400)
        counts[split] = table.num_rows
        pq.write_table(table, tmp_path / "d" / f"{split}.parquet")
    written = materialise(tmp_path / "d", tmp_path / "out")
    found = Counter(row["split"] for row in of_task(written))
    assert found["selection"] == counts["validation"]
    assert found["train"] + found["validation"] + found["gate"] == counts["train"]
    answers = samples.describe(tmp_path / "out")["answers"]["task"]
    assert len(answers) == 10
    assert {"t-shirt", "T-shirt/top"} & set(answers)
