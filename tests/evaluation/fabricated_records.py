"""What every run of a fabricated study recorded of itself: as the stages write it, from the study alone."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluation.certificate.digests import passes_of
from components.models.architectures import load
from components.models.passes import MASKED_WORDS, Pretraining
from components.study.arms import FreezingRule
from components.study.budget import Allowance, Budget
from components.study.plan import FineTuning, fine_tunings, freezing
from components.study.schedule import factors
from components.study.spending import Phase, affordable, first_step
from components.study.study import Study
from components.training.halving import best, candidates, halve, shares

PRETRAINING_FLOPS, FINETUNING_FLOPS, COMPONENT_FLOPS = 4e5, 3e5, 2e5
"""Of one forward pass of one sample."""
FRONT_FLOPS = 1e3
"""Of a frozen front end's look at all pictures of a run."""
DEARER = {"dense": 1.5}
"""Arms whose passes cost so many times as much."""


def finetuning(study: Study, arm: str, task: str, cell: FineTuning, replicate: int, quality: float) -> dict[str, Any]:
    """The record of one cell."""
    dearer = DEARER.get(arm, 1.0)
    budget = _budget(study, cell, dearer, _front(study, arm))
    stream = f"{task} {cell.labels} labels {replicate}"
    generator = draws(arm, task, cell.name, replicate, "record")
    rules = freezing(study, cell)
    record = _training(stream, cell.budget, FINETUNING_FLOPS * dearer, generator, quality, budget, rules)
    record["learning_rate"] *= tuning(study, arm)["factor"]
    record["run"] = {"arm": arm, "task": task, "replicate": str(replicate)}
    record["run"] |= {"start": cell.start, "labels": cell.labels}
    _see(record, study, arm, stream, "nothing")
    _begin(record, study, arm, _loaded(study, arm, task, cell))
    if cell.taught:
        before = next(one for one in fine_tunings(study, arm, str(study.tasks[task].after)) if one.name == cell.taught)
        weights = finetuning(study, arm, str(study.tasks[task].after), before, replicate, quality)["weights"]
        record["taught"] = {"task": study.tasks[task].after, "cell": cell.taught, "weights": weights}
    return record | {"configuration": _configuration(study, arm)}


def write_records(outputs: Path, study: Study) -> None:
    """The records of everything before fine-tuning."""
    for arm in study.arms:
        _write(outputs / f"tuning/{arm}/record.json", tuning(study, arm))
    for replicate in study.replicates:
        _components(outputs, study, replicate)
        for arm in study.pretrained:
            stream = f"pretrain {replicate}"
            flops = PRETRAINING_FLOPS * DEARER.get(arm, 1.0)
            budget = lasting(study.pretrain, flops, _front(study, arm))
            record = _training(stream, study.pretrain, flops, draws(stream, arm), 0.6, budget)
            record["learning_rate"] *= step_factor(study, arm)
            record["run"] = {"arm": arm, "replicate": str(replicate)}
            pairs = study.arms[arm].pairs
            # A wrong caption leaves the pictures and their order as they are.
            read, shown = f"{stream} {pairs.share} {pairs.domain}", f"{stream} {pairs}"
            for batches, chains in _chains(record):
                chains |= {"ids": _digest(f"ids {read}{batches}"), "content": _digest(f"content {shown}{batches}")}
            _see(record, study, arm, read, f"{_corrupted(study, arm)} {pairs}")
            _begin(record, study, arm, {"model": 0.9 * bool(study.arms[arm].unimodal)})
            _mask(record, passes_of(study, arm), study.arms[arm].masked_words)
            if "mlm" in passes_of(study, arm).losses:
                record["begins"]["loaded"]["mlm"] = float("text" in study.arms[arm].unimodal)
            record["gates"] = gates("masked_words", "matching")
            _write(outputs / f"pretrain/{arm}/{replicate}/record.json", record)


def gates(*names: str) -> list[dict[str, Any]]:
    """What a competent intermediate step has taught."""
    scores = {"masked_words": (0.48, 0.35), "matching": (0.81, 0.5), "contrastive": (0.4, 1 / 60)}
    return [
        {"name": name, "score": scores[name][0], "reference": scores[name][1], "standard_error": 0.01, "items": 2000}
        for name in names
    ]


