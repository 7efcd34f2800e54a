"""The report: one HTML file that needs nothing else, and the picture of the README.

Drawn from the leaderboard and what lies beside it. It is no output of the pipeline: it also shows seconds.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.evaluation import report_data, report_sections
from components.evaluation.plots import START_ORDER, Canvas
from components.evaluation.plots_forest import WIDE, forest, score_rows
from components.evaluation.report_page import page, paragraph
from components.evaluation.wording import measure, percent, readable
from components.study import load_study


def render(root: Path) -> Path:
    """Write `outputs/report.html` below `root` and return its path.

    Raises:
        CeterisError: there is no leaderboard yet.
    """
    board = _leaderboard(root)
    study = load_study(root / "params.yaml")
    tuning, shown = report_data.finetuning_curves(root, study)
    parts = {
        "means": report_sections.means(board),
        "step": report_sections.step(board),
        "computation": report_sections.computation(board),
        "slices": report_sections.slices(board),
        "curves": report_sections.curves(tuning, shown, report_data.pretraining_curves(root, study)),
        "examples": report_sections.examples(
            {task: report_data.examples(root, study, board, task) for task in study.task_names}
        ),
        "costs": report_sections.costs(board, report_data.architecture_costs(root, study)),
        "certificate": report_sections.certificate(board),
        "method": report_sections.method(board),
    }
    present = [key for key, part in parts.items() if part]
    motto = "Ceteris paribus: all else equal. Same data, same order, same budget, and intervals on everything."
    footer = f"<footer>{paragraph(motto)}</footer>"
    body = report_sections.opening(board, present) + "".join(parts[key] for key in present) + footer
    path = root / "outputs/report.html"
    _write(path, page(f"Ceteris: {study.name}", body))
    return path


def overview_picture(root: Path, path: Path) -> Path:
    """Draw the means of all tasks into one SVG, for a README; it follows the reader's light or dark setting.

    Raises:
        CeterisError: there is no leaderboard yet, or the path does not end in .svg.
    """
    if path.suffix != ".svg":
        raise CeterisError(f"{path} does not end in .svg: the overview is drawn as SVG only.")
    board = _leaderboard(root)
    canvases: list[tuple[str, Canvas]] = []
    for task, entry in board["tasks"].items():
        floors = {f"{readable(key)} {percent(value)}": value for key, value in entry["floors"]["selection"].items()}
        canvases.append((f"{readable(task)}: {measure(entry)}", forest(score_rows(entry), floors)))
    margin, heading, key = 22.0, 46.0, 30.0
    whole = Canvas(WIDE + 2 * margin, sum(canvas.height + heading for _, canvas in canvases) + 2 * margin + key)
    present = {cell["start"] for entry in board["tasks"].values() for cell in entry["cells"]}
    for index, start in enumerate(start for start in START_ORDER if start in present):
        whole.marker(margin + 14 + 150 * index, margin + 12, start)
        whole.text(margin + 26 + 150 * index, margin + 16.5, f"{start} start", "soft")
    top = margin + key
    for task, canvas in canvases:
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
    return json.loads(path.read_text(encoding="utf-8"))


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
