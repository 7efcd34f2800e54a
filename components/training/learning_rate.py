"""The learning rate that the search found for an arm."""

from pathlib import Path

from components.paths import RECORD, tuning_folder
from components.records.model import read
from components.records.training import TuningRecord
from components.study.budget import Allowance


def at_found_rate(budget: Allowance, root: Path, arm: str) -> Allowance:
    """A budget of fine-tuning at the rate that the stage `tune` found for the arm; the same one where nothing was searched."""
    return _times(budget, _found(root, arm).factor)


def at_found_step_rate(budget: Allowance, root: Path, arm: str) -> Allowance:
    """The budget of the intermediate step at the rate that the stage `tune` found for it; likewise."""
    return _times(budget, _found(root, arm).step_factor)


def _found(root: Path, arm: str) -> TuningRecord:
    return read(tuning_folder(root, arm) / RECORD, TuningRecord, "run the stage tune again")


def _times(budget: Allowance, factor: float) -> Allowance:
    return budget.model_copy(update={"learning_rate": budget.learning_rate * factor})
