"""Supervision of one process, with real processes that misbehave in every way we know."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from flows.stages import supervisor
from flows.stages.supervisor import Exit, Listener, supervise
from infra.processes import end_group, identity, members
from tests.flows import toy


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[float, str]] = []
        self.listener = Listener(self.lines.append, lambda percent, message: self.steps.append((percent, message)))


def run(folder: Path, code: str, stop: threading.Event | None = None, heard: Heard | None = None) -> tuple[Exit, Heard]:
    heard = heard or Heard()
    ended = supervise(
        [sys.executable, "-c", code],
        cwd=folder,
        environment=dict(os.environ),
        log=folder / "log",
        listener=heard.listener,
        stop=stop or threading.Event(),
        limit_seconds=toy.PATIENCE,
    )
    return ended, heard


def test_lines_progress_and_log(tmp_path: Path) -> None:
    code = (
        "import sys; print('one'); print('::progress 37.5 step 3/8'); print('bar 1%\\rbar 2%'); print('\\tgit add dvc.lock');"
        "print('caf\\u00e9'.encode('latin-1')) ; sys.stdout.buffer.write(b'\\xff\\n'); print('::progress 250 too far')"
    )
    ended, heard = run(tmp_path, code)
    assert (ended.code, ended.stopped, ended.out_of_time, ended.unchanged) == (0, False, False, False)
    assert heard.lines == ["one", "bar 2%", "b'caf\\xe9'", "\ufffd"]
    assert heard.steps == [(37.5, "step 3/8"), (100.0, "too far")]
    assert "progress" not in (tmp_path / "log").read_text()
    assert "git add" in (tmp_path / "log").read_text()


def test_what_a_stage_says_is_whole_whatever_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}.items():
        monkeypatch.setenv(name, value)
    ended, heard = run(tmp_path, "print('\\u22120.5 caf\\xe9'); import sys; sys.exit('error: \\u22121 is no class.')")
    assert "\N{MINUS SIGN}0.5 café" in heard.lines
    assert ended.sentence == "\N{MINUS SIGN}1 is no class."


@pytest.mark.parametrize(
    ("code", "exit_code", "lost", "sentence"),
    [
        (
            "import sys; print('error: row 3 has no text.', file=sys.stderr); sys.exit(2)",
            2,
            False,
            "row 3 has no text.",
        ),
        ("assert 1 == 2, 'shapes'", 1, False, "exit code 1: AssertionError: shapes"),
        ("import os; os.kill(os.getpid(), 9)", -9, True, "exit code -9: it printed nothing"),
        ("import os; os.abort()", -6, True, "exit code -6"),
        ("raise SystemExit(143)", 143, False, "exit code 143"),
        ("print('failed to run: python x.py --a b, exited with -9'); raise SystemExit(255)", -9, True, "exit code -9"),
        ("print('failed to run: python x.py, exited with 2'); raise SystemExit(255)", 2, False, "exit code 2"),
        ("raise RuntimeError('CUDA error: an illegal access')", 1, True, "CUDA error"),
        ("print(\"ERROR: 'x' is busy, it is being blocked by\"); raise SystemExit(255)", 255, True, "is busy"),
    ],
)
def test_why_it_ended_and_whether_a_retry_can_help(
    tmp_path: Path, code: str, exit_code: int, lost: bool, sentence: str
) -> None:
    ended, _ = run(tmp_path, code)
    assert (ended.code, ended.lost) == (exit_code, lost)
    assert sentence in ended.sentence


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("error: data has 2 mistakes to correct:\nrow 3 has no text.\n\n  row 5 has no picture.\n",
         "data has 2 mistakes to correct:\nrow 3 has no text.\n  row 5 has no picture."),
        ("error: a\n::progress 50 on its way\nb\nERROR: failed to reproduce 'x': failed to run: python x.py, exited with 2\n",
         "a\nb"),
        ("error: it was tried again\nlearned something\nerror: row 3 has no text.\n", "row 3 has no text."),
        ("error: one\nerror: two\n", "one\ntwo"),
        ("error: tried again\nTraceback (most recent call last):\n  File 'x'\nValueError: shapes:\n\t(1, 2)\n\t(2, 1)\n",
         "exit code 2: ValueError: shapes:\n\t(1, 2)\n\t(2, 1)"),
        ("Traceback (most recent call last):\n  File 'x'\nKeyError: 1\n\nDuring handling of the above exception, another "
         "exception occurred:\n\nTraceback (most recent call last):\n  File 'y'\nOSError: 2\n", "exit code 2: OSError: 2"),
        ("error: many:\n" + "".join(f"row {row}\n" for row in range(100)),
         "\n".join(["many:", *(f"row {row}" for row in range(39)), "... 61 more lines in log"])),
        ("only words\n", "exit code 2: only words"),
    ],
)  # fmt: skip
def test_the_last_message_is_told_whole(tmp_path: Path, output: str, sentence: str) -> None:
    ended, _ = run(tmp_path, f"import sys; sys.stderr.write({output!r}); sys.exit(2)")
    assert (ended.code, ended.sentence) == (2, sentence)


# A child in the same group that ignores SIGTERM, as a data loader that hangs may.
STUBBORN = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import signal, time; "
    'signal.signal(15, signal.SIG_IGN); print("up", flush=True); open("up", "w").close(); time.sleep(3600)\']); '
)
# Its parent goes on for ever, or until the child is up.
GOING_ON = "time.sleep(3600)"
DYING = "import os\nwhile not os.path.exists('up'): time.sleep(0.05)"


@pytest.mark.parametrize("reason", ["stop", "limit", "death"])
def test_the_whole_group_ends_whatever_the_reason(tmp_path: Path, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.5)
    stop, heard, late = threading.Event(), Heard(), [0.0]
    # The reason comes about when the child is up, and not some seconds later.
    happens = {"stop": stop.set, "limit": lambda: late.append(2 * toy.PATIENCE), "death": lambda: None}[reason]
    clock = SimpleNamespace(sleep=time.sleep, monotonic=lambda: time.monotonic() + late[-1])
    monkeypatch.setattr(supervisor, "time", clock)

    def hear(line: str) -> None:
        heard.lines.append(line)
        happens()

    heard.listener = Listener(hear)
    ended, _ = run(tmp_path, STUBBORN + (DYING if reason == "death" else GOING_ON), stop, heard=heard)
    assert heard.lines == ["up"]
    assert (ended.stopped, ended.out_of_time) == (reason == "stop", reason == "limit")
    assert not ended.lost or reason == "death"
    assert toy.processes_of(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["runner killed", "dvc told to stop"])
def test_nothing_outlives_the_runner_or_dvc(tmp_path: Path, number: signal.Signals) -> None:
    home = toy.make(tmp_path / "clone", slow="hang")
    runner = (
        "import os, sys, threading; from pathlib import Path; from flows.stages.supervisor import *;"
        "from infra.environment import *;"
        "home = Path(sys.argv[1]);"
        "command = stage_command('seed'); at = dict(cwd=home, environment=environment(home), listener=Listener(), "
        "log=home / '.ceteris/log', stop=threading.Event());"
        "supervise(command, **at); print(supervise(stage_command('train@slow-0'), **at).code)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", runner, str(home)], cwd=toy.ROOT, stdout=subprocess.PIPE, text=True
    )
    toy.wait_for(lambda: toy.process_with(home, "step.py train"))
    if number == signal.SIGKILL:
        process.kill()
    else:
        dvc = toy.process_with(home, "flows.stages.stage_process")
        assert dvc is not None
        dvc.terminate()
    output, _ = process.communicate(timeout=toy.PATIENCE)
    toy.wait_for(lambda: not toy.processes_of(home))
    assert output.strip() == ("" if number == signal.SIGKILL else "143")


def test_a_recycled_pid_is_not_taken_for_the_process() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    first = identity(process.pid)
    assert first is not None
    assert first == identity(process.pid)
    assert first != identity(os.getpid())
    assert list(members(process.pid)) == [process.pid]
    end_group(process.pid, toy.PATIENCE)
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    assert identity(process.pid) is None
    assert list(members(process.pid)) == []
    process.wait()
