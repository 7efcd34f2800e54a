"""Resolve picture paths, as tools write them, to files inside the folders that the user gave."""

import os
import posixpath
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from components.data.sources.faults import UnusableError, shown
from components.data.sources.manifest_files import SUBFOLDERS
from components.data.sources.tables.picture_names import is_picture_name
from components.errors import CeterisError

# Larger files are refused.
MAX_BYTES = 128 << 20
# Names of folders that hold manifests and no pictures. Manifests are not searched for in `csv`, but users give its path.
_OF_MANIFESTS = SUBFOLDERS | {"csv"}
_LOOKED_AT = 50
_MOST_FOLDERS = 500


@dataclass(frozen=True)
class PicturePaths:
    """Resolves the paths of a manifest to files.

    Attributes:
        base: the folder to which paths are relative.
        prefix: the beginning of the paths in the manifest that does not exist on the disk; empty for none.
        allowed: folders (with links resolved) in which pictures may lie.
        known: cache of the files found so far, because many rows may show one picture.
        missed: paths for which a file with a similar name was searched.
    """

    base: Path
    prefix: str
    allowed: tuple[Path, ...]
    known: dict[str, Path] = field(default_factory=dict, compare=False, repr=False)
    missed: list[str] = field(default_factory=list, compare=False, repr=False)

    def locate(self, written: str) -> Path:
        """The file that a path names.

        Raises:
            UnusableError: it names no file, a file outside the allowed folders, or one that is too large.
        """
        if written not in self.known:
            self.known[written] = self._locate(written)
        return self.known[written]

    def _locate(self, written: str) -> Path:
        if "\0" in written:
            raise UnusableError(
                "path outside", "names a path with a null character in it", "correct the path", shown(written)
            )
        if "://" in written and not written.startswith("file://"):
            raise UnusableError(
                "path outside",
                "names an address on the net",
                "download the pictures and name the files",
                shown(written),
            )
        relative = self.relative(written)
        self._refuse_outside(relative, written)
        path = self._existing(relative)
        if path is None:
            near = self._near(relative)
            example = f"{shown(written)}: there is {near}" if near else shown(written)
            raise UnusableError("image missing", "names a picture that does not exist", "correct the path", example)
        end = path.resolve()
        if not self._inside(end):
            raise UnusableError(
                "path outside",
                "names a link that ends outside the data folder",
                "name the folder where it ends with --pictures, if that is meant",
                f"{shown(written)} ends in {end.parent}",
            )
        if path.stat().st_size > MAX_BYTES:
            raise UnusableError(
                "image size", f"names a file over {MAX_BYTES >> 20} MiB", "give a smaller one", shown(written)
            )
        return path

    def find(self, written: str) -> Path | None:
        """The file that a path names, with links resolved; None where it cannot be used."""
        try:
            return self.locate(written).resolve()
        except UnusableError:
            return None

    def has(self, written: str) -> bool:
        """Whether a path names a file below the base."""
        relative = self.relative(written)
        return _stays_below(relative) and self._existing(relative) is not None

    def relative(self, written: str) -> str:
        """The path relative to the base: without prefix, normalised, with slashes."""
        path = written.removeprefix("file://")
        if "\\" in path and not (self.base / path).is_file():
            path = path.replace("\\", "/")
        path = path.removeprefix("./")
        path = posixpath.normpath(path) if path.startswith("../") else path
        if self.prefix and path.startswith(self.prefix.rstrip("/") + "/"):
            path = path[len(self.prefix.rstrip("/")) :].lstrip("/")
        return posixpath.normpath(path) if path else path

    def _refuse_outside(self, relative: str, written: str) -> None:
        """Refuse paths that do not stay below the base, because they would mean another place once the data is copied."""
        if PurePosixPath(relative).is_absolute() or PureWindowsPath(relative).drive:
            beginning = self._moved(relative)
            raise UnusableError(
                "path outside",
                "names a path on a whole disk that is not inside the data folder",
                "give paths relative to the manifest, or say with --prefix what they begin with elsewhere",
                shown(written) + (f": --prefix {beginning!r} would do" if beginning else ""),
            )
        if not _stays_below(relative):
            raise UnusableError(
                "path outside",
                "names a path that leaves the data folder by '..'",
                "name the folder where the pictures lie with --pictures",
                shown(written),
            )

    def _moved(self, absolute: str) -> str:
        """The prefix of an absolute path without which the path names a file here; empty where there is none."""
        parts = PurePosixPath(absolute).parts
        for cut in range(1, len(parts)):
            if (self.base / PurePosixPath(*parts[cut:])).is_file():
                return str(PurePosixPath(*parts[:cut]))
        return ""

    def _existing(self, relative: str) -> Path | None:
        """The file, with its name as written or in another Unicode form: macOS decomposes accents."""
        for form in dict.fromkeys([relative, *(unicodedata.normalize(form, relative) for form in ("NFC", "NFD"))]):
            try:
                if (path := self.base / form).is_file():
                    return path
            except (OSError, ValueError):
                return None
        return None

    def _near(self, relative: str) -> str:
        """A file that may be meant: its name differs only in case, suffix or %20. Only the first few paths are searched for."""
        if len(self.missed) >= _LOOKED_AT:
            return ""
        self.missed.append(relative)
        path = PurePosixPath(unquote(relative))
        try:
            names = sorted(os.listdir(self.base / path.parent))
        except (OSError, ValueError):
            return ""
        meant = (path.name.lower(), path.stem.lower())
        for name in names:
            if name.lower() == meant[0] or (is_picture_name(name) and PurePosixPath(name).stem.lower() in meant):
                return str(path.parent / name)
        return ""

    def _inside(self, end: Path) -> bool:
        return any(end.is_relative_to(folder) for folder in self.allowed)


