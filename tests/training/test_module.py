"""The optimiser of a training run."""

from types import SimpleNamespace

import pytest
import torch

from components.models.pixels import PixelScaling
from components.tasks import load as load_task
from components.training.finetuning import FinetuningNetwork
from components.training.freezing import FreezingSchedule
from components.training.module import TrainingModule
from tests.models.region_batches import build
from tests.training.small_run import BUDGET


@pytest.mark.parametrize("name", ["mmbt", "pixelbert", "uniter", "vilt"])
def test_one_optimiser_trains_everything_at_one_rate(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions and heads too, and the rate follows from the samples alone."""
    model, task = build(name), load_task("vqa")
    network = FinetuningNetwork(model, PixelScaling(), task.head(model, 5), task)
    module = TrainingModule(network, BUDGET, FreezingSchedule(model, []), 0)
    monkeypatch.setattr(TrainingModule, "trainer", SimpleNamespace(precision="32-true"))
    chosen = module.configure_optimizers()
    optimizer, scheduler = chosen["optimizer"], chosen["lr_scheduler"]["scheduler"]
    assert type(optimizer) is torch.optim.AdamW
    trained = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(trained) == sorted(id(parameter) for parameter in network.parameters())
    assert len({group["lr"] for group in optimizer.param_groups}) == 1
    assert type(scheduler) is torch.optim.lr_scheduler.LambdaLR
    assert len(set(scheduler.lr_lambdas)) == 1
