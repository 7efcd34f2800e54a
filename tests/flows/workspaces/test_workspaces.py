"""Workspaces: copies of the code as it is, that never mix and change only where the root changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.errors import CeterisError
from components.files.locks import only_one
from components.study.loading import load_study, parse_study
from components.study.study import Study
from flows.workspaces import revision, workspaces
from infra.environment import environment
from tests.flows.toy_project import ROOT, commit, contents, dvc, git, make

SMOKE = load_study(ROOT / "studies" / "smoke.yaml")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "root")


def states(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Inode, size and times of every file: what DVC and make look at."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "workspace.lock":
            state = path.stat()
            found[str(path.relative_to(folder))] = (state.st_ino, state.st_size, state.st_mtime_ns)
    return found


def manifest_study(path: str = "data/birds") -> Study:
    content = SMOKE.model_dump(mode="json") | {"name": "birds"}
    content["data"] = content["data"] | {"source": "manifest", "redrawn": False, "path": path}
    return parse_study(content, "test")


def test_the_default_study_is_laptop() -> None:
    assert load_study(ROOT / "params.yaml") == load_study(ROOT / "studies" / "laptop.yaml")
    assert load_study(ROOT / "studies" / "laptop.yaml").name == "laptop"


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_loads_under_its_own_name(path: Path) -> None:
    assert workspaces.load(ROOT, path.stem).name == path.stem


def test_unknown_and_misnamed_studies_are_refused_in_a_sentence(root: Path) -> None:
    with pytest.raises(CeterisError, match="no study 'smok' in studies/: choose one of smoke"):
        workspaces.load(root, "smok")
    with pytest.raises(CeterisError, match="no study"):
        workspaces.load(root, "../params")
    (root / "studies" / "other.yaml").write_text((root / "studies" / "smoke.yaml").read_text())
    with pytest.raises(CeterisError, match="calls itself 'smoke'"):
        workspaces.load(root, "other")


def test_a_workspace_has_the_code_as_it_is_and_nothing_of_the_roots_own(root: Path) -> None:
    (root / "work.py").write_text("# edited, not committed\n")
    (root / "new.py").write_text("new\n")
    (root / "outputs").mkdir()
    (root / "outputs" / "stale").write_text("of the root\n")
    (root / "dvc.lock").write_text("schema: '2.0'\n")
    (root / "data" / "other").mkdir(parents=True)
    (root / "data" / "other" / "large").write_text("of another study\n")
    folder = workspaces.create(root, SMOKE)
    assert folder == root / "workspaces" / "smoke"
    there = contents(folder)
    assert there["work.py"] == "# edited, not committed\n"
    assert there["new.py"] == "new\n"
    assert not {"outputs/stale", "dvc.lock", "data/other/large"} & set(there)
    assert load_study(folder / "params.yaml") == SMOKE
    assert git(root, "status", "--porcelain", "--ignored", "workspaces").strip() == "!! workspaces/"


def test_creating_again_changes_nothing_and_runs_nothing(root: Path) -> None:
    (root / "work.py").write_text((root / "work.py").read_text() + "# not committed\n")
    folder = workspaces.create(root, SMOKE)
    dvc(folder, "repro")
    workspaces.record_lock(folder)
    before = states(folder)
    os.utime(root / "work.py")  # as a git checkout does
    assert workspaces.create(root, SMOKE) == folder
    assert states(folder) == before
    assert yaml.safe_load((folder / "study.json").read_text())["lock"]["stages"].keys() == {"prepare", "train"}
    assert "Data and pipelines are up to date" in dvc(folder, "status")


def test_changes_and_deletions_in_the_root_arrive_and_results_stay(root: Path) -> None:
    (root / "package").mkdir()
    (root / "package" / "gone.py").write_text("soon gone\n")
    folder = workspaces.create(root, SMOKE)
    (folder / "outputs").mkdir()
    (folder / "outputs" / "result").write_text("result\n")
    (folder / "dvc.lock").write_text("schema: '2.0'\n")
    untouched = states(folder)["dvc.yaml"]
    (root / "package" / "gone.py").unlink()
    (root / "work.py").write_text("changed\n")
    workspaces.create(root, SMOKE)
    there = contents(folder)
    assert not (folder / "package").exists()
    assert (there["work.py"], there["outputs/result"], there["dvc.lock"]) == (
        "changed\n",
        "result\n",
        "schema: '2.0'\n",
    )
    assert states(folder)["dvc.yaml"] == untouched


def test_an_update_that_was_killed_leaves_no_stale_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "zz_new.py").write_text("1\n")
    folder = workspaces.create(root, SMOKE)
    (root / "zz_other.py").write_text("2\n")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workspaces, "_record", die)
    with pytest.raises(KeyboardInterrupt):
        workspaces.create(root, SMOKE)
    monkeypatch.undo()
    (root / "zz_new.py").unlink()
    (root / "zz_other.py").unlink()
    workspaces.create(root, SMOKE)
    assert not list(folder.glob("zz_*"))


@pytest.mark.parametrize("linked", [False, True], ids=["folder", "link"])
def test_data_enters_from_the_roots_data_folder(root: Path, tmp_path: Path, linked: bool) -> None:
    place = tmp_path / "elsewhere" if linked else root / "data" / "birds"
    (place / "images").mkdir(parents=True)
    (place / "images" / "a.png").write_bytes(b"\x89PNG")
    (place / "manifest.csv").write_text("image,text\n")
    if linked:
        (root / "data").mkdir()
        (root / "data" / "birds").symlink_to(place)
    study = manifest_study()
    folder = workspaces.create(root, study)
    assert (folder / "data/birds/images/a.png").read_bytes() == b"\x89PNG"
    assert not (folder / "data/birds").is_symlink()
    assert not (folder / "data/birds/manifest.csv").samefile(place / "manifest.csv")
    before = states(folder)
    workspaces.create(root, study)
    assert states(folder) == before
    (place / "manifest.csv").unlink()
    (place / "manifest.csv").write_text("image,text,target\n")
    (place / "images" / "a.png").unlink()
    workspaces.create(root, study)
    assert contents(folder / "data") == {"birds/manifest.csv": "image,text,target\n"}


def test_data_overwritten_in_place_changes_a_workspace_only_when_it_is_brought_up_to_date(root: Path) -> None:
    picture = root / "data" / "birds" / "a.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"as it was")
    folder = workspaces.create(root, manifest_study())
    ours = folder / "data/birds/a.png"
    with picture.open("r+b") as file:
        file.write(b"rewritten")
    os.utime(picture, ns=(1, 1))
    assert ours.read_bytes() == b"as it was"
    workspaces.create(root, manifest_study())
    assert ours.read_bytes() == b"rewritten"
    assert ours.stat().st_mtime_ns == 1


def test_a_hard_link_that_stands_for_a_copy_is_replaced_by_one(root: Path) -> None:
    picture = root / "data" / "birds" / "a.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"shared")
    folder = workspaces.create(root, manifest_study())
    ours = folder / "data/birds/a.png"
    ours.unlink()
    os.link(picture, ours)
    workspaces.create(root, manifest_study())
    assert not ours.samefile(picture)
    assert ours.read_bytes() == b"shared"


def test_data_may_be_ignored_by_git(root: Path) -> None:
    (root / ".gitignore").write_text("/data/\n", encoding="utf-8")
    (root / "data").mkdir(exist_ok=True)
    (root / "data/photo.png").write_bytes(b"not code")
    (root / "notes.txt").write_text("code\n", encoding="utf-8")
    assert b"notes.txt" in revision.uncommitted(root)
    assert b"photo" not in revision.uncommitted(root)
    assert "data/photo.png" not in revision.files(root)


def test_missing_data_is_one_sentence(root: Path) -> None:
    with pytest.raises(CeterisError, match=r"^data/birds is not in .*: put the data of the study birds there") as error:
        workspaces.create(root, manifest_study())
    assert "\n" not in str(error.value)
    assert not (root / "workspaces").exists()


def test_a_workspace_in_use_is_left_alone(root: Path) -> None:
    folder = workspaces.create(root, SMOKE)
    before = states(folder)
    (root / "work.py").write_text("changed\n")
    with (
        only_one(folder / ".ceteris" / "run.lock", "{pid}"),
        pytest.raises(CeterisError, match="a run is going on in"),
    ):
        workspaces.create(root, SMOKE)
    (folder / ".ceteris" / "run.lock").unlink()
    assert states(folder) == before


def test_variations_get_a_workspace_each_by_what_they_say(root: Path) -> None:
    half = workspaces.override(SMOKE, scale=0.5)
    one = workspaces.location(root, half)
    assert one.name.startswith("smoke-")
    assert one == workspaces.location(root, workspaces.override(SMOKE, scale=0.5))
    assert one != workspaces.location(root, workspaces.override(SMOKE, replicates=1))
    assert workspaces.location(root, workspaces.override(SMOKE)) == root / "workspaces" / "smoke"
    assert load_study(workspaces.create(root, half) / "params.yaml") == half


@given(
    replicates=st.none() | st.integers(-1, 5),
    arms=st.none() | st.lists(st.sampled_from([*SMOKE.arms, "blip"]), unique=True),
    scale=st.none() | st.floats(-0.5, 4.0),
)
def test_an_override_is_a_valid_study_or_one_sentence(
    replicates: int | None, arms: list[str] | None, scale: float | None
) -> None:
    chosen = set(SMOKE.arms if arms is None else arms)
    possible = (
        (replicates is None or replicates >= 1) and (scale is None or scale > 0) and chosen and "blip" not in chosen
    )
    if not possible:
        with pytest.raises(CeterisError) as error:
            workspaces.override(SMOKE, replicates, arms, scale)
        assert "\n" not in str(error.value)
        return
    study = workspaces.override(SMOKE, replicates, arms, scale)
    assert parse_study(study.model_dump(mode="json"), "again") == study
    assert len(study.replicates) == (replicates or len(SMOKE.replicates))
    assert set(study.replicates[:2]) <= {0, 1}
    assert set(study.arms) == chosen
    for name in SMOKE.budgets:
        ours, theirs = getattr(study, name), getattr(SMOKE, name)
        assert ours.samples == max(theirs.batch_size, round(theirs.samples * (scale or 1)))
        assert ours.known().steps >= 1
    assert study.data == SMOKE.data


def test_a_variation_keeps_the_questions_whose_cells_it_has() -> None:
    study = load_study(ROOT / "studies/data.yaml")
    arms = ["single_stream", "single_stream_sixteenth", "co_attention", "text_only"]
    kept = workspaces.override(study, arms=arms).evaluation.contrasts
    # The interaction would be asked of a fourth cell.
    assert kept == [one for one in study.evaluation.contrasts if one.name == "amount_single"]
    whole = workspaces.override(study, arms=[*arms, "co_attention_sixteenth"]).evaluation.contrasts
    assert [one.name for one in whole] == ["amount_single", "amount_two", "amount_by_streams"]
    assert whole[-1] == study.evaluation.contrasts[-1]


def test_two_workspaces_at_once_do_not_mix_and_equal_a_clean_clone(root: Path, tmp_path: Path) -> None:
    studies = [SMOKE, workspaces.override(SMOKE, scale=2.0)]
    folders = [workspaces.create(root, study) for study in studies]
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro"]
    running = [
        subprocess.Popen(command, cwd=folder, env=environment(root), stdout=subprocess.DEVNULL) for folder in folders
    ]
    # DVC reads its run cache without a lock, and rarely trips over a file that the other is about to rename. It loses nothing.
    for folder in [folder for folder, process in zip(folders, running, strict=True) if process.wait()]:
        dvc(folder, "repro")
    samples = [study.finetune.samples for study in studies]
    assert [(folder / "outputs/train/x").read_text().split()[2] for folder in folders] == [str(n) for n in samples]
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(root), str(clone))
    dvc(clone, "repro")
    assert yaml.safe_load((clone / "dvc.lock").read_text()) == yaml.safe_load((folders[0] / "dvc.lock").read_text())
    assert not (root / "dvc.lock").exists()
    assert not list(root.glob("outputs"))
    # A third one finds in the shared cache what the others made.
    again = workspaces.create(root, workspaces.override(SMOKE, scale=3.0))
    assert "Stage 'prepare' is cached - skipping run" in dvc(again, "repro")


def test_rewriting_an_output_in_place_leaves_the_cache_alone(root: Path) -> None:
    folder = workspaces.create(root, SMOKE)
    dvc(folder, "repro")
    whole = (folder / "outputs/train/x").read_text()
    with (folder / "outputs/train/x").open("r+") as file:
        file.write("half of another")  # as a program does that is killed while it writes
    dvc(folder, "checkout", "--force", "train")
    assert (folder / "outputs/train/x").read_text() == whole


def test_remotes_of_the_root_work_from_a_workspace(root: Path, tmp_path: Path) -> None:
    dvc(root, "remote", "add", "--default", "store", "../store")
    dvc(root, "remote", "add", "--local", "private", str(tmp_path / "private"))
    folder = workspaces.create(root, SMOKE)
    settings = dvc(folder, "config", "--list").splitlines()
    assert f"remote.store.url={tmp_path / 'store'}" in settings
    assert f"remote.private.url={tmp_path / 'private'}" in settings
    dvc(folder, "repro")
    dvc(folder, "push")
    assert (tmp_path / "store" / "files").is_dir()


def test_the_uncommitted_difference_is_a_patch_that_gives_the_same_code(root: Path, tmp_path: Path) -> None:
    (root / "old.bin").write_bytes(bytes(range(256)))
    commit(root)
    assert revision.uncommitted(root) == b""
    (root / "work.py").write_text("changed\r\n")
    (root / "old.bin").unlink()
    (root / "staged.py").write_text("staged\n")
    git(root, "add", "staged.py")
    (root / "füßchen.bin").write_bytes(b"\0\xff" * 100)
    (root / "params.yaml").write_text("not code\n")
    (root / "data").mkdir()
    (root / "data" / "mine").write_text("not code\n")
    index = (root / ".git" / "index").read_bytes()
    objects = sorted((root / ".git" / "objects").rglob("*"))
    patch = revision.uncommitted(root)
    assert patch == revision.uncommitted(root)
    assert (root / ".git" / "index").read_bytes() == index
    assert sorted((root / ".git" / "objects").rglob("*")) == objects
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(root), str(clone))
    (tmp_path / "patch").write_bytes(patch)
    revision.git(clone, "apply", "--whitespace=nowarn", str(tmp_path / "patch"))
    assert revision.uncommitted(clone) == patch
    for name in ("work.py", "staged.py", "füßchen.bin"):
        assert (clone / name).read_bytes() == (root / name).read_bytes()
    assert not (clone / "old.bin").exists()
    assert not (clone / "data").exists()


def test_outside_a_checkout_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match="is not a git checkout"):
        workspaces.create(tmp_path, SMOKE)
    git(tmp_path, "init", "-q")
    with pytest.raises(CeterisError, match="has no commit yet"):
        workspaces.create(tmp_path, SMOKE)
