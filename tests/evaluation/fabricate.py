"""A small `outputs/` tree in the documented formats, with known effects, for tests of everything after training."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from components.data.samples import Picture, Sample, SampleWriter
from components.study.loading import expansion_text, load_study
from components.study.plan import fine_tunings
from components.study.study import Study
from tests.evaluation.fabricated_records import draws, finetuning, write_records

ROOT = Path(__file__).resolve().parents[2]
FORMS = ("colour", "count", "exists", "relation")
ANSWERS = {"vqa": ["blue", "green", "no", "one", "red", "three", "two", "yes"], "statements": ["false", "true"]}
QUALITY = {
    ("clip", "scratch"): 0.55,
    ("clip", "unimodal"): 0.60,
    ("clip", "multimodal"): 0.70,
    ("clip", "unimodal_few"): 0.45,
    ("clip", "multimodal_few"): 0.60,
    ("vilt", "scratch"): 0.58,
    ("vilt", "unimodal"): 0.64,
    ("vilt", "multimodal"): 0.74,
    ("vilt", "unimodal_few"): 0.46,
    ("vilt", "multimodal_few"): 0.46,
    ("mmbt", "scratch"): 0.60,
    ("mmbt", "unimodal"): 0.735,
    ("late_fusion", "unimodal"): 0.66,
    ("image_only", "unimodal"): 0.35,
    ("text_only", "unimodal"): 0.42,
}
"""Probability of a correct prediction, by arm and cell."""
CONTROLLED = {
    ("single", "unimodal"): 0.60,
    ("single", "unimodal_matched"): 0.62,
    ("single", "multimodal"): 0.70,
    ("crossed", "multimodal"): 0.60,
    ("dense", "multimodal"): 0.70,
    ("both", "multimodal"): 0.65,
    ("told", "multimodal"): 0.90,
    ("late_fusion", "unimodal"): 0.66,
    ("text_only", "unimodal"): 0.42,
}
"""Likewise of `controlled_study`."""
DATA = {
    ("single", "multimodal"): 0.70,
    ("single", "multimodal_few"): 0.60,
    ("single_quarter", "multimodal"): 0.60,
    ("single_quarter", "multimodal_few"): 0.50,
    ("single_noisy", "multimodal"): 0.55,
    ("single_noisy", "multimodal_few"): 0.45,
    ("crossed", "multimodal"): 0.65,
    ("crossed", "multimodal_few"): 0.55,
    ("crossed_quarter", "multimodal"): 0.645,
    ("crossed_quarter", "multimodal_few"): 0.545,
    ("crossed_shapes", "multimodal"): 0.60,
    ("crossed_shapes", "multimodal_few"): 0.50,
    ("late_fusion", "unimodal"): 0.66,
    ("text_only", "unimodal"): 0.42,
}
"""Likewise of `data_study`."""
LABELLED = 2301
"""Labelled training samples of each task."""
WHOLE = {"share": 1.0, "caption_noise": 0.0, "domain": "all"}
"""What an intermediate step reads where nothing else is said."""
SAMPLES = {
    "pretrain_text": 25600,
    "pretrain_image": 40000,
    "pretrain": 57600,
    "finetune": 32000,
    "finetune_few": 8000,
    "finetune_further": 8000,
}
"""The budgets, whatever the default study has."""


def _two_tasks() -> dict[str, Any]:
    """The default study with six arms, three replicates and no contrasts, whatever it has, and a second task, so that there
    is something to keep apart.
    """
    values = load_study(ROOT / "studies/laptop.yaml").model_dump(mode="json")
    values["replicates"] = [0, 1, 2]
    values["evaluation"]["contrasts"] = []
    for budget, samples in SAMPLES.items():
        values[budget] |= {"samples": samples, "batch_size": 64}
    values["arms"] = {
        name: {
            **values["arms"][name],
            "starts": starts,
            "few_label_starts": starts[1:] if name in ("clip", "vilt") else [],
            "matched_starts": [],
        }
        for name in ("clip", "vilt", "image_only", "late_fusion", "mmbt", "text_only")
        if (starts := [cell for arm, cell in QUALITY if arm == name and not cell.endswith("_few")])
    }
    values["tasks"] = {
        "vqa": {"kind": "vqa", "few_labels": 500},
        "statements": {"kind": "statements", "few_labels": None},
    }
    values["evaluation"]["contrasts"] = []
    return values


def study_of(**changes: Any) -> Study:
    """The default study with some of its keys replaced."""
    values = _two_tasks()
    return Study.model_validate({**values, **changes})


def classification_study() -> Study:
    """A study with one classification task and no few-label cells."""
    values = _two_tasks()
    arms = {name: {**arm, "few_label_starts": []} for name, arm in values["arms"].items()}
    tasks = {"clothes": {"kind": "classification", "few_labels": None}}
    return study_of(name="clothes", tasks=tasks, arms=arms)


def controlled_study(**changes: Any) -> Study:
    """Arms that differ from `single` in fusion (`crossed`), in the front end (`dense`), in two axes (`both`), or in that they
    are shown exact boxes (`told`); with two contrasts.
    """
    values = _two_tasks()
    axes = {"fusion": "single_stream", "spatial_code": "sum_5", "readout": "product", "objectives": "words_matching"}
    axes |= {"norm": "post", "initial_scale": "common"}
    crossed = {**axes, "fusion": "lxmert"}
    differ = {
        "single": {"starts": ["unimodal", "multimodal"], "matched_starts": ["unimodal"]},
        "crossed": {"axes": crossed},
        "dense": {"front": "grid"},
        "both": {"axes": {**crossed, "readout": "pooled_text"}},
        "told": {"front": "boxes"},
    }
    same = {
        "architecture": "controlled",
        "front": "detector",
        "axes": axes,
        "unimodal": ["text"],
        "pairs": WHOLE,
        "starts": ["multimodal"],
        "few_label_starts": [],
        "matched_starts": [],
        "masked_words": 0.15,
        "freezing": [],
    }
    arms = {name: {**same, **difference} for name, difference in differ.items()}
    arms |= {name: values["arms"][name] for name in ("late_fusion", "text_only")}
    contrasts = [
        ("crossing", "fusion", "single/multimodal", "crossed/multimodal"),
        ("regions", "front", "single/multimodal", "dense/multimodal"),
        ("pairs_help", "start", "single/multimodal", "single/unimodal_matched"),
    ]
    asked = [
        {
            "name": name,
            "question": f"Does {axis} matter?",
            "axis": axis,
            "task": "vqa",
            "first": first,
            "second": second,
        }
        for name, axis, first, second in contrasts
    ]
    settings = {
        "replicates": [0, 1, 2, 3, 4],
        "arms": arms,
        "tasks": {"vqa": {"kind": "vqa", "few_labels": None}},
        "evaluation": {**values["evaluation"], "contrasts": asked},
    }
    return study_of(**{**settings, **changes})


def data_study(**changes: Any) -> Study:
    """Two controlled arms, each at two or three levels of what its intermediate step reads, on all and on few labels."""
    values = controlled_study().model_dump()
    quarter = WHOLE | {"share": 0.25}
    read = {
        ("single", ""): WHOLE,
        ("single", "_quarter"): quarter,
        ("single", "_noisy"): WHOLE | {"caption_noise": 0.3},
        ("crossed", ""): WHOLE,
        ("crossed", "_quarter"): quarter,
        ("crossed", "_shapes"): quarter | {"domain": "shapes"},
    }
    same = {"starts": ["multimodal"], "few_label_starts": ["multimodal"], "matched_starts": []}
    arms = {f"{arm}{level}": {**values["arms"][arm], **same, "pairs": pairs} for (arm, level), pairs in read.items()}
    settings = {
        "replicates": [0, 1, 2],
        "arms": arms | {name: values["arms"][name] for name in ("late_fusion", "text_only")},
        "tasks": {"vqa": {"kind": "vqa", "few_labels": 500}},
    }
    return study_of(**{**settings, **changes})


def interaction_study(**changes: Any) -> Study:
    """`data_study` with an effect of the amount of data, whether it depends on the fusion, and the same the other way round."""
    values = data_study().model_dump()
    single = {"first": "single/multimodal", "second": "single_quarter/multimodal"}
    crossed = {"first": "crossed/multimodal", "second": "crossed_quarter/multimodal"}
    asked = {
        "amount": single,
        "amount_by_fusion": {**single, "by": "fusion", "against": crossed},
        "turned": {**crossed, "by": "fusion", "against": single},
    }
    contrasts = [
        {"name": name, "question": f"How much does {name} matter?", "axis": "amount", "task": "vqa", **cells}
        for name, cells in asked.items()
    ]
    return data_study(**{"evaluation": {**values["evaluation"], "contrasts": contrasts}, **changes})


def fabricate(
    root: Path,
    study: Study,
    items: int = 400,
    quality: Mapping[tuple[str, str], float] = QUALITY,
    spread: float = 0.01,
    pictures: bool = True,
    spool: bool = False,
) -> Path:
    """Write params.yaml and everything that evaluate, compare and the report read, below `root`."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(expansion_text(study), encoding="utf-8")
    tables = {task: _items(study, task, items) for task in study.tasks}
    if pictures:
        _data(root / "outputs/data", study, tables)
    _floors(root / "outputs/floors", tables)
    _tokens(root / "outputs/tokens", study)
    for task, table in tables.items():
        for arm in study.arms:
            for replicate in study.replicates:
                _run(root, study, arm, task, replicate, table, quality, spread)
    write_records(root / "outputs", study)
    if spool:
        _spool(root / ".ceteris/spool", study)
    return root


