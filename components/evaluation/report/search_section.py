"""The search of the learning rates: what was tried for every arm, how far each candidate came, and what it cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.formatting import count, percent, readable
from components.evaluation.leaderboard.entries import Leaderboard, SearchEntry, TrialEntry
from components.evaluation.plots.drawing import Canvas, Scale, padded, ticks
from components.evaluation.report.parts import Panel, Row, Table, TableCell
from components.study.study import Study

_SIZE = (230.0, 170.0)
_RADII = (3.0, 6.5)
"""Of the marks of the first rung and of the last."""


@dataclass(frozen=True)
class Search:
    """A panel and a row per arm that was searched."""

    lead: str
    panels: Sequence[Panel]
    table: Table


def search(board: Leaderboard, study: Study) -> Search | None:
    """A panel per arm and a table; none where nothing was searched."""
    found = {arm: one for arm, one in board.tuning.items() if one.trials}
    if not found:
        return None
    settings = study.tuning
    rows = []
    for arm, one in found.items():
        spent, grid = sum(trial.share for trial in one.trials), settings.trials
        rate = f"{study.finetune.learning_rate * one.factor:.3g}"
        cells = [
            TableCell(f"× {one.factor:g}", f"{rate} in fine-tuning"),
            TableCell(percent(_chosen(one, settings.rungs).score), readable(str(one.task))),
            TableCell(count(sum(trial.samples for trial in one.trials))),
            TableCell(f"{spent:.1f} fine-tunings", f"{percent(spent / grid)}% of the full grid of {grid}"),
        ]
        rows.append(Row(readable(arm), cells))
    lead = (
        f"Every arm was given the same {settings.trials} candidates, factors of {settings.lowest:g} to {settings.highest:g} on all "
        f"its learning rates, in the same order. On each of {settings.rungs} rungs a candidate trained for "
        f"{settings.reduction} times as long as on the one before, and went on if it was in the best "
        f"1/{settings.reduction} of those that came as far. Scores are those of the validation split. What a search cost is "
        "charged to its arm."
    )
    header = ["arm", "learning rate", "validation (%)", "samples seen", "cost of the search"]
    panels = [_panel(readable(arm), one, settings.rungs) for arm, one in found.items()]
    return Search(lead, panels, Table("The rate that each search found", header, rows))


def _chosen(one: SearchEntry, rungs: int) -> TrialEntry:
    return next(trial for trial in one.trials if trial.factor == one.factor and trial.rung == rungs - 1)


def _panel(arm: str, one: SearchEntry, rungs: int) -> Panel:
    """Validation scores against the factor, on a logarithmic axis."""
    canvas = Canvas(*_SIZE)
    factors = [trial.factor for trial in one.trials]
    across = Scale(min(factors) / 1.15, max(factors) * 1.15, 34, _SIZE[0] - 8, logarithmic=True)
    up = Scale(*padded([trial.score for trial in one.trials], 0.08, (0.0, 1.0)), _SIZE[1] - 26, 8)
    for tick in ticks(up.low, up.high, 4):
        canvas.line(34, up(tick), _SIZE[0] - 8, up(tick), "rule")
        canvas.text(29, up(tick) + 4, f"{100 * tick:g}", "soft", "end", 11)
    for tick in (0.1, 0.25, 0.5, 1, 2, 4, 10):
        if across.low <= tick <= across.high:
            canvas.text(across(tick), _SIZE[1] - 8, f"×{tick:g}", "soft", "middle", 11)
    for trial in sorted(one.trials, key=lambda trial: trial.rung):
        chosen = trial.rung == rungs - 1 and trial.factor == one.factor
        radius = _RADII[0] + (_RADII[1] - _RADII[0]) * trial.rung / max(1, rungs - 1)
        x, y = across(trial.factor), up(trial.score)
        words = f"× {trial.factor:g} after {count(trial.samples)} samples: {percent(trial.score)}%"
        kind = "multimodal fill halo" if chosen else "scratch hollow"
        with canvas.titled(words):
            canvas.circle(x, y, radius, kind)
    title = f"Search of the learning rate of {arm}: validation score by factor and rung"
    return Panel(canvas, title, heading=arm)
