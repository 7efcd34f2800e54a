"""Copy a user's manifest, and the pictures that it names, to `data/NAME`, where a study reads them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

from components.data.copies import copy_file
from components.data.sources.entries import Entry, Manifest
from components.data.sources.faults import Faults
from components.data.sources.manifest_rows import FOLDERS
from components.data.sources.manifest_settings import ManifestSettings
from components.errors import CeterisError
from components.files.atomic import atomic_folder

PICTURES = "pictures"
"""Where pictures from a folder elsewhere are put, inside `data/NAME`."""


def settings_of_copy(settings: ManifestSettings, manifest: Manifest) -> ManifestSettings:
    """Settings for reading the copy of a manifest; all their paths stay inside the study's data folder."""
    base, own = manifest.pictures.base, manifest.home
    pictures = None
    if base != own:
        # The copy of the manifest lies at the top of the data folder, whatever folder it came from.
        pictures = os.path.relpath(base, own) if base.is_relative_to(own) else PICTURES
    (file, *others) = manifest.files
    name = None if others or file.kind == FOLDERS else file.path.name
    return settings.model_copy(update={"file": name, "pictures": pictures, "prefix": manifest.pictures.prefix or None})


def settings_in_place(settings: ManifestSettings, manifest: Manifest) -> ManifestSettings:
    """Settings for reading a manifest that already lies at `data/NAME`.

    Raises:
        CeterisError: its pictures lie elsewhere.
    """
    base, folder = manifest.pictures.base, manifest.folder
    if not base.is_relative_to(folder):
        raise CeterisError(
            f"the pictures lie in {base}, outside {folder}: copy them there, or give a manifest elsewhere, which is then copied."
        )
    (file, *others) = manifest.files
    name = None if others or file.kind == FOLDERS else os.path.relpath(file.path, folder)
    pictures = None if base == manifest.home else os.path.relpath(base, folder)
    return settings.model_copy(update={"file": name, "pictures": pictures, "prefix": manifest.pictures.prefix or None})


@contextmanager
def copied(manifest: Manifest, folder: Path, settings: ManifestSettings) -> Iterator[None]:
    """Copy the data to `folder` for the block inside. If the block fails, the copy is removed.

    Args:
        settings: how the copy is read.

    Raises:
        CeterisError: the copy would be read differently from the manifest.
    """
    with atomic_folder(folder) as beside:
        _copy(manifest, beside, settings)
        refuse_difference(manifest, Manifest(beside, settings))
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _copy(manifest: Manifest, folder: Path, settings: ManifestSettings) -> None:
    for file in manifest.files:
        if file.kind != FOLDERS:
            copy_file(file.path, folder / file.path.name)
    for entry in manifest.entries(Faults()):
        if isinstance(entry.image, Path):
            place = folder / (settings.pictures or "") / os.path.relpath(entry.image, manifest.pictures.base)
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                copy_file(entry.image, place)


def refuse_difference(manifest: Manifest, other: Manifest) -> None:
    """Compare every row of a manifest with the row that the study will read.

    Raises:
        CeterisError: a row differs. That would be a fault of this program, not of the data.
    """
    for mine, theirs in zip_longest(manifest.entries(Faults()), other.entries(Faults())):
        if mine is None or theirs is None or _content(mine, manifest) != _content(theirs, other):
            row = mine or theirs
            raise CeterisError(
                f"{row.file}, row {row.place}, would be read otherwise by the study than it was checked: give the manifest as a "
                "CSV file with pictures below its folder, and please report this."
            )


def _content(entry: Entry, manifest: Manifest) -> tuple[object, ...]:
    """The parts of a row that a study reads, for comparison. Pictures count by relative path and size in bytes."""
    picture: object = entry.image
    if isinstance(entry.image, Path):
        picture = (os.path.relpath(entry.image, manifest.pictures.base), entry.image.stat().st_size)
    return (entry.id, picture, entry.text, entry.target, entry.split, entry.group, entry.boxes)
