"""Writing the outs of a training stage: everything at once, at the very end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from components.files.atomic import atomic_folder
from components.files.json_files import write_json
from components.paths import HEADS, RECORD, WEIGHTS
from components.records.training import Trained, TrainingRecord
from components.training.weights import save_weights


def save_run(
    out: Path, state: Mapping[str, Tensor], trained: Trained, heads: Mapping[str, Tensor] | None = None, **more: Any
) -> None:
    """Write `weights.safetensors`, `heads.safetensors` and `record.json` into a folder that appears whole or not at all.

    Args:
        heads: of the losses that it was trained with, where something later may keep them.
        more: what the record holds beside what the loop knows: `run`, `budget` and the like.
    """
    with atomic_folder(out) as folder:
        digest = save_weights(state, folder / WEIGHTS)
        if heads is not None:
            more["heads"] = save_weights(heads, folder / HEADS)
        write_json(folder / RECORD, TrainingRecord.of(trained, weights=digest, **more).as_json())
