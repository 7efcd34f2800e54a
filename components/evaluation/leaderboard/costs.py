"""What a cell cost: parameters, FLOPs and samples, what came before fine-tuning included."""

import json
from pathlib import Path
from typing import Any

from components.evaluation.certificate.training_records import Record, TrainingRecords
from components.study.cells import Cell
from components.study.front_ends import FRONT_COMPONENTS
from components.study.plan import taught_by
from components.study.study import Study


class Costs:
    """Costs from the training records. The first replicate's speak for all: with budgets in samples or steps all cost the
    same, with budgets in FLOPs or seconds nearly so.

    The search of an arm's learning rate is charged to each of its cells: none could do without it. Where the records of
    unimodal pretraining are not at hand, totals that would hold them are null.
    """

    def __init__(self, study: Study, records: TrainingRecords, unimodal: Path) -> None:
        self._study = study
        self._records = records
        self._unimodal: dict[str, dict[str, Any] | None] = {}
        for component in ("text", "grid", "patches", "detector"):
            path = unimodal / str(study.replicates[0]) / component / "record.json"
            self._unimodal[component] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def of(self, task: str, cell: Cell) -> dict[str, Any]:
        """`visual`, `parameters`, `flops` and `samples` of a cell."""
        record = self._records.arms[cell.arm][task][cell.name][0]
        taught = self._taught(task, cell)
        components = self._study.arms[cell.arm].components
        front = FRONT_COMPONENTS[self._study.arms[cell.arm].front]
        # The front end of an arm that reads regions comes pretrained, whatever the rest of it starts from.
        begun = [front] if cell.start == "scratch" and front else [] if cell.start == "scratch" else components
        before = [self._unimodal[component] for component in begun]
        pretraining = self._records.pretraining[cell.arm][0] if cell.start == "multimodal" else None
        unimodal_samples, unimodal_flops = 0, 0.0
        known = True
        for earlier in before:
            if earlier is None:
                known = False
            else:
                unimodal_samples += int(earlier["samples"])
                unimodal_flops += float(earlier["flops"]["total"])
        trials = self._records.tuning[cell.arm]["trials"]
        searched = sum(int(trial["samples"]) for trial in trials)
        samples = int(pretraining["samples"]) if pretraining else 0
        flops = float(pretraining["flops"]["total"]) if pretraining else 0.0
        flops += sum(float(trial["flops"]) for trial in trials)
        own, earlier_task = int(record["samples"]), int(taught["samples"]) if taught else 0
        flops += float(taught["flops"]["total"]) if taught else 0.0
        training = flops + unimodal_flops + float(record["flops"]["total"])
        visual = [component for component in components if component != "text"]
        return {
            "visual": "+".join(visual) if visual else "none",
            "parameters": {key: int(record["parameters"][key]) for key in ("total", "trained")},
            "flops": {
                "forward_per_sample": round(record["flops"]["forward_per_sample"]),
                "training": round(training) if known else None,
            },
            "samples": {
                "unimodal": unimodal_samples if known else None,
                "tuning": searched,
                "pretraining": samples,
                "task_before": earlier_task,
                "finetuning": own,
                "total": own + earlier_task + samples + searched + unimodal_samples if known else None,
            },
        }

    def _taught(self, task: str, cell: Cell) -> Record | None:
        """Of a further task: the fine-tuning on the task before that a cell begins from."""
        arm = cell.arm
        begun = taught_by(self._study, cell, task)
        return self._records.arms[arm][str(self._study.tasks[task].after)][begun][0] if begun else None
