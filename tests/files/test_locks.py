"""One process at a time, and nobody any more once it is dead: with real processes and a real kill."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from components.errors import CeterisError
from components.files.locks import is_locked, locked, only_one, try_lock

HOLDER = """
import subprocess, sys, time
from pathlib import Path
from components.files.locks import only_one
with only_one(Path(sys.argv[1]), "taken"):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    print(child.pid, flush=True)
    time.sleep(3600)
"""
ADDER = """
import sys
from pathlib import Path
from components.files.locks import locked
counter = Path(sys.argv[1])
for _ in range(60):
    with locked(counter.with_name("lock")):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def test_a_killed_holder_holds_nothing_even_while_its_children_live(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        assert is_locked(path)
        assert try_lock(path) is None
        with (
            pytest.raises(CeterisError, match=f"^process {holder.pid} has it$"),
            only_one(path, "process {pid} has it"),
        ):
            pass
        with pytest.raises(TimeoutError, match=r"run\.lock is held by another process"), locked(path, 0.2):
            pass
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # it lives
        assert not is_locked(path)
        with only_one(path, "taken"):
            assert path.read_text() == str(os.getpid())
    finally:
        holder.kill()
        os.kill(child, signal.SIGKILL)


def test_processes_take_turns(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    adders = [subprocess.Popen([sys.executable, "-c", ADDER, str(counter)]) for _ in range(3)]
    assert [adder.wait() for adder in adders] == [0, 0, 0]
    assert counter.read_text() == "180"


def test_another_thread_may_give_back(tmp_path: Path) -> None:
    """As when a stage ends: who waited for it gives back the slot that the walker took."""
    path = tmp_path / "slot"
    lock = try_lock(path)
    assert lock is not None
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    with locked(path, 0.0):
        assert is_locked(path)
    assert not is_locked(path)


def test_an_error_gives_back_and_what_a_file_holds_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    assert not is_locked(path)
    for hold in (lambda: locked(path), lambda: only_one(path, "taken")):
        with pytest.raises(KeyError), hold():
            raise KeyError
        assert not is_locked(path)
    path.write_text("4711")
    with only_one(path, "taken"):
        pass
