"""Content of a study for the user's own data: the default study, adapted to what was measured of the data."""

import math
from dataclasses import dataclass
from typing import Any

from components.data.sources.manifest_settings import ManifestSettings
from components.study.budget import CURRENCIES
from components.study.capabilities import names_of_boxes

# The most passes over the training rows for each budget. The default study's budget is an upper limit too.
_PASSES = {"pretrain_text": 10, "pretrain_image": 10, "pretrain": 20, "finetune": 10}
_FEWEST_STEPS = 50
PATCHES = 4
"""Patches along a side; a picture always has 16 patches."""
FEWEST_FOR_A_STEP = 200
"""With fewer training rows an intermediate step can tell little, so only one of the arms that have one is kept."""
_FEWEST_FOR_FEW = 2000
_FRONTS_OF_BOXES = ("detector", "boxes")
_ALONE = "vilt"


@dataclass(frozen=True)
class Measured:
    """Measurements of the data that decide the content of the study.

    Attributes:
        training: rows of the training split.
        texts: whether rows have texts.
        boxes: whether every picture has boxes.
        box_classes: how many different things the boxes are named after; 0 where any has no name.
        image_size: side of the square that pictures are fitted into, in pixels.
        background: the colour behind transparent parts.
        value_range: the values of pictures with more than 8 bits that become black and white; None without such pictures.
        vocabulary_size: of the tokenizer that is built.
        max_length: of texts, in tokens.
        fewest_rows_per_answer: how many training rows an answer needs to be a class.
    """

    training: int
    texts: bool
    boxes: bool
    box_classes: int
    image_size: int
    background: str
    value_range: tuple[float, float] | None
    vocabulary_size: int
    max_length: int
    fewest_rows_per_answer: int


def adapt(content: dict[str, Any], name: str, task: str, settings: ManifestSettings, measured: Measured) -> list[str]:
    """Adapt the default study to the data.

    Args:
        content: of the default study, complete; changed in place.
        settings: how the manifest is read.

    Returns:
        Sentences on what was left out, and why.
    """
    size, rows = measured.image_size, measured.training
    said = _choose_arms(content, measured)
    content["name"] = name
    # Image pretraining reads the target of every training picture. For classification, a run with few labels would
    # therefore have few in name only. For vqa it reads the answers of a picture without their questions, so few labels
    # remain few.
    few = rows // 10 if task == "vqa" and rows >= _FEWEST_FOR_FEW else None
    content["tasks"] = {task: {"kind": task, "few_labels": few, "after": None}}
    content["evaluation"]["contrasts"] = []  # those of the default study ask about its own task
    content["data"] |= {
        "source": "manifest",
        "path": f"data/{name}",
        "image_size": size,
        "background": measured.background,
        "value_range": list(measured.value_range) if measured.value_range else None,
        "region_features": None,
        "redrawn": False,
        "manifest": settings.model_dump(mode="json") | {"fewest_rows_per_answer": measured.fewest_rows_per_answer},
    }
    content["text"] |= {
        "tokenizer": "built",
        "vocabulary_size": measured.vocabulary_size,
        "max_length": measured.max_length,
    }
    content["model"]["patch_size"] = size // PATCHES
    batch = max(8, min(content["finetune"]["batch_size"], 1 << int(math.log2(max(8, rows // 4)))))
    for budget, passes in _PASSES.items():
        _shorten(content, budget, max(passes * rows, _FEWEST_STEPS * batch), batch)
    for budget in ("finetune_few", "finetune_further"):
        _shorten(content, budget, content["finetune"]["samples"], batch)
    return said


def _choose_arms(content: dict[str, Any], measured: Measured) -> list[str]:
    """Remove the arms that the data cannot train; returns sentences on what was left out, and why."""
    arms = content["arms"]
    # The other front ends learn from the targets, which every picture has. A detector always learns from boxes.
    content["image_pretraining"]["labels"] = "image"
    said = []
    boxed = [arm for arm in arms if arms[arm]["front"] in _FRONTS_OF_BOXES]
    if not measured.boxes:
        _leave_out(content, boxed)
        said.append(
            f"not every picture has boxes, so there is no detector to look at regions with: {_listed(boxed)} left out"
        )
    else:
        unlearnable = [arm for arm in boxed if not _can_learn(arms[arm]["architecture"], measured)]
        _leave_out(content, unlearnable)
        if unlearnable:
            lacking = "attributes" if measured.box_classes > 1 else "names of several classes"
            said.append(f"boxes have no {lacking}, which their losses need: {_listed(unlearnable)} left out")
    if measured.training < FEWEST_FOR_A_STEP:
        others = [
            arm for arm, settings in content["arms"].items() if "multimodal" in settings["starts"] and arm != _ALONE
        ]
        _leave_out(content, others)
        said.append(
            f"{measured.training} training rows are too few to tell many architectures apart: {_listed(others)} left out"
        )
    if not measured.texts:
        said.append(
            "rows have no texts, so text alone answers with the most frequent class: captions are made from the targets"
        )
    return said


def _can_learn(architecture: str, measured: Measured) -> bool:
    """Whether the boxes have the names that the architecture's region losses need. Boxes of a manifest have no attributes."""
    needed = names_of_boxes(architecture)
    return needed is None or (needed == "classes" and measured.box_classes > 1)


def _leave_out(content: dict[str, Any], arms: list[str]) -> None:
    content["arms"] = {name: arm for name, arm in content["arms"].items() if name not in arms}


def _listed(names: list[str]) -> str:
    """Names with their verb: "uniter is", "uniter and vilbert are"."""
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{', '.join(names[:-1])} and {names[-1]} are"


def _shorten(content: dict[str, Any], budget: str, samples: int, batch: int) -> None:
    """Limit a budget to a number of samples, whatever its currency was."""
    pace = {key: value for key, value in content[budget].items() if key not in CURRENCIES}
    limit = content[budget].get("samples", samples)
    content[budget] = {"samples": min(limit, samples), **pace, "batch_size": batch}
