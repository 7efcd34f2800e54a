"""A tiny real pipeline in a real git clone, for tests of what walks it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flows.servers import services
from infra.environment import environment

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 900.0
"""Seconds after which a test gives up instead of hanging for ever; nothing is measured by it, however busy the machine."""

DVC_YAML = """
stages:
  seed:
    cmd: python step.py seed
    deps: [step.py]
    outs: [outputs/seed]
    meta: {slot: cpu, retries: 0, minutes: 5}
  train:
    matrix:
      arch: ${archs}
      replicate: [0, 1]
    cmd: python step.py train ${item.arch} ${item.replicate}
    deps:
      - step.py
      - outputs/seed
    params: ["behaviour.${item.arch}"]
    outs: ["outputs/train/${item.arch}/${item.replicate}"]
    meta:
      slot: gpu
      retries: 1
      minutes: ${minutes}
  compare:
    cmd: python step.py compare
    deps:
      - step.py
      - outputs/train
    outs: [outputs/comparison]
    meta: {slot: cpu, retries: 0, minutes: 5}
"""

PARAMS = """
name: toy
archs: [slow, quick]
minutes: 5
behaviour: {slow: 0.3, quick: 0.0}
runtime: {threads: 1, accelerator: auto}
"""

# Behaviour by number: seconds of work. By word: how to go wrong, or to wait for a file `go`. With TOY_MEET slow stages
# wait until both have begun. Every execution is noted outside the graph.
STEP = """
import os, sys, time, yaml
from pathlib import Path


def until(condition):
    while not condition():
        time.sleep(0.05)


stage = os.environ["DVC_STAGE"]
sidecar = Path(".ceteris/toy")
sidecar.mkdir(parents=True, exist_ok=True)
with open(sidecar / "executed", "a") as file:
    file.write(f"{stage} {os.getpid()} {time.time()}\\n")
attempt = (sidecar / "executed").read_text().count(stage + " ")
kind, *rest = sys.argv[1:]
out = Path("outputs", {"compare": "comparison"}.get(kind, kind), *rest)
out.mkdir(parents=True, exist_ok=True)
if kind == "train":
    behaviour = yaml.safe_load(open("params.yaml"))["behaviour"][rest[0]]
    if behaviour == "mistake" and rest[1] == "0":
        sys.exit(print("error: row 3 of data.csv has no text: fill it in.", file=sys.stderr) or 2)
    if behaviour == "mistakes" and rest[1] == "0":
        sys.exit(print("error: data.csv has 2 mistakes:\\nrow 3 has no text.\\nrow 5 has no picture.", file=sys.stderr) or 2)
    if behaviour == "lost" and attempt == 1:
        os.kill(os.getpid(), 9)
    if behaviour == "hang":
        print("hanging", flush=True)
        os.system("sleep 3600")
    if behaviour == "wait":
        until(lambda: (sidecar / "go").is_file())
    if os.environ.get("TOY_MEET") and rest[0] == "slow":
        until(lambda: (sidecar / "executed").read_text().count("\\ntrain@slow") == 2)
    for step in range(4):
        print(f"::progress {25 * step} step {step}", flush=True)
        time.sleep(float(behaviour) / 4 if isinstance(behaviour, (int, float)) else 0)
    print("learned something")
(out / "result").write_text(" ".join(sys.argv[1:]) + "\\n")
with open(sidecar / "executed", "a") as file:
    file.write(f"end-of-{stage} {os.getpid()} {time.time()}\\n")
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def make(folder: Path, **changes: str) -> Path:
    """A clone with the toy pipeline; `changes` replace pieces of its parameters, e.g. quick="mistake"."""
    (folder / ".dvc").mkdir(parents=True)
    settings = "[core]\n    analytics = false\n    check_update = false\n    autostage = false\n"
    (folder / ".dvc" / "config").write_text(settings)
    (folder / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / ".gitignore").write_text("/outputs/\n/.ceteris/\n/workspaces/\n/mlflow.db*\n/mlartifacts/\n")
    (folder / ".dvcignore").write_text(".ceteris\nworkspaces\nmlartifacts\n")
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "step.py").write_text(STEP)
    (folder / "params.yaml").write_text(PARAMS)
    git(folder, "init", "-q")
    set_params(folder, **changes)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "toy")
    return folder


def set_params(folder: Path, **changes: str) -> None:
    lines = PARAMS
    for key, value in changes.items():
        old = {"slow": "slow: 0.3", "quick": "quick: 0.0", "minutes": "minutes: 5"}[key]
        lines = lines.replace(old, f"{key}: {value}")
    (folder / "params.yaml").write_text(lines)


def dvc(folder: Path, *arguments: str) -> str:
    """Run DVC in the folder as a person would."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def executed(folder: Path) -> list[str]:
    """Stages whose command was started, in order, once for each time."""
    path = folder / ".ceteris" / "toy" / "executed"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [line.split()[0] for line in lines if not line.startswith("end-of-")]


def forget_executions(folder: Path) -> None:
    (folder / ".ceteris" / "toy" / "executed").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a running Prefect and MLflow server."""
    home = tmp_path_factory.getbasetemp() / "servers"
    home.mkdir(exist_ok=True)
    services.up(home)
    yield home
    services.down(home)


def prefect(home: Path) -> str:
    """Address of the Prefect server at home there."""
    return next(service.url for service in services.running(home) if service.name == "prefect")


def start_walk(folder: Path, servers: Path, *targets: str, **variables: str) -> "subprocess.Popen[str]":
    """A process that walks the toy through the real flow and says how it ended."""
    code = (
        "import sys, pathlib; from flows.pipeline import ceteris_study;"
        "state = ceteris_study(sys.argv[1], sys.argv[2:], return_state=True); print('END', state.name, state.message);"
        "sys.exit(0 if state.is_completed() else 1)"
    )
    settings = {**environment(servers), "PREFECT_API_URL": prefect(servers) + "/api", "CETERIS_JOBS": "2", **variables}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), *targets],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_catch_interrupts,
    )


def _catch_interrupts() -> None:
    """As in a terminal; a background job of a shell ignores Ctrl-C."""
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)


def walk(folder: Path, servers: Path, *targets: str, **variables: str) -> tuple[int, str]:
    """Walk to the end; exit code and output."""
    process = start_walk(folder, servers, *targets, **variables)
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until the condition comes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Live processes that work in the folder."""
    found = []
    for process in psutil.process_iter(["cwd", "status"]):
        inside = process.info["cwd"] and Path(process.info["cwd"]).is_relative_to(folder)
        if inside and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def process_with(folder: Path, text: str) -> psutil.Process | None:
    """A live process of the folder whose command line begins with Python and contains the text."""
    for process in processes_of(folder):
        try:
            line = process.cmdline()
        except psutil.NoSuchProcess:  # it has just ended
            continue
        if line and "python" in line[0] and text in " ".join(line[1:]):
            return process
    return None
