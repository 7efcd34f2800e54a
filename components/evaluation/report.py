"""The report: one HTML file that needs nothing else, and the picture of the README.

Drawn from the leaderboard and what lies beside it. It is no output of the pipeline: it also shows seconds.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.evaluation import (
    report_arms,
    report_calibration,
    report_certificate,
    report_contrasts,
    report_data,
    report_duels,
    report_levels,
    report_search,
    report_sections,
    report_slices,
)
from components.evaluation.glance import glance_section
from components.evaluation.plots import Canvas
from components.evaluation.plots_forest import WIDE
from components.evaluation.plots_overview import overview
from components.evaluation.report_examples import duels
from components.evaluation.report_page import marks, page, paragraph
from components.evaluation.wording import measure, readable
from components.study import load_study

SHADED = (
    "Shaded: the best mean, and what is not separated from it. Dashed line: the highest floor. "
    "Numbers: the start that is best on validation."
)


def render(root: Path) -> Path:
    """Write `outputs/report.html` below `root` and return its path.

    Raises:
        CeterisError: there is no leaderboard yet, or it is an earlier version's.
    """
    board = _leaderboard(root)
    study = load_study(root / "params.yaml")
    tuning, shown = report_data.finetuning_curves(root, study)
    found = {task: duels(root, study, board, task) for task in study.tasks}
    pairs = {task: one for task, one in found.items() if one is not None}
    sure = {task: report_calibration.calibration(root, study, board["tasks"][task], task) for task in study.tasks}
    titles = report_sections.SECTIONS
    parts = {
        "contrasts": report_contrasts.contrasts(titles["contrasts"], board),
        "means": report_sections.means(board),
        "glance": glance_section(titles["glance"], board),
        "step": report_sections.step(board),
        "data": report_levels.levels(titles["data"], study, board),
        "arms": report_arms.arms(titles["arms"], study),
        "computation": report_sections.computation(board, report_data.cell_seconds(root, study, board)),
        "slices": report_slices.slices(titles["slices"], report_slices.add_amounts(root, study, board)),
        "examples": report_duels.draw(titles["examples"], pairs),
        "calibration": report_calibration.draw(titles["calibration"], sure),
        "curves": report_sections.curves(tuning, shown, report_data.pretraining_curves(root, study)),
        "search": report_search.search(titles["search"], board, study),
        "costs": report_sections.costs(board, report_data.architecture_costs(root, study)),
        "certificate": report_certificate.certificate(titles["certificate"], board),
        "method": report_sections.method(board),
    }
    present = [key for key in titles if parts[key]]
    motto = "Ceteris paribus: all else equal. Same data, same order, same budget, and intervals on everything."
    footer = f"<footer>{paragraph(motto)}</footer>"
    body = report_sections.opening(board, present) + "".join(parts[key] for key in present) + footer
    path = root / "outputs/report.html"
    _write(path, page(f"Ceteris: {study.name}", body, report_duels.SCRIPT if parts["examples"] else ""))
    return path


def overview_picture(root: Path, path: Path) -> Path:
    """Draw the means of all tasks into one SVG, for a README; it follows the reader's light or dark setting.

    Raises:
        CeterisError: there is no leaderboard yet, or the path does not end in .svg.
    """
    if path.suffix != ".svg":
        raise CeterisError(f"{path} does not end in .svg: the overview is drawn as SVG only.")
    board = _leaderboard(root)
    canvases = {f"{readable(task)}: {measure(entry)}": overview(entry) for task, entry in board["tasks"].items()}
    margin, heading, key = 22.0, 46.0, 46.0
    whole = Canvas(WIDE + 2 * margin, sum(canvas.height + heading for canvas in canvases.values()) + 2 * margin + key)
    left = margin + 14
    for start, words in marks(report_sections.looks(board)):
        whole.marker(left, margin + 12, start)
        whole.text(left + 12, margin + 16.5, words, "soft")
        left += 44 + 7.2 * len(words)
    whole.text(margin + 8, margin + 40, SHADED, "soft", size=12)
    top = margin + key
    for task, canvas in canvases.items():
        whole.text(margin + 8, top + 22, f"{task} (%), mean and interval", "ink strong", size=16)
        top += heading
        whole.parts.append(f'<g transform="translate({margin:g} {top - 8:g})">{"".join(canvas.parts)}</g>')
        top += canvas.height
    replicates = len(board["replicates"])
    title = f"Study {board['study']}: {replicates} replicates, {100 * board['confidence']:.3g}% intervals"
    _write(path, whole.svg(title, standalone=True))
    return path


def _leaderboard(root: Path) -> dict[str, Any]:
    path = root / "outputs/compare/leaderboard.json"
    if not path.is_file():
        raise CeterisError(f"{path} is missing: run the pipeline first.")
    board = json.loads(path.read_text(encoding="utf-8"))
    if not {"budgets", "data", "tuning"} <= set(board):
        raise CeterisError(f"{path} was written by an earlier version: run the stage compare again.")
    return board


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    try:
        print(f"report: {render(Path.cwd()).relative_to(Path.cwd())}")
    except CeterisError as error:
        sys.exit(f"error: {error}")
