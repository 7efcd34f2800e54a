"""Find out which column of a manifest holds what: chosen by the user, or recognised by the names that people use."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from components.data.sources.manifest_settings import ManifestColumns
from components.errors import CeterisError

NONE = "none"
"""Given in place of a column's name: no column has this meaning, whatever the columns are called."""

# In order of preference. A question comes before a text, because the text may be what is written in the picture. Names of
# classes come before their numbers.
ALIASES: dict[str, tuple[str, ...]] = {
    "image": (
        "image",
        "image_path",
        "image_file",
        "image_filename",
        "image_name",
        "image_bytes",
        "picture",
        "file_name",
        "filename",
        "filepath",
        "file_path",
        "file",
        "path",
        "img",
        "img_path",
    ),
    "text": ("question", "text", "sentence", "statement", "caption", "title", "description"),
    "target": ("target", "answer", "class_name", "label_name", "category_name", "label", "class", "category"),
    "split": ("split", "subset", "partition"),
    "group": ("group", "group_id", "scene", "cluster"),
    "id": ("id", "sample_id", "question_id", "uid"),
    "boxes": ("boxes", "bounding_boxes", "bboxes", "bbox", "objects"),
    "classes": ("classes",),
}
_RARE = ("id", "boxes")
"""Meanings that descriptions do not list as absent."""
CHOSEN = tuple(ManifestColumns.model_fields)
"""Meanings for which the user may choose a column; the others are only recognised by name."""


@dataclass(frozen=True)
class Columns:
    """For each meaning, the name of its column in the file; None where there is none."""

    image: str | None = None
    text: str | None = None
    target: str | None = None
    split: str | None = None
    group: str | None = None
    id: str | None = None
    boxes: str | None = None
    classes: str | None = None

    @property
    def used(self) -> list[str]:
        """The columns to read, each once."""
        return list(dict.fromkeys(name for name in self.by_meaning().values() if name is not None))

    def by_meaning(self) -> dict[str, str | None]:
        """Meaning to column name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def describe(self) -> str:
        """In words: "image from 'path', target from 'label'; no text, no split"."""
        found = [f"{meaning} from {name!r}" for meaning, name in self.by_meaning().items() if name]
        missing = (meaning for meaning in CHOSEN if meaning not in _RARE and getattr(self, meaning) is None)
        absent = [f"no {meaning}" for meaning in missing]
        return "; ".join(", ".join(part) for part in (found, absent) if part)


def _plain(name: str) -> str:
    """A column's name in the form of the aliases: "Image Path", "image-path" and "imagePath" become "image_path"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s_.-]+", "_", words).lower()


def recognise(names: Sequence[str], chosen: ManifestColumns, file: str) -> Columns:
    """Find the column of each meaning: the one that the user chose, otherwise by its name in any case.

    Raises:
        CeterisError: a chosen column does not exist.
    """
    known = {_plain(name): name for name in reversed(names)}
    found: dict[str, str | None] = {}
    for meaning, aliases in ALIASES.items():
        choice = getattr(chosen, meaning, None)
        if choice is None:
            found[meaning] = next((known[alias] for alias in aliases if alias in known), None)
        elif choice in names:
            found[meaning] = choice
        elif choice == NONE:
            found[meaning] = None
        else:
            columns = ", ".join(repr(name) for name in names) or "none at all"
            raise CeterisError(
                f"{file} has no column {choice!r} to take the {meaning} from: its columns are {columns}."
            )
    if found["boxes"] is None:
        found["classes"] = None  # they are names of boxes
    # A column that the user chose for one meaning gets no second meaning by its name. A choice for the group or the split does
    # not count here, because any column may serve for these as well.
    exclusive = (meaning for meaning in ("image", "text", "target", "boxes") if getattr(chosen, meaning) is not None)
    taken = {name for meaning in exclusive if (name := found[meaning])}
    return Columns(
        **{
            meaning: None if name in taken and getattr(chosen, meaning, None) is None else name
            for meaning, name in found.items()
        }
    )
