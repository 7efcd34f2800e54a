"""The report: one HTML file that needs nothing else.

Drawn from the leaderboard and what lies beside it. It is no output of the pipeline: it also shows seconds.
"""

import sys
from pathlib import Path

from components.errors import CeterisError
from components.evaluation.leaderboard.entries import read_leaderboard
from components.evaluation.report import (
    arms,
    calibration_section,
    certificate_section,
    contrasts_section,
    duels,
    levels_section,
    report_data,
    search_section,
    sections,
    slices,
)
from components.evaluation.report.examples import duels_of
from components.evaluation.report.glance import glance_section
from components.evaluation.report.page import page, paragraph
from components.files.atomic import write_text
from components.paths import report_file
from components.study.loading import load_study


def render(root: Path) -> Path:
    """Write `outputs/report.html` below `root` and return its path.

    Raises:
        CeterisError: there is no leaderboard yet, or it is another version's.
    """
    board = read_leaderboard(root)
    study = load_study(root / "params.yaml")
    tuning, shown = report_data.finetuning_curves(root, study)
    found = {task: duels_of(root, study, board, task) for task in study.tasks}
    pairs = {task: one for task, one in found.items() if one is not None}
    sure = {task: calibration_section.calibration(root, study, board.tasks[task], task) for task in study.tasks}
    titles = sections.SECTIONS
    parts = {
        "contrasts": contrasts_section.contrasts(titles["contrasts"], board),
        "means": sections.means(board),
        "glance": glance_section(titles["glance"], board),
        "step": sections.step(board),
        "data": levels_section.levels(titles["data"], study, board),
        "arms": arms.arms(titles["arms"], study),
        "computation": sections.computation(board, report_data.cell_seconds(root, study, board)),
        "slices": slices.slices(titles["slices"], board, slices.by_amount(root, study, board)),
        "examples": duels.draw(titles["examples"], pairs),
        "calibration": calibration_section.draw(titles["calibration"], sure),
        "curves": sections.curves(tuning, shown, report_data.pretraining_curves(root, study)),
        "search": search_section.search(titles["search"], board, study),
        "costs": sections.costs(board, report_data.arm_costs(root, study)),
        "certificate": certificate_section.certificate(titles["certificate"], board),
        "method": sections.method(board),
    }
    present = [key for key in titles if parts[key]]
    motto = "Ceteris paribus: all else equal. Same data, same order, same budget, and intervals on everything."
    footer = f"<footer>{paragraph(motto)}</footer>"
    body = sections.opening(board, present) + "".join(parts[key] for key in present) + footer
    path = report_file(root)
    write_text(path, page(f"Ceteris: {study.name}", body, duels.SCRIPT if parts["examples"] else ""))
    return path


if __name__ == "__main__":
    try:
        print(f"report: {render(Path.cwd()).relative_to(Path.cwd())}")
    except CeterisError as error:
        sys.exit(f"error: {error}")
