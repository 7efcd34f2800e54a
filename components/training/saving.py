"""Writing the outs of a training stage: everything at once, at the very end."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from components.training.weights import save_weights


def save_run(out: Path, state: Mapping[str, Tensor], record: dict[str, Any], run: Mapping[str, Any]) -> None:
    """Write `weights.safetensors` and `record.json` into a folder that appears whole or not at all."""
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    digest = save_weights(state, beside / "weights.safetensors")
    write_json(beside / "record.json", {"run": dict(run), **record, "weights": digest})
    os.replace(beside, out)


def write_json(path: Path, content: Any) -> None:
    """JSON with sorted keys, so that equal content is equal bytes."""
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
