"""What the commands do before and after a run: the workspace that a name means, and the reason of a failure."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.errors import CeterisError
from flows import pipeline, running
from flows.graph.walker import Result
from flows.pipeline import Record
from flows.running import LEADERBOARD, run_study, workspace_of
from tests.flows import toy


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The studies of a clone, of which none has been run."""
    shutil.copytree(toy.ROOT / "studies/defaults", tmp_path / "studies/defaults")
    for name in ("laptop", "smoke"):
        (tmp_path / "studies" / f"{name}.yaml").write_bytes((toy.ROOT / "studies" / f"{name}.yaml").read_bytes())
    (tmp_path / "params.yaml").write_bytes((toy.ROOT / "params.yaml").read_bytes())
    return tmp_path


def begun(folder: Path) -> Path:
    (folder / "outputs").mkdir(parents=True)
    return folder


def finished(folder: Path) -> Path:
    (folder / LEADERBOARD).parent.mkdir(parents=True)
    (folder / LEADERBOARD).write_text("{}")
    return folder


@pytest.mark.parametrize(("name", "study"), [("smoke", "smoke"), (None, "laptop"), ("laptop", "laptop")])
@pytest.mark.parametrize("own", ["nothing", "begun"])
def test_the_only_variation_that_has_been_run_is_taken_and_said(
    home: Path, capsys: pytest.CaptureFixture[str], name: str | None, study: str, own: str
) -> None:
    if own == "begun":
        begun(home if study == "laptop" else home / "workspaces" / study)
    begun(home / "workspaces" / f"{study}-00000000")
    finished(home / "workspaces" / f"{study}-1234abcd-reproduction")
    finished(home / "workspaces" / f"{study}_more-1234abcd")
    only = finished(home / "workspaces" / f"{study}-1234abcd")
    assert workspace_of(home, name) == only
    said = capsys.readouterr()
    assert said.out == ""
    assert f"workspaces/{study}-1234abcd, the only variation of {study} that has been run\n" in said.err


@pytest.mark.parametrize("name", ["smoke", None])
def test_a_study_that_has_been_run_itself_comes_before_its_variations(
    home: Path, capsys: pytest.CaptureFixture[str], name: str | None
) -> None:
    finished(home / "workspaces" / f"{name or 'laptop'}-1234abcd")
    own = finished(home / "workspaces" / name if name else home)
    assert workspace_of(home, name) == own
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["smoke", None])
def test_of_several_variations_one_is_to_be_named(home: Path, name: str | None) -> None:
    study = name or "laptop"
    for number in "21":
        finished(home / "workspaces" / f"{study}-{number * 8}")
    with pytest.raises(CeterisError) as error:
        workspace_of(home, name)
    assert str(error.value) == (
        f"The study {study} has been run only as variations: say which of {study}-11111111, {study}-22222222 "
        f"instead of {study}."
    )
    assert workspace_of(home, f"{study}-22222222") == home / "workspaces" / f"{study}-22222222"


def test_what_needs_no_comparison_takes_the_study_itself_where_it_was_begun(home: Path) -> None:
    finished(home / "workspaces" / "smoke-1234abcd")
    own = begun(home / "workspaces" / "smoke")
    assert workspace_of(home, "smoke", finished=False) == own
    assert workspace_of(home, None, finished=False) == home


def test_a_study_that_has_not_been_run_is_one_sentence(home: Path) -> None:
    with pytest.raises(
        CeterisError, match="The study smoke has not been run here yet: start it with `ceteris run smoke`"
    ):
        workspace_of(home, "smoke")
    with pytest.raises(CeterisError, match="there is no study 'nothing'"):
        workspace_of(home, "nothing")
    assert workspace_of(home, None) == home  # the command says what is missing there


def test_a_run_that_failed_ends_with_every_line_of_the_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "outputs/data has 2 mistakes to correct:\nrow 3 has no text.\nrow 5 has no picture."
    (home / ".ceteris").mkdir()
    failed = Record("http://page", "Failed", "failed", {"validate": Result("failed", reason)})
    failed.save(home)
    url = SimpleNamespace(url="http://server")
    monkeypatch.setattr(running, "connect", lambda home: {"prefect": url, "mlflow": url})
    state = SimpleNamespace(is_completed=lambda: False, message="failed")
    monkeypatch.setattr(pipeline, "ceteris_study", lambda *_, **__: state)
    monkeypatch.setattr(running.signal, "signal", lambda *_: None)
    assert run_study(home, None, None, None, None) == 1
    assert capsys.readouterr().err == f"error: validate: {reason}\n"
