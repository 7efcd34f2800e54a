"""One fine-tuning, put together and ready to be trained: what `finetune` runs and what the search of a learning rate tries."""

from dataclasses import dataclass
from pathlib import Path

from components import tasks
from components.data.regions import RegionArrays
from components.data.store import Store
from components.data.task_batches import TaskStream, few
from components.models.heads import keep
from components.paths import finetuned_folder, pretrained_folder, starts_folder
from components.records.training import Beginnings
from components.study.arms import FreezingRule
from components.study.plan import FineTuning, freezing
from components.study.study import Study
from components.training.beginnings import FreshWeights
from components.training.building import (
    as_module,
    build,
    build_front,
    initial_scale,
    load_start,
    load_taught,
    pixel_scaling,
    pretrained_heads,
    region_arrays,
)
from components.training.finetuning import FinetuningNetwork, needs_of
from components.training.seeds import derive, seed_torch


@dataclass(frozen=True)
class TaskRun:
    """A network that begins from a start, with a fresh head, and the batches that it will see, however many.

    Attributes:
        regions: what a frozen front end saw in every picture; None where the arm looks itself.
        seed: of the order of samples and of whatever is random in a step.
        taught: of a further task: the digest of the weights that it begins from.
        begins: which parameters came from pretraining, and the scale of the fresh ones.
    """

    network: FinetuningNetwork
    stream: TaskStream
    regions: RegionArrays | None
    freezing: list[FreezingRule]
    seed: int
    taught: str | None
    begins: Beginnings


def put_together(
    study: Study,
    root: Path,
    store: Store,
    arm: str,
    task: str,
    replicate: int,
    tuning: FineTuning,
    batch_size: int,
    purpose: str = "task",
) -> TaskRun:
    """Build one fine-tuning.

    Args:
        root: the workspace.
        tuning: what it begins from, and how many labelled samples it may see.
        purpose: names the order of samples; runs of one replicate with one purpose see the same order.
    """
    model = build(arm, study, store, replicate)
    fresh = FreshWeights(initial_scale(study, arm), model.ZEROS)
    fresh.note("model", model)
    starts, pretrained = starts_folder(root, arm, replicate), pretrained_folder(root, arm, replicate)
    taught = None
    if tuning.taught is None:
        load_start(model, tuning.start, starts, pretrained)
    else:
        before = finetuned_folder(root, arm, str(study.tasks[task].after), replicate)
        taught = load_taught(model, before / f"{tuning.taught}.safetensors")
    seed_torch(study.seed, replicate, "head", arm, task)
    kind = tasks.load(study.tasks[task].kind)
    head = kind.head(model, len(store.index["answers"][task]))
    fresh.note("head", head)
    kept = model.KEEPS.get(kind.kind)
    if kept is not None and tuning.taught is None:
        keep(head, kept, pretrained_heads(tuning.start, starts, pretrained))
    front = build_front(arm, study, store, starts)
    network = FinetuningNetwork(as_module(model), pixel_scaling(store), head, kind, front)
    regions = region_arrays(arm, study, store, front, replicate, root)
    begins = fresh.beginnings({"model": as_module(model), "head": head})
    seed = derive(study.seed, replicate, purpose, task, tuning.labels)
    needs, subset = needs_of(kind), None
    if tuning.labels is not None:
        subset = few(tuning.labels, task, derive(study.seed, replicate, "few"), store, needs.pool)
    stream = TaskStream(store, task, seed, batch_size, 0, needs, subset, regions)
    return TaskRun(network, stream, regions, freezing(study, tuning), seed, taught, begins)
