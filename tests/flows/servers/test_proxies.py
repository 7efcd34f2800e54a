"""Proxies in the environment, of a kind that cannot be used or with nobody behind them: every command works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows import toy

# Nobody listens at port 1: whatever asked one of these would fail.
PROXIES = {
    "ALL_PROXY": "socks5://127.0.0.1:1",
    "all_proxy": "socks5h://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
    "HTTPS_PROXY": "socks4://127.0.0.1:1",
    "NO_PROXY": "[::1]",
}
DVC_YAML = """
stages:
  pretend:
    cmd: python step.py
    deps: [step.py]
    outs: [outputs/pretend]
"""


def ceteris(home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The command as a person starts it: nothing has cleaned the environment before."""
    settings = {key: value for key, value in os.environ.items() if key.lower() != "no_proxy"}
    command = [sys.executable, "-m", "flows.cli", *arguments]
    settings |= {"PYTHONPATH": str(toy.ROOT)} | PROXIES | variables
    return subprocess.run(command, cwd=home, env=settings, capture_output=True, text=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the real default study, and a graph that does nothing."""
    home = toy.make(tmp_path_factory.mktemp("proxies") / "ceteris")
    (home / "dvc.yaml").write_text(DVC_YAML)
    (home / "step.py").write_text("open('outputs/pretend', 'w').write('done')\n")
    (home / "params.yaml").write_bytes((toy.ROOT / "params.yaml").read_bytes())
    (home / "outputs").mkdir()
    toy.git(home, "add", "-A")
    toy.git(home, "commit", "-q", "-m", "study")
    return home


@pytest.mark.xdist_group("servers")
def test_servers_are_started_asked_and_ended_and_a_study_runs(clone: Path) -> None:
    try:
        up = ceteris(clone, "up")
        assert (up.returncode, up.stderr) == (0, "")
        status = ceteris(clone, "status")
        assert (status.returncode, status.stderr) == (0, "")
        assert "does not answer" not in status.stdout
        run = ceteris(clone, "run", "--target", "pretend")
        assert run.returncode == 0, run.stdout + run.stderr
        assert "1 stages ran" in run.stdout
        assert (clone / "outputs/pretend").read_text() == "done"
    finally:
        down = ceteris(clone, "down")
    assert (down.returncode, down.stderr) == (0, "")
    assert down.stdout.count("ended") == 2


def test_who_asks_for_downloads_hears_that_the_proxy_is_not_used(clone: Path) -> None:
    said = ceteris(clone, "status", HF_HUB_OFFLINE="0")
    assert said.returncode == 0
    assert said.stderr.count("\n") == 1
    assert "is not used, only HTTP proxies are: name one in HTTPS_PROXY" in said.stderr
