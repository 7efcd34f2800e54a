"""What the report shows beside the leaderboard: curves, example predictions with their pictures, and costs."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from components.data.samples import describe, read
from components.evaluation.plots_curves import Curve
from components.evaluation.wording import MEASURES
from components.study import Study
from components.tracking.spool import runs

LARGEST_PICTURE = 360
"""Pixels; larger example pictures are scaled down."""
LARGEST_FILE = 300_000
_MEASURED = {words.replace(" ", "_") for words in MEASURES.values()}
_DISPLAYED = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


class Prediction(NamedTuple):
    """What one cell said of one item."""

    form: str
    answer: int
    right: bool


@dataclass(frozen=True)
class Example:
    """One item with what the architectures said."""

    id: str
    form: str
    text: str
    target: str
    pictures: tuple[str, ...]
    """Data URIs."""
    small: bool
    """Whether the pictures are so small that pixels should stay visible."""
    predictions: tuple[tuple[str, str, str, bool], ...]
    """Architecture, its start, its prediction, whether that is right."""
    right: bool
    """Whether the chosen cell is right."""


def finetuning_curves(root: Path, study: Study) -> tuple[dict[str, dict[str, list[Curve]]], dict[str, str]]:
    """Curves by task and architecture, and the name of the metric shown per task."""
    table = pd.read_parquet(root / "outputs/evaluation/curves.parquet")
    curves: dict[str, dict[str, list[Curve]]] = {}
    shown: dict[str, str] = {}
    for task, part in table.groupby("task", sort=True):
        names = sorted(set(part["metric"]))
        metric = next((name for name in names if name.split("/")[-1] in ("accuracy", "score", *_MEASURED)), None)
        metric = metric or next((name for name in names if "accuracy" in name), "loss" if "loss" in names else names[0])
        shown[str(task)] = metric
        for architecture in study.architectures.all:
            rows = part[(part["architecture"] == architecture) & (part["metric"] == metric)]
            cells = [(str(name), cell) for name, cell in rows.groupby("cell", sort=True)]
            curves.setdefault(str(task), {})[architecture] = [_curve(name, cell) for name, cell in cells]
    return curves, shown


def pretraining_curves(root: Path, study: Study) -> dict[str, dict[str, Curve]]:
    """Curves of the intermediate step by architecture and metric; the total loss only where it is the only metric."""
    found: dict[str, dict[str, Curve]] = {}
    for architecture in study.architectures.pretrained:
        rows: list[dict[str, Any]] = []
        for replicate in study.replicates:
            record = _json(root / "outputs/pretrain" / architecture / str(replicate) / "record.json")
            for point in record.get("curves", []):
                values = {name: value for name, value in point.items() if name != "samples"}
                rows.extend({"samples": point["samples"], "metric": n, "value": v} for n, v in values.items())
        table = pd.DataFrame(rows, columns=["samples", "metric", "value"])
        metrics = {str(name): _curve("multimodal", part) for name, part in table.groupby("metric", sort=True)}
        if len(metrics) > 1:
            metrics.pop("loss", None)
        found[architecture] = metrics
    return found


def _curve(cell: str, rows: pd.DataFrame) -> Curve:
    by_samples = rows.groupby("samples")["value"].agg(["mean", "min", "max"])
    return Curve(
        name=cell.replace("_few", ", few labels"),
        start=cell.removesuffix("_few"),
        few=cell.endswith("_few"),
        samples=by_samples.index.tolist(),
        mean=by_samples["mean"].tolist(),
        low=by_samples["min"].tolist(),
        high=by_samples["max"].tolist(),
    )


def examples(root: Path, study: Study, leaderboard: dict[str, Any], task: str) -> list[Example]:
    """Predictions of each architecture's best cell on a few items: as many right as wrong for the chosen cell.

    Items on which architectures disagree come first, and the forms take turns. Empty where pictures or predictions are
    not at hand (a report can be drawn from the leaderboard alone), and where predictions are places and no answers.
    """
    if study.tasks[task].kind in MEASURES:
        return []
    entry = leaderboard["tasks"][task]
    best: dict[str, str] = {}
    for cell in entry["cells"]:
        if cell["candidate"]:
            best.setdefault(cell["architecture"], cell["cell"])
    predictions: dict[str, dict[str, Prediction]] = {}
    for architecture, cell in best.items():
        path = root / "outputs/finetune" / architecture / task / str(study.replicates[0]) / "predictions.parquet"
        if not path.is_file() or not (root / "outputs/data/source.json").is_file():
            return []
        wanted = [("cell", "=", cell), ("split", "=", "selection")]
        table = pq.read_table(path, columns=["id", "form", "prediction", "correct"], filters=wanted)
        columns = [table[name].to_pylist() for name in ("id", "form", "prediction", "correct")]
        rows = zip(*columns, strict=True)
        predictions[architecture] = {item: Prediction(form, said, right > 0.5) for item, form, said, right in rows}
    chosen = entry["chosen"]["architecture"]
    picked = _pick(predictions, chosen, study.evaluation.examples)
    answers = describe(root / "outputs/data")["answers"].get(task, [])
    return list(_complete(root, task, picked, predictions, best, chosen, answers))


def _pick(predictions: dict[str, dict[str, Prediction]], chosen: str, number: int) -> list[str]:
    def dispute(item: str) -> float:
        return abs(float(np.mean([of[item].right for of in predictions.values()])) - 0.5)

    # A fixed shuffle keeps neighbours in the data from filling the page; then the most disputed come first.
    items = sorted(predictions[chosen])
    items = [items[index] for index in np.random.default_rng(0).permutation(len(items))]
    ordered = sorted(items, key=dispute)
    turns: dict[tuple[bool, str], int] = {}
    ranked = []
    for item in ordered:
        own = predictions[chosen][item]
        turn = turns[own.right, own.form] = turns.get((own.right, own.form), 0) + 1
        ranked.append((turn, item))
    ranked.sort(key=lambda pair: pair[0])
    right = [item for _, item in ranked if predictions[chosen][item].right]
    wrong = [item for _, item in ranked if not predictions[chosen][item].right]
    half = max(number // 2, number - len(right))
    wrong = wrong[:half]
    return [*right[: number - len(wrong)], *wrong]


def _complete(
    root: Path,
    task: str,
    picked: list[str],
    predictions: dict[str, dict[str, Prediction]],
    best: dict[str, str],
    chosen: str,
    answers: list[str],
) -> Iterator[Example]:
    samples: dict[str, dict[str, Any]] = {}
    columns = ["id", "part", "image_ids", "text", "target", "form"]
    for batch in read(root / "outputs/data", "samples", columns):
        kept = batch.filter(
            pc.and_(pc.equal(batch["part"], task), pc.is_in(batch["id"], pa.array(picked, pa.string())))
        )
        samples |= {row["id"]: row for row in kept.to_pylist()}
    wanted = sorted({image for row in samples.values() for image in row["image_ids"]})
    pictures: dict[str, tuple[str, bool]] = {}
    for batch in read(root / "outputs/data", "images", ["image_id", "image"], rows=512):
        kept = batch.filter(pc.is_in(batch["image_id"], pa.array(wanted, pa.string())))
        pictures |= {row["image_id"]: data_uri(row["image"]) for row in kept.to_pylist()}
    for item in (item for item in picked if item in samples):
        row = samples[item]
        shown = [pictures[image] for image in row["image_ids"] if image in pictures]
        said = tuple(
            (name, best[name], _answer(answers, of[item].answer), of[item].right) for name, of in predictions.items()
        )
        yield Example(
            id=item,
            form=row["form"],
            text=row["text"],
            target=row["target"] or "",
            pictures=tuple(uri for uri, _ in shown),
            small=any(small for _, small in shown),
            predictions=said,
            right=predictions[chosen][item].right,
        )


def _answer(answers: list[str], index: int) -> str:
    return answers[index] if 0 <= index < len(answers) else f"answer {index}"


def data_uri(encoded: bytes) -> tuple[str, bool]:
    """A picture for a page that loads nothing, and whether it is very small; large or unusual ones are made anew."""
    with Image.open(io.BytesIO(encoded)) as picture:
        small = max(picture.size) <= 100
        kind = _DISPLAYED.get(picture.format or "")
        if kind is None or max(picture.size) > LARGEST_PICTURE or len(encoded) > LARGEST_FILE:
            copy = picture.convert("RGB")
            copy.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE))
            buffer = io.BytesIO()
            copy.save(buffer, format="JPEG", quality=85)
            encoded, kind = buffer.getvalue(), "image/jpeg"
    return f"data:{kind};base64,{base64.b64encode(encoded).decode('ascii')}", small


def stage_costs(root: Path) -> dict[str, tuple[float, float]]:
    """Seconds and peak memory in bytes of every stage's last finished run, resumed parts included, from the sidecar."""
    folder = root / ".ceteris/spool"
    costs: dict[str, tuple[float, float]] = {}
    spent: dict[str, tuple[str, float, float]] = {}
    for run in runs(folder) if folder.is_dir() else []:
        key = ""
        for event in run.events():
            if event.get("event") == "start":
                key = str(event.get("scratch_key", ""))
            if event.get("event") != "end":
                continue
            before_key, seconds, memory = spent.get(run.stage, (key, 0.0, 0.0))
            if before_key != key:
                seconds, memory = 0.0, 0.0
            seconds += float(event.get("seconds", 0.0))
            memory = max(memory, float(event.get("peak_memory_bytes", 0.0)))
            spent[run.stage] = (key, seconds, memory)
            if event.get("status") == "finished":
                costs[run.stage] = (seconds, memory)
                spent.pop(run.stage)
    return costs


def architecture_costs(root: Path, study: Study) -> dict[str, dict[str, float | None]]:
    """Per architecture: seconds of the intermediate step and of fine-tuning (all starts and tasks) for one replicate,
    averaged over replicates, and the largest peak memory. None where not every replicate's is known."""
    known = stage_costs(root)
    costs: dict[str, dict[str, float | None]] = {}
    for architecture in study.architectures.all:
        pretrained = architecture in study.architectures.pretrained
        stage = "finetune" if pretrained else "finetune_direct"
        tuning = [f"{stage}@{architecture}-{t}-{r}" for t, r in product(study.task_names, study.replicates)]
        step = [f"pretrain@{architecture}-{replicate}" for replicate in study.replicates] if pretrained else []
        memory = [known[address][1] for address in (*tuning, *step) if address in known]
        costs[architecture] = {
            "pretrain": _per_replicate(known, step, len(study.replicates)),
            "finetune": _per_replicate(known, tuning, len(study.replicates)),
            "memory": max(memory) if memory else None,
        }
    return costs


def _per_replicate(known: dict[str, tuple[float, float]], addresses: list[str], replicates: int) -> float | None:
    if not all(address in known for address in addresses):
        return None
    return sum(known[address][0] for address in addresses) / replicates


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
