"""On a GPU: the same numbers as on a CPU in single precision, and training in bf16 that learns and resumes.

`python -m pytest -m gpu`; skipped elsewhere.
"""

from pathlib import Path

import pytest
import torch

from tests.objectives.small_batches import batch
from tests.training.small_run import BUDGET, model, trained

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


# One that reads pixels in two passes, and one that reads regions under six losses.
@pytest.mark.parametrize("name", ["vilt", "lxmert"])
def test_training_in_bf16_learns_and_resumes(name: str, tmp_path: Path) -> None:
    straight = trained(name, tmp_path / "straight.ckpt", "gpu")
    curve = [point["loss"] for point in straight["curves"]]
    assert all(torch.tensor(curve).isfinite())
    assert sum(curve[-5:]) < 0.8 * sum(curve[:5])
    stopped = trained(name, tmp_path / "last.ckpt", "gpu", stop_after=30)
    assert stopped["curves"][-1]["samples"] < BUDGET.samples
    resumed = trained(name, tmp_path / "last.ckpt", "gpu")
    assert [point["samples"] for point in resumed["curves"]] == [point["samples"] for point in straight["curves"]]
    # The same batches, seeds and schedule; kernels may sum in another order.
    again = [point["loss"] for point in resumed["curves"]]
    assert again[:10] == pytest.approx(curve[:10], rel=0.02)
    assert sum(again[-5:]) == pytest.approx(sum(curve[-5:]), rel=0.1)
    assert resumed["digests"] == straight["digests"]


@pytest.mark.parametrize("name", ["vilt", "visualbert", "vilbert", "lxmert"])
def test_states_and_gradients_equal_those_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In single precision, with padded texts and regions."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    given = batch(6)
    found = []
    for device in ("cpu", "cuda"):
        ours = model(name).to(device).train()
        states = ours.encode({key: value.to(device) for key, value in given.items()})
        assert states.text is not None
        text = states.text[given["attention_mask"].bool().to(device)]
        # Text and pooled state depend on everything that is read.
        (text.square().mean() + states.pooled.square().mean()).backward()
        gradients = {key: one.grad.cpu() for key, one in ours.named_parameters() if one.grad is not None}
        found.append({"text": text.detach().cpu(), "pooled": states.pooled.detach().cpu(), **gradients})
    on_cpu, on_gpu = found
    assert on_gpu.keys() == on_cpu.keys()
    for key, one in on_cpu.items():
        torch.testing.assert_close(on_gpu[key], one, atol=1e-4, rtol=1e-4, msg=lambda text, key=key: f"{key}: {text}")
