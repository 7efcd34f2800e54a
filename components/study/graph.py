"""The part of `params.yaml` that only `dvc.yaml` reads: which stages there are. It is computed from the study.

    drawings    one entry for every replicate that draws training samples of its own
    text        one for every replicate: pretraining on texts
    image       one for every front end and replicate: pretraining on pictures
    tune        one for every arm: the search of a learning rate
    pretrain    one for every arm with an intermediate step, and replicate
    finetune    one for every arm, task and replicate, with the folder that its cells begin from and its budget's key
    steps       the folder of all intermediate steps

What trains in a replicate also has `drawn`, the samples that the replicate has drawn for itself. Keys are what stands behind
the @ of a stage's address.
"""

from pathlib import Path
from typing import Any

from components.paths import (
    RECORD,
    drawn_folder,
    finetuned_folder,
    pretrained_folder,
    pretraining_folder,
    starts_folder,
    tokens_folder,
)
from components.study.study import Study

GRAPH = "graph"
"""The key of the computed part."""


def graph(study: Study) -> dict[str, Any]:
    """The stages of a study, as plain values.

    An arm without an intermediate step has nothing to begin from but its initial weights, on which every fine-tuning depends
    anyway. As DVC allows no path twice, a file inside stands for them: it adds no dependency. The same holds of a replicate
    that has drawn nothing and of the tokenised data.
    """
    drawn = {replicate: {"replicate": replicate, "drawn": _drawn(study, replicate)} for replicate in study.replicates}
    return {
        "drawings": {str(replicate): {"replicate": replicate} for replicate in study.drawings},
        "text": {str(replicate): drawn[replicate] for replicate in study.replicates},
        "image": {
            f"{front}-{replicate}": {"front": front, **drawn[replicate]}
            for front in study.image_fronts
            for replicate in study.replicates
        },
        "tune": {arm: {"arm": arm} for arm in study.arms},
        "pretrain": {
            f"{arm}-{replicate}": {"arm": arm, **drawn[replicate]}
            for arm in study.pretrained
            for replicate in study.replicates
        },
        "finetune": {
            f"{arm}-{task}-{replicate}": _finetuning(study, arm, task, replicate) | drawn[replicate]
            for arm in study.arms
            for task in study.tasks
            for replicate in study.replicates
        },
        "steps": pretraining_folder(Path()).as_posix()
        if study.pretrained
        else _initial(next(iter(study.arms)), study.replicates[0]),
    }


def _finetuning(study: Study, arm: str, task: str, replicate: int) -> dict[str, Any]:
    begins, budget = _initial(arm, replicate), "finetune"
    if (after := study.tasks[task].after) is not None:
        begins, budget = finetuned_folder(Path(), arm, after, replicate).as_posix(), "finetune_further"
    elif study.arms[arm].pretrained:
        begins = pretrained_folder(Path(), arm, replicate).as_posix()
    return {"arm": arm, "task": task, "begins": begins, "budget": budget}


def _drawn(study: Study, replicate: int) -> str:
    """What a replicate trains on beside the tokenised data."""
    own = replicate in study.drawings
    return (drawn_folder(Path(), replicate) if own else tokens_folder(Path()) / "index.json").as_posix()


def _initial(arm: str, replicate: int) -> str:
    """What an arm's unimodal components are, inside its folder of initial weights."""
    return (starts_folder(Path(), arm, replicate) / RECORD).as_posix()
