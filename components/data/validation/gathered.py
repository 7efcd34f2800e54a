"""Gather in one pass over a manifest what all checks and measurements need."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from components.data.picture_survey import PictureSurvey
from components.data.sources.contradictions import Contradictions
from components.data.sources.entries import Entry, UnreadableFileError
from components.data.sources.faults import Faults
from components.data.sources.manifest import Scan
from components.data.validation.tables import Look, PictureTable, SampleTable, look_at
from components.files.digests import digest_of_bytes

PART = "rows"
"""Name of the part to which all rows of a manifest belong in the table of samples."""

_MISSING = frozenset({"nan", "none", "null", "n/a", "na", "#n/a", "<na>", "nil"})
"""Words by which programs write that a value is missing."""


@dataclass
class Gathered:
    """What one pass over the entries gathers: no pictures, and only hashes of texts."""

    survey: PictureSurvey = field(default_factory=PictureSurvey)
    faults: Faults = field(default_factory=Faults)
    pictures: PictureTable = field(default_factory=PictureTable)
    samples: SampleTable = field(default_factory=SampleTable)
    contradictions: Contradictions = field(default_factory=Contradictions)
    recomposed: Counter[str] = field(default_factory=Counter)
    scan: Scan = field(default_factory=Scan)
    looks: dict[str, tuple[Look, int]] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    boxed: int = 0
    nameless: bool = False
    box_classes: set[str] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        """Add one row."""
        image_id, look, size = self._look(entry)
        # A picture that cannot be decoded counts as different from all others.
        seen = look.look or image_id
        group = entry.group or image_id
        self.pictures.add(
            entry.file, entry.place, f"{entry.file}:{entry.place}", look, entry.boxes.values if entry.boxes else None
        )
        self.samples.add(
            entry.file, entry.place, entry.id, PART, entry.split or "", entry.text, entry.target, group, [seen]
        )
        words = digest_of_bytes(" ".join(entry.text.split()).encode())[:24] if entry.text.strip() else ""
        self.contradictions.add(entry.file, entry.place, seen, words, entry.target)
        if entry.written_target and entry.target != entry.written_target:
            self.recomposed[entry.target or ""] += 1
        self.scan.add(entry, image_id, seen, size)
        for word in (entry.target, entry.text.strip()):
            if word and word.lower() in _MISSING:
                self.missing[word] += 1
        if entry.boxes is not None and entry.boxes.values:
            self.boxed += 1
            self.nameless |= entry.boxes.names is None or not all(entry.boxes.names)
            self.box_classes.update(entry.boxes.names or [])

    def _look(self, entry: Entry) -> tuple[str, Look, int]:
        """The id of a row's picture, its facts, and its size in bytes; every different picture is decoded once."""
        try:
            data = entry.picture()
        except UnreadableFileError as error:
            return f"{entry.file}:{entry.place}", Look(problem="cannot be read", reason=error.reason), 0
        digest = digest_of_bytes(data)
        if digest not in self.looks:
            name = entry.image.name if isinstance(entry.image, Path) else entry.id
            self.looks[digest] = (look_at(data, self.survey, name), len(data))
        return digest[:24], *self.looks[digest]
