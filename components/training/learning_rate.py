"""The learning rate that the search found for an arm."""

from pathlib import Path

from components.paths import RECORD, tuning_folder
from components.records.model import read
from components.records.training import TuningRecord
from components.study.budget import Allowance


def at_found_rate(budget: Allowance, root: Path, arm: str) -> Allowance:
    """A budget with the learning rate that the stage `tune` found for the arm; the same one where nothing was searched."""
    found = read(tuning_folder(root, arm) / RECORD, TuningRecord, "run the stage tune again")
    return budget.model_copy(update={"learning_rate": budget.learning_rate * found.factor})
