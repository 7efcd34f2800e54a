"""The step of the Lightning stage against a plain PyTorch loop on the same batches, per arm.

Both train the same network from the same weights on the same batches at the default study's size, taking turns, in one
process and one thread. Prints the median and spread of milliseconds a step, and the difference of the medians.

    python benchmarks/lightning_step.py [--steps 60] [--rounds 5]
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.data import IterableDataset

from components import tasks
from components.models import architectures
from components.models.configuration import ModelConfiguration
from components.models.pixels import PixelScaling
from components.study.loading import load_study
from components.study.schedule import learning_rate_factor
from components.tracking.spool import Spool
from components.training.finetuning import FinetuningNetwork
from components.training.module import BETAS
from components.training.run import Surroundings, configure_torch, train

ANSWERS, VOCABULARY, TOKENS = 30, 200, 12
CLASSES, ATTRIBUTES = 15, 7
"""Of objects, background and "none" included: as many as the generated data has, about."""


class Batches(IterableDataset):
    """The same few batches over and over; stands where the batch stream stands."""

    def __init__(self, batches: list[dict[str, torch.Tensor]], steps: int) -> None:
        self.batches, self.steps, self.start = batches, steps, 0

    def at(self, step: int) -> dict[str, torch.Tensor]:
        return self.batches[step % len(self.batches)]

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        return (self.at(step) for step in range(self.start, self.steps))


def make_batches(size: int, image_size: int, regions: int, features: int) -> list[dict[str, torch.Tensor]]:
    """Pictures and texts with targets, and what a front end saw; an arm takes what it reads."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(2, size, regions, 2, generator=generator).sort(dim=0).values
    seen = {
        "region_features": torch.rand(size, regions, features, generator=generator),
        "region_boxes": torch.cat([*corners], dim=-1),
        "region_classes": torch.rand(size, regions, CLASSES, generator=generator).softmax(dim=-1),
        "region_attributes": torch.rand(size, regions, ATTRIBUTES, generator=generator).softmax(dim=-1),
        "region_real": torch.ones(size, regions, dtype=torch.bool),
    }
    return [
        {
            "rows": torch.arange(size),
            "pixels": torch.randint(0, 256, (size, image_size, image_size, 3), generator=generator, dtype=torch.uint8),
            "input_ids": torch.randint(5, VOCABULARY, (size, TOKENS), generator=generator),
            "attention_mask": torch.ones(size, TOKENS, dtype=torch.long),
            "targets": torch.randint(0, ANSWERS, (size,), generator=generator),
            **seen,
        }
        for _ in range(4)
    ]


def plain(network: FinetuningNetwork, batches: Batches, budget, clip: float) -> float:
    """A PyTorch loop as one would write it: seconds a step."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": budget.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=budget.learning_rate, betas=BETAS, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step * budget.batch_size, budget)
    )
    network.train()
    begin = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        loss, _ = network(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        scheduler.step()
    return (time.perf_counter() - begin) / batches.steps


def staged(network: FinetuningNetwork, batches: Batches, budget, study, folder: Path) -> float:
    """The stage's way: seconds a step, from the first step's start to the last one's end."""
    marks: list[float] = []
    surroundings = Surroundings(
        study.runtime,
        Spool(folder, "benchmark"),
        lambda percent, message: marks.append(time.perf_counter()),
        lambda: False,
    )
    train(network, batches, budget, [], 0, folder / "last.ckpt", "benchmark", surroundings)
    return (marks[-1] - marks[0]) / (len(marks) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    study = load_study("params.yaml")
    configure_torch(study.runtime)
    size = study.finetune.batch_size
    budget = study.finetune.lasting(arguments.steps)
    regions, features = study.image_pretraining.regions, study.model.stem_widths[-1]
    batches = Batches(make_batches(size, study.data.image_size, regions, features), arguments.steps)
    print(f"{'arm':14} {'plain ms':>16} {'stage ms':>16} {'difference ms':>14} {'ratio':>6}")
    for name in study.arms:
        torch.manual_seed(0)
        arm = study.arms[name]
        reads_regions = arm.front != "pixels"
        model = architectures.load(arm.architecture)(
            ModelConfiguration(
                **study.model.model_dump(),
                vocabulary_size=VOCABULARY,
                max_length=study.text.max_length,
                image_size=study.data.image_size,
                pad_token_id=0,
                regions=regions if reads_regions else 0,
                region_features=features if reads_regions else 0,
                object_classes=CLASSES,
                object_attributes=ATTRIBUTES,
            )
        )
        network = FinetuningNetwork(model, PixelScaling(), model.head(ANSWERS), tasks.load("vqa"))
        results: dict[str, list[float]] = {"plain": [], "staged": []}
        for _ in range(arguments.rounds):
            results["plain"].append(1e3 * plain(copy.deepcopy(network), batches, budget, budget.gradient_clip))
            with tempfile.TemporaryDirectory() as folder:
                results["staged"].append(1e3 * staged(copy.deepcopy(network), batches, budget, study, Path(folder)))
        a, b = (statistics.median(results[key]) for key in ("plain", "staged"))
        spread = {key: f"({min(values):.1f}-{max(values):.1f})" for key, values in results.items()}
        print(f"{name:14} {a:6.1f} {spread['plain']:>10} {b:6.1f} {spread['staged']:>10} {b - a:14.1f} {b / a:6.2f}")


if __name__ == "__main__":
    main()