def _stays_below(relative: str) -> bool:
    path = PurePosixPath(os.path.normpath(relative))
    return not path.is_absolute() and path.parts[:1] != ("..",)


def find_pictures(
    paths: Sequence[str], manifest_folder: Path, data_folder: Path, named: Sequence[Path], prefix: str | None
) -> tuple[Path, str]:
    """Find the folder to which the paths of a manifest are relative, and their prefix.

    Folders are tried in this order; in each step the folder in which the most paths exist is taken:

    1. the manifest's folder, the data folder, and the folders that the user gave;
    2. folders below the manifest's folder and, if that is one such as `annotations/`, the folder above it and those beside it.

    Args:
        paths: some of the paths, as written.
        manifest_folder: the folder in which the manifest lies.
        data_folder: the data folder that the user gave: the manifest's folder or one above it.
        named: folders with pictures that the user gave.
        prefix: the prefix of the paths that the user gave; None to find it.

    Raises:
        CeterisError: in step 2 several folders fit equally well and hold different files.
    """
    paths = list(dict.fromkeys(paths))[:_LOOKED_AT]
    if not paths:
        return manifest_folder, prefix or ""

    def existing(base: Path, beginning: str) -> int:
        rules = PicturePaths(base, beginning, ())
        return sum(rules.has(path) for path in paths)

    best, found = 0, (manifest_folder, prefix or "")
    for base in dict.fromkeys([manifest_folder, data_folder, *named]):
        for beginning in [prefix] if prefix is not None else _prefixes(paths, base, manifest_folder):
            if (count := existing(base, beginning)) > best:
                best, found = count, (base, beginning)
    if best:
        return found
    around = [
        (count, base, beginning)
        for base in _around(manifest_folder)
        for beginning in ([prefix] if prefix is not None else _prefixes(paths, base, manifest_folder))
        if (count := existing(base, beginning))
    ]
    most = max((count for count, _, _ in around), default=0)
    places = list(dict.fromkeys(base for count, base, _ in around if count == most))
    meant = {_file(base, beginning, paths) for count, base, beginning in around if count == most}
    if len(meant) > 1:
        names = " and ".join(os.path.relpath(place, manifest_folder) for place in places[:3])
        raise CeterisError(
            f"files with the names that the manifest in {manifest_folder} gives lie in {names}: say which with --pictures FOLDER."
        )
    return next(((base, beginning) for count, base, beginning in around if count == most), found)


def _file(base: Path, beginning: str, paths: Sequence[str]) -> Path:
    """The first file that exists, for comparison: two folders may be the same place reached in different ways."""
    rules = PicturePaths(base, beginning, ())
    return next((rules.base / rules.relative(path)).resolve() for path in paths if rules.has(path))


def _prefixes(paths: Sequence[str], base: Path, manifest_folder: Path) -> list[str]:
    """Prefixes that the paths may have: none, or the way from the manifest (or from the root) to the base."""
    found = [""]
    for written in paths:
        path = posixpath.normpath(written.removeprefix("file://").replace("\\", "/"))
        if not (path.startswith(("/", "../"))):
            continue
        for folder in (base, base.resolve()):
            inside = os.path.relpath(posixpath.normpath(manifest_folder / path), folder)
            if not inside.startswith("..") and path.endswith(f"/{inside}"):
                found.append(path.removesuffix(f"/{inside}"))
    return list(dict.fromkeys(found))


def surroundings(manifest_folder: Path) -> list[Path]:
    """The parent of a folder for manifests such as `annotations`; nothing for other folders."""
    return [manifest_folder.parent] if manifest_folder.name.lower() in _OF_MANIFESTS else []


def _around(folder: Path) -> Iterator[Path]:
    """Folders below the manifest's; if it is a folder such as `annotations`, first its parent and the folders below that."""
    for around in surroundings(folder):
        yield around
        yield from _below(around)
    yield from _below(folder)


def _below(folder: Path) -> Iterator[Path]:
    """Folders one and two levels below, in order; hidden ones are left out."""
    seen = 0
    for parent, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        depth = len(Path(parent).relative_to(folder).parts)
        for name in folders:
            seen += 1
            if seen > _MOST_FOLDERS:
                return
            yield Path(parent, name)
        if depth >= 1:
            folders.clear()
