"""SIGKILL at any moment, then the same command again: the same final weights, and the same search, to the bit."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.study.loading import load_study
from tests.pipeline.doors import PATIENCE, variables
from tests.pipeline.warm_python import WarmPython
from tests.study.complete import write_params

pytestmark = pytest.mark.xdist_group("studies")

STAGES = {
    "tune": ("tune", ["--arm", "mmbt"], "outputs/tuning/mmbt", "record.json", 3.0),
    "tune, in the search of the intermediate step": (
        "tune",
        ["--arm", "clip"],
        "outputs/tuning/clip",
        "record.json",
        51.0,
    ),
    "pretrain": (
        "pretrain",
        ["--arm", "clip", "--replicate", "0"],
        "outputs/pretrain/clip/0",
        "weights.safetensors",
        3.0,
    ),
    "finetune": (
        "finetune",
        ["--arm", "mmbt", "--task", "vqa", "--replicate", "0"],
        "outputs/finetune/mmbt/vqa/0",
        "unimodal.safetensors",
        3.0,
    ),
}
"""Stage, arguments, folder, file of its results, and how far it is at least when it is killed, in percent."""


def workspace(finished: Path, folder: Path) -> Path:
    """The finished study once more, with a search, and budgets long enough to be killed in the middle of."""
    shutil.copytree(finished, folder, symlinks=True, ignore=shutil.ignore_patterns(".ceteris", "cache"))
    study = load_study(folder / "params.yaml").model_dump(mode="json")
    for budget in ("pretrain", "finetune", "finetune_few"):
        study[budget]["samples"] = 400 * study[budget]["batch_size"]
    study["tuning"]["trials"] = 3
    study["runtime"]["checkpoint_seconds"] = 0.1
    write_params(folder, study)
    finish_cold(folder, "code", [])  # a search reaches code that a study without one does not
    return folder


def command(stage: str, arguments: list[str]) -> list[str]:
    return ["-m", f"components.stages.{stage}", *arguments]


def finish(warm: WarmPython, folder: Path, stage: str, arguments: list[str]) -> str:
    """Run it to its end in a warm process, and return what it printed."""
    code, output = warm.begin(command(stage, arguments), folder, variables(folder)).end()
    assert code == 0, output[-3000:]
    return output


def finish_cold(folder: Path, stage: str, arguments: list[str]) -> str:
    """The same in a process that shares nothing with those before it."""
    process = [sys.executable, *command(stage, arguments)]
    done = subprocess.run(
        process, cwd=folder, env=variables(folder), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def kill_while_training(
    warm: WarmPython, folder: Path, stage: str, arguments: list[str], number: int, lines: int, beyond: float = 3.0
) -> int:
    """Begin, wait until it is beyond some percent and has said so often how far it is, send the signal; returns the exit code."""
    process = warm.begin(command(stage, arguments), folder, variables(folder))
    for line in process.output:
        if line.startswith("::progress") and float(line.split()[1]) > beyond:
            lines -= 1
            if lines < 0 or float(line.split()[1]) > beyond + 40:
                break
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)
    return process.end()[0]


@pytest.mark.parametrize("case", list(STAGES))
def test_killed_and_run_again_gives_the_same_weights(
    case: str, warm: WarmPython, further: Path, tmp_path: Path
) -> None:
    stage, arguments, out, weights, beyond = STAGES[case]
    folder = workspace(further, tmp_path / "workspace")
    finish(warm, folder, stage, arguments)
    undisturbed = {path.name: path.read_bytes() for path in (folder / out).iterdir()}
    shutil.rmtree(folder / out)
    seed = random.randrange(10_000)
    moments = random.Random(seed)
    for number in (signal.SIGKILL, signal.SIGTERM):
        code = kill_while_training(warm, folder, stage, arguments, number, moments.randrange(3), beyond)
        assert code in (-number, 128 + number), f"moments of seed {seed}"
        assert not (folder / out).exists()
    output = finish_cold(folder, stage, arguments)
    assert "continuing at" in output, f"moments of seed {seed}"
    assert {path.name for path in (folder / out).iterdir()} == set(undisturbed)
    for name in (weights, "record.json"):
        assert (folder / out / name).read_bytes() == undisturbed[name], f"{name} differs, moments of seed {seed}"


def test_a_changed_parameter_starts_fresh_and_a_torn_checkpoint_starts_over(
    warm: WarmPython, further: Path, tmp_path: Path
) -> None:
    _, arguments, out, *_ = STAGES["pretrain"]
    folder = workspace(further, tmp_path / "workspace")
    kill_while_training(warm, folder, "pretrain", arguments, signal.SIGTERM, 1)
    (checkpoint,) = folder.glob(".ceteris/scratch/pretrain@clip-0/*/last.ckpt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    torn = kill_while_training(warm, folder, "pretrain", arguments, signal.SIGTERM, 1)
    assert torn == 128 + signal.SIGTERM
    study = load_study(folder / "params.yaml").model_dump(mode="json")
    study["pretrain"]["learning_rate"] *= 2
    study["pretrain"]["samples"] = 20 * study["pretrain"]["batch_size"]
    write_params(folder, study)
    assert "continuing at" not in finish(warm, folder, "pretrain", arguments)
    assert not list(folder.glob(".ceteris/scratch/pretrain@clip-0/*"))
    assert json.loads((folder / out / "record.json").read_text(encoding="utf-8"))["steps"] == 20
