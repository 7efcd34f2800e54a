"""What every run of a study wrote down about itself, each record checked to be of the run in whose place it lies."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from components.errors import CeterisError
from components.evaluation.scoring.scores import Arms, load_arms
from components.paths import (
    RECORD,
    component_folder,
    evaluation_folder,
    finetuned_folder,
    pretrained_folder,
    starts_folder,
    tuning_folder,
)
from components.records.model import read
from components.records.training import Components, TrainingRecord, TuningRecord, read_record
from components.study.plan import fine_tunings
from components.study.study import Study


@dataclass(frozen=True)
class TrainingRecords:
    """Lists are per replicate, in the study's order.

    Attributes:
        arms: of fine-tuning, by arm, task and cell.
        tuning: of the search of a learning rate, by arm; there is one, whatever the number of replicates.
        pretraining: of the intermediate step, by arm.
        starts: by arm; what it was made of.
        components: of unimodal pretraining, by component; None where they are not at hand.
    """

    arms: Arms
    tuning: dict[str, TuningRecord]
    pretraining: dict[str, list[TrainingRecord]]
    starts: dict[str, list[Components]]
    components: dict[str, list[TrainingRecord | None]]

    @classmethod
    def load(cls, study: Study, root: Path) -> "TrainingRecords":
        """Read everything below `root`.

        Raises:
            CeterisError: a record is missing, is not as this version writes it, or is that of another run.
        """
        arms = load_arms(study, evaluation_folder(root))
        _check_finetuning(study, arms)
        tuning = {}
        for arm in study.arms:
            path = tuning_folder(root, arm) / RECORD
            tuning[arm] = read(path, TuningRecord, "run the stage tune again")
            _check_run(tuning[arm].run, {"arm": arm}, path.relative_to(root))
        pretraining: dict[str, list[TrainingRecord]] = {}
        for arm in study.pretrained:
            for replicate in study.replicates:
                folder = pretrained_folder(root, arm, replicate)
                record = read_record(folder, "the intermediate step")
                _check_run(record.run, {"arm": arm, "replicate": replicate}, (folder / RECORD).relative_to(root))
                pretraining.setdefault(arm, []).append(record)
        starts = {
            arm: [
                read(starts_folder(root, arm, replicate) / RECORD, Components, "run the stage starts again")
                for replicate in study.replicates
            ]
            for arm in study.arms
        }
        components = {
            component: [component_record(root, component, replicate) for replicate in study.replicates]
            for component in sorted({name for arm in study.arms.values() for name in arm.components})
        }
        return cls(arms, tuning, pretraining, starts, components)


def component_record(root: Path, component: str, replicate: int) -> TrainingRecord | None:
    """The record of a component's pretraining; None where it is not at hand."""
    folder = component_folder(root, component, replicate)
    return read_record(folder, f"the stage that pretrains {component}") if (folder / RECORD).is_file() else None


def _check_finetuning(study: Study, arms: Arms) -> None:
    for arm, tasks in arms.items():
        for task, cells in tasks.items():
            for cell in fine_tunings(study, arm, task):
                for replicate, record in zip(study.replicates, cells[cell.name], strict=True):
                    run = {"arm": arm, "task": task, "replicate": replicate}
                    where = finetuned_folder(Path(), arm, task, replicate) / RECORD
                    _check_run(record.run, run | {"start": cell.start, "labels": cell.labels}, where)


def _check_run(run: Mapping[str, JsonValue], expected: Mapping[str, object], path: Path) -> None:
    for key, value in expected.items():
        # Arguments of a stage are strings.
        if str(run.get(key)) != str(value):
            raise CeterisError(
                f"{path} is the record of a run with {key} {run.get(key)}, where the study has {value}: "
                "run its stage again, then evaluate."
            )
