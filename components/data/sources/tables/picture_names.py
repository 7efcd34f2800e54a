"""Recognise the file names of pictures, and those of litter that operating systems leave behind."""

from pathlib import PurePosixPath

# Some of these formats cannot be decoded. They count as pictures, so that they are reported and not silently skipped.
# fmt: off
PICTURE_SUFFIXES = frozenset({
    ".apng", ".avif", ".bmp", ".dcm", ".dib", ".gif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg",
    ".jpg", ".jxl", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".svg", ".tga", ".tif", ".tiff", ".webp",
})
# fmt: on
_LITTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"})


def is_picture_name(name: str) -> bool:
    """Whether a path or an address has the suffix of a picture."""
    return PurePosixPath(name.strip().replace("\\", "/")).suffix.lower() in PICTURE_SUFFIXES


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden, made by an operating system (`.DS_Store`, `__MACOSX`) or a lock (`~$m.xlsx`)."""
    return name.startswith((".", "~$")) or name.lower() in _LITTER
