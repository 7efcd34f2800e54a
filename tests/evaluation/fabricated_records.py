"""What every run of a fabricated study recorded of itself: as the stages write it, from the study alone."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.study import Budget, Cell, Study
from components.training.halving import best, candidates, halve, shares

PRETRAINING_FLOPS, FINETUNING_FLOPS, COMPONENT_FLOPS = 4e5, 3e5, 2e5
"""Of one forward pass of one sample."""


def finetuning(
    study: Study, architecture: str, task: str, cell: Cell, replicate: int, quality: float
) -> dict[str, Any]:
    """The record of one cell."""
    budget = _budget(study, cell)
    stream = f"{task} {cell.labels} labels {replicate}, {budget.steps} steps"
    generator = draws(architecture, task, cell.name, replicate, "record")
    record = _training(stream, budget, FINETUNING_FLOPS, generator, quality)
    record["learning_rate"] *= tuning(study, architecture)["factor"]
    record["run"] = {"architecture": architecture, "task": task, "replicate": str(replicate)}
    record["run"] |= {"start": cell.start, "labels": cell.labels}
    record["digests"] |= _seen(study, architecture, stream, "nothing")
    return record | {"configuration": _configuration(study, architecture)}


def write_records(outputs: Path, study: Study) -> None:
    """The records of everything before fine-tuning."""
    for architecture in study.architectures.all:
        _write(outputs / f"tuning/{architecture}/record.json", tuning(study, architecture))
    for replicate in study.replicates:
        _components(outputs, study, replicate)
        for architecture in study.architectures.pretrained:
            stream = f"pretrain {replicate}"
            record = _training(stream, study.pretrain, PRETRAINING_FLOPS, draws(stream, architecture), 0.6)
            record["learning_rate"] *= tuning(study, architecture)["factor"]
            record["run"] = {"architecture": architecture, "replicate": str(replicate)}
            pairs = study.arms[architecture].pairs
            # A wrong caption leaves the pictures and their order as they are.
            read, shown = f"{stream} {pairs.share} {pairs.domain}", f"{stream} {pairs}"
            record["digests"] |= {"ids": _digest(f"ids {read}"), "content": _digest(f"content {shown}")}
            record["digests"] |= _seen(study, architecture, read, f"{_corrupted(study, architecture)} {pairs}")
            _write(outputs / f"pretrain/{architecture}/{replicate}/record.json", record)


def tuning(study: Study, architecture: str) -> dict[str, Any]:
    """The search of an arm: each one's best rate is another, twice, thrice, ... that of the study."""
    run = {"run": {"architecture": architecture}}
    if not study.tuning.trials:
        return run | {"task": None, "factor": 1.0, "trials": []}
    optimum = 1 + study.architectures.all.index(architecture)
    trials: list[dict[str, Any]] = []

    def score(factor: float, rung: int) -> float:
        share = shares(study.tuning)[rung]
        samples = round(study.finetune.samples * share) // study.finetune.batch_size * study.finetune.batch_size
        value = share - 0.1 * abs(np.log(factor / optimum))
        flops = 3 * FINETUNING_FLOPS * samples
        stream = f"search on rung {rung}"
        digests = {"ids": _digest(f"ids {stream}"), "content": _digest(f"content {stream}")}
        trials.append(
            {"factor": factor, "rung": rung, "share": share, "score": value, "samples": samples, "flops": flops}
            | {"digests": digests}
        )
        return value

    made = halve(candidates(study.tuning, study.seed), study.tuning, score)
    return run | {"task": study.task_names[0], "factor": best(made, study.tuning), "trials": trials}


def _budget(study: Study, cell: Cell) -> Budget:
    """A twin trains as much longer as the intermediate step costs."""
    if not cell.matched:
        return cell.budget
    step = study.pretrain.steps * study.pretrain.batch_size * PRETRAINING_FLOPS
    own = cell.budget.steps * cell.budget.batch_size * FINETUNING_FLOPS
    steps = round(cell.budget.steps * (1 + step / own))
    return cell.budget.model_copy(update={"samples": steps * cell.budget.batch_size})


