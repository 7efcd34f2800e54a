"""The leaderboard of a workspace as text."""

from pathlib import Path

from components.errors import CeterisError
from components.paths import leaderboard_file

LEADERBOARD = leaderboard_file(Path())


def leaderboard_text(workspace: Path) -> str:
    """The leaderboard as a terminal shows it.

    Raises:
        CeterisError: the study has not come to its comparison yet, or the leaderboard is another version's.
    """
    path = workspace / LEADERBOARD
    if not path.is_file():
        raise CeterisError(f"{path} does not exist yet: run the study first (ceteris run).")
    from components.evaluation.leaderboard.entries import read_leaderboard
    from components.evaluation.report.terminal import render_text

    return render_text(read_leaderboard(workspace)).strip("\n")
