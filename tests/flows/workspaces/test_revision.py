"""What git refuses is told in git's own words."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from components.errors import CeterisError
from flows.workspaces import revision
from tests.flows.toy_project import ROOT, make

# git's own switch for its tests: it takes every checkout for somebody else's, whoever runs it.
SOMEBODY_ELSE = {
    "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


@pytest.fixture
def owned_by_somebody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real git that takes every checkout for somebody else's; variables of git do not reach it, so it sets its own."""
    real = shutil.which("git")
    settings = "".join(f"export {key}={value}\n" for key, value in SOMEBODY_ELSE.items())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f'#!/bin/sh\n{settings}exec {real} "$@"\n')
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")


def test_a_clone_of_somebody_else_is_refused_with_the_reason_and_the_remedy_of_git(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root = make(tmp_path / "root")
    revision.commit(root)
    request.getfixturevalue("owned_by_somebody_else")
    with pytest.raises(CeterisError) as error:
        revision.commit(root)
    sentence = str(error.value)
    assert f"detected dubious ownership in repository at '{root}'. To add an exception" in sentence
    assert sentence.endswith(f"git config --global --add safe.directory {root}")  # to be copied as it stands
    assert "\n" not in sentence
    assert "is not a git checkout" not in sentence


def test_a_folder_in_another_checkout_is_not_one(tmp_path: Path) -> None:
    inside = make(tmp_path / "root") / "inside"
    inside.mkdir()
    with pytest.raises(CeterisError, match="inside is not a git checkout: clone the repository"):
        revision.commit(inside)


def test_a_damaged_checkout_is_refused_with_the_reason_of_git(tmp_path: Path) -> None:
    root = make(tmp_path / "root")
    (root / ".git" / "config").write_text("[core\n")
    with pytest.raises(CeterisError, match=r"git rev-parse failed in .*bad config line 1"):
        revision.commit(root)


@pytest.mark.parametrize("checkout", [True, False])
def test_make_says_why_it_does_not_begin(tmp_path: Path, checkout: bool) -> None:
    root = make(tmp_path / "root") if checkout else tmp_path
    shutil.copy(ROOT / "Makefile", root / "Makefile")
    settings = {**os.environ, **SOMEBODY_ELSE}
    done = subprocess.run(["make", "checkout"], cwd=root, env=settings, capture_output=True, text=True)
    assert done.returncode != 0
    assert ("is not a Git checkout" in done.stderr) != checkout
    assert (f"safe.directory {root}" in done.stderr) == checkout
