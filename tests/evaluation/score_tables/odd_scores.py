"""The files of odd scores, and the one line that matters of what is said of each."""

from pathlib import Path

import pytest

from components.errors import CeterisError
from components.evaluation.commands.verdict import judge
from components.evaluation.commands.verdict_text import render_verdict

FOLDER = Path(__file__).parents[3].parent / "shared/data/odd_scores"
needs_scores = pytest.mark.skipif(not FOLDER.is_dir(), reason="the odd scores are not beside this checkout")
FILES = ["error_rate.csv", "other_seed_names.csv", "semicolon_comma.csv", "unequal.csv", "wide.csv"]


def said_of_scores(path: Path) -> str:
    """The one line that matters of a file: the refusal without its path, or what was understood and the order found."""
    try:
        result = judge(path)
    except CeterisError as error:
        return str(error).removeprefix(str(path)).lstrip(" ,:")
    orders = [
        f"{name}: " + ", ".join(f"{row['architecture']} {row['mean']:g}" for row in entry["architectures"])
        for name, entry in result["measures"].items()
    ]
    return f"{render_verdict(result).splitlines()[1]} {'; '.join(orders)}."
