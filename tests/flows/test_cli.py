"""The command line: quick, and mistakes are one sentence."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.environment import environment
from tests.flows import toy

HEAVY = {
    "torch", "lightning", "transformers", "prefect", "mlflow", "dvc", "great_expectations", "pandas", "numpy",
    "pyarrow", "sklearn", "scipy", "pydantic", "yaml", "rich", "httpx", "sqlalchemy",
}  # fmt: skip


def ceteris(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flows.cli", *arguments]
    settings = {**environment(folder), "PYTHONPATH": str(toy.ROOT)}
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=toy.PATIENCE)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, flows.cli\nsys.argv = ['ceteris', '--help']\n"
        "try:\n    flows.cli.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=toy.ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert {"flows", "typer"} <= loaded
    assert not loaded & HEAVY
    commands = [line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if line.startswith("  ")]
    assert {"run", "serve", "status", "down", "up", "validate", "study", "leaderboard", "report", "predict", "promote",
            "sync", "reproduce", "rollback", "studies", "verdict", "power"} <= set(commands)  # fmt: skip


@pytest.mark.parametrize("arguments", [["run"], ["status"], ["up"], ["down"], ["leaderboard"], ["studies"], ["serve"]])
def test_outside_a_checkout_one_sentence(tmp_path: Path, arguments: list[str]) -> None:
    done = ceteris(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "is not inside a Git checkout: clone Ceteris with git" in done.stderr
    assert not (tmp_path / ".ceteris").exists()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the real default study and nothing run in it."""
    home = toy.make(tmp_path_factory.mktemp("clone") / "ceteris")
    shutil.copytree(toy.ROOT / "studies/defaults", home / "studies/defaults")
    for name in ("laptop", "smoke"):
        (home / "studies" / f"{name}.yaml").write_bytes((toy.ROOT / "studies" / f"{name}.yaml").read_bytes())
    (home / "params.yaml").write_bytes((toy.ROOT / "params.yaml").read_bytes())
    return home


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "nothing"], "there is no study 'nothing' in studies/: choose one of laptop, smoke."),
        (["run", "--arms", "clip,mmbt,gpt"], "has no arm 'gpt'"),
        (["run", "--replicates", "0"], "replicates is 0"),
        (["run", "smoke", "--scale", "-1"], "scale is -1"),
        (["leaderboard"], "leaderboard.json does not exist yet: run the study first"),
        (["leaderboard", "smoke"], "The study smoke has not been run here yet: start it with `ceteris run smoke`."),
        (["report", "smoke"], "has not been run here yet"),
    ],
)
def test_a_mistake_is_one_sentence_and_starts_nothing(clone: Path, arguments: list[str], sentence: str) -> None:
    done = ceteris(clone, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not (clone / ".ceteris" / "services.json").exists()


def test_commands_that_only_look_start_nothing(clone: Path) -> None:
    inside = clone / "outputs"
    inside.mkdir(exist_ok=True)
    quiet = ceteris(inside, "status")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert quiet.stdout == "no server of this clone is running; `ceteris up` or `ceteris run` starts them\n"
    assert ceteris(clone, "down").stdout == "no server was running\n"
    listed = ceteris(clone, "studies").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["laptop", "smoke"]
    assert "in the root" in listed[0]
    assert "workspaces/smoke" in listed[1]
    assert "components/data/scenes is missing" in listed[1]


def test_a_workspace_belongs_to_the_clone_above_it(clone: Path) -> None:
    from flows.workspaces.checkout import find_home, home_of

    inside = clone / "workspaces" / "smoke" / "outputs"
    inside.mkdir(parents=True)
    assert find_home(inside) == home_of(inside.parent) == home_of(clone) == clone
    inside.rmdir()
    inside.parent.rmdir()


def test_a_run_that_is_on_keeps_another_and_down_away(clone: Path) -> None:
    from components.files.locks import only_one

    with only_one(clone / ".ceteris" / "run.lock", "taken"):
        second, down = ceteris(clone, "run"), ceteris(clone, "down")
    assert second.returncode == down.returncode == 2
    assert "already runs the study in" in second.stderr
    assert f"A study is running in {clone}" in down.stderr


def test_down_by_force_stops_the_study_before_the_servers(clone: Path) -> None:
    program = (
        "import signal, sys, time\nfrom pathlib import Path\nfrom components.files.locks import only_one\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))\n"
        f"with only_one(Path({str(clone / '.ceteris' / 'run.lock')!r}), 'taken'):\n"
        "    print('running', flush=True)\n    time.sleep(3600)\n"
    )
    study = subprocess.Popen([sys.executable, "-c", program], cwd=toy.ROOT, stdout=subprocess.PIPE)
    try:
        assert study.stdout is not None
        study.stdout.readline()
        down = ceteris(clone, "down", "--force")
        assert study.wait(toy.PATIENCE) == 143
    finally:
        study.kill()
    assert down.stdout == f"stopped  the study in {clone}\nno server was running\n"
