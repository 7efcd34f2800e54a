"""Stage: search the learning rate of one arm; every arm gets the same candidates, rungs and budget.

One factor is searched for each arm, by which all its learning rates are multiplied, on fine-tunings from unimodal components
in the first replicate, judged on the validation split. A study without a search (`tuning.trials: 0`) leaves all at 1.
"""

import argparse

from components.files.atomic import atomic_folder
from components.files.json_files import write_json
from components.paths import RECORD
from components.records.training import Trial, TuningRecord
from components.stages.stage import Stage, main
from components.study.plan import tuned_on
from components.study.study import Study


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Search, and write down every trial with what it cost."""
    arm = arguments.arm
    task = tuned_on(study, arm)
    factor, trials = (1.0, []) if task is None else search(study, stage, arm, task)
    record = TuningRecord(run=vars(arguments), task=task, factor=factor, trials=trials)
    with atomic_folder(stage.out()) as folder:
        write_json(folder / RECORD, record.as_json())
    stage.progress(100, f"factor {factor:g}" if task is not None else "nothing to search: the study's own rates")


def search(study: Study, stage: Stage, arm: str, task: str) -> tuple[float, list[Trial]]:
    """The best factor of an arm, with all trials."""
    # Loaded where they are used: a study without a search need not wait for torch.
    from components.training.halving import best, candidates, halve
    from components.training.run import Surroundings
    from components.training.trials import Trials

    settings = study.tuning
    done = 0

    def progress(percent: float, message: str) -> None:
        stage.progress(100 * (done + percent / 100) / (settings.trials * settings.rungs), message)

    def score(factor: float, rung: int) -> float:
        nonlocal done
        value = trials.score(factor, rung)
        done += 1
        stage.log(f"factor {factor:g}, rung {rung + 1} of {settings.rungs}: {value:.4f} on validation")
        return value

    surroundings = Surroundings(study.runtime, stage.spool, progress, lambda: stage.stop_requested)
    trials = Trials(study, stage.root, arm, task, stage.scratch, surroundings)
    with stage.loop():
        made = halve(candidates(settings, study.seed), settings, score)
    return best(made, settings), trials.finished()


if __name__ == "__main__":
    main("tune", run, ["arm"])
