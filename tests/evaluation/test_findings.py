"""What the leaderboard holds, in words."""

import pytest

from components.evaluation.findings import training
from components.evaluation.leaderboard.entries import TrainingData
from components.evaluation.report.sections import method
from components.evaluation.report.terminal import render_text
from tests.evaluation.boards import leaderboard


@pytest.mark.parametrize(
    ("data", "replicates", "sentence"),
    [
        (
            TrainingData(redrawn="anew", samples=20000, share=None),
            [0, 1, 2],
            "Training scenes are drawn anew in each replicate.",
        ),
        (
            TrainingData(redrawn="never", samples=2301, share=None),
            [0, 1, 2],
            "All replicates train on the same 2,301 labelled samples: what is said holds for these.",
        ),
        (
            TrainingData(redrawn="never", samples=2301, share=None),
            [0],
            "One replicate trains on 2,301 labelled samples: what is said holds for these.",
        ),
        (
            TrainingData(redrawn="shares", samples=2301, share=0.8),
            [0, 1, 2],
            "Each replicate trains on its own 80% of the groups of 2,301 labelled samples.",
        ),
    ],
)
def test_what_was_trained_on_is_said_everywhere(data: TrainingData, replicates: list[int], sentence: str) -> None:
    board = leaderboard({}, training=data, replicates=replicates)
    assert training(board) == sentence
    assert sentence in render_text(board).splitlines()
    assert sentence in method(board)
