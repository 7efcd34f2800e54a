"""Stage: search the learning rate of one arm; every arm gets the same candidates, rungs and budget.

One factor is searched for each arm, by which all its learning rates are multiplied, on fine-tunings from unimodal components
in the first replicate, judged on the validation split. A study without a search (`tuning.trials: 0`) leaves all at 1.
"""

import argparse
import json
import os
import shutil
from typing import Any

from components.stages.stage import Stage, main
from components.study.plan import cannot
from components.study.study import Study


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Search, and write down every trial with what it cost."""
    arm = arguments.arm
    task = next((task for task in study.first_tasks if not cannot(study, arm, task)), None)
    searched = bool(study.tuning.trials) and task is not None
    found = search(study, stage, arm, str(task)) if searched else {"factor": 1.0, "trials": []}
    record = {"run": vars(arguments), "task": task if searched else None, **found}
    out = stage.out()
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    (beside / "record.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, out)
    stage.progress(100, f"factor {record['factor']:g}" if searched else "nothing to search: the study's own rates")


def search(study: Study, stage: Stage, arm: str, task: str) -> dict[str, Any]:
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
    return {"factor": best(made, settings), "trials": trials.finished()}


if __name__ == "__main__":
    main("tune", run, ["arm"])
