"""Find the files of a manifest: the file at a path, or the files in a folder."""

import re
from collections import Counter
from pathlib import Path

from components.data.sources.tables.class_folders import are_classes, class_folders
from components.data.sources.tables.picture_names import is_litter, is_picture_name
from components.data.sources.tables.row import ManifestFile
from components.data.sources.tables.separated_values import SEPARATORS
from components.data.sources.tables.split_names import SPLIT_WORDS, split_word
from components.errors import CeterisError

JSON_LINES = (".jsonl", ".ndjson")
JSON, PARQUET, PLAIN_TEXT = ".json", ".parquet", ".txt"
# Suffixes that a folder is searched for. A .txt file is read only if its own path is given, because most folders hold text
# files that are no manifest.
SUFFIXES = (*(suffix for suffix in SEPARATORS if suffix != PLAIN_TEXT), *JSON_LINES, JSON, PARQUET)
# Names of folders in which people keep manifests beside the pictures.
SUBFOLDERS = frozenset({"annotations", "annotation", "ann", "anns", "labels", "metadata", "meta", "data"})
_WORKBOOKS = frozenset({".xlsx", ".xls", ".xlsm", ".ods", ".numbers"})
_ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".7z", ".rar"})


def manifest_files(path: Path) -> list[ManifestFile]:
    """The files of the manifest at `path`: the file itself, those at the top of the folder, or those in a subfolder.

    * Subfolders that are searched have names such as `annotations` (`SUBFOLDERS`).
    * Several files make one manifest if each name says a split, such as `train.parquet` and `validation.parquet`.
    * A folder without any such file is a manifest if its subfolders are named after the classes of the pictures in them.

    Raises:
        CeterisError: there is no manifest, or the files do not make one.
    """
    if path.is_file():
        if path.suffix.lower() not in (*SUFFIXES, PLAIN_TEXT):
            raise CeterisError(f"{path} is no manifest: {_advice_on(path)}.")
        return [ManifestFile(path, str(path), split_word(path.stem), path.parent)]
    if not path.is_dir():
        raise CeterisError(
            f"{path} does not exist: give a manifest ({', '.join(SUFFIXES)}) or the folder that holds it."
        )
    home, tables = path, _tables(path)
    if not tables:
        homes = {
            inner: found for inner in _folders(path) if inner.name.lower() in SUBFOLDERS and (found := _tables(inner))
        }
        if len(homes) > 1:
            names = ", ".join(inner.name for inner in homes)
            raise CeterisError(
                f"{path} holds manifests in several folders ({names}): give the one file that is the manifest."
            )
        home, tables = next(iter(homes.items()), (path, tables))
    if not tables:
        return [_class_folders(path)]
    _refuse_unlike(home, tables)
    return [ManifestFile(table, str(table), split_word(table.stem), path) for table in tables]


def _tables(folder: Path) -> list[Path]:
    """The files in a folder that can be a manifest, in order.

    JSON files often describe something else. Beside other tables a JSON file counts only if it is named after one of them or
    after a split.
    """
    files = [file for file in sorted(folder.iterdir()) if not is_litter(file.name) and file.is_file()]
    tables = [file for file in files if file.suffix.lower() in SUFFIXES]
    stems = Counter(file.stem for file in tables if file.suffix.lower() != JSON)
    if not stems:
        return tables
    return [
        file
        for file in tables
        if file.suffix.lower() != JSON or file.stem in stems or split_word(file.stem) is not None
    ]


def _refuse_unlike(folder: Path, tables: list[Path]) -> None:
    if len(tables) == 1:
        return
    if len({table.suffix.lower() for table in tables}) > 1:
        raise CeterisError(
            f"{folder} holds files of several kinds ({_some(tables)}): "
            "keep one kind there, or give the one file that is the manifest."
        )
    if nameless := [table for table in tables if split_word(table.stem) is None]:
        raise CeterisError(
            f"{folder} holds several files, and the name of {_some(nameless)} tells no split: "
            f"name each after its split, such as train{tables[0].suffix} and test{tables[0].suffix}, "
            "or give the one file that is the manifest."
        )
    of_split: dict[str | None, Path] = {}
    for table in tables:
        other = of_split.setdefault(split_word(table.stem), table)
        if _other_words(table.stem) != _other_words(other.stem):
            raise CeterisError(
                f"{folder} holds several tables for one split ({other.name}, {table.name}): "
                "give the one file that is the manifest, or keep one for each split."
            )


def _other_words(stem: str) -> list[str]:
    """The words of a name without those for splits and for the numbering of parts ("train-00000-of-00002")."""
    return [word for word in re.split(r"[^a-z]+", stem.lower()) if word and word not in SPLIT_WORDS and word != "of"]


def _some(files: list[Path]) -> str:
    names = [file.name for file in files]
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3:,} more"


def _class_folders(folder: Path) -> ManifestFile:
    found = class_folders(folder)
    if are_classes(found):
        return ManifestFile(folder, str(folder), None, folder)
    if found.pictures:
        count = f"{len(found.pictures):,} pictures" if len(found.pictures) > 1 else "a picture"
        raise CeterisError(
            f"{folder} holds {count} but no manifest{_hint(folder)}: put a file such as manifest.csv there, with the columns "
            "image and target, or sort the pictures into one folder for each class."
        )
    raise CeterisError(
        f"{folder} holds no manifest{_hint(folder)}: put one file ending in {', '.join(SUFFIXES)} there."
    )


def _hint(folder: Path) -> str:
    """A hint at a file in the folder that may be meant as the manifest; empty where there is none."""
    for file in sorted(folder.iterdir()):
        if is_litter(file.name) or not file.is_file():
            continue
        if file.suffix.lower() in _WORKBOOKS | _ARCHIVES:
            return f" ({file.name} cannot be read: {_advice_on(file)})"
        if file.suffix.lower() == PLAIN_TEXT:
            return f" (if it is {file.name}, give the path of that file)"
    return ""


def _advice_on(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix in _WORKBOOKS:
        return "save the table as CSV"
    if suffix in _ARCHIVES:
        return "unpack it first"
    if is_picture_name(file.name):
        return "give the folder of the pictures, or a file that lists them"
    return f"give a file ending in {', '.join(SUFFIXES)}, or a folder with one"


def _folders(path: Path) -> list[Path]:
    return [inner for inner in sorted(path.iterdir()) if inner.is_dir() and not is_litter(inner.name)]
