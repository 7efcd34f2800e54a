"""Two processes with half a batch each learn what one process with the whole batch learns."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.objectives.contrastive_process import gradients, union

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_loss_and_gradients_of_two_processes_equal_the_union_batch(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]), "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [sys.executable, HERE / "contrastive_process.py", str(rank), "2", tmp_path / "store", tmp_path / str(rank)],
            env=environment,
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=900) for process in processes] == [0, 0]
    halves = [load_file(tmp_path / str(rank)) for rank in range(2)]
    for case in ("within", "across"):
        expected = gradients(union(8, dense=case == "across"))
        assert halves[0].keys() == {f"{one}.{name}" for one in ("within", "across") for name in expected}
        for name, value in expected.items():
            mean = (halves[0][f"{case}.{name}"] + halves[1][f"{case}.{name}"]) / 2
            torch.testing.assert_close(mean, value, atol=1e-12, rtol=1e-9)
        # The halves differ from one another: averaging them is what makes the union.
        assert not torch.allclose(
            halves[0][f"{case}.text_projection.weight"], halves[1][f"{case}.text_projection.weight"]
        )
