"""Samples on disk: a few Parquet shards with the picture bytes inside.

Two tables, so that a picture asked ten questions is stored once. Writing streams in bounded memory; reading goes shard
by shard. See docs/formats.md for the columns.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from components.files.json_files import write_json

IMAGE_SCHEMA = pa.schema(
    {
        "image_id": pa.string(),
        "image": pa.binary(),
        "group": pa.string(),
        "objects": pa.list_(pa.int16()),
        "boxes": pa.list_(pa.list_(pa.float32())),
        "classes": pa.list_(pa.string()),
        "attributes": pa.list_(pa.string()),
        "label": pa.string(),
    }
)
SAMPLE_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "part": pa.string(),
        "split": pa.string(),
        "image_ids": pa.list_(pa.string()),
        "text": pa.string(),
        "target": pa.string(),
        "group": pa.string(),
        "form": pa.string(),
        "facts": pa.list_(pa.int16()),
        "pair": pa.string(),
    }
)
GENERALISATION_PREFIX = "general_"
SPLITS = ("train", "validation", "selection", "gate")


@dataclass(frozen=True)
class Picture:
    """One encoded picture, with what is known about it.

    `classes` and `attributes` name the object in each box ("circle", "red"); they are empty where no names are known.
    """

    image_id: str
    image: bytes
    group: str
    objects: Sequence[int] = ()
    boxes: Sequence[Sequence[float]] | None = None
    label: str | None = None
    classes: Sequence[str] = ()
    attributes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check that names belong to boxes.

        Raises:
            ValueError: some boxes have a name and others none.
        """
        count = len(self.boxes or ())
        for what, names in (("classes", self.classes), ("attributes", self.attributes)):
            if len(names) not in (0, count):
                raise ValueError(f"picture {self.image_id} has {count} boxes but {len(names)} {what}")


@dataclass(frozen=True)
class Sample:
    """One row to train on or to score."""

    id: str
    part: str
    split: str
    image_ids: Sequence[str] = ()
    text: str = ""
    target: str | None = None
    group: str = ""
    form: str = ""
    facts: Sequence[int] = ()
    pair: str = ""


@dataclass
class SampleWriter:
    """Writes pictures and samples to shards in the order in which they come.

    Use as a context manager; `finish` writes `source.json` last, so a folder without it is incomplete.
    """

    folder: Path
    rows_per_shard: int = 8192
    _images: list[Picture] = field(default_factory=list)
    _samples: list[Sample] = field(default_factory=list)
    _shards: list[Path] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=lambda: {"images": 0, "samples": 0})

    def __enter__(self) -> "SampleWriter":
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush("images")
            self._flush("samples")

    def picture(self, picture: Picture) -> None:
        """Append one picture."""
        self._images.append(picture)
        if len(self._images) >= self.rows_per_shard:
            self._flush("images")

    def sample(self, sample: Sample) -> None:
        """Append one sample."""
        self._samples.append(sample)
        if len(self._samples) >= self.rows_per_shard:
            self._flush("samples")

    def _flush(self, table: str) -> None:
        rows, schema = (self._images, IMAGE_SCHEMA) if table == "images" else (self._samples, SAMPLE_SCHEMA)
        if not rows:
            return
        path = self.folder / f"{table}-{self._counts[table]:05d}.parquet"
        columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
        pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")
        self._counts[table] += 1
        self._shards.append(path)
        rows.clear()

    def finish(
        self, source: str, oracle: str, answers: dict[str, list[str]], image_labels: list[str], texts: dict[str, str]
    ) -> None:
        """Flush what is left and describe the whole in `source.json`."""
        self._flush("images")
        self._flush("samples")
        description = {
            "source": source,
            "oracle": oracle,
            "answers": {task: sorted(values) for task, values in sorted(answers.items())},
            "image_labels": sorted(image_labels),
            "texts": texts,
            "digest": digest_of(self.folder),
        }
        write_json(self.folder / "source.json", description, indent=2)


def shards(folder: Path, table: str) -> list[Path]:
    """The shards of one table ('images', 'samples' or 'regions'), in order."""
    return sorted(folder.glob(f"{table}-*.parquet"))


def read(folder: Path, table: str, columns: list[str] | None = None, rows: int = 4096) -> Iterator[pa.RecordBatch]:
    """Stream one table in batches of at most `rows`, in order, in bounded memory."""
    for shard in shards(folder, table):
        with pq.ParquetFile(shard) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)


def describe(folder: Path) -> dict:
    """The content of `source.json`."""
    return json.loads((folder / "source.json").read_text(encoding="utf-8"))


def digest_of(folder: Path) -> str:
    """sha256 over the bytes of all shards, in order."""
    digest = hashlib.sha256()
    for path in [path for table in ("images", "samples", "regions") for path in shards(folder, table)]:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
