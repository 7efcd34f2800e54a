"""Read pictures in folders that are named after their classes, without a manifest: CLASS/*.png or SPLIT/CLASS/*.png.

A single outer folder around all others is skipped, as in archives (`images/CLASS/*.png`). Pictures deeper than the folder of
a class belong to that class.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from components.data.sources.tables.picture_names import is_litter, is_picture_name
from components.data.sources.tables.row import Fault, ManifestFile, Row, malformed
from components.data.sources.tables.split_names import SPLIT_WORDS
from components.errors import CeterisError

# Folders of these names hold all pictures, or masks, and are never classes.
_NO_CLASSES = frozenset({"image", "images", "img", "imgs", "jpegimages", "mask", "masks"})


@dataclass(frozen=True)
class ClassFolders:
    """The files below a folder; paths are relative to it, with slashes, in order.

    Attributes:
        pictures: path, split and class of each picture. The split is None where there are no folders of splits, the class is
            None where the picture is in no class folder.
        others: files that are no pictures.
    """

    pictures: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def deep(self) -> list[str]:
        """Folders inside class folders; they have no meaning here."""
        told = 3 if any(split for _, split, _ in self.pictures) else 2
        return sorted(
            {path.rpartition("/")[0] for path, _, target in self.pictures if target and path.count("/") >= told}
        )

    @property
    def classes(self) -> set[str]:
        """The names of the classes."""
        return {target for _, _, target in self.pictures if target is not None}


def class_folders(folder: Path) -> ClassFolders:
    """The pictures below a folder with their classes.

    Raises:
        CeterisError: folders of splits lie beside other folders, or a folder cannot be read.
    """
    pictures: list[tuple[str, ...]] = []
    others: list[tuple[str, ...]] = []
    for parts in sorted(_files(folder)):
        (pictures if is_picture_name(parts[-1]) else others).append(parts)
    inner = _without_shell([parts[:-1] for parts in pictures])
    with_splits = _has_splits(folder, inner)
    splits = [parts[0].lower() if with_splits and parts else None for parts in inner]
    if with_splits:
        inner = _without_shell([parts[1:] for parts in inner])
    elif inner and all(len(parts) > 1 and parts[1].lower() in SPLIT_WORDS for parts in inner):
        splits = [parts[1].lower() for parts in inner]  # CLASS/SPLIT/picture.png
    return ClassFolders(
        [
            ("/".join(parts), split, within[0] if within else None)
            for parts, split, within in zip(pictures, splits, inner, strict=True)
        ],
        ["/".join(parts) for parts in others],
    )


def are_classes(found: ClassFolders) -> bool:
    """Whether the folders can be classes: there are some, and none bears a name such as `images`."""
    return bool(found.classes) and not any(name.lower() in _NO_CLASSES for name in found.classes)


def rows(file: ManifestFile) -> Iterator[Row | Fault]:
    """One row for each picture with `image`, `target` and, where there are folders of splits, `split`.

    Raises:
        CeterisError: as `class_folders`.
    """
    for place, (path, split, target) in enumerate(class_folders(file.path).pictures, start=1):
        if target is None:
            yield malformed(file, place, "lies in no folder of a class", path, "move it into one or remove it")
        else:
            yield Row(file.name, place, {"image": path, "target": target} | ({"split": split} if split else {}))


def column_names(file: ManifestFile) -> list[str]:
    """The columns of the rows."""
    found = class_folders(file.path).pictures
    return ["image", "target", "split"] if any(split for _, split, _ in found) else ["image", "target"]


def _files(folder: Path) -> Iterator[tuple[str, ...]]:
    """The files below a folder as parts of their relative paths; links are followed and litter is left out."""

    def stop(error: OSError) -> None:
        raise CeterisError(f"{error.filename} cannot be read ({error.strerror}): make it readable.")

    for place, folders, names in os.walk(folder, onerror=stop, followlinks=True):
        parts = Path(place).relative_to(folder).parts
        folders[:] = [name for name in folders if not is_litter(name) and not _leads_back(Path(place, name))]
        yield from ((*parts, name) for name in names if not is_litter(name))


def _leads_back(path: Path) -> bool:
    """Whether a link leads to one of its own parent folders, so that following it would never end."""
    return path.is_symlink() and any(path.resolve() == parent.resolve() for parent in path.parents)


def _without_shell(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Remove the outermost folder as long as all paths share it, all have another one, and it names no split."""
    while paths and all(len(parts) > 1 and parts[0] == paths[0][0] for parts in paths):
        if paths[0][0].lower() in SPLIT_WORDS:
            break
        paths = [parts[1:] for parts in paths]
    return paths


def _has_splits(folder: Path, paths: list[tuple[str, ...]]) -> bool:
    deep = {parts[0] for parts in paths if len(parts) > 1}
    outermost = {parts[0] for parts in paths if parts}
    splits = {name for name in outermost if name.lower() in SPLIT_WORDS}
    if splits and splits == outermost:
        return True
    if splits and splits <= deep:
        raise CeterisError(
            f"{folder} holds folders of splits ({', '.join(sorted(splits))}) and others beside them "
            f"({', '.join(sorted(outermost - splits)[:3])}): move the others elsewhere, or write a manifest."
        )
    return False
