"""One intermediate step, put together and ready to be trained: what `pretrain` runs and what the search of its rate tries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from components import objectives
from components.data.batches import BatchStream, Ingredients
from components.data.pairs import select_pairs
from components.data.regions import RegionArrays
from components.data.store import Store
from components.errors import CeterisError
from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.passes import Pretraining
from components.objectives.mlm import MaskedLanguageModelling
from components.objectives.objective import Objective
from components.objectives.regions import share_transform
from components.paths import starts_folder
from components.records.training import Beginnings, GateName, StepGate
from components.study.settings import RuntimeSettings
from components.study.study import Study
from components.training.beginnings import FreshWeights
from components.training.building import (
    as_module,
    build,
    build_front,
    configuration,
    initial_scale,
    load_start,
    pixel_scaling,
    pretrained_heads,
    region_arrays,
)
from components.training.pretraining import PretrainingNetwork
from components.training.run import hardware
from components.training.seeds import derive, seed_torch
from components.training.step_gates import gates_of, measure


@dataclass(frozen=True)
class StepRun:
    """A network under its objectives that begins from unimodal components, and the batches that it will see, however many.

    Attributes:
        seed: of the order of samples and of whatever is random in a step.
        begins: which parameters came from pretraining, and the scale of the fresh ones.
        gates: what the arm is measured by.
        gate_seed: of the pairs, masks and false pictures that it is measured with; the same for all arms and replicates.
    """

    network: PretrainingNetwork
    stream: BatchStream
    seed: int
    begins: Beginnings
    gates: list[GateName]
    gate_seed: int

    def measured(self, tests: Store, regions: RegionArrays | None, runtime: RuntimeSettings) -> list[StepGate]:
        """What the network has been taught so far, on the validation pairs of `tests`.

        Args:
            regions: what a frozen front end saw in their pictures; None where the arm looks itself.
        """
        device = torch.device("cuda" if hardware(runtime)["accelerator"] == "gpu" else "cpu")
        return measure(self.network, self.gates, tests, regions, self.gate_seed, device)


def put_together(
    study: Study, root: Path, store: Store, arm: str, replicate: int, batch_size: int, search: bool = False
) -> StepRun:
    """Build the intermediate step of an arm.

    Args:
        root: the workspace.
        store: what it reads.
        search: for the search of its rate: with the same pairs, in an order of its own, and measured with masks and false
            pictures of its own.

    Raises:
        CeterisError: its objectives ask for what its front end does not know, or its pairs cannot be selected.
    """
    model = build(arm, study, store, replicate)
    fresh = FreshWeights(initial_scale(study, arm), model.ZEROS)
    fresh.note("model", model)
    starts = starts_folder(root, arm, replicate)
    load_start(model, "unimodal", starts, root)
    model.begin_pretraining()
    seed_torch(study.seed, replicate, "objectives", arm)
    try:
        losses = objectives_for(model, configuration(study, store, arm), store)
    except ValueError as error:
        raise CeterisError(f"arms.{arm}: {error}; give the arm another front.") from None
    for name, loss in losses.items():
        fresh.note(name, loss)
    heads = pretrained_heads("unimodal", starts, root)
    word_head = losses.get("mlm")
    if heads and isinstance(word_head, MaskedLanguageModelling):
        word_head.begin(heads)
    begins = fresh.beginnings({"model": as_module(model), **losses})
    front = build_front(arm, study, store, starts)
    network = PretrainingNetwork(as_module(model), pixel_scaling(store), model.PRETRAINING, losses, front)
    regions = region_arrays(arm, study, store, front, replicate, root)
    selecting = derive(study.seed, replicate, "pairs")
    rows, captions = select_pairs(store, study.arms[arm].pairs, selecting, batch_size, arm)
    seed = derive(study.seed, replicate, "search", "pairs") if search else selecting
    ingredients = ingredients_for(model.PRETRAINING, study.arms[arm].masked_words, regions is not None)
    stream = BatchStream(
        store, "pairs", seed, batch_size, 0, ingredients, subset=rows, regions=regions, captions=captions
    )
    gates = gates_of(model.PRETRAINING, study.arms[arm].axes)
    return StepRun(network, stream, seed, begins, gates, derive(study.seed, "search gates" if search else "gates"))


def ingredients_for(pretraining: Pretraining, masked_words: float, regions: bool) -> Ingredients:
    """What a batch must carry for these passes.

    Args:
        masked_words: share of words that are masked.
        regions: the arm reads what a frozen front end saw.
    """
    passes = pretraining.passes
    rows = [objectives.OBJECTIVES[loss] for loss in pretraining.losses]
    return Ingredients(
        pictures=True,
        texts=True,
        regions=regions,
        masked_share=masked_words if any(one_pass.words for one_pass in passes) else 0.0,
        whole_words=any(one_pass.whole_words for one_pass in passes),
        masked_region_share=next((one_pass.regions.share for one_pass in passes if one_pass.regions), 0.0),
        mismatches=any(one_pass.mismatched for one_pass in passes),
        pass_draw=pretraining.drawn,
        further=tuple(dict.fromkeys(name for row in rows for name in (*row.content, *row.corruption))),
    )


def objectives_for(model: Architecture, size: ModelConfiguration, store: Store) -> dict[str, Objective]:
    """The model's objectives by name, freshly initialised."""
    built: dict[str, Objective] = {}
    for name in model.PRETRAINING.losses:
        kind: Any = objectives.load(name)
        built[name] = kind.for_answers(model, size, len(store.index["answers"].get("pairs", [])))
    share_transform([built[name] for name in model.PRETRAINING.shared_transform])
    return built
