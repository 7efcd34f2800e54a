"""What a search of a learning rate tries: trainings of one arm, at a factor and for a share of a budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from components.data.batches import BatchStream
from components.data.training_store import training_store
from components.files.json_files import write_json
from components.records.model import read
from components.records.training import Trial
from components.study.arms import FreezingRule, Start
from components.study.budget import Allowance
from components.study.cells import Cell
from components.study.plan import FineTuning
from components.study.study import Study
from components.training.halving import shares
from components.training.length import decide
from components.training.prediction import predict
from components.training.run import Surroundings, hardware, train
from components.training.task_run import put_together

AGAIN = "run the stage tune again"


@dataclass(frozen=True)
class Attempt:
    """A training that is put together, and how good it is once it has been made.

    Attributes:
        score: on validation samples, 0 to 1; asked for after training.
    """

    network: nn.Module
    stream: BatchStream
    freezing: list[FreezingRule]
    seed: int
    score: Callable[[], float]


class Trials:
    """Trains and scores; what is finished is kept in a folder, so that a killed search continues where it was.

    A trial on the next rung is trained anew, with its own schedule of learning rates: on a shorter rung a rate is judged
    by what it comes to when it has been lowered to zero, as it will be in the end.

    Args:
        of: what is tried, for the log.
        whole: the budget of which each rung is a share.
        attempt: puts together a training with a budget.
        folder: keeps this search and no other.
    """

    def __init__(
        self,
        study: Study,
        of: str,
        whole: Allowance,
        attempt: Callable[[Allowance], Attempt],
        folder: Path,
        surroundings: Surroundings,
    ) -> None:
        self.of = of
        self._study = study
        self._whole = whole
        self._attempt = attempt
        self._folder = folder
        self._surroundings = surroundings
        folder.mkdir(parents=True, exist_ok=True)

    def finished(self) -> list[Trial]:
        """The records of all finished trainings: factor, rung, share, score, budget, samples and FLOPs."""
        return [read(path, Trial, AGAIN) for path in sorted(self._folder.glob("trial-*.json"))]

    def score(self, factor: float, rung: int) -> float:
        """The score on validation samples after a share of the budget; trains at most once."""
        path = self._folder / f"trial-{factor:.4g}-{rung}.json"
        if not path.is_file():
            write_json(path, self._train(factor, rung).as_json())
        return read(path, Trial, AGAIN).score

    def _train(self, factor: float, rung: int) -> Trial:
        runtime, share = self._study.runtime, shares(self._study.tuning)[rung]
        rate = self._whole.learning_rate * factor
        allowance = self._whole.scaled(share).model_copy(update={"learning_rate": rate})
        run = self._attempt(allowance)
        name = f"{self._folder.name}_factor_{factor:.4g}_rung_{rung}"
        checkpoint = self._folder / f"{name}.ckpt"
        # All trials of a search cost the same a step, so it is measured once.
        kept = self._folder / "seconds.json"
        length = decide(allowance, run.network, run.stream, run.freezing, run.seed, kept, runtime)
        budget = length.budget
        trained = train(run.network, run.stream, budget, run.freezing, run.seed, checkpoint, name, self._surroundings)
        if self._surroundings.stop_requested():
            raise SystemExit  # the stage's frame leaves by the signal's own exit code
        score = run.score()
        checkpoint.unlink(missing_ok=True)
        return Trial(
            factor=factor,
            rung=rung,
            share=share,
            score=score,
            budget=length.described(),
            samples=trained.samples,
            steps=trained.steps,
            flops=trained.flops.total,
            digests=trained.digests,
            digests_after=trained.digests_after,
        )


def fine_tunings(study: Study, root: Path, arm: str, task: str, folder: Path, surroundings: Surroundings) -> Trials:
    """Fine-tunings of an arm on a task, from unimodal components in the first replicate; scored by the task's own metric."""
    replicate = study.replicates[0]
    # Of the first replicate, which trains on what lies beside the validation split.
    store = training_store(root, study, replicate)
    # Every arm has these components, and none of them has cost an intermediate step.
    start: Start = "unimodal" if study.arms[arm].unimodal else "scratch"

    def attempt(allowance: Allowance) -> Attempt:
        tuning = FineTuning(Cell(arm, start), None, allowance)
        run = put_together(study, root, store, arm, task, replicate, tuning, allowance.batch_size, purpose="search")

        def score() -> float:
            device = torch.device("cuda" if hardware(study.runtime)["accelerator"] == "gpu" else "cpu")
            run.network.to(device)
            size = study.runtime.prediction_batch_size
            pieces: Sequence[Any] = [
                correct for _, _, correct in predict(run.network, store, run.regions, task, "validation", size, device)
            ]
            return float(np.concatenate(pieces).mean())

        return Attempt(run.network, run.stream, run.freezing, run.seed, score)

    return Trials(study, "fine-tuning", study.finetune, attempt, folder, surroundings)
