"""The learning rate of an arm: the study's own, times what the search found."""

import json
from pathlib import Path

from components.study.budget import Allowance


def at_found_rate(budget: Allowance, root: Path, arm: str) -> Allowance:
    """A budget with the learning rate that the stage `tune` found for the arm; the same one where nothing was searched."""
    path = root / "outputs/tuning" / arm / "record.json"
    factor = float(json.loads(path.read_text(encoding="utf-8"))["factor"])
    return budget.model_copy(update={"learning_rate": budget.learning_rate * factor})
