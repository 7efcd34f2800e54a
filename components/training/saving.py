"""Writing the outs of a training stage: everything at once, at the very end."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from components.paths import RECORD, WEIGHTS
from components.records.training import Trained, TrainingRecord
from components.training.weights import save_weights


def save_run(out: Path, state: Mapping[str, Tensor], trained: Trained, **more: Any) -> None:
    """Write `weights.safetensors` and `record.json` into a folder that appears whole or not at all.

    Args:
        more: what the record holds beside what the loop knows: `run`, `budget` and the like.
    """
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    digest = save_weights(state, beside / WEIGHTS)
    write_json(beside / RECORD, TrainingRecord.of(trained, weights=digest, **more).as_json())
    os.replace(beside, out)


def write_json(path: Path, content: Any) -> None:
    """JSON with sorted keys, so that equal content is equal bytes."""
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
