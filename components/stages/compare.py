"""The leaderboard, with intervals over replicates and samples; the report is drawn from it beside the graph."""

import argparse
import subprocess
import sys

from components.evaluation.leaderboard.leaderboard import build
from components.files.json_files import write_json
from components.stages.stage import Stage, main
from components.study.study import Study

REPORT_SECONDS = 1800


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Write `leaderboard.json`, then the report."""
    folder = stage.out()
    folder.mkdir(parents=True)
    stage.progress(0, "comparing the arms")
    leaderboard = build(study, stage.root)
    write_json(folder / "leaderboard.json", leaderboard.as_json(), sort_keys=False)
    stage.progress(80, "writing the report")
    write_report(stage)
    stage.progress(100, "compared")


def write_report(stage: Stage) -> None:
    """Write `outputs/report.html` for those who run the graph by `dvc repro` alone.

    It is no output of this stage: it also shows seconds and pictures. In a process of its own, so that its code is no
    input of the leaderboard and whatever goes wrong in it stays there.
    """
    command = [sys.executable, "-m", "components.evaluation.report.report"]
    try:
        done = subprocess.run(command, cwd=stage.root, capture_output=True, text=True, timeout=REPORT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        stage.log(f"the report could not be written: {error}")
        return
    stage.log((done.stdout if done.returncode == 0 else f"the report could not be written: {done.stderr}").strip())


if __name__ == "__main__":
    main("compare", run)
