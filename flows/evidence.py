"""What a finished study leaves behind, as far as it belongs into MLflow: digests from the lock, and files to keep."""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

# Kept with the study's run, where they exist.
KEPT = (
    "outputs/report.html",
    "outputs/compare/leaderboard.json",
    "outputs/validation/verdict.json",
    "outputs/validation/findings.json",
    "params.yaml",
    "dvc.lock",
    "study.json",
)
DATA_DOCS = "reports/data_docs"


def read_lock(root: Path) -> dict[str, dict[str, Any]]:
    """The entries of `dvc.lock`, by the stage's address; none where there is no lock yet."""
    path = root / "dvc.lock"
    if not path.is_file():
        return {}
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("stages") or {}


def digests(entry: dict[str, Any], side: str) -> dict[str, str]:
    """Path to digest, of one side of a lock entry: 'deps' or 'outs'."""
    return {item["path"]: item.get("md5", "") for item in entry.get(side, [])}


def inputs_digest(entry: dict[str, Any]) -> str:
    """sha256 of everything that decides a stage's outputs: its command, inputs, code and parameters."""
    decisive = {"cmd": entry.get("cmd"), "deps": digests(entry, "deps"), "params": entry.get("params")}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()


def stage_tags(entry: dict[str, Any]) -> dict[str, str]:
    """What the lock says of a stage that ran."""
    return {"inputs": inputs_digest(entry), "outs": json.dumps(digests(entry, "outs"), sort_keys=True)}


def records(root: Path, entry: dict[str, Any]) -> list[Path]:
    """The training records among a stage's outputs."""
    folders = [root / path for path in digests(entry, "outs")]
    return [folder / "record.json" for folder in folders if (folder / "record.json").is_file()]


def record_tags(path: Path) -> dict[str, str]:
    """The digests of what was trained on and of what came out, for each cell of a training record."""
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
    """The content of `params.yaml`."""
    path = root / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return content if isinstance(content, dict) else {}