def tuning(study: Study, arm: str) -> dict[str, Any]:
    """The searches of an arm: each one's best rate is another, twice, thrice, ... that of the study; of its intermediate step less:
    a half, a quarter, a sixth, ...
    """
    run = {"run": {"arm": arm}}
    if not study.tuning.trials:
        return run | {"task": None, "factor": 1.0, "trials": [], "step": None}
    optimum = 1 + list(study.arms).index(arm)
    searched = _search(study, arm, "search", study.finetune, FINETUNING_FLOPS, optimum)
    pairs = study.arms[arm].pairs
    stream = f"search {pairs.share} {pairs.domain}"
    step = None
    if study.arms[arm].pretrained:
        step = _search(study, arm, stream, study.pretrain, PRETRAINING_FLOPS, 0.5 / optimum)
    return run | {"task": study.first_tasks[0], **searched, "step": step}


def step_factor(study: Study, arm: str) -> float:
    """What the search of an arm's intermediate step found."""
    step = tuning(study, arm)["step"]
    return step["factor"] if step else 1.0


def _search(study: Study, arm: str, stream: str, whole: Allowance, flops: float, optimum: float) -> dict[str, Any]:
    trials: list[dict[str, Any]] = []

    def score(factor: float, rung: int) -> float:
        share = shares(study.tuning)[rung]
        value = max(0.0, share - 0.05 * abs(np.log(factor / optimum)))
        trained = _training(stream, whole.scaled(share), flops * DEARER.get(arm, 1.0), draws("search"), 0.5)
        trials.append(
            {"factor": factor, "rung": rung, "share": share, "score": value, "flops": trained["flops"]["total"]}
            | {key: trained[key] for key in ("budget", "samples", "steps", "digests", "digests_after")}
        )
        return value

    made = halve(candidates(study.tuning, study.seed), study.tuning, score)
    return {"factor": best(made, study.tuning), "trials": trials}


def lasting(allowance: Allowance, flops: float, ahead: float = 0.0) -> Budget:
    """What an allowance comes to where one forward pass of a sample costs so much, and a billion FLOPs take a second."""
    known = allowance.known()
    if known is not None:
        return known
    spare = allowance.amount - (ahead if allowance.currency == "flops" else 0.0)
    return allowance.lasting(affordable(spare, _costs(allowance, flops)))


def _costs(allowance: Allowance, flops: float) -> list[Phase]:
    step = 3 * flops * allowance.batch_size
    each = {"flops": step, "seconds": step / 1e9}
    return [Phase(0.0, each[allowance.currency])] if allowance.currency in each else []


def _budget(study: Study, cell: FineTuning, dearer: float, front: float) -> Budget:
    """A twin trains as much longer as the intermediate step costs."""
    budget = lasting(cell.budget, FINETUNING_FLOPS * dearer, front)
    if not cell.stretched:
        return budget
    before = lasting(study.pretrain, PRETRAINING_FLOPS * dearer, front)
    step = before.steps * before.batch_size * 3 * PRETRAINING_FLOPS * dearer + front
    own = budget.steps * budget.batch_size * 3 * FINETUNING_FLOPS * dearer
    return cell.budget.lasting(round(budget.steps * (1 + step / own)))


def _configuration(study: Study, arm: str) -> dict[str, Any]:
    """As the stage finetune records it, for data with three classes of object."""
    arm = study.arms[arm]
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
        if component == "text":
            _mask(record, MASKED_WORDS, study.text.masked_share)
        boxed = component == "detector" or study.image_pretraining.labels == "boxes"
        if component != "text":
            labels = "boxes" if boxed else "labels"
            for batches, chains in _chains(record):
                chains |= {chain: _digest(f"{stream} {labels}{batches}") for chain in ("content", "corruption")}
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


