"""The work of the stages evaluate and compare, in this process."""

import json
from pathlib import Path

from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.leaderboard.leaderboard import build
from components.evaluation.scoring.metrics import collect
from components.study.study import Study


def evaluate(root: Path, study: Study) -> Leaderboard:
    """The leaderboard of a study whose runs lie in `root`; the scores are written, the leaderboard is not."""
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return build(study, root)


def finish(root: Path, study: Study) -> Leaderboard:
    """The same, and the leaderboard is written, too."""
    leaderboard = evaluate(root, study)
    (root / "outputs/compare").mkdir()
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(leaderboard.as_json()))
    return leaderboard
