"""Predictions per sample, in file order."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from components.data.batches import Ingredients, collate, in_order
from components.data.regions import RegionArrays
from components.data.store import Store
from components.training.finetuning import FinetuningNetwork

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
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (rows, predictions, confidences, correct), each (B,), batch after batch."""
    part = store.part(task, split)
    ingredients = Ingredients(pictures=True, texts=True, targets=True, regions=regions is not None)
    network.eval()
    for rows in in_order(part, batch_size):
        batch = collate(store, part, rows, ingredients, regions)
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.inference_mode():
            scores = network.scores(batch).float()
            confidence, prediction = scores.softmax(dim=1).max(dim=1)
            correct = network.task.correct(scores, batch)
        yield rows, prediction.cpu().numpy(), confidence.cpu().numpy(), correct.cpu().numpy()


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
    """All predictions of one split."""
    part = store.part(task, split)
    batches = predict(network, store, regions, task, split, batch_size, device)
    columns = [np.concatenate(pieces) for pieces in zip(*batches, strict=True)]
    _, prediction, confidence, correct = columns
    return pa.table(
        {
            "cell": [cell] * len(part),
            "split": [split] * len(part),
            "id": part.ids,
            "group": part.groups,
            "form": part.forms,
            "target": part.targets.astype(np.int16),
            "prediction": prediction.astype(np.int16),
            "confidence": confidence,
            "correct": correct.astype(np.float32),
        },
        schema=SCHEMA,
    )


def write(tables: list[pa.Table], path: Path) -> None:
    """Write predictions of several splits to one file."""
    pq.write_table(pa.concat_tables(tables), path, compression="zstd")
