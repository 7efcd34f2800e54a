"""Which column of a manifest is what: the names people use, recognised and reported."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

# In order of preference: a name of its own first, then names that say it more readably ("class_name" before "label").
ALIASES: dict[str, tuple[str, ...]] = {
    "image": (
        "image",
        "image_path",
        "image_file",
        "image_bytes",
        "picture",
        "file_name",
        "filename",
        "file",
        "path",
        "img",
    ),
    "text": ("text", "question", "sentence", "statement", "caption", "title", "description"),
    "target": ("target", "answer", "class_name", "label", "class", "category", "label_name"),
    "split": ("split", "subset", "partition"),
    "group": ("group", "group_id", "scene", "cluster"),
    "id": ("id", "sample_id", "question_id", "uid"),
    "boxes": ("boxes", "bounding_boxes"),
}


@dataclass(frozen=True)
class Columns:
    """The column that holds each thing, by its name in the file; None where there is none."""

    image: str | None = None
    text: str | None = None
    target: str | None = None
    split: str | None = None
    group: str | None = None
    id: str | None = None
    boxes: str | None = None

    @property
    def used(self) -> list[str]:
        """The columns to read."""
        return [name for name in self.by_meaning().values() if name is not None]

    def by_meaning(self) -> dict[str, str | None]:
        """Meaning to column name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def describe(self) -> str:
        """In words, for the log."""
        return ", ".join(
            f"{meaning} from column {name!r}" if name else f"no {meaning}"
            for meaning, name in self.by_meaning().items()
        )


def recognise(names: Sequence[str]) -> Columns:
    """Find the columns among the names of a file, whatever their case."""
    known = {name.strip().lower(): name for name in reversed(names)}
    found = {
        meaning: next((known[alias] for alias in aliases if alias in known), None)
        for meaning, aliases in ALIASES.items()
    }
    return Columns(**found)
