"""JSON files: written atomically, read with a clear error."""

import json
from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.files.atomic import write_text


def as_json(content: Any, indent: int | None = 1, sort_keys: bool = True, ensure_ascii: bool = True) -> str:
    """Content as JSON that ends with a line break. Keys are sorted, so that equal content is equal bytes."""
    return json.dumps(content, indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii) + "\n"


def write_json(
    path: Path, content: Any, indent: int | None = 1, sort_keys: bool = True, ensure_ascii: bool = True
) -> None:
    """Write content as JSON, whole or not at all; its folder is made if need be."""
    write_text(path, as_json(content, indent, sort_keys, ensure_ascii))


def read_json(path: Path, advice: str) -> Any:
    """The content of a JSON file.

    Args:
        advice: what to do where it cannot be read, such as "run the compare stage first"; it ends the sentence.

    Raises:
        CeterisError: there is no such file, or what it holds is no JSON.
    """
    if not path.is_file():
        raise CeterisError(f"{path} is missing: {advice}.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CeterisError(f"{path} is no JSON file ({error}): {advice}.") from None
