"""The frame of a stage process."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_stage_fails_for_a_letter_that_the_terminal_lacks(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("{}\n")
    code = (
        "from components.stages.stage import main\n"
        "try:\n    main('floors', lambda *_: None)\n"
        "except SystemExit as end:\n    print('class caf\\xe9, \\u22121', end.code)"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | ascii_only, capture_output=True)
    assert done.stderr.startswith(b"error: ")  # no such stage is declared here: the frame says so, and goes
    assert done.stdout == b"class caf\\xe9, \\u22121 2\n"
