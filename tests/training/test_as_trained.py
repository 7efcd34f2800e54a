"""What a network does in a training step is seen, and seeing it changes nothing."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architectures import load
from components.training.as_trained import Dropouts, dropouts, training_mode, watched
from components.training.module import described
from tests.objectives.small_batches import SMALL
from tests.training.small_run import Batches, network

NAMES = ("visualbert", "vilbert", "lxmert", "pixelbert", "vilt", "uniter", "vlbert", "clip")


class Dropping(nn.Module):
    """Drops in every way that torch offers; the loss is a number."""

    def __init__(self, attention: float, states: float) -> None:
        super().__init__()
        self.model = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.attention = attention
        self.dropout = nn.Dropout(states)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        x = self.norm(self.model(batch["x"]))[None, None]
        probability = self.attention if self.training else 0.0
        x = F.scaled_dot_product_attention(x, x, x, dropout_p=probability)
        return F.dropout(self.dropout(x), 0.25, self.training).sum(), {}


def test_dropout_is_seen_wherever_it_acts() -> None:
    batch = {"x": torch.randn(8, 4)}
    assert dropouts(Dropping(0.1, 0.5), batch) == {"0.1": 1, "0.25": 1, "0.5": 1}
    assert dropouts(Dropping(0.0, 0.0), batch) == {"0.25": 1}
    with Dropouts() as acting:
        Dropping(0.1, 0.5).eval()(batch)
    assert acting.found == {}


def test_nothing_is_left_behind() -> None:
    ours = Dropping(0.1, 0.5).eval()
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    dropouts(ours, {"x": torch.randn(8, 4, generator=torch.Generator().manual_seed(1)) + 5})
    assert torch.equal(torch.rand(1), wanted)
    assert not ours.training
    assert all(torch.equal(before[name], tensor) for name, tensor in ours.state_dict().items())
    with training_mode(ours):
        assert ours.training


@pytest.mark.parametrize("name", NAMES)
def test_no_architecture_drops_where_the_study_drops_nothing(name: str) -> None:
    assert SMALL.dropout == 0.0
    assert dropouts(network(name), {**Batches().at(0), "pass_draw": torch.zeros(1)}) == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_head_for_answers_drops_where_the_study_drops_nothing(name: str) -> None:
    model: Any = load(name)(SMALL)
    with Dropouts() as acting:
        model.head(5).train()(torch.randn(3, model.pooled_size))
    assert acting.found == {}


def test_readings_are_watched_and_the_method_is_put_back() -> None:
    ours = network("pixelbert")
    ours.model.begin_pretraining()
    found = {}
    for mode in (True, False):
        ours.train(mode)
        with watched(ours.model) as seen:
            ours(Batches().at(0))
        (found[mode],) = (one.visual_tokens for one in seen)
        assert [(one.rows, one.text) for one in seen] == [(16, True)]
    assert found[True] == found[False] // 2  # a random half of the cells
    assert "encode" not in vars(ours.model)


def test_the_optimiser_is_described_as_it_was_built() -> None:
    layer = nn.Linear(3, 3)
    groups = [{"params": [layer.weight], "weight_decay": 0.01}, {"params": [layer.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / 100)
    found = described(optimizer, scheduler, 100)
    assert (found.name, found.betas, found.decay) == ("AdamW", (0.9, 0.95), {"0.01": [2], "0": [1]})
    assert found.schedule == [1.0, 0.95, 0.9, 0.75, 0.5, 0.25, 0.0]


def test_attention_of_a_vision_transformer_never_drops() -> None:
    model: Any = load("vilt")(replace(SMALL, dropout=0.1)).train()
    given = Batches().at(0)
    with Dropouts() as acting:
        model.encode({**given, "pixels": torch.randn(16, 3, 32, 32)})
    # Two residuals in each layer, and the embeddings of text and patches; attention would make one more of each layer.
    assert acting.found == {0.1: 2 * SMALL.layers + 2}
