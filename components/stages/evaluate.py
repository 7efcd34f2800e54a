"""Predictions to scores: check that every arm was scored on the same items, and lay scores out for the statistics."""

import argparse

from components.evaluation.scoring.metrics import collect
from components.paths import finetuning_folder
from components.stages.stage import Stage, main
from components.study.study import Study


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Score every fine-tuned cell."""
    collect(study, finetuning_folder(stage.root), stage.out(), stage.progress)


if __name__ == "__main__":
    main("evaluate", run)
