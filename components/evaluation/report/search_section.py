"""The search of the learning rates: what was tried for every arm, how far each candidate came, and what it cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from components.evaluation.formatting import count, percent, readable
from components.evaluation.leaderboard.entries import Leaderboard, RateEntry, TrialEntry
from components.evaluation.plots.drawing import Canvas, Scale, padded, ticks
from components.evaluation.report.parts import Panel, Row, Table, TableCell
from components.study.budget import Allowance
from components.study.study import Study

_SIZE = (230.0, 170.0)
_RADII = (3.0, 6.5)
"""Of the marks of the first rung and of the last."""


@dataclass(frozen=True)
class Search:
    """A panel and a row for every search."""

    lead: str
    panels: Sequence[Panel]
    table: Table


class _Search(NamedTuple):
    """One search of an arm: of fine-tuning or of the intermediate step."""

    arm: str
    of: str
    found: RateEntry
    whole: Allowance
    judged: str


def search(board: Leaderboard, study: Study) -> Search | None:
    """A panel per search and a table; none where nothing was searched."""
    searches = list(_searches(board, study))
    if not searches:
        return None
    settings = study.tuning
    rows = []
    for one in searches:
        trials, factor, grid = one.found.trials, one.found.factor, settings.trials
        spent = sum(trial.share for trial in trials)
        cells = [
            TableCell(f"× {factor:g}", f"{one.whole.learning_rate * factor:.3g}"),
            TableCell(percent(_chosen(one.found, settings.rungs).score), one.judged),
            TableCell(count(sum(trial.samples for trial in trials))),
            TableCell(f"{spent:.1f} whole budgets", f"{percent(spent / grid)}% of the full grid of {grid}"),
        ]
        rows.append(Row(readable(one.arm), cells, under=one.of))
    lead = (
        f"Every arm was given the same {settings.trials} candidates, factors of {settings.lowest:g} to {settings.highest:g} on its "
        "learning rates, in the same order: once for fine-tuning, and once for its intermediate step where it has one. On each of "
        f"{settings.rungs} rungs a candidate trained for {settings.reduction} times as long as on the one before, and went on if "
        f"it was in the best 1/{settings.reduction} of those that came as far. Fine-tunings are scored on the validation split, "
        "steps by the mean of what they are measured by on validation pairs. What a search of fine-tuning cost is charged to "
        "every cell of its arm, that of a step to the cells that went through it."
    )
    header = ["arm and search", "learning rate", "validation (%)", "samples seen", "cost of the search"]
    panels = [_panel(one, settings.rungs) for one in searches]
    return Search(lead, panels, Table("The rates that the searches found", header, rows))


def _searches(board: Leaderboard, study: Study) -> Iterator[_Search]:
    for arm, one in board.tuning.items():
        if one.trials:
            yield _Search(arm, "fine-tuning", one, study.finetune, readable(str(one.task)))
        if one.step and one.step.trials:
            yield _Search(arm, "intermediate step", one.step, study.pretrain, "mean of its gates")


def _chosen(one: RateEntry, rungs: int) -> TrialEntry:
    return next(trial for trial in one.trials if trial.factor == one.factor and trial.rung == rungs - 1)


def _panel(search: _Search, rungs: int) -> Panel:
    """Validation scores against the factor, on a logarithmic axis."""
    canvas, one = Canvas(*_SIZE), search.found
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
    arm = readable(search.arm)
    title = f"Search of the learning rate of {arm}, {search.of}: validation score by factor and rung"
    return Panel(canvas, title, heading=f"{arm}, {search.of}")
