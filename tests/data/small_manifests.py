"""Small manifests with small pictures, as people write them."""

import csv
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

Rows = list[dict]


def picture(number: int, side: int = 12) -> bytes:
    """A PNG file of noise, a different one for each number."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def pictured(folder: Path, rows: list[dict]) -> list[dict]:
    """The rows, each with a picture of its own in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, row in enumerate(rows):
        row.setdefault("image", f"{index}.png")
        (folder / row["image"]).write_bytes(picture(index))
    return rows


def sound_rows(folder: Path, count: int = 80) -> Rows:
    """Rows with nothing wrong: half train, half test."""
    rows = []
    for index in range(count):
        (folder / f"{index}.png").write_bytes(picture(index))
        rows.append(
            {
                "id": f"r{index}",
                "image": f"{index}.png",
                "text": f"is this number {index}?",
                "target": "yes" if index % 2 else "no",
                "split": "train" if index < count // 2 else "test",
                "group": f"g{index // 2}",
            }
        )
    return rows


def write_jsonl(folder: Path, rows: list[dict], name: str = "manifest.jsonl") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_csv(rows: Rows, path: Path) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
