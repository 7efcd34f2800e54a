"""`ceteris study new`: a manifest becomes a short study, or a sentence."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.data.own_studies.study_file import Request, write_study
from components.data.samples import SampleWriter
from components.data.sources.source import write
from components.errors import CeterisError
from components.study.loading import load_study
from tests.data.small_manifests import pictured, write_jsonl

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A clone with nothing but the default study."""
    shutil.copytree(ROOT / "studies/defaults", tmp_path / "clone/studies/defaults")
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "clone" / "params.yaml")
    return tmp_path / "clone"


def questions(folder: Path, count: int) -> Path:
    rows = [{"image": f"{i // 2}.png", "text": f"is this {i}?", "target": "yn"[i % 2]} for i in range(count)]
    write_jsonl(folder, pictured(folder, rows))
    return folder / "manifest.jsonl"


def test_a_manifest_becomes_a_short_study(root: Path, tmp_path: Path) -> None:
    path = write_study(Request("mine", questions(tmp_path / "elsewhere", 200), "vqa"), root).path
    assert path == root / "studies" / "mine.yaml"
    study, default = load_study(path), load_study(ROOT / "params.yaml")
    assert (study.name, list(study.tasks), study.data.source, study.data.path) == (
        "mine",
        ["vqa"],
        "manifest",
        "data/mine",
    )
    assert study.tasks["vqa"].kind == "vqa"
    assert study.tasks["vqa"].few_labels is None
    # No boxes: no detector, and no arms that need one. Few rows: one arm stands for those with an intermediate step.
    assert study.pretrained == ["vilt"]
    assert set(study.arms) - {"vilt"} == set(default.arms) - set(default.pretrained)
    assert study.image_pretraining.labels == "image"
    assert study.image_fronts == ["grid", "patches"]
    assert study.data.image_size % study.model.patch_size == 0
    assert study.pretrain.samples < default.pretrain.samples
    assert study.pretrain.known().steps >= 10
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert "carved out of all rows by group" in text
    assert str(tmp_path) not in text
    # The data it names is there, and the source can read it.
    assert (root / "data" / "mine" / "manifest.jsonl").is_file()
    settings = study.data.model_copy(update={"path": str(root / study.data.path)})
    with SampleWriter(tmp_path / "out") as writer:
        write(writer, settings, study.tasks, lambda percent, message: None)
    assert (tmp_path / "out" / "source.json").is_file()


def test_only_what_the_manifest_names_is_taken(root: Path, tmp_path: Path) -> None:
    manifest = questions(tmp_path / "elsewhere", 100)
    (tmp_path / "elsewhere" / "unrelated.txt").write_text("private")
    (tmp_path / "elsewhere" / "999.png").write_bytes(b"x")
    write_study(Request("mine", manifest, "vqa"), root)
    names = {path.name for path in (root / "data" / "mine").iterdir()}
    assert names == {"manifest.jsonl", *(f"{index}.png" for index in range(50))}


def test_what_is_done_to_the_users_files_later_changes_nothing_here(root: Path, tmp_path: Path) -> None:
    manifest = questions(tmp_path / "elsewhere", 100)
    write_study(Request("mine", manifest, "vqa"), root)
    taken = {path.name: path.read_bytes() for path in (root / "data" / "mine").iterdir()}
    assert len(taken) == 51
    for name, content in taken.items():
        theirs, ours = tmp_path / "elsewhere" / name, root / "data" / "mine" / name
        assert not ours.samefile(theirs)
        assert ours.stat().st_mtime_ns == theirs.stat().st_mtime_ns
        with theirs.open("r+b") as file:
            file.write(b"other")
        assert ours.read_bytes() == content


def test_data_in_its_place_already_is_left_there(root: Path) -> None:
    questions(root / "data" / "mine", 100)
    before = sorted(path.stat().st_ino for path in (root / "data" / "mine").iterdir())
    write_study(Request("mine", root / "data" / "mine", "vqa"), root)
    assert sorted(path.stat().st_ino for path in (root / "data" / "mine").iterdir()) == before


@pytest.mark.parametrize(
    ("name", "task", "sentence"),
    [
        ("Mine", "vqa", "cannot name a study"),
        ("../mine", "vqa", "cannot name a study"),
        ("mine", "captioning", "is no task of a manifest"),
        ("taken", "vqa", "exists: choose another name"),
        ("held", "vqa", "exists: choose another name"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(root: Path, tmp_path: Path, name: str, task, sentence: str) -> None:
    (root / "studies" / "taken.yaml").write_text("mine: yes\n")
    (root / "data" / "held").mkdir(parents=True)
    with pytest.raises(CeterisError, match=sentence):
        write_study(Request(name, questions(tmp_path / "elsewhere", 20), task), root)
    assert (root / "studies" / "taken.yaml").read_text() == "mine: yes\n"


def test_a_faulty_manifest_is_refused_with_everything_at_once(root: Path, tmp_path: Path) -> None:
    manifest = questions(tmp_path / "elsewhere", 60)
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[3]["image"] = "gone.png"
    rows[5]["text"] = ""
    write_jsonl(manifest.parent, rows)
    with pytest.raises(CeterisError) as caught:
        write_study(Request("mine", manifest, "vqa"), root)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("has 2 mistakes to correct:")
    assert "line 4: names a picture that does not exist ('gone.png')" in lines[1]
    assert "line 6: has no text" in lines[2]
    assert not (root / "studies" / "mine.yaml").exists()
    assert not (root / "data").exists()


def test_too_few_rows_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match="too few to set some aside"):
        write_study(Request("mine", questions(tmp_path / "elsewhere", 4), "vqa"), root)
    assert not (root / "data" / "mine").exists()


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")
@pytest.mark.parametrize(("name", "size"), [("clothing", 96), ("fashion_mnist", 48)])
def test_real_data_becomes_a_study(root: Path, tmp_path: Path, name: str, size: int) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for split in ("train", "validation"):
        pq.write_table(pq.read_table(SHARED / name / f"{split}.parquet").slice(0, 400), folder / f"{split}.parquet")
    study = load_study(write_study(Request("real", folder, "classification"), root).path)
    assert study.data.image_size == size
    assert study.tasks["classification"].few_labels is None
    assert {path.name for path in (root / "data" / "real").iterdir()} == {"train.parquet", "validation.parquet"}


@pytest.mark.parametrize(("name", "source"), [("clothing", "manifest"), ("nlvr", "nlvr")])
def test_the_studies_of_real_data_are_sound(name: str, source: str) -> None:
    study = load_study(ROOT / "studies" / f"{name}.yaml")
    assert (study.name, study.data.source, study.data.path) == (name, source, f"data/{name}")
    assert study.data.image_size % study.model.patch_size == 0
