"""Start and stop the two servers of a clone: Prefect and MLflow, on free loopback ports, until `ceteris down`.

They are recorded in `.ceteris/services.json` with a unique identity of their process, so a recycled pid is never mistaken for
a server. If the environment names a server in PREFECT_API_URL or MLFLOW_TRACKING_URI, that server is used instead. It is
neither started nor stopped here.
"""

import contextlib
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from components.errors import CeterisError
from components.files.json_files import write_json
from components.files.locks import locked
from infra.environment import environment
from infra.processes import end_group, identity

NAMES = ("prefect", "mlflow")
# Long enough for a busy machine: if a server that is only slow were ended, a running study would fail with it.
START_SECONDS = 600.0
REUSE_SECONDS = 300.0
ELSEWHERE_SECONDS = 30.0
ATTEMPTS = 3
_HOST = "127.0.0.1"
_HEALTH = {"prefect": "/api/health", "mlflow": "/health"}
_EXPORTED = {"prefect": "PREFECT_API_URL", "mlflow": "MLFLOW_TRACKING_URI"}


@dataclass(frozen=True)
class Service:
    """A running server. `pid` is None for a server that the environment names."""

    name: str
    url: str
    pid: int | None = None
    port: int | None = None
    process: str = ""

    @property
    def alive(self) -> bool:
        """Whether the recorded process still runs (always true for a server that the environment names)."""
        return self.pid is None or identity(self.pid) == self.process

    @property
    def healthy(self) -> bool:
        """Whether it answers."""
        return answers(self.url + _HEALTH[self.name])


def answers(url: str, timeout: float = 10.0) -> bool:
    """Whether an HTTP GET of `url` succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return bool(200 <= response.status < 300)
    except (OSError, ValueError, http.client.HTTPException):
        return False


def up(home: Path) -> dict[str, Service]:
    """Start the servers that do not run, both at the same time, wait until both answer, and return them by name.

    Raises:
        CeterisError: a server ended or did not answer in time; the message names its log.
    """
    with _alone(home):
        services = {service.name: service for service in _in_use(home)}
        patience = {
            name: time.monotonic() + (ELSEWHERE_SECONDS if service.pid is None else REUSE_SECONDS)
            for name, service in services.items()
        }
        attempts = dict.fromkeys(NAMES, 0)
        while True:
            waiting = [name for name in NAMES if name not in services or not services[name].healthy]
            if not waiting:
                return services
            for name in waiting:
                service = services.get(name)
                if service is None or not service.alive or time.monotonic() > patience[name]:
                    _give_up_on(service, attempts[name], home)
                    services[name] = _launch(home, name)
                    attempts[name] += 1
                    patience[name] = time.monotonic() + START_SECONDS
                    _record(home, services.values())  # before it answers, so that no started server is ever lost
            time.sleep(0.1)


def _give_up_on(service: Service | None, attempts: int, home: Path) -> None:
    """End a server that does not answer, before the next attempt; raises if there are no attempts left."""
    if service is None:
        return
    if service.pid is None:
        raise CeterisError(f"The server at {service.url} ({_EXPORTED[service.name]}) does not answer.")
    _end(service)
    if attempts == ATTEMPTS:
        raise CeterisError(f"The {service.name} server does not start: see {_log(home, service.name)}.")


def down(home: Path) -> list[Service]:
    """End the servers of this clone; returns those that were running."""
    with _alone(home):
        ended = [service for service in _recorded(home) if service.alive]
        with ThreadPoolExecutor(len(NAMES)) as pool:
            list(pool.map(_end, ended))
        (_sidecar(home) / "services.json").unlink(missing_ok=True)
    return ended


def running(home: Path) -> list[Service]:
    """The servers in use that are alive, without starting any."""
    return [service for service in _in_use(home) if service.alive]


def connect(services: dict[str, Service]) -> None:
    """Point Prefect and MLflow in this process and its children to these servers. Call it before either is imported."""
    os.environ["PREFECT_API_URL"] = services["prefect"].url + "/api"
    os.environ["MLFLOW_TRACKING_URI"] = services["mlflow"].url


def _sidecar(home: Path) -> Path:
    return home / ".ceteris"


def _alone(home: Path) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of the servers. Of two commands that start servers, the second waits and finds those of the first."""
    return locked(_sidecar(home) / "services.lock")


def _recorded(home: Path) -> list[Service]:
    path = _sidecar(home) / "services.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {name: Service(name=name, **fields) for name, fields in content.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        known = {}  # a damaged record counts as none, so the servers are started again
    return list(known.values())


def _in_use(home: Path) -> list[Service]:
    """The recorded servers, replaced by those that the environment names."""
    known = {service.name: service for service in _recorded(home)}
    for name, variable in _EXPORTED.items():
        exported = os.environ.get(variable, "").rstrip("/").removesuffix("/api")
        if exported.startswith("http") and not (name in known and known[name].url == exported):
            known[name] = Service(name, exported)
    return list(known.values())


def _record(home: Path, services: Iterable[Service]) -> None:
    content = {}
    for service in sorted(services, key=lambda service: service.name):
        if service.pid is not None:
            fields = asdict(service)
            content[fields.pop("name")] = fields
    write_json(_sidecar(home) / "services.json", content, indent=2, sort_keys=False)


def _command(home: Path, name: str, port: int) -> list[str]:
    place = ["--host", _HOST, "--port", str(port)]
    if name == "prefect":
        return [sys.executable, "-m", "prefect", "server", "start", *place]
    database = home / "mlflow.db"
    # The file keeps its journal mode (WAL). The server creates the schema before it answers, and no other process opens the
    # file until then.
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    artifacts = home / "mlartifacts"
    stores = ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(artifacts)]
    return [sys.executable, "-m", "mlflow", "server", *stores, *place, "--workers", "1"]


def _log(home: Path, name: str) -> Path:
    return _sidecar(home) / "logs" / f"{name}.log"


def _launch(home: Path, name: str) -> Service:
    """Start a server's process; it answers some seconds later."""
    log = _log(home, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    settings = environment(home)
    for variable in _EXPORTED.values():
        settings.pop(variable, None)
    settings["PREFECT_UI_API_URL"] = "/api"  # by default the page asks port 4200, whichever port the server has
    port = _free_port()  # if another process takes it meanwhile, the server ends and is launched again
    with log.open("ab") as output:
        process = subprocess.Popen(
            _command(home, name, port),
            cwd=home,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Service(name, f"http://{_HOST}:{port}", process.pid, port, identity(process.pid) or "gone")


def _end(service: Service) -> None:
    if service.pid is not None and service.alive:
        end_group(service.pid, 10.0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