def _configuration(study: Study, architecture: str) -> dict[str, Any]:
    """As the stage finetune records it, for data with three classes of object."""
    arm = study.arms[architecture]
    named = arm.front in ("detector", "boxes") or study.image_pretraining.labels == "boxes"
    return {
        **study.model.model_dump(),
        "vocabulary_size": 90,
        "max_length": study.text.max_length,
        "image_size": study.data.image_size,
        "pad_token_id": 0,
        "regions": study.image_pretraining.regions,
        "region_features": 0 if arm.front == "pixels" else 64,
        "object_classes": 4 if named else 1,
        "object_attributes": 4 if named else 1,
        "axes": arm.axes.model_dump() if arm.axes else None,
    }


def _components(outputs: Path, study: Study, replicate: int) -> None:
    """What is pretrained once for all, and what each arm takes of it."""
    records = {}
    for component in ("text", *study.image_fronts):
        budget = study.pretrain_text if component == "text" else study.pretrain_image
        stream = f"{'text' if component == 'text' else 'pictures'} {replicate}"
        record = _training(stream, budget, COMPONENT_FLOPS, draws(stream, component), 0.6)
        record["weights"] = _digest(f"{component} {replicate}")
        boxed = component == "detector" or study.image_pretraining.labels == "boxes"
        if component != "text":
            labels = "boxes" if boxed else "labels"
            record["digests"] |= {"content": _digest(f"{stream} {labels}"), "corruption": _digest(f"{stream} {labels}")}
        if component in ("grid", "patches") and boxed:
            record["heads"] = _digest(f"heads {component} {replicate}")
        records[component] = record
        _write(outputs / f"unimodal/{replicate}/{component}/record.json", record)
    for name, arm in study.arms.items():
        made_of = {
            component: {
                "weights": records[component]["weights"],
                "samples": records[component]["samples"],
                "flops": records[component]["flops"]["total"],
            }
            for component in arm.components
        }
        _write(outputs / f"starts/{replicate}/{name}/record.json", made_of)


def _seen(study: Study, architecture: str, stream: str, corruption: str) -> dict[str, str]:
    front = study.arms[architecture].front
    return {
        "regions": "" if front == "pixels" else _digest(f"{front} {stream}"),
        "corruption": _digest(f"{corruption} {stream}"),
    }


def _corrupted(study: Study, architecture: str) -> str:
    """Equal objectives corrupt alike; where they mask regions, those of the same front end."""
    arm = study.arms[architecture]
    if arm.axes is None:
        return architecture
    return f"{arm.axes.objectives} {arm.front}" if "regions" in arm.axes.objectives else arm.axes.objectives


def _training(
    stream: str, budget: Budget, flops: float, generator: np.random.Generator, quality: float
) -> dict[str, Any]:
    samples = budget.steps * budget.batch_size
    digests = {kind: _digest(f"{kind} {stream}") for kind in ("ids", "content", "regions", "corruption")}
    seen = np.linspace(samples / 40, samples, 40).astype(int)
    accuracy = quality * (1 - np.exp(-seen / samples * 4)) + generator.normal(0, 0.01, 40)
    curves = [
        {"samples": int(count), "loss": float(2 - 1.5 * value), "accuracy": float(value)}
        for count, value in zip(seen, accuracy, strict=True)
    ]
    return {
        "run": {},
        "samples": samples,
        "steps": budget.steps,
        "learning_rate": budget.learning_rate,
        "parameters": {"total": 250_000 + len(stream), "trained": 250_000},
        "flops": {"forward_per_sample": flops, "step_per_sample": 3 * flops, "total": 3 * flops * samples},
        "digests": digests,
        "curves": curves,
        "metrics": {"loss": curves[-1]["loss"]},
        "weights": _digest(stream),
    }


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def draws(*words: object) -> np.random.Generator:
    """A generator of its own for every name."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:8], "big"))
