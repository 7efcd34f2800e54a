"""Predictions per sample, in file order."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from components.data.batches import in_order
from components.data.regions import RegionArrays
from components.data.store import Store
from components.data.task_batches import task_batch
from components.training.finetuning import FinetuningNetwork, needs_of

SCHEMA = pa.schema(
    {
        "cell": pa.string(),
        "split": pa.string(),
        "id": pa.string(),
        "group": pa.string(),
        "form": pa.string(),
        "target": pa.int16(),
        "prediction": pa.int16(),
        "confidence": pa.float32(),
        "correct": pa.float32(),
    }
)


def predict(
    network: FinetuningNetwork,
    store: Store,
    regions: RegionArrays | None,
    task: str,
    split: str,
    batch_size: int,
    device: torch.device,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (predictions, confidences, correct) batch after batch: (B,) each, or (B, Q) where a task asks Q things."""
    part = store.part(task, split)
    needs = needs_of(network.task)
    network.eval()
    for rows in in_order(part, max(1, batch_size // needs.pool) * needs.pool):
        batch = task_batch(store, part, rows, needs, regions)
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.inference_mode():
            scores = network.scores(batch).float()
            confidence, prediction = scores.softmax(dim=-1).max(dim=-1)
            correct = network.task.correct(scores, batch)
        yield prediction.cpu().numpy(), confidence.cpu().numpy(), correct.cpu().numpy()


def table(
    network: FinetuningNetwork,
    store: Store,
    regions: RegionArrays | None,
    task: str,
    split: str,
    cell: str,
    batch_size: int,
    device: torch.device,
) -> pa.Table:
    """All predictions of one split; where a task asks several things, each is a row, and its form says which."""
    part = store.part(task, split)
    batches = predict(network, store, regions, task, split, batch_size, device)
    prediction, confidence, correct = (np.concatenate(pieces) for pieces in zip(*batches, strict=True))
    questions = network.task.questions
    times = max(1, len(questions))
    return pa.table(
        {
            "cell": [cell] * len(part) * times,
            "split": [split] * len(part) * times,
            "id": [identity for identity in part.ids for _ in range(times)],
            "group": [group for group in part.groups for _ in range(times)],
            "form": list(questions) * len(part) if questions else part.forms,
            "target": part.targets.astype(np.int16).repeat(times),
            "prediction": prediction.astype(np.int16).reshape(-1),
            "confidence": confidence.reshape(-1),
            "correct": correct.astype(np.float32).reshape(-1),
        },
        schema=SCHEMA,
    )


def write(tables: list[pa.Table], path: Path) -> None:
    """Write predictions of several splits to one file, which may hold none."""
    pq.write_table(pa.concat_tables([SCHEMA.empty_table(), *tables]), path, compression="zstd")