def _chains(record: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """All digests of a record, with what tells them apart."""
    return [(f" {record['steps']}", record["digests"]), *record["digests_after"].items()]


def _see(record: dict[str, Any], study: Study, arm: str, stream: str, corruption: str) -> None:
    front = study.arms[arm].front
    for batches, chains in _chains(record):
        chains["regions"] = "" if front == "pixels" else _digest(f"{front} {stream}{batches}")
        chains["corruption"] = _digest(f"{corruption} {stream}{batches}")


def _begin(record: dict[str, Any], study: Study, arm: str, loaded: dict[str, float]) -> None:
    """What a run began with, and what its front end's look at the pictures cost, beside what the steps came to."""
    axes = study.arms[arm].axes
    scale = axes.initial_scale if axes else "common"
    record["begins"] = {"loaded": loaded, "scale": scale, "measured": 12, "strays": []}
    front = _front(study, arm)
    record["flops"]["front"] = front
    record["flops"]["total"] += front
    if record["budget"]["currency"] == "flops":
        record["budget"]["ahead"] = front


def _front(study: Study, arm: str) -> float:
    return 0.0 if study.arms[arm].front in ("pixels", "precomputed") else FRONT_FLOPS


def _loaded(study: Study, arm: str, task: str, cell: FineTuning) -> dict[str, float]:
    settings = study.arms[arm]
    kept = load(settings.architecture).KEEPS.get(study.tasks[task].kind)
    heads = {
        "multimodal": {*passes_of(study, arm).losses},
        "unimodal": {"mlm"} if "text" in settings.unimodal else set(),
    }
    keeps = kept is not None and not cell.taught and kept.objective in heads.get(cell.start, set())
    begun = cell.taught or cell.start == "multimodal" or (cell.start == "unimodal" and settings.unimodal)
    return {"model": 0.9 * bool(begun), "head": 0.5 * keeps}


def _mask(record: dict[str, Any], passes: Pretraining, words: float) -> None:
    """Words and regions masked, to the digit, as declared."""
    if any(one.words for one in passes.passes):
        record["consumed"] |= {"words": 100_000, "masked_words": round(100_000 * words)}
    if any(one.regions for one in passes.passes):
        record["consumed"] |= {"regions": 100_000, "masked_regions": 15_000}


def _corrupted(study: Study, arm: str) -> str:
    """Equal objectives corrupt alike; where they mask regions, those of the same front end."""
    arm = study.arms[arm]
    if arm.axes is None:
        return arm
    return f"{arm.axes.objectives} {arm.front}" if "regions" in arm.axes.objectives else arm.axes.objectives


def _training(
    stream: str,
    allowance: Allowance,
    flops: float,
    generator: np.random.Generator,
    quality: float,
    budget: Budget | None = None,
    rules: Sequence[FreezingRule] = (),
) -> dict[str, Any]:
    budget = budget or lasting(allowance, flops)
    steps, samples = budget.steps, budget.steps * budget.batch_size
    seen = np.linspace(samples / 40, samples, 40).astype(int)
    accuracy = quality * (1 - np.exp(-seen / samples * 4)) + generator.normal(0, 0.01, 40)
    curves = [
        {"samples": int(count), "loss": float(2 - 1.5 * value), "accuracy": float(value)}
        for count, value in zip(seen, accuracy, strict=True)
    ]
    kinds = ("ids", "content", "regions", "corruption")
    return {
        "run": {},
        "budget": allowance.described() | {"costs": [list(phase) for phase in _costs(allowance, flops)]},
        "samples": samples,
        "steps": steps,
        "learning_rate": allowance.learning_rate,
        "parameters": {"total": 250_000 + len(stream), "trained": 250_000},
        "flops": {
            "forward_per_sample": flops,
            "step_per_sample": 3 * flops,
            "visual_tokens": 16.0,
            "total": 3 * flops * samples,
        },
        "dropout": {},
        "optimiser": {
            "name": "AdamW",
            "betas": [0.9, 0.98],
            "epsilon": 1e-8,
            "decay": {"0.01": [2, 4], "0": [0, 1]},
            "schedule": factors(budget),
        },
        "consumed": dict.fromkeys(
            ("text_tokens", "words", "masked_words", "regions", "masked_regions", "torn_pairs"), 0
        )
        | {"text_tokens": 9 * samples, "visual_tokens": 16.0},
        "digests": {kind: _digest(f"{kind} {stream} {steps}") for kind in kinds},
        "digests_after": {
            str(1 << power): {kind: _digest(f"{kind} {stream}{1 << power}") for kind in kinds}
            for power in range(steps.bit_length())
        },
        "freezing": [
            {
                "pattern": rule.pattern,
                "samples": first_step(rule.share, steps) * budget.batch_size,
                "parameters": 1000,
            }
            for rule in rules
        ],
        "ran_on": [
            {"precision": "32-true", "threads": 1, "accelerator": "cpu", "deterministic": True, "torch": "2.13.0"}
        ],
        "reads": {"visual_tokens": 16.0, "truncated_texts": 0.0125, "forwards": 1.0},
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
