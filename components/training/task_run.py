"""One fine-tuning, put together and ready to be trained: what `finetune` runs and what the search of a learning rate tries."""

from dataclasses import dataclass
from pathlib import Path

from components import tasks
from components.data.regions import RegionArrays
from components.data.store import Store
from components.data.task_batches import TaskStream, few
from components.study import Budget, FreezingRule, Start, Study
from components.training.building import as_module, build, build_front, load_start, pixel_scaling, region_arrays
from components.training.finetuning import FinetuningNetwork, needs_of
from components.training.seeds import derive, seed_torch


@dataclass(frozen=True)
class TaskRun:
    """A network that begins from a start, with a fresh head, and the batches that it will see.

    Attributes:
        regions: what a frozen front end saw in every picture; None where the architecture looks itself.
        seed: of the order of samples and of whatever is random in a step.
    """

    network: FinetuningNetwork
    stream: TaskStream
    regions: RegionArrays | None
    freezing: list[FreezingRule]
    seed: int


def starts_folder(root: Path, architecture: str, replicate: int) -> Path:
    """What the stage `starts` handed to an arm."""
    return root / "outputs/starts" / str(replicate) / architecture


def pretrained_folder(root: Path, architecture: str, replicate: int) -> Path:
    """What the intermediate step left of an arm."""
    return root / "outputs/pretrain" / architecture / str(replicate)


def put_together(
    study: Study,
    root: Path,
    store: Store,
    architecture: str,
    task: str,
    replicate: int,
    start: Start,
    labels: int | None,
    budget: Budget,
    purpose: str = "task",
) -> TaskRun:
    """Build one fine-tuning.

    Args:
        root: the workspace.
        labels: how many labelled samples it may see; None for all.
        purpose: names the order of samples; runs of one replicate with one purpose see the same order.
    """
    model = build(architecture, study, store, replicate)
    starts = starts_folder(root, architecture, replicate)
    load_start(model, start, starts, pretrained_folder(root, architecture, replicate))
    seed_torch(study.seed, replicate, "head", architecture, task)
    kind = tasks.load(study.tasks[task].kind)
    head = kind.head(model, len(store.index["answers"][task]))
    front = build_front(architecture, study, store, starts)
    network = FinetuningNetwork(as_module(model), pixel_scaling(store), head, kind, front)
    regions = region_arrays(architecture, study, store, front, replicate, root)
    seed = derive(study.seed, replicate, purpose, task, labels)
    needs, subset = needs_of(kind), None
    if labels is not None:
        subset = few(labels, task, derive(study.seed, replicate, "few"), store, needs.pool)
    stream = TaskStream(store, task, seed, budget.batch_size, budget.steps, needs, subset, regions)
    freezing = [] if start == "scratch" else study.arms[architecture].freezing
    return TaskRun(network, stream, regions, freezing, seed)
