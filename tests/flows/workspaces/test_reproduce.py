"""A finished workspace is rebuilt from what it recorded, every stage runs, and every output is compared."""

import json
import shutil
from pathlib import Path

import pytest

from components.errors import CeterisError
from components.study.loading import load_study
from flows.workspaces import workspaces
from flows.workspaces.reproduce import Difference, compare, reproduce
from tests.flows.toy_project import ROOT, commit, dvc, git, make

SMOKE = load_study(ROOT / "studies" / "smoke.yaml")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a finished workspace that was made from uncommitted changes."""
    root = make(tmp_path_factory.mktemp("finished") / "root")
    (root / "obsolete.py").write_text("obsolete\n")
    commit(root)
    (root / "obsolete.py").unlink()
    (root / "work.py").write_text((root / "work.py").read_text() + "# not committed\n")
    (root / "new.bin").write_bytes(b"\0\1\2")
    folder = workspaces.create(root, workspaces.override(SMOKE, scale=2.0))
    dvc(folder, "repro")
    workspaces.record_lock(folder)
    return folder


@pytest.fixture
def workspace(finished: Path, tmp_path: Path) -> Path:
    """The finished workspace as a colleague gets it: beside a clone that has only the commit."""
    git(tmp_path, "clone", "-q", str(finished.parent.parent), str(tmp_path / "root"))
    return Path(shutil.copytree(finished, tmp_path / "sent" / finished.name))


def test_every_stage_runs_again_and_every_output_is_the_same(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOY_COUNTER", str(tmp_path / "ran"))
    reproduce(workspace, tmp_path / "root")
    printed = capfd.readouterr().out
    assert "reproduced: all 2 outputs have the digests they had" in printed
    assert "other versions are installed than the study was made with: pip" in printed
    assert (tmp_path / "ran").read_text().split() == ["prepare", "train"]
    target = tmp_path / "root" / "workspaces" / f"{workspace.name}-reproduction"
    assert (target / "new.bin").read_bytes() == b"\0\1\2"
    assert not (target / "obsolete.py").exists()
    assert json.loads((target / "reproduction.json").read_text()) == {"outs": 2, "differences": []}

    # It came to its end, so the next one is another proof; and an output that is not a function of its inputs is named.
    monkeypatch.setenv("TOY_IMPURE", "1")
    with pytest.raises(CeterisError, match=r"^1 of 2 outputs of .* were not reproduced"):
        reproduce(workspace, tmp_path / "root")
    assert "train: output outputs/train differs" in capfd.readouterr().out
    assert (tmp_path / "ran").read_text().split() == ["prepare", "train"] * 2


def test_an_interrupted_reproduction_continues(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOY_COUNTER", str(tmp_path / "ran"))
    with monkeypatch.context() as context:
        context.setattr("flows.workspaces.reproduce.environment", lambda _: {"PATH": "/nowhere"})
        with pytest.raises(CeterisError, match="stopped"):
            reproduce(workspace, tmp_path / "root")
    target = tmp_path / "root" / "workspaces" / f"{workspace.name}-reproduction"
    dvc(target, "repro", "prepare")
    reproduce(workspace, tmp_path / "root")
    assert (tmp_path / "ran").read_text().split() == ["prepare", "train"]
    assert "reproduced: all 2" in capfd.readouterr().out


def test_what_cannot_be_reproduced_is_refused_before_anything_runs(workspace: Path, tmp_path: Path) -> None:
    def refuse(sentence: str) -> None:
        with pytest.raises(CeterisError, match=sentence) as error:
            reproduce(workspace, tmp_path / "root")
        assert "\n" not in str(error.value)
        assert not list((tmp_path / "root").glob("workspaces/*"))

    patch, parameters = workspace / "uncommitted.patch", workspace / "params.yaml"
    kept = patch.read_bytes()
    patch.write_bytes(kept.replace(b"not committed", b"tampered with"))
    refuse("is not the difference that study.json names")
    patch.unlink()
    refuse("was made from uncommitted changes, and uncommitted.patch is not there")
    patch.write_bytes(kept)
    kept = parameters.read_bytes()
    parameters.write_bytes(kept.replace(b"seed: 1", b"seed: 2", 1))
    refuse("is not the study that was run")
    parameters.write_bytes(kept)
    record = json.loads((workspace / "study.json").read_text())
    (workspace / "study.json").write_text(json.dumps(record | {"commit": "0" * 40}))
    refuse("commit 0{40} is not in .*: fetch")
    del record["lock"]["stages"]["train"]
    (workspace / "study.json").write_text(json.dumps(record))
    refuse(r"is not finished, 1 of its stages have no result \(train for one\)")
    (workspace / "study.json").unlink()
    refuse("has no study.json: name the folder of a workspace")


def test_compare_names_what_differs() -> None:
    def entry(**outs: str) -> dict:
        return {
            "deps": [{"path": "in", "md5": "1"}],
            "outs": [{"path": path, "md5": md5} for path, md5 in outs.items()],
        }

    before = {"a": entry(x="1", y="2"), "b": entry(z="3")}
    assert compare(before, before) == []
    again = {"b": entry(z="4"), "a": entry(x="1"), "c": entry(w="5")}
    assert [difference for difference in compare(before, again) if difference.side == "outs"] == [
        Difference("a", "outs", "y", "2", None),
        Difference("b", "outs", "z", "3", "4"),
        Difference("c", "outs", "w", None, "5"),
    ]
