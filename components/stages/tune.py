"""Stage: search the learning rates of one arm; every arm gets the same candidates, rungs and budgets.

Two factors are searched, both in the first replicate and from unimodal components, and judged on validation samples: that of
fine-tuning on fine-tunings, by the task's metric, and that of the intermediate step on such steps, by what they are measured
by. A study without a search (`tuning.trials: 0`) leaves all at 1.
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from components.files.atomic import atomic_folder
from components.files.json_files import write_json
from components.paths import RECORD
from components.records.training import RateSearch, TuningRecord
from components.stages.stage import Stage, main
from components.study.plan import tuned_on
from components.study.study import Study

if TYPE_CHECKING:
    from components.training.run import Surroundings
    from components.training.trials import Trials


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Search, and write down every trial with what it cost."""
    arm = arguments.arm
    task = tuned_on(study, arm)
    found, step = (RateSearch(factor=1.0, trials=[]), None) if task is None else search(study, stage, arm, task)
    record = TuningRecord(run=vars(arguments), task=task, factor=found.factor, trials=found.trials, step=step)
    with atomic_folder(stage.out()) as folder:
        write_json(folder / RECORD, record.as_json())
    said = f"factor {found.factor:g}" + (f", of the intermediate step {step.factor:g}" if step else "")
    stage.progress(100, "nothing to search: the study's own rates" if task is None else said)


def search(study: Study, stage: Stage, arm: str, task: str) -> tuple[RateSearch, RateSearch | None]:
    """What was found for fine-tuning, and for the intermediate step where the arm has one that can be measured."""
    # Loaded where they are used: a study without a search need not wait for torch.
    from components.training.trials import fine_tunings

    root, folder, two = stage.root, stage.scratch, study.arms[arm].pretrained
    found = halved(
        study,
        stage,
        partial(fine_tunings, study, root, arm, task, folder / "finetune"),
        (0.0, 50.0 if two else 100.0),
    )
    if not two:
        return found, None
    from components.training.step_trials import can_be_searched, steps

    if not can_be_searched(study, arm):
        return found, None
    tried = partial(steps, study, root, arm, folder / "pretrain")
    return found, halved(study, stage, tried, (50.0, 100.0))


def halved(
    study: Study, stage: Stage, trials_in: "Callable[[Surroundings], Trials]", percents: tuple[float, float]
) -> RateSearch:
    """One search among the study's candidates.

    Args:
        trials_in: what is tried, in the surroundings that are given.
        percents: how far the stage is when it begins, and when it ends.
    """
    from components.training.halving import best, candidates, halve
    from components.training.run import Surroundings

    settings = study.tuning
    begin, end = percents
    done = 0

    def progress(percent: float, message: str) -> None:
        share = (done + percent / 100) / (settings.trials * settings.rungs)
        stage.progress(begin + share * (end - begin), message)

    def score(factor: float, rung: int) -> float:
        nonlocal done
        value = trials.score(factor, rung)
        done += 1
        stage.log(f"{trials.of}: factor {factor:g}, rung {rung + 1} of {settings.rungs}: {value:.4f} on validation")
        return value

    trials = trials_in(Surroundings(study.runtime, stage.spool, progress, lambda: stage.stop_requested))
    with stage.loop():
        made = halve(candidates(settings, study.seed), settings, score)
    return RateSearch(factor=best(made, settings), trials=trials.finished())


if __name__ == "__main__":
    main("tune", run, ["arm"])
