"""Read what MLflow stores of a finished study: digests and parameters from dvc.lock, records, scores, and files to keep."""

import json
from pathlib import Path
from typing import Any

import yaml

from components.evaluation.leaderboard.entries import Leaderboard
from components.files.digests import digest_of_json
from components.paths import (
    RECORD,
    data_folder,
    drawn_folder,
    findings_file,
    leaderboard_file,
    report_file,
    tokens_folder,
    verdict_file,
)
from components.study.graph import GRAPH

# Files that are kept with the study's run, if they exist.
KEPT = (
    *(file(Path()).as_posix() for file in (report_file, leaderboard_file, verdict_file, findings_file)),
    "params.yaml",
    "dvc.lock",
    "study.json",
)
DATA_DOCS = "reports/data_docs"
# Inputs of stages that are data sets, with their names in MLflow; what a replicate has drawn lies one folder below.
DATASETS = {data_folder(Path()).as_posix(): "samples", tokens_folder(Path()).as_posix(): "tokens"}
DRAWN = drawn_folder(Path(), 0).parent.as_posix()


def read_lock(root: Path) -> dict[str, dict[str, Any]]:
    """The entries of `dvc.lock` by the stage's address; empty if there is no lock yet."""
    path = root / "dvc.lock"
    if not path.is_file():
        return {}
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("stages") or {}


def digests(entry: dict[str, Any], side: str) -> dict[str, str]:
    """Path to digest for one side of a lock entry: 'deps' or 'outs'."""
    return {item["path"]: item.get("md5", "") for item in entry.get(side, [])}


def inputs_digest(entry: dict[str, Any]) -> str:
    """sha256 of everything that decides a stage's outputs: its command, inputs, code and parameters."""
    decisive = {"cmd": entry.get("cmd"), "deps": digests(entry, "deps"), "params": entry.get("params")}
    return digest_of_json(decisive, default=str)


def stage_tags(entry: dict[str, Any]) -> dict[str, str]:
    """The tags of a stage that ran, from its lock entry."""
    return {"inputs": inputs_digest(entry), "outs": json.dumps(digests(entry, "outs"), sort_keys=True)}


def stage_parameters(entry: dict[str, Any]) -> dict[str, Any]:
    """The parameters that a stage declares, as they were when it ran."""
    return {key: value for values in (entry.get("params") or {}).values() for key, value in values.items()}


def datasets(entry: dict[str, Any]) -> dict[str, str]:
    """The data sets that a stage read: name to DVC's digest."""
    named = DATASETS | {path: "drawn" for path in digests(entry, "deps") if path.startswith(f"{DRAWN}/")}
    return {named[path]: digest for path, digest in digests(entry, "deps").items() if path in named}


def leaderboard_scores(board: Leaderboard) -> dict[str, float]:
    """The estimates and floors of a leaderboard, by names that sort by task (docs/formats.md describes the leaderboard)."""
    scores: dict[str, float] = {}
    for task, table in board.tasks.items():
        for kind, floor in table.floors["selection"].items():
            scores[f"{task}/floor/{kind}"] = floor
        for cell in table.cells:
            for end, value in (("mean", cell.mean), ("low", cell.low), ("high", cell.high)):
                if value is not None:
                    scores[f"{task}/{cell.arm}/{cell.cell}/{end}"] = value
    return scores


def records(root: Path, entry: dict[str, Any]) -> list[Path]:
    """The training records among a stage's outputs."""
    folders = [root / path for path in digests(entry, "outs")]
    return [folder / RECORD for folder in folders if (folder / RECORD).is_file()]


def record_tags(path: Path) -> dict[str, str]:
    """The digests of the inputs and of the weights, for each cell of a training record."""
    content = json.loads(path.read_text(encoding="utf-8"))
    cells = content.get("cells", {"": content})
    tags: dict[str, str] = {}
    for cell, record in cells.items():
        found = {f"digest.{kind}": value for kind, value in (record.get("digests") or {}).items()}
        if "weights" in record:
            found["weights"] = record["weights"]
        tags |= {f"{cell}.{key}" if cell else key: str(value) for key, value in found.items()}
    return tags


def study_parameters(root: Path) -> dict[str, Any]:
    """The content of `params.yaml`, without the graph that is computed from it."""
    path = root / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return {key: value for key, value in content.items() if key != GRAPH} if isinstance(content, dict) else {}


def parameters_digest(parameters: dict[str, Any]) -> str:
    """sha256 of the content of `params.yaml`, which holds the whole study."""
    return digest_of_json(parameters, default=str)
