"""Pictures for documents: the overview of all arms, and data against architecture.

    python -m components.evaluation.report.pictures overview FILE.svg
    python -m components.evaluation.report.pictures data FILE.svg

One SVG each, of the study in whose workspace the command runs; they follow the reader's light or dark setting.
"""

import argparse
import sys
from pathlib import Path

from components.errors import CeterisError
from components.evaluation.findings import measure
from components.evaluation.formatting import readable
from components.evaluation.leaderboard.data_effects import lines
from components.evaluation.leaderboard.entries import Leaderboard, read_leaderboard
from components.evaluation.plots.drawing import Canvas
from components.evaluation.plots.forest import WIDE
from components.evaluation.plots.levels import PANEL, legend_mark
from components.evaluation.plots.overview import overview
from components.evaluation.report import sections
from components.evaluation.report.levels_section import legend_names, panels
from components.evaluation.report.parts import marks
from components.files.atomic import write_text
from components.study.loading import load_study

SHADED = (
    "Shaded: the best mean, and what is not separated from it. Dashed line: the highest floor. "
    "Numbers: the start that is best on validation."
)
LEVELS = (
    "Each mark: the mean and interval of one arm after the intermediate step, with all labels. Along a line nothing changes but "
    "what that step read."
)
MARGIN, HEADING = 22.0, 46.0


def overview_picture(root: Path, path: Path) -> Path:
    """Draw the means of all tasks.

    Raises:
        CeterisError: there is no leaderboard yet, or the path does not end in .svg.
    """
    _must_be_svg(path)
    board = read_leaderboard(root)
    canvases = {f"{readable(task)}: {measure(entry)}": overview(entry) for task, entry in board.tasks.items()}
    key = 46.0
    whole = Canvas(WIDE + 2 * MARGIN, sum(canvas.height + HEADING for canvas in canvases.values()) + 2 * MARGIN + key)
    left = MARGIN + 14
    for mark, words in marks(sections.looks(board)):
        whole.marker(left, MARGIN + 12, mark)
        left = _words(whole, left + 12, words)
    whole.text(MARGIN + 8, MARGIN + 40, SHADED, "soft", size=12)
    top = MARGIN + key
    for task, canvas in canvases.items():
        whole.text(MARGIN + 8, top + 22, f"{task} (%), mean and interval", "ink strong", size=16)
        top += HEADING
        _place(whole, canvas, MARGIN, top - 8)
        top += canvas.height
    return _write(path, whole, board)


def data_picture(root: Path, path: Path) -> Path:
    """Draw the scores over what the intermediate step read: a row of panels for each task, a line for each arm.

    Raises:
        CeterisError: there is no leaderboard yet, all arms read the same data, or the path does not end in .svg.
    """
    _must_be_svg(path)
    board, study = read_leaderboard(root), load_study(root / "params.yaml")
    rows = {
        f"{readable(task)}: {measure(entry)}": drawn
        for task, entry in board.tasks.items()
        if (drawn := panels(study, entry, "all"))
    }
    if not rows:
        raise CeterisError(f"No arms of {study.name} differ in the data they read alone: there is nothing to draw.")
    key, named, note = 50.0, 30.0, 16.0
    width, height = PANEL
    notes = note * max(len(panel.held) for drawn in rows.values() for panel in drawn)
    across = max(WIDE, *(width * len(drawn) for drawn in rows.values()))
    whole = Canvas(across + 2 * MARGIN, (HEADING + named + height + notes) * len(rows) + 2 * MARGIN + key)
    left = MARGIN + 8
    for number, name in enumerate(legend_names(lines(study))):
        legend_mark(whole, left, MARGIN + 12, number)
        left = _words(whole, left + 34, readable(name))
    whole.text(MARGIN + 8, MARGIN + 40, LEVELS, "soft", size=12)
    top = MARGIN + key
    for task, drawn in rows.items():
        whole.text(MARGIN + 8, top + 22, f"{task} (%)", "ink strong", size=16)
        top += HEADING
        for column, panel in enumerate(drawn):
            begin = MARGIN + width * column
            whole.text(begin + 8, top + 8, readable(panel.axis).capitalize(), "ink strong")
            _place(whole, panel.canvas, begin, top + named - 8)
            for number, name in enumerate(panel.held):
                whole.text(begin + 44, top + named + height + note * number + 4, f"here: {name}", "soft", size=11)
        top += named + height + notes
    return _write(path, whole, board)


def _must_be_svg(path: Path) -> None:
    if path.suffix != ".svg":
        raise CeterisError(f"{path} does not end in .svg: pictures are drawn as SVG only.")


def _words(whole: Canvas, left: float, words: str) -> float:
    """Words of a legend; where the next entry begins."""
    whole.text(left, MARGIN + 16.5, words, "soft")
    return left + 32 + 7.2 * len(words)


def _place(whole: Canvas, canvas: Canvas, left: float, top: float) -> None:
    whole.parts.append(f'<g transform="translate({left:g} {top:g})">{"".join(canvas.parts)}</g>')


def _write(path: Path, whole: Canvas, board: Leaderboard) -> Path:
    replicates = len(board.replicates)
    title = f"Study {board.study}: {replicates} replicates, {100 * board.confidence:.3g}% intervals"
    write_text(path, whole.svg(title))
    return path


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m components.evaluation.report.pictures", description="Pictures of a study."
    )
    parser.add_argument("what", choices=["overview", "data"])
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    draw = overview_picture if given.what == "overview" else data_picture
    try:
        print(f"picture: {draw(Path.cwd(), given.file)}")
    except CeterisError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
