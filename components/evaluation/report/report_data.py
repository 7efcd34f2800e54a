"""What the report shows beside the leaderboard: learning curves, and what was measured of time and memory."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.plots.curves import FEW, LONGER, Curve
from components.paths import RECORD, evaluation_folder, pretrained_folder
from components.records.training import read_record
from components.study.cells import Cell
from components.study.front_ends import FRONT_COMPONENTS
from components.study.plan import taught_by
from components.study.study import Study
from components.tasks import TASKS
from components.tracking.spool import runs

_MEASURED = {row.metric.name for row in TASKS.values()}


def finetuning_curves(root: Path, study: Study) -> tuple[dict[str, dict[str, list[Curve]]], dict[str, str]]:
    """Curves by task and arm, and the name of the metric shown per task."""
    table = pd.read_parquet(evaluation_folder(root) / "curves.parquet")
    curves: dict[str, dict[str, list[Curve]]] = {}
    shown: dict[str, str] = {}
    for task, part in table.groupby("task", sort=True):
        names = sorted(set(part["metric"]))
        metric = next((name for name in names if name.split("/")[-1] in ("score", *_MEASURED)), None)
        metric = metric or next((name for name in names if "accuracy" in name), "loss" if "loss" in names else names[0])
        shown[str(task)] = metric
        for arm in study.arms:
            rows = part[(part["arm"] == arm) & (part["metric"] == metric)]
            cells = [(str(name), cell) for name, cell in rows.groupby("cell", sort=True)]
            curves.setdefault(str(task), {})[arm] = [_curve(Cell.of(arm, str(name)), cell) for name, cell in cells]
    return curves, shown


def pretraining_curves(root: Path, study: Study) -> dict[str, dict[str, Curve]]:
    """Curves of the intermediate step by arm and metric; the total loss only where it is the only metric."""
    found: dict[str, dict[str, Curve]] = {}
    for arm in study.pretrained:
        rows: list[dict[str, Any]] = []
        for replicate in study.replicates:
            folder = pretrained_folder(root, arm, replicate)
            record = read_record(folder, "the intermediate step") if (folder / RECORD).is_file() else None
            for point in record.curves if record else []:
                values = {name: value for name, value in point.items() if name != "samples"}
                place = {"replicate": replicate, "samples": point["samples"]}
                rows.extend({**place, "metric": name, "value": value} for name, value in values.items())
        table = pd.DataFrame(rows, columns=["replicate", "samples", "metric", "value"])
        metrics = {
            str(name): _curve(Cell(arm, "multimodal"), part) for name, part in table.groupby("metric", sort=True)
        }
        if len(metrics) > 1:
            metrics.pop("loss", None)
        found[arm] = metrics
    return found


def _curve(cell: Cell, rows: pd.DataFrame) -> Curve:
    """Mean and range over replicates. Where these are of unlike length, with budgets in FLOPs or seconds, their points lie
    elsewhere: each is read off at the points of the shortest, between its own.
    """
    runs = [run.sort_values("samples") for _, run in rows.groupby("replicate")]
    samples = min((run["samples"].to_numpy() for run in runs), key=lambda points: points[-1])
    values = np.stack([np.interp(samples, run["samples"], run["value"]) for run in runs])
    return Curve(
        name=cell.start + (f", {LONGER}" if cell.matched else "") + (f", {FEW}" if cell.few else ""),
        start=cell.start,
        dashed=cell.few or cell.matched,
        samples=samples.tolist(),
        mean=values.mean(axis=0).tolist(),
        low=values.min(axis=0).tolist(),
        high=values.max(axis=0).tolist(),
    )


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


def arm_costs(root: Path, study: Study) -> dict[str, dict[str, float | None]]:
    """Per arm: seconds of the intermediate step and of fine-tuning (all starts and tasks) for one replicate,
    averaged over replicates, and the largest peak memory. None where not every replicate's is known."""
    known = stage_costs(root)
    costs: dict[str, dict[str, float | None]] = {}
    for arm, settings in study.arms.items():
        tuning = [_finetuning(arm, t, r) for t, r in product(study.tasks, study.replicates)]
        step = [f"pretrain@{arm}-{replicate}" for replicate in study.replicates] if settings.pretrained else []
        memory = [known[address][1] for address in (*tuning, *step) if address in known]
        costs[arm] = {
            "pretrain": _per_replicate(known, step, len(study.replicates)),
            "finetune": _per_replicate(known, tuning, len(study.replicates)),
            "memory": max(memory) if memory else None,
        }
    return costs


def _per_replicate(known: dict[str, tuple[float, float]], addresses: list[str], replicates: int) -> float | None:
    if not all(address in known for address in addresses):
        return None
    return sum(known[address][0] for address in addresses) / replicates


def training_rates(root: Path) -> dict[tuple[str, str], float]:
    """Seconds a sample by stage and by what it trained (a cell, or the step's own name), from the times of its curve's points.

    The time between two points counts, not that before the first; runs that were resumed count with all their parts.
    """
    folder = root / ".ceteris/spool"
    spent: dict[tuple[str, str], tuple[str, float, float]] = {}
    for run in runs(folder) if folder.is_dir() else []:
        key, last = "", dict[tuple[str, str], tuple[float, float]]()
        for event in run.events():
            if event.get("event") == "start":
                key = str(event.get("scratch_key", ""))
            if event.get("event") != "metrics":
                continue
            what = run.stage, str(event["prefix"])
            now = float(event["time"]), float(event["samples"])
            before_key, seconds, samples = spent.get(what, (key, 0.0, 0.0))
            if before_key != key:
                seconds, samples = 0.0, 0.0
            before = last.get(what, now)
            if now[1] > before[1]:
                seconds, samples = seconds + now[0] - before[0], samples + now[1] - before[1]
            spent[what], last[what] = (key, seconds, samples), now
    return {what: seconds / samples for what, (_, seconds, samples) in spent.items() if samples}


def cell_seconds(root: Path, study: Study, board: Leaderboard) -> dict[tuple[str, str, str], float]:
    """Seconds of all training that led to a cell, for one replicate, by task, arm and cell.

    Unimodal pretraining and the intermediate step with everything they did, fine-tuning with its samples alone. Cells of
    which something is not known for every replicate are left out.
    """
    known, rates = stage_costs(root), training_rates(root)
    count = len(study.replicates)
    found = {}
    for task, entry in board.tasks.items():
        for cell in entry.cells:
            name, arm = cell.arm, study.arms[cell.arm]
            front = FRONT_COMPONENTS[arm.front]
            begun = arm.components if cell.start != "scratch" else [front] if front else []
            stages = ["pretrain_text@" if part == "text" else f"pretrain_image@{part}-" for part in begun]
            stages += [f"pretrain@{name}-"] if cell.start == "multimodal" else []
            before = [_per_replicate(known, [f"{stage}{r}" for r in study.replicates], count) for stage in stages]
            tuned = [(task, cell.cell, cell.samples.finetuning)]
            if begins := taught_by(study, cell.identity, task):
                tuned.append((str(study.tasks[task].after), begins, cell.samples.task_before))
            for on, of, samples in tuned:
                found_rates = [rates.get((_finetuning(name, on, r), of)) for r in study.replicates]
                known_rates = [rate for rate in found_rates if rate is not None]
                before.append(sum(known_rates) / count * samples if len(known_rates) == count else None)
            if None not in before:
                found[task, name, cell.cell] = sum(part for part in before if part)
    return found


def _finetuning(arm: str, task: str, replicate: int) -> str:
    """The address of the stage that fine-tunes an arm on a task."""
    return f"finetune@{arm}-{task}-{replicate}"
