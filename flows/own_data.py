"""The user's own data on the command line: the columns they name, and a line that says how far reading has come."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def reading(
    image: str | None,
    text: str | None,
    target: str | None,
    split: str | None,
    group: str | None,
    id: str | None,
    boxes: str | None,
    prefix: str | None,
) -> dict[str, Any]:
    """How a manifest is to be read, as settings of a study."""
    columns = {"image": image, "text": text, "target": target, "split": split, "group": group, "id": id, "boxes": boxes}
    return {"columns": columns, "prefix": prefix}


@contextmanager
def telling() -> Iterator[Callable[[int], None]]:
    """Takes the number of rows read so far and shows it now and then, on a terminal alone."""
    shown = time.monotonic()
    any_shown = False

    def tell(rows: int) -> None:
        nonlocal shown, any_shown
        if sys.stderr.isatty() and time.monotonic() - shown > 0.5:
            shown, any_shown = time.monotonic(), True
            print(f"\r{rows:,} rows read", end="", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if any_shown:
            print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
