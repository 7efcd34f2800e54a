"""The report: one HTML file that needs nothing else.

Drawn from the leaderboard and what lies beside it. It is no output of the pipeline: it also shows seconds.
"""

import sys
from pathlib import Path

from components.errors import CeterisError
from components.evaluation.leaderboard.entries import read_leaderboard
from components.evaluation.plots.colours import DARK, LIGHT, style_sheet, variables
from components.evaluation.report import (
    arms,
    calibration_section,
    certificate_section,
    contrasts_section,
    duels,
    glance,
    levels_section,
    report_data,
    search_section,
    sections,
    slices,
)
from components.evaluation.report.examples import duels_of
from components.evaluation.report.opening import opening
from components.evaluation.report.templating import ENVIRONMENT
from components.files.atomic import write_text
from components.paths import report_file
from components.study.loading import load_study

TITLES = {
    "contrasts": "The declared questions",
    "means": "Means and intervals",
    "glance": "All tasks at a glance",
    "step": "The intermediate step",
    "data": "Data against architecture",
    "arms": "What is compared",
    "computation": "Quality against cost",
    "slices": "Slices and generalisation",
    "examples": "Wins and losses",
    "calibration": "Calibration",
    "curves": "Learning curves",
    "search": "Learning rates",
    "costs": "Costs",
    "certificate": "What was equal",
    "method": "How it is computed",
}
"""The sections in order; the template of each is named after its key."""


def render(root: Path) -> Path:
    """Write `outputs/report.html` below `root` and return its path.

    Raises:
        CeterisError: there is no leaderboard yet, or it is another version's.
    """
    path = report_file(root)
    write_text(path, ENVIRONMENT.get_template("page.html").render(contents(root)))
    return path


def contents(root: Path) -> dict[str, object]:
    """What the template of the page lays out.

    Raises:
        CeterisError: there is no leaderboard yet, or it is another version's.
    """
    board = read_leaderboard(root)
    study = load_study(root / "params.yaml")
    tuning, shown = report_data.finetuning_curves(root, study)
    pairs = {task: one for task in study.tasks if (one := duels_of(root, study, board, task))}
    sure = {task: calibration_section.calibration(root, study, board.tasks[task], task) for task in study.tasks}
    found = {
        "contrasts": contrasts_section.contrasts(board),
        "means": sections.means(board),
        "glance": glance.glance(board),
        "step": sections.step(board),
        "data": levels_section.levels(study, board),
        "arms": arms.arms(study),
        "computation": sections.computation(board, report_data.cell_seconds(root, study, board)),
        "slices": slices.slices(board, slices.by_amount(root, study, board)),
        "examples": duels.examples(pairs),
        "calibration": calibration_section.reliabilities(sure),
        "curves": sections.curves(tuning, shown, report_data.pretraining_curves(root, study)),
        "search": search_section.search(board, study),
        "costs": sections.costs(board, report_data.arm_costs(root, study)),
        "certificate": certificate_section.certificate(board),
        "method": sections.method(board),
    }
    return {
        "study": study.name,
        "opening": opening(board),
        "sections": {key: found[key] for key in TITLES if found[key]},
        "titles": TITLES,
        "light": variables(LIGHT),
        "dark": variables(DARK),
        "paints": style_sheet(),
    }


if __name__ == "__main__":
    try:
        print(f"report: {render(Path.cwd()).relative_to(Path.cwd())}")
    except CeterisError as error:
        sys.exit(f"error: {error}")
