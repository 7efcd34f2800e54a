"""Writing the outs of a training stage: everything at once, at the very end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from components.files.atomic import atomic_folder
from components.files.json_files import write_json
from components.training.weights import save_weights


def save_run(out: Path, state: Mapping[str, Tensor], record: dict[str, Any], run: Mapping[str, Any]) -> None:
    """Write `weights.safetensors` and `record.json` into a folder that appears whole or not at all."""
    with atomic_folder(out) as folder:
        digest = save_weights(state, folder / "weights.safetensors")
        write_json(folder / "record.json", {"run": dict(run), **record, "weights": digest})
