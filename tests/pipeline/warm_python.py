"""A warm `python`: a stage begins as a fork of a process that has already imported the libraries.

A stage that trains needs seven seconds of a core to import torch and lightning, and a study is made of dozens of stages.
Where a test asks what a study comes to, its stages begin here instead. They stay processes of their own, started by DVC
with the commands of `dvc.yaml`. Nothing of Ceteris is imported beforehand: each loads the code of its own clone, so that
the closing check of what it loaded holds as ever. What a cold start could change is held against cold processes, in
`test_both_doors` and `test_kill_and_resume`.

This file is the server, and what the stand-in for `python` runs; for both it needs the standard library alone.
"""

import array
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO

WARM = ("components.stages.", "flows.stages.stage_process")
"""What `python -m` begins warm; everything else is an ordinary process."""
LIBRARIES = (
    "torch._dynamo",
    "lightning.pytorch",
    "transformers",
    "pyarrow.parquet",
    "pandas",
    "scipy.stats",
    "sklearn.linear_model",
    "safetensors.torch",
    "tokenizers",
    "optuna",
    "great_expectations",
    "dvc.cli",
    "dvc.commands.repro",
    "dvc.repo.reproduce",
    "dvc.stage.run",
)
LONGEST = 1 << 20
"""Bytes of a message; arguments and environment are far shorter."""
STAND_IN = """#!{python} -IS
import sys
sys.path.insert(0, {folder!r})
from warm_python import stand_in
stand_in({python!r}, {address!r})
"""
COMMAND = """#!{python}
import sys
sys.executable = {stand_in!r}
from flows.cli import main
main()
"""


@dataclass(frozen=True)
class WarmPython:
    """The server, and the folder with the `python` and the `ceteris` that use it."""

    server: subprocess.Popen[str]
    binaries: Path
    address: Path

    def begin(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> "Fork":
        """`python ARGUMENTS` in a folder, as a process of which this one holds the output and the id."""
        reading, writing = os.pipe()
        connection = _connect(str(self.address))
        _send(connection, arguments, str(folder), environment, [0, writing, writing])
        os.close(writing)
        return Fork(int(connection.recv(LONGEST)), os.fdopen(reading, encoding="utf-8"), connection)

    def stop(self) -> None:
        """End the server."""
        self.server.terminate()
        self.server.wait()


@dataclass(frozen=True)
class Fork:
    """A process that began warm."""

    pid: int
    output: TextIO
    connection: socket.socket

    def end(self) -> tuple[int, str]:
        """Wait for it; its exit code as `subprocess` gives it, and the rest of what it printed."""
        rest = self.output.read()
        code = int(self.connection.recv(LONGEST))
        self.output.close()
        self.connection.close()
        return code, rest


def start(folder: Path, environment: dict[str, str]) -> WarmPython:
    """Start the server, and wait until it has imported everything."""
    address, binaries = folder / "socket", folder / "bin"
    binaries.mkdir()
    names = {"python": sys.executable, "folder": str(Path(__file__).parent), "address": str(address)}
    names["stand_in"] = str(binaries / "python")
    for name, text in (("python", STAND_IN), ("ceteris", COMMAND)):
        (binaries / name).write_text(text.format(**names), encoding="utf-8")
        (binaries / name).chmod(0o755)
    command = [sys.executable, __file__, str(address)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    return WarmPython(server, binaries, address)


def stand_in(python: str, address: str) -> NoReturn:
    """Be `python`: hand over to the server what begins warm, and end as it ends; be the interpreter for all else."""
    arguments = sys.argv[1:]
    if arguments[:1] != ["-m"] or not arguments[1].startswith(WARM):
        os.execv(python, [python, *arguments])
    connection = _connect(address)
    _send(connection, arguments, os.getcwd(), dict(os.environ), [0, 1, 2])
    connection.recv(LONGEST)  # its id, of no use here
    code = int(connection.recv(LONGEST))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def serve(address: str) -> NoReturn:
    """Import the libraries, then fork for everyone who asks."""
    import gc

    gc.disable()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks that watch
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(address)
        server.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _watch(connection)
            connection.close()


def _watch(connection: socket.socket) -> NoReturn:
    """Fork the process that was asked for, and tell its id and its exit code; end it when whoever asked has gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, descriptors, _, _ = socket.recv_fds(connection, LONGEST, 3)
    asked = json.loads(message)
    process = os.fork()
    if process == 0:
        connection.close()
        _become(asked["arguments"], asked["folder"], asked["environment"], descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    with contextlib.suppress(OSError):
        connection.send(str(process).encode())
    ended = os.pidfd_open(process)
    ready, _, _ = select.select([connection, ended], [], [])
    if ended not in ready:
        os.kill(process, signal.SIGTERM)
    _, status = os.waitpid(process, 0)
    with contextlib.suppress(OSError):
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], descriptors: list[int]) -> NoReturn:
    """Be `python -m MODULE ...`, to the end of the process."""
    import atexit
    import runpy
    import threading
    import traceback

    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    environment.pop("CETERIS_PARENT", None)  # the walker's own child is the stand-in; this is a child of the server
    os.environ.clear()
    os.environ.update(environment)
    # As `python -m` has it: the folder, what PYTHONPATH names, and then the installed packages, but not this file's folder.
    named = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [folder, *named, *sys.path[1:]]
    sys.argv = ["-m", *arguments[2:]]
    sys.modules["numpy"].random.seed()  # a process of its own has a state of its own
    code = 0
    try:
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _connect(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(address)
    return connection


def _send(
    connection: socket.socket, arguments: list[str], folder: str, environment: dict[str, str], descriptors: list[int]
) -> None:
    message = json.dumps({"arguments": arguments, "folder": folder, "environment": environment}).encode()
    connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])


if __name__ == "__main__":
    serve(sys.argv[1])
