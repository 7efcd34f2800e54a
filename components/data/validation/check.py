"""Checks the user's own data before any import: `ceteris validate PATH`."""

import hashlib
from pathlib import Path
from typing import Literal

from components.data.sources.entries import Entry, Faults, Manifest
from components.data.validation.findings import Findings, merged
from components.data.validation.rules import PART_RULES, PICTURE_RULES, SAMPLE_RULES
from components.data.validation.suite import Table, judge
from components.data.validation.tables import Look, PictureTable, SampleTable, look_at, parts_frame
from components.errors import CeterisError

Kind = Literal["classification", "vqa"]
PART = "rows"


def check_manifest(path: Path, kind: Kind | None = None, docs: Path | None = None) -> Findings:
    """Everything that is wrong with a manifest and its pictures, by the user's own files and rows.

    Args:
        path: a manifest, or the folder that holds it.
        kind: questions need a text in every row; of classification, and where nothing is said, only that either all rows
            have one or none.
        docs: where to put the Data Docs; None for nowhere.

    Raises:
        CeterisError: there is no manifest at `path`, or it cannot be read at all.
    """
    manifest = Manifest(path)
    faults = Faults()
    pictures, samples = PictureTable(), SampleTable()
    looks: dict[str, Look] = {}
    named = False
    for entry in manifest.entries(faults):
        image_id, look = _look(entry, looks)
        pictures.add(entry.file, entry.place, f"{entry.file}:{entry.place}", look, entry.boxes)
        samples.add(
            entry.file,
            entry.place,
            entry.id,
            PART,
            entry.split or "",
            entry.text,
            entry.target,
            entry.group or image_id,
            [look.look],
        )
        named |= entry.split is not None
    structure = faults.findings()
    if not samples.rows["id"]:
        if structure.passed:
            raise CeterisError(f"{path} has no rows: add some.")
        return structure
    frame = samples.frame([PART], [] if kind == "vqa" else [PART])
    parts = parts_frame(frame, [PART], ["train"] if named else [], False, str(path))
    return merged(
        [
            structure,
            judge(
                [
                    Table("samples", frame, SAMPLE_RULES),
                    Table("pictures", pictures.frame(), PICTURE_RULES),
                    *([Table("parts", parts, PART_RULES, noun="")] if len(parts) else []),
                ],
                docs,
                str(path),
            ),
        ]
    )


def _look(entry: Entry, looks: dict[str, Look]) -> tuple[str, Look]:
    """What the picture of a row turned out to be; every different picture is decoded once."""
    try:
        data = entry.picture()
    except CeterisError as error:
        return f"{entry.file}:{entry.place}", Look(problem=str(error))
    digest = hashlib.sha256(data).hexdigest()
    if digest not in looks:
        looks[digest] = look_at(data)
    return digest[:24], looks[digest]
