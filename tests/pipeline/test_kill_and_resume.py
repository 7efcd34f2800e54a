"""SIGKILL at any moment, then the same command again: the same final weights, and the same search, to the bit."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.pipeline.doors import BIN, Door

PATIENCE = 3600.0
"""Seconds after which a test gives up instead of hanging for ever; nothing is measured by it."""
STAGES = {
    "tune": (["--arm", "mmbt"], "outputs/tuning/mmbt", "record.json"),
    "pretrain": (["--arm", "vilt", "--replicate", "0"], "outputs/pretrain/vilt/0", "weights.safetensors"),
    "finetune": (
        ["--arm", "mmbt", "--task", "vqa", "--replicate", "0"],
        "outputs/finetune/mmbt/vqa/0",
        "unimodal.safetensors",
    ),
}


def workspace(door: Door, folder: Path) -> Path:
    """The finished study once more, with budgets long enough to be killed in the middle of."""
    shutil.copytree(door.workspace, folder, symlinks=True, ignore=shutil.ignore_patterns(".ceteris", "cache"))
    study = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for budget in ("pretrain", "finetune", "finetune_few"):
        study[budget]["samples"] = 400 * study[budget]["batch_size"]
    study["runtime"]["checkpoint_seconds"] = 0.2
    (folder / "params.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return folder


def start(folder: Path, stage: str, arguments: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", f"components.stages.{stage}", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(folder: Path, stage: str, arguments: list[str]) -> str:
    process = start(folder, stage, arguments)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output[-3000:]
    return output


def kill_while_training(folder: Path, stage: str, arguments: list[str], number: int, lines: int) -> int:
    """Start, wait until it trains and has said so often how far it is, send the signal; returns the exit code."""
    process = start(folder, stage, arguments)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("::progress") and float(line.split()[1]) > 3:
            lines -= 1
            if lines < 0 or float(line.split()[1]) > 60:
                break
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    return process.returncode


@pytest.mark.parametrize("stage", list(STAGES))
def test_killed_and_run_again_gives_the_same_weights(stage: str, reproduced: Door, tmp_path: Path) -> None:
    arguments, out, weights = STAGES[stage]
    folder = workspace(reproduced, tmp_path / "workspace")
    finish(folder, stage, arguments)
    undisturbed = {path.name: path.read_bytes() for path in (folder / out).iterdir()}
    shutil.rmtree(folder / out)
    seed = random.randrange(10_000)
    moments = random.Random(seed)
    for number in (signal.SIGKILL, signal.SIGTERM):
        code = kill_while_training(folder, stage, arguments, number, moments.randrange(3))
        assert code in (-number, 128 + number), f"moments of seed {seed}"
        assert not (folder / out).exists()
    output = finish(folder, stage, arguments)
    assert "continuing at" in output, f"moments of seed {seed}"
    assert {path.name for path in (folder / out).iterdir()} == set(undisturbed)
    for name in (weights, "record.json"):
        assert (folder / out / name).read_bytes() == undisturbed[name], f"{name} differs, moments of seed {seed}"


def test_a_changed_parameter_starts_fresh_and_a_torn_checkpoint_starts_over(reproduced: Door, tmp_path: Path) -> None:
    arguments, out, _ = STAGES["pretrain"]
    folder = workspace(reproduced, tmp_path / "workspace")
    kill_while_training(folder, "pretrain", arguments, signal.SIGTERM, 1)
    (checkpoint,) = folder.glob(".ceteris/scratch/pretrain@vilt-0/*/last.ckpt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    torn = kill_while_training(folder, "pretrain", arguments, signal.SIGTERM, 1)
    assert torn == 128 + signal.SIGTERM
    study = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    study["pretrain"]["learning_rate"] *= 2
    study["pretrain"]["samples"] = 20 * study["pretrain"]["batch_size"]
    (folder / "params.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    assert "continuing at" not in finish(folder, "pretrain", arguments)
    assert not list(folder.glob(".ceteris/scratch/pretrain@vilt-0/*"))
    assert json.loads((folder / out / "record.json").read_text(encoding="utf-8"))["steps"] == 20
