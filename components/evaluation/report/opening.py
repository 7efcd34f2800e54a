"""What stands above all sections of the report: the study, how much its comparisons claim, and each task in short."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.findings import UNRANKED, interval, name, standings
from components.evaluation.formatting import listed, percent, readable
from components.evaluation.leaderboard.entries import Leaderboard


@dataclass(frozen=True)
class Chip:
    """A fact in a word or two; its kind is "good", "bad" or nothing."""

    words: str
    kind: str = ""


@dataclass(frozen=True)
class Card:
    """A task in short: the best score, of whom it is, and what stands beside it; only words where nothing is ranked."""

    task: str
    said: str
    score: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Opening:
    """The study and the reason of its grade, facts in a word or two, and a card per task."""

    study: str
    reason: str
    chips: Sequence[Chip]
    cards: Sequence[Card]


def opening(board: Leaderboard) -> Opening:
    """The opening of a leaderboard's report."""
    replicates = len(board.replicates)
    broken = board.broken
    chips = [
        Chip(f"{replicates} replicate{'s' if replicates > 1 else ''}"),
        Chip(f"{100 * board.confidence:.3g}% intervals over {board.interval_over}"),
        Chip(f"{board.grade} comparison"),
        Chip(f"✗ not comparable: {listed([readable(arm) for arm in broken])}", "bad")
        if broken
        else Chip(f"✓ {len(board.certificates)} valid certificates", "good"),
    ]
    return Opening(board.study, board.grade_reason, chips, [_card(board, task) for task in board.tasks])


def _card(board: Leaderboard, task: str) -> Card:
    entry = board.tasks[task]
    chosen = entry.chosen
    if chosen is None:
        return Card(readable(task), UNRANKED)
    floor, value = entry.highest_floor
    said = "; ".join(standings(board, task))
    standing = f" {said[0].upper()}{said[1:]}." if said else ""
    above = 100 * (chosen.mean - value)
    side = "lower" if above >= 0 else "higher"
    beside = "A simple baseline is best here. " if chosen.baseline else ""
    beside += f"Highest floor: {readable(floor)}, {percent(value)}%, {abs(above):.1f} points {side}."
    return Card(readable(task), f"{name(chosen.identity)}, {interval(chosen)}.{standing}", percent(chosen.mean), beside)
