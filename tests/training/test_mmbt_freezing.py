"""MMBT's schedule is its method: at any time exactly the parameters that it names have a gradient (card 5, Kiela et al.)."""

from pathlib import Path

import pytest
import torch

from components.models.architectures import load
from components.models.configuration import ModelConfiguration
from components.study.loading import load_study
from components.training.freezing import FreezingSchedule

ROOT = Path(__file__).parents[2]


def with_gradient(progress: float) -> set[str]:
    study = load_study(ROOT / "params.yaml")
    model = load("mmbt")(
        ModelConfiguration(
            **study.model.model_dump(),
            vocabulary_size=50,
            max_length=12,
            image_size=study.data.image_size,
            pad_token_id=0,
        )
    )
    head = model.head(3)
    FreezingSchedule(model, study.arms["mmbt"].freezing).apply(progress)
    batch = {
        "pixels": torch.randn(2, 3, 48, 48),
        "input_ids": torch.randint(5, 50, (2, 8)),
        "attention_mask": torch.ones(2, 8, dtype=torch.long),
    }
    states = model.encode(batch)
    head(states.pooled).sum().backward()
    names = {f"model.{name}" for name, parameter in model.named_parameters() if parameter.grad is not None}
    return names | {f"head.{name}" for name, parameter in head.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize(
    ("progress", "frozen"),
    [
        (0.0, ("model.image_encoder.", "model.text_encoder.encoder.")),
        (0.05, ("model.image_encoder.", "model.text_encoder.encoder.")),
        (0.15, ("model.text_encoder.encoder.",)),
        (0.5, ()),
    ],
)
def test_image_unfreezes_before_text_and_the_rest_always_trains(progress: float, frozen: tuple[str, ...]) -> None:
    everything = with_gradient(1.0)
    assert any(name.startswith("model.image_encoder.") for name in everything)
    assert any(name.startswith("model.text_encoder.encoder.") for name in everything)
    expected = {name for name in everything if not name.startswith(frozen)} if frozen else everything
    assert with_gradient(progress) == expected
    always = ("model.text_encoder.embeddings.", "model.text_encoder.pooler.", "model.image_projection.", "head.")
    assert all(any(name.startswith(part) for name in expected) for part in always)
