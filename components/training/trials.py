"""What the search of a learning rate tries: fine-tunings of one arm, at a factor and for a share of the budget."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.data.training_store import training_store
from components.files.json_files import write_json
from components.records.model import read
from components.records.training import Trial
from components.study.arms import Start
from components.study.cells import Cell
from components.study.plan import FineTuning
from components.study.study import Study
from components.training.halving import shares
from components.training.length import decide
from components.training.prediction import predict
from components.training.run import Surroundings, hardware, train
from components.training.task_run import put_together

AGAIN = "run the stage tune again"


class Trials:
    """Trains and scores; what is finished is kept in a folder, so that a killed search continues where it was.

    A trial on the next rung is trained anew, with its own schedule of learning rates: on a shorter rung a rate is judged
    by what it comes to when it has been lowered to zero, as it will be in the end.

    Args:
        folder: scratch folder of the stage.
    """

    def __init__(self, study: Study, root: Path, arm: str, task: str, folder: Path, surroundings: Surroundings) -> None:
        self._study = study
        self._root = root
        self._arm = arm
        self._task = task
        self._folder = folder
        self._surroundings = surroundings
        # Of the first replicate, which trains on what lies beside the validation split.
        self._store = training_store(root, study, study.replicates[0])
        # Every arm has these components, and none of them has cost an intermediate step.
        self._start: Start = "unimodal" if study.arms[arm].unimodal else "scratch"

    def finished(self) -> list[Trial]:
        """The records of all finished trainings: factor, rung, share, score, budget, samples and FLOPs."""
        return [read(path, Trial, AGAIN) for path in sorted(self._folder.glob("trial-*.json"))]

    def score(self, factor: float, rung: int) -> float:
        """Accuracy (or the task's own metric) on the validation split after a share of the budget; trains at most once."""
        path = self._folder / f"trial-{factor:.4g}-{rung}.json"
        if not path.is_file():
            write_json(path, self._train(factor, rung).as_json())
        return read(path, Trial, AGAIN).score

    def _train(self, factor: float, rung: int) -> Trial:
        study, share = self._study, shares(self._study.tuning)[rung]
        whole = study.finetune
        allowance = whole.scaled(share).model_copy(update={"learning_rate": whole.learning_rate * factor})
        replicate = study.replicates[0]
        run = put_together(
            study,
            self._root,
            self._store,
            self._arm,
            self._task,
            replicate,
            FineTuning(Cell(self._arm, self._start), None, allowance),
            allowance.batch_size,
            purpose="search",
        )
        name = f"factor_{factor:.4g}_rung_{rung}"
        checkpoint = self._folder / f"{name}.ckpt"
        # All trials of an arm cost the same a step, so it is measured once.
        kept = self._folder / "seconds.json"
        length = decide(allowance, run.network, run.stream, run.freezing, run.seed, kept, study.runtime)
        budget = length.budget
        trained = train(run.network, run.stream, budget, run.freezing, run.seed, checkpoint, name, self._surroundings)
        if self._surroundings.stop_requested():
            raise SystemExit  # the stage's frame leaves by the signal's own exit code
        device = torch.device("cuda" if hardware(study.runtime)["accelerator"] == "gpu" else "cpu")
        run.network.to(device)
        size = study.runtime.prediction_batch_size
        pieces: Sequence[Any] = [
            correct
            for _, _, correct in predict(run.network, self._store, run.regions, self._task, "validation", size, device)
        ]
        checkpoint.unlink(missing_ok=True)
        return Trial(
            factor=factor,
            rung=rung,
            share=share,
            score=float(np.concatenate(pieces).mean()),
            budget=length.described(),
            samples=trained.samples,
            steps=trained.steps,
            flops=trained.flops.total,
            digests=trained.digests,
            digests_after=trained.digests_after,
        )
