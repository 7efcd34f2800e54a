"""What a cell cost: parameters, FLOPs and samples, what came before fine-tuning included."""

from pathlib import Path

from components.evaluation.certificate.training_records import TrainingRecords, component_record
from components.evaluation.leaderboard.entries import CellCosts, CellFlops, CellSamples
from components.records.training import TrainingRecord
from components.study.cells import Cell
from components.study.front_ends import FRONT_COMPONENTS
from components.study.plan import taught_by
from components.study.study import Study


class Accounts:
    """Costs from the training records. The first replicate's speak for all: with budgets in samples or steps all cost the
    same, with budgets in FLOPs or seconds nearly so.

    The search of an arm's rate of fine-tuning is charged to each of its cells: none could do without it. That of the rate of its
    intermediate step is charged to those that went through the step. Where the records of
    unimodal pretraining are not at hand, totals that would hold them are null.
    """

    def __init__(self, study: Study, records: TrainingRecords, root: Path) -> None:
        self._study = study
        self._records = records
        self._unimodal = {
            component: component_record(root, component, study.replicates[0])
            for component in ("text", "grid", "patches", "detector")
        }

    def of(self, task: str, cell: Cell) -> CellCosts:
        """What a cell of a task cost."""
        record = self._records.arms[cell.arm][task][cell.name][0]
        taught = self._taught(task, cell)
        components = self._study.arms[cell.arm].components
        front = FRONT_COMPONENTS[self._study.arms[cell.arm].front]
        # The front end of an arm that reads regions comes pretrained, whatever the rest of it starts from.
        begun = [front] if cell.start == "scratch" and front else [] if cell.start == "scratch" else components
        before = [self._unimodal[component] for component in begun]
        known = [earlier for earlier in before if earlier is not None]
        complete = len(known) == len(before)
        pretraining = self._records.pretraining[cell.arm][0] if cell.start == "multimodal" else None
        tuned = self._records.tuning[cell.arm]
        trials = [*tuned.trials, *(tuned.step.trials if pretraining and tuned.step else [])]
        searched = sum(trial.samples for trial in trials)
        flops = pretraining.flops.total if pretraining else 0.0
        flops += sum(trial.flops for trial in trials)
        flops += taught.flops.total if taught else 0.0
        flops += sum(earlier.flops.total for earlier in known) + record.flops.total
        runs = [run for run in (pretraining, taught) if run is not None]
        samples = CellSamples(
            unimodal=sum(earlier.samples for earlier in known) if complete else None,
            tuning=searched,
            pretraining=pretraining.samples if pretraining else 0,
            task_before=taught.samples if taught else 0,
            finetuning=record.samples,
            total=searched + sum(run.samples for run in (*runs, *known, record)) if complete else None,
        )
        visual = [component for component in components if component != "text"]
        return CellCosts(
            visual="+".join(visual) if visual else "none",
            parameters=record.parameters,
            flops=CellFlops(
                forward_per_sample=round(record.flops.forward_per_sample), training=round(flops) if complete else None
            ),
            samples=samples,
        )

    def _taught(self, task: str, cell: Cell) -> TrainingRecord | None:
        """Of a further task: the fine-tuning on the task before that a cell begins from."""
        begun = taught_by(self._study, cell, task)
        return self._records.arms[cell.arm][str(self._study.tasks[task].after)][begun][0] if begun else None
