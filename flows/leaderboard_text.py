"""The leaderboard of a workspace as text."""

import json
from pathlib import Path

from components.errors import CeterisError

LEADERBOARD = Path("outputs/compare/leaderboard.json")


def leaderboard_text(workspace: Path) -> str:
    """The leaderboard as a terminal shows it.

    Raises:
        CeterisError: the study has not come to its comparison yet.
    """
    path = workspace / LEADERBOARD
    if not path.is_file():
        raise CeterisError(f"{path} does not exist yet: run the study first (ceteris run).")
    from components.evaluation.report.terminal import render_text

    return render_text(json.loads(path.read_text(encoding="utf-8"))).strip("\n")
