"""What every run of a study wrote down about itself, each record checked to be of the run in whose place it lies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.evaluation.scoring.scores import Arms, load_arms
from components.study.plan import fine_tunings
from components.study.study import Study

Record = dict[str, Any]


@dataclass(frozen=True)
class TrainingRecords:
    """Lists are per replicate, in the study's order.

    Attributes:
        arms: of fine-tuning, by arm, task and cell.
        tuning: of the search of a learning rate, by arm; there is one, whatever the number of replicates.
        pretraining: of the intermediate step, by arm.
        starts: by arm; what it was made of: {component: {weights, samples, flops}}.
        components: of unimodal pretraining, by component; None where they are not at hand.
    """

    arms: Arms
    tuning: dict[str, Record]
    pretraining: dict[str, list[Record]]
    starts: dict[str, list[Record]]
    components: dict[str, list[Record | None]]

    @classmethod
    def load(cls, study: Study, root: Path) -> "TrainingRecords":
        """Read everything below `root`.

        Raises:
            CeterisError: a record is missing, or is that of another run.
        """
        outputs = root / "outputs"
        arms = load_arms(study, outputs / "evaluation")
        _check_finetuning(study, arms, root)
        tuning = {}
        for arm in study.arms:
            path = outputs / "tuning" / arm / "record.json"
            tuning[arm] = _read(path, "the stage tune")
            _check_run(tuning[arm], {"arm": arm}, path.relative_to(root))
        pretraining: dict[str, list[Record]] = {}
        for arm in study.pretrained:
            for replicate in study.replicates:
                path = outputs / "pretrain" / arm / str(replicate) / "record.json"
                record = _read(path, "the intermediate step")
                _check_run(record, {"arm": arm, "replicate": replicate}, path.relative_to(root))
                pretraining.setdefault(arm, []).append(record)
        starts = {
            arm: [
                _read(outputs / "starts" / str(replicate) / arm / "record.json", "the stage starts")
                for replicate in study.replicates
            ]
            for arm in study.arms
        }
        components = {
            component: [_component(outputs, component, replicate) for replicate in study.replicates]
            for component in sorted({name for arm in study.arms.values() for name in arm.components})
        }
        return cls(arms, tuning, pretraining, starts, components)


def _check_finetuning(study: Study, arms: Arms, root: Path) -> None:
    for arm, tasks in arms.items():
        for task, cells in tasks.items():
            for cell in fine_tunings(study, arm, task):
                for replicate, record in zip(study.replicates, cells[cell.name], strict=True):
                    run = {"arm": arm, "task": task, "replicate": replicate}
                    where = Path("outputs/finetune") / arm / task / str(replicate) / "record.json"
                    _check_run(record, run | {"start": cell.start, "labels": cell.labels}, where)


def _check_run(record: Record, expected: Mapping[str, object], path: Path) -> None:
    run = record.get("run") or {}
    for key, value in expected.items():
        # Arguments of a stage are strings.
        if str(run.get(key)) != str(value):
            raise CeterisError(
                f"{path} is the record of a run with {key} {run.get(key)}, where the study has {value}: "
                "run its stage again, then evaluate."
            )


def _component(outputs: Path, component: str, replicate: int) -> Record | None:
    path = outputs / "unimodal" / str(replicate) / component / "record.json"
    return _read(path, component) if path.is_file() else None


def _read(path: Path, what: str) -> Record:
    if not path.is_file():
        raise CeterisError(f"{path} is missing: run {what} again.")
    content: Record = json.loads(path.read_text(encoding="utf-8"))
    return content