def answers_of(task: str) -> list[str]:
    """The answers of a task, sorted."""
    return ANSWERS.get(task, ["dress", "hat", "shirt", "shoes"])


def _items(study: Study, task: str, items: int) -> pd.DataFrame:
    """Items of all splits: two questions a picture, four forms, with a difficulty each."""
    generator = draws(study.name, task)
    sizes = {"validation": items // 4, "selection": items, "gate": items // 4}
    if study.data.source == "scenes" and task in ANSWERS:
        sizes |= {"general_counts": items // 4, "general_paraphrases": items // 4}
    frames = []
    for split, size in sizes.items():
        number = np.arange(size)
        forms = np.array(FORMS)[number % 4] if task == "vqa" else np.full(size, "")
        targets = generator.integers(0, len(answers_of(task)), size)
        frames.append(
            pd.DataFrame(
                {
                    "split": split,
                    "id": [f"{task}-{split}-{index:06d}" for index in number],
                    "group": [f"{split}-{index // 2:06d}" for index in number],
                    "form": forms,
                    "target": targets.astype("int16"),
                    "difficulty": generator.normal(0, 0.15, size),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _run(
    root: Path,
    study: Study,
    arm: str,
    task: str,
    replicate: int,
    table: pd.DataFrame,
    quality: Mapping[tuple[str, str], float],
    spread: float,
) -> None:
    folder = root / f"outputs/finetune/{arm}/{task}/{replicate}"
    folder.mkdir(parents=True)
    scored = table[table["split"] != "gate"]
    frames, records = [], {}
    # What an arm cannot do has no cells.
    for one in fine_tunings(study, arm, task):
        cell = one.name
        generator = draws(arm, task, cell, replicate)
        chance = quality[arm, cell] + generator.normal(0, spread) + scored["difficulty"]
        chance = chance - 0.1 * scored["split"].str.startswith("general_")
        right = generator.random(len(scored)) < chance
        options = len(answers_of(task))
        wrong = (scored["target"] + 1 + generator.integers(0, options - 1, len(scored))) % options
        frames.append(
            scored[["split", "id", "group", "form", "target"]].assign(
                cell=cell,
                prediction=np.where(right, scored["target"], wrong).astype("int16"),
                confidence=generator.random(len(scored)).astype("float32"),
                correct=right.astype("float32"),
            )
        )
        records[cell] = finetuning(study, arm, task, one, replicate, quality[arm, cell])
    empty = scored.iloc[:0][["split", "id", "group", "form", "target"]].assign(
        cell="", prediction=0, confidence=0.0, correct=0.0
    )
    pd.concat(frames or [empty]).to_parquet(folder / "predictions.parquet", index=False)
    (folder / "record.json").write_text(json.dumps({"cells": records}), encoding="utf-8")


def _floors(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    folder.mkdir(parents=True)
    floors = {
        task: {
            split: {"majority": 0.2, "text_only": 0.4, "image_only": 0.3}
            for split in sorted(set(table["split"]) - {"gate"})
        }
        for task, table in tables.items()
    }
    (folder / "floors.json").write_text(json.dumps(floors), encoding="utf-8")
    hard = [table.assign(task=task)[["task", "split", "id"]].iloc[::5] for task, table in tables.items()]
    pd.concat(hard).to_parquet(folder / "hard.parquet", index=False)


def _tokens(folder: Path, study: Study) -> None:
    """As much as is said of what was trained on."""
    folder.mkdir(parents=True)
    index = {"parts": {task: {"train": LABELLED} for task in study.tasks}}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _data(folder: Path, study: Study, tables: Mapping[str, pd.DataFrame]) -> None:
    with SampleWriter(folder, rows_per_shard=256) as writer:
        drawn: set[str] = set()
        for task, table in tables.items():
            answers = answers_of(task)
            for row in table.itertuples():
                if row.group not in drawn:
                    drawn.add(row.group)
                    boxes = [[4.0, 4.0, 14.0, 14.0]] * _objects(row.group)
                    writer.picture(Picture(row.group, _picture(row.group), row.group, boxes=boxes))
                text = (
                    ""
                    if study.tasks[task].kind == "classification"
                    else f"is there a <red> {row.form or 'thing'} & {'more ' * (row.Index % 3)}?"
                )
                sample = Sample(row.id, task, row.split, [row.group], text, answers[row.target], row.group, row.form)
                writer.sample(sample)
        writer.finish("scenes", "scenes", {task: answers_of(task) for task in tables}, [], {"text": "generated"})


def _objects(name: str) -> int:
    """How many objects a picture shows: 1 to 3."""
    return int(draws(name).integers(1, 4))


def _picture(name: str) -> bytes:
    generator = draws(name)
    picture = Image.new("RGB", (48, 48), (236, 234, 228))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(generator.integers(1, 4))):
        x, y = (int(value) for value in generator.integers(4, 30, 2))
        colour = ["#d13b3b", "#3762c9", "#2f9e58", "#d9a514"][int(generator.integers(0, 4))]
        shape = draw.ellipse if generator.random() < 0.5 else draw.rectangle
        shape((x, y, x + 13, y + 13), fill=colour)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


SECONDS_A_SAMPLE = 0.001
"""Of all fine-tuning, by the clock of the spool."""


def _spool(folder: Path, study: Study) -> None:
    """Every stage that trains: killed after 20 seconds, then resumed for 20 more. Fine-tuning leaves points of curves."""
    stages: dict[str, list[str]] = {f"pretrain_text@{replicate}": [] for replicate in study.replicates}
    for replicate in study.replicates:
        stages |= {f"pretrain_image@{front}-{replicate}": [] for front in study.image_fronts}
        stages |= {f"pretrain@{name}-{replicate}": [] for name in study.pretrained}
        for task in study.tasks:
            for name in study.arms:
                stages[f"finetune@{name}-{task}-{replicate}"] = [cell.name for cell in fine_tunings(study, name, task)]
    for stage, cells in stages.items():
        (folder / stage).mkdir(parents=True)
        runs = [("20260101T000000000000Z-1", "killed", 0), ("20260101T001000000000Z-2", "finished", 400)]
        for clock, status, first in runs:
            events: list[dict[str, Any]] = [{"event": "start", "stage": stage, "scratch_key": "k"}]
            events += [
                {
                    "event": "metrics",
                    # Between two cells there is time that is no training.
                    "time": 1000.0 + 60 * index + samples * SECONDS_A_SAMPLE,
                    "prefix": cell,
                    "samples": samples,
                    "values": {"loss": 1.0},
                }
                for index, cell in enumerate(cells)
                for samples in range(first + 100, first + 600, 100)
            ]
            events += [{"event": "end", "status": status, "seconds": 20.0, "peak_memory_bytes": 600e6, "message": ""}]
            lines = "".join(json.dumps(event) + "\n" for event in events)
            (folder / stage / f"{clock}.jsonl").write_text(lines, encoding="utf-8")
