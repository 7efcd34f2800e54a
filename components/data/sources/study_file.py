"""Writes a ready study for the user's own manifest: `ceteris study new --data MANIFEST --task classification|vqa NAME`.

The study begins as the default one, `params.yaml`; what the data decides is changed. The data is put at `data/NAME`,
which git ignores; workspaces take it from there. It is copied: what the user does to his files later changes nothing here.
"""

import math
import os
import re
import shutil
from pathlib import Path
from typing import Any, Literal

import yaml

from components.budget import CURRENCIES
from components.data.copies import copy_file
from components.data.images import header
from components.data.sources.entries import Entry, Faults, Manifest
from components.data.sources.manifest import decide_splits, scan_rows
from components.data_settings import ManifestSettings
from components.errors import CeterisError
from components.study import parse_study

TASKS = ("classification", "vqa")
# Sides of the square that pictures are fitted into; a patch is a quarter of it, so that there are always 16.
SMALL, LARGE = 48, 64
_LOOKED_AT = 500
_FEWEST_FOR_FEW = 2000
# How often each budget passes over the training rows at most; the default study's figures are the limit.
_PASSES = {"pretrain_text": 10, "pretrain_image": 10, "pretrain": 20, "finetune": 10}
_FEWEST_STEPS = 50


def write_study(name: str, manifest: Path, task: Literal["classification", "vqa"], root: Path) -> Path:
    """Check a manifest, put its data at `data/NAME` and write `studies/NAME.yaml`.

    Args:
        name: of the study: small letters, digits and underscores.
        manifest: a CSV, JSON lines or Parquet file, or the folder that holds it.
        task: what its rows ask.
        root: the clone, whose `params.yaml` is the default study.

    Returns:
        the path of the study file.

    Raises:
        CeterisError: the manifest is faulty (one line per finding), or the name is taken or not allowed.
    """
    study_path, data_path = root / "studies" / f"{name}.yaml", root / "data" / name
    in_place = (manifest if manifest.is_dir() else manifest.parent).resolve() == data_path.resolve()
    _check_request(name, task, study_path, data_path, in_place)
    # Great Expectations takes seconds to import: only after the request itself is known to be sound.
    from components.data.validation.check import check_manifest

    check_manifest(manifest, task).raise_if_critical(str(manifest))
    opened = Manifest(manifest)
    content = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    remark = _adapt(content, name, task, opened, str(manifest))
    parse_study(content, str(study_path))
    if not in_place:
        _place(opened, data_path)
    elif len(Manifest(data_path).files) != len(opened.files):
        raise CeterisError(f"{data_path} holds more than the manifest {manifest.name}: keep one manifest there.")
    text = (
        f"# Made by `ceteris study new --data {manifest.name} --task {task} {name}`: complete and flat, every key may be changed.\n"
        f"# Splits: {remark}.\n"
        "# Labels of training rows enter image pretraining, and captions where rows have no text.\n"
    ) + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
    study_path.parent.mkdir(parents=True, exist_ok=True)
    beside = study_path.with_name(study_path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, study_path)
    return study_path


def _check_request(name: str, task: str, study_path: Path, data_path: Path, in_place: bool) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise CeterisError(
            f"{name!r} cannot name a study: use small letters, digits and underscores, at most 40, beginning with a letter."
        )
    if task not in TASKS:
        raise CeterisError(f"{task!r} is no task of a manifest: say {' or '.join(TASKS)}.")
    if study_path.exists():
        raise CeterisError(f"{study_path} exists: choose another name, or remove it first.")
    if data_path.exists() and not in_place:
        raise CeterisError(f"{data_path} exists: choose another name, or remove it first.")


def _adapt(content: dict[str, Any], name: str, task: str, manifest: Manifest, what: str) -> str:
    """Change in the default study what the data decides; returns what became of the splits."""
    settings = content["data"]["manifest"]
    splits, remark = decide_splits(scan := scan_rows(manifest, what, lambda _: None), ManifestSettings(**settings))
    rows = splits.count("train")
    words, sides = _survey(manifest)
    size = SMALL if sides <= SMALL else LARGE
    # Image pretraining has seen the class of every training picture, so few labels would be few in name only; of the
    # questions about a picture it has seen no more than their answers together.
    few = rows // 10 if task == "vqa" and rows >= _FEWEST_FOR_FEW else None
    content["name"] = name
    content["tasks"] = {task: {"kind": task, "few_labels": few}}
    content["task_names"] = [task]
    content["further"] = {"after": None, "tasks": []}
    content["evaluation"]["contrasts"] = []  # those of the default study ask about its own task
    content["data"] |= {"source": "manifest", "path": f"data/{name}", "image_size": size, "region_features": None}
    content["text"] |= {
        "tokenizer": "built",
        "max_length": max(16, min(64, math.ceil(1.5 * words) + 2)) if scan.texts else 16,
    }
    content["model"]["patch_size"] = size // 4
    batch = max(8, min(content["finetune"]["batch_size"], 1 << int(math.log2(max(8, rows // 4)))))
    for budget, passes in _PASSES.items():
        _shorten(content, budget, max(passes * rows, _FEWEST_STEPS * batch), batch)
    for budget in ("finetune_few", "finetune_further"):
        _shorten(content, budget, content["finetune"]["samples"], batch)
    return remark


def _shorten(content: dict[str, Any], budget: str, samples: int, batch: int) -> None:
    """Give a budget at most so many samples, whatever its currency was."""
    pace = {key: value for key, value in content[budget].items() if key not in CURRENCIES}
    limit = content[budget].get("samples", samples)
    content[budget] = {"samples": min(limit, samples), **pace, "batch_size": batch}


def _survey(manifest: Manifest) -> tuple[int, int]:
    """Words in the longest texts (99 of 100 are shorter), and the middle length of the pictures' longer side."""
    words: list[int] = [0]
    sides: list[int] = []
    for entry in manifest.entries(Faults()):
        words.append(len(entry.text.split()))
        if len(sides) < _LOOKED_AT:
            known = header(entry.picture())
            sides.append(max(known.width, known.height))
    return sorted(words)[int(0.99 * (len(words) - 1))], sorted(sides)[len(sides) // 2]


def _place(manifest: Manifest, folder: Path) -> None:
    """Put the manifest and the pictures it names at `folder`, whole or not at all."""
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for file in manifest.files:
        copy_file(file.path, beside / file.path.name)
    for entry in manifest.entries(Faults()):
        _place_picture(entry, manifest.folder, beside)
    os.replace(beside, folder)


def _place_picture(entry: Entry, source: Path, target: Path) -> None:
    if isinstance(entry.image, Path):
        place = target / entry.image.relative_to(source)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            copy_file(entry.image, place)
