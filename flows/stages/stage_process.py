"""The process that runs one stage: the `dvc` command, made to leave nothing behind.

`python -m flows.stages.stage_process ARGUMENTS` is `python -m dvc ARGUMENTS` with two differences: it is told to stop when the
process that started it dies (even by SIGKILL), and when it is told to stop it first stops its whole process group. DVC
alone dies at once and leaves the training process running.
"""

import ctypes
import os
import runpy
import signal
import sys
import time
from types import FrameType

from infra.processes import members

GRACE_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """On Linux, have the kernel send SIGTERM when the parent dies; elsewhere this does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop_group(number: int, frame: FrameType | None) -> None:
    """SIGTERM to everyone else in the group, up to `GRACE_SECONDS` to leave, then SIGKILL; leave with 143."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        try:
            child, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not child:
            time.sleep(0.05)
    for member in members(os.getpgrp()):
        if member != os.getpid():
            os.kill(member, signal.SIGKILL)
    # Nothing is committed after a stop; DVC removes the rwlock entries of processes that have gone.
    os._exit(143)


def main() -> None:
    """Run DVC's command line in this process."""
    parent = int(os.environ.pop("CETERIS_PARENT", "0"))
    die_with_parent()
    if parent and os.getppid() != parent:  # it died before the kernel was asked to tell
        sys.exit(143)
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, _stop_group)
    sys.argv[0] = "dvc"
    runpy.run_module("dvc", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
