"""Check the samples of a study, whatever source they came from: all of them, or a drawing of training samples beside the tests."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.findings import Findings, finding
from components.data.images import PLAIN, Rendering
from components.data.picture_survey import PictureSurvey
from components.data.samples import IMAGE_SCHEMA, SAMPLE_SCHEMA, SPLITS, shards
from components.data.validation.rendered import rendering_findings
from components.data.validation.rules import COLUMN_RULES, PART_RULES, PICTURE_RULES, SAMPLE_RULES
from components.data.validation.suite import Table, judge
from components.data.validation.tables import PictureTable, SampleTable, look_at, parts_frame
from components.study.tasks import TaskSettings
from components.tasks import TASKS

_BATCH_ROWS = 1024
_SAMPLE_COLUMNS = ["id", "part", "split", "image_ids", "text", "target", "group"]


@dataclass
class _Shards:
    """The readable shards of the two tables, the columns of all shards, and the shards that cannot be read."""

    images: list[Path] = field(default_factory=list)
    samples: list[Path] = field(default_factory=list)
    columns: list[dict[str, str | int]] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class _Rows:
    """The rows of one shard.

    Attributes:
        name: by which findings call the shard.
        trained: training samples and their pictures count, too.
    """

    path: Path
    name: str
    trained: bool = True


def check_data(
    folder: Path,
    tasks: Mapping[str, TaskSettings],
    docs: Path | None,
    progress: Callable[[float, str], None],
    rendering: Rendering = PLAIN,
    tests: Path | None = None,
) -> Findings:
    """All findings about the samples in a folder.

    Args:
        folder: the samples, as the materialise stage writes them.
        tasks: the tasks of the study.
        docs: folder for the Data Docs; None to keep none.
        progress: called with the percentage done and the current activity.
        rendering: how the study draws pictures.
        tests: where `folder` holds training samples alone, the folder with all other ones; its own training samples are left out.
    """
    found, held = _find(folder), _find(tests) if tests else _Shards()
    columns = pd.DataFrame(found.columns, columns=["file", "row", "name", "found", "expected", "summary"])
    tables = [Table("columns", columns.astype({"row": "int64"}), COLUMN_RULES, noun="")]
    advice = "run the materialise stage again"
    findings = Findings(
        [finding("critical", "readable", path.name, [], "cannot be read", advice) for path in found.broken]
    )
    if found.images or found.samples:
        rows = [_Rows(path, path.name) for path in found.samples]
        rows += [_Rows(path, f"{path.parent.name}/{path.name}", trained=False) for path in held.samples]
        shown = _shown(row for row in rows if not row.trained)
        images = [_Rows(path, path.name) for path in found.images]
        images += [_Rows(path, f"{path.parent.name}/{path.name}", trained=False) for path in held.images]
        pictures, survey = _pictures(images, shown, progress)
        samples, shown_by = _samples(rows, pictures, tasks)
        textless = [task for task, settings in tasks.items() if TASKS[settings.kind].text_optional]
        positional = [task for task, settings in tasks.items() if TASKS[settings.kind].targets == "positions"]
        frame = samples.frame(list(tasks), textless, positional)
        parts = parts_frame(frame, list(tasks), SPLITS, pretraining=True, place=folder.name)
        tables += [
            Table("samples", frame, SAMPLE_RULES),
            Table("pictures", pictures.frame(shown_by), PICTURE_RULES),
            Table("parts", parts, PART_RULES, noun=""),
        ]
        findings.items += rendering_findings(survey, rendering, folder.name, shown_by)
    elif not found.broken:
        findings.items.append(finding("critical", "zero rows", str(folder), [], "holds no samples", advice))
    progress(90, "judging the facts")
    findings.items += judge(tables, docs, folder.name).items
    return findings


def _find(folder: Path) -> _Shards:
    found = _Shards()
    for table, schema, readable in (("images", IMAGE_SCHEMA, found.images), ("samples", SAMPLE_SCHEMA, found.samples)):
        for path in shards(folder, table):
            try:
                actual = pq.read_schema(path)
            except (pa.ArrowException, OSError):
                found.broken.append(path)
                continue
            lines = [_column(path, row, name, actual, schema) for row, name in enumerate(schema.names, start=1)]
            found.columns += lines
            if all(line["found"] == line["expected"] for line in lines):
                readable.append(path)
    return found


def _column(path: Path, row: int, name: str, actual: pa.Schema, schema: pa.Schema) -> dict[str, str | int]:
    expected = str(schema.field(name).type)
    if name not in actual.names:
        found, summary = "missing", f"lacks the column {name!r}"
    elif actual.field(name).type.equals(schema.field(name).type):
        # Types are compared as such, because readers and writers name the items of lists differently.
        found, summary = expected, ""
    else:
        found = str(actual.field(name).type)
        summary = f"has the column {name!r} of type {found}, not {expected}"
    return {"file": path.name, "row": row, "name": "", "found": found, "expected": expected, "summary": summary}


def _pictures(
    shards: list[_Rows], tested: set[str], progress: Callable[[float, str], None]
) -> tuple[PictureTable, PictureSurvey]:
    """The table of pictures. Of shards without training samples only those that are `tested`, by their ids, are looked at."""
    table, survey = PictureTable(), PictureSurvey()
    total = sum(pq.read_metadata(shard.path).num_rows for shard in shards)
    seen = 0
    for shard in shards:
        with pq.ParquetFile(shard.path) as file:
            row = 0
            for batch in file.iter_batches(_BATCH_ROWS, columns=["image_id", "image", "boxes"]):
                columns = batch.to_pydict()
                for image_id, image, boxes in zip(columns["image_id"], columns["image"], columns["boxes"], strict=True):
                    row += 1
                    if shard.trained or image_id in tested:
                        look = look_at(image or b"", survey, image_id or "")
                        table.add(shard.name, row, image_id or "", look, boxes)
                seen += batch.num_rows
                progress(85 * seen / total, f"{seen} of {total} pictures decoded")
    return table, survey


def _shown(shards: Iterable[_Rows]) -> set[str]:
    """The ids of all pictures that samples show which are not trained on."""
    found: set[str] = set()
    for shard in shards:
        for batch in pq.ParquetFile(shard.path).iter_batches(_BATCH_ROWS, columns=["split", "image_ids"]):
            columns = batch.to_pydict()
            for split, shown in zip(columns["split"], columns["image_ids"], strict=True):
                if split != "train":
                    found.update(shown or [])
    return found


def _samples(
    shards: list[_Rows], pictures: PictureTable, tasks: Mapping[str, TaskSettings]
) -> tuple[SampleTable, dict[str, str]]:
    """The table of samples, and for every picture the first task sample that shows it, by which messages name it."""
    table = SampleTable()
    shown_by: dict[str, str] = {}
    for shard in shards:
        with pq.ParquetFile(shard.path) as file:
            row = 0
            for batch in file.iter_batches(_BATCH_ROWS, columns=_SAMPLE_COLUMNS):
                for values in batch.to_pylist():
                    row += 1
                    if values["split"] == "train" and not shard.trained:
                        continue
                    sample = {name: value or "" for name, value in values.items()}
                    shown = values["image_ids"] or []
                    if sample["part"] in tasks:
                        for image_id in shown:
                            shown_by.setdefault(image_id, sample["id"])
                    table.add(
                        file=shard.name,
                        row=row,
                        id=sample["id"],
                        part=sample["part"],
                        split=sample["split"] or "none",
                        text=sample["text"],
                        target=sample["target"],
                        group=sample["group"],
                        pictures=[pictures.looks.get(image_id) for image_id in shown],
                        name=sample["id"],
                    )
    return table, shown_by
