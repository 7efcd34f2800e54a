"""sha256 digests of content, in hexadecimal: of bytes, of files, of folders, of what JSON says."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def digest_of_bytes(content: bytes) -> str:
    """sha256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """sha256 of a file's bytes, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_folder(folder: Path) -> str:
    """sha256 over the names and bytes of all files below a folder, in the order of their paths."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + bytes.fromhex(digest_of_file(path)))
    return digest.hexdigest()


def digest_of_json(content: Any, default: Callable[[Any], Any] | None = None) -> str:
    """sha256 of content as JSON with sorted keys: equal content, equal digest.

    Args:
        default: turns what JSON has no form for into what it has one for.
    """
    return digest_of_bytes(json.dumps(content, sort_keys=True, default=default).encode())
