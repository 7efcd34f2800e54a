"""The two servers of a clone. Uses those that all tests of flows share."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from components.errors import CeterisError
from flows.servers import flow_runs as runs
from flows.servers import services
from infra.environment import PRIVATE, environment
from infra.processes import identity
from tests.flows import toy

pytestmark = pytest.mark.xdist_group("servers")


def test_up_reuses_what_runs(servers: Path) -> None:
    record = (servers / ".ceteris/services.json").read_bytes()
    again = services.up(servers)
    assert (servers / ".ceteris/services.json").read_bytes() == record
    assert set(again) == set(json.loads(record)) == {"prefect", "mlflow"}
    for service in again.values():
        assert service.alive
        assert service.healthy
        assert service.url == f"http://127.0.0.1:{service.port}"
        assert service.process == identity(service.pid or 0)


def test_the_servers_listen_on_the_loopback_only_and_send_nothing_out(servers: Path) -> None:
    psutil = pytest.importorskip("psutil")
    for service in services.running(servers):
        tree = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
        sockets = [connection for process in tree for connection in process.net_connections("inet")]
        assert {item.laddr.ip for item in sockets if item.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
        assert {item.raddr.ip for item in sockets if item.raddr} <= {"127.0.0.1"}
        assert PRIVATE.items() <= tree[0].environ().items()


def test_mlflow_keeps_its_database_in_wal_mode_with_its_schema(servers: Path) -> None:
    with closing(sqlite3.connect(f"file:{servers / 'mlflow.db'}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("SELECT count(*) FROM experiments").fetchone() == (1,)


def test_the_prefect_page_asks_its_own_server(servers: Path) -> None:
    import urllib.request

    with urllib.request.urlopen(f"{toy.prefect(servers)}/ui-settings") as response:
        assert json.load(response)["api_url"] == "/api"


def test_status_reaps_dead_runs_only(servers: Path) -> None:
    server = toy.prefect(servers)
    flow = runs._post(server, "/api/flows/", {"name": "reaped"})["id"]
    dead = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    tags = {"mine": runs.process_tag(subprocess.os.getpid()), "gone": runs.process_tag(dead.pid)}
    dead.kill()
    dead.wait()
    tags["elsewhere"] = tags["gone"].replace("=", "=elsewhere-")
    made = {}
    for name, tag in tags.items():
        body = {"flow_id": flow, "name": name, "tags": [tag], "state": {"type": "RUNNING"}}
        made[name] = runs._post(server, "/api/flow_runs/", body)["id"]
    from flows.running import describe

    lines = describe(servers)
    assert "crashed  gone: its process has gone" in lines
    assert {name: runs.state(server, run) for name, run in made.items()} == {
        "mine": "RUNNING",
        "gone": "CRASHED",
        "elsewhere": "RUNNING",
    }
    assert any(line.startswith("run      mine") and f"{server}/runs/flow-run/{made['mine']}" in line for line in lines)
    for name in ("mine", "elsewhere"):
        done = {"state": {"type": "COMPLETED"}, "force": True}
        runs._post(server, f"/api/flow_runs/{made[name]}/set_state", done)


def test_a_stale_record_is_no_server(tmp_path: Path) -> None:
    (tmp_path / ".ceteris").mkdir()
    stale = {"url": "http://127.0.0.1:1", "pid": 1, "port": 1, "process": "another boot"}
    (tmp_path / ".ceteris/services.json").write_text(json.dumps({"prefect": stale}))
    assert services.running(tmp_path) == []
    assert services.down(tmp_path) == []
    (tmp_path / ".ceteris/services.json").write_text("{ not json")
    assert services.running(tmp_path) == []


def test_a_server_that_ends_at_once_is_a_sentence_and_down_ends_what_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting = [sys.executable, "-c", "import time; time.sleep(3600)"]
    failing = [sys.executable, "-c", "raise SystemExit('no')"]
    monkeypatch.setattr(services, "_command", lambda home, name, port: failing if name == "mlflow" else lasting)
    with pytest.raises(CeterisError, match=r"The mlflow server does not start: see .*mlflow\.log"):
        services.up(tmp_path)
    assert (tmp_path / ".ceteris/logs/mlflow.log").read_text().count("no") == services.ATTEMPTS
    (left,) = services.running(tmp_path)
    assert (left.name, left.healthy) == ("prefect", False)
    assert services.down(tmp_path) == [left]
    assert identity(left.pid or 0) is None
    assert services.running(tmp_path) == []


def test_a_server_named_in_the_environment_is_used_and_never_ended(
    servers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {service.name: service.url for service in services.running(servers)}
    monkeypatch.setenv("PREFECT_API_URL", ours["prefect"] + "/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ours["mlflow"])
    used = services.up(tmp_path)
    assert {name: (service.url, service.pid) for name, service in used.items()} == {
        "prefect": (ours["prefect"], None),
        "mlflow": (ours["mlflow"], None),
    }
    assert services.down(tmp_path) == []
    assert all(service.healthy for service in services.running(servers))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setattr(services, "ELSEWHERE_SECONDS", 0.2)
    with pytest.raises(CeterisError, match=r"http://127.0.0.1:1 \(MLFLOW_TRACKING_URI\) does not answer"):
        services.up(tmp_path)


def test_the_environment_puts_this_interpreter_first_and_no_proxy_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("DVC_STAGE", "outer")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    monkeypatch.setenv("no_proxy", "example.org")
    settings = environment(tmp_path)
    assert settings["PATH"].split(":") == [str(Path(sys.executable).parent), "/usr/bin"]
    assert "DVC_STAGE" not in settings
    assert (settings["HF_HUB_OFFLINE"], settings["DO_NOT_TRACK"]) == ("0", "true")
    assert settings["no_proxy"] == "example.org,127.0.0.1,localhost"
    assert settings["PREFECT_HOME"] == str(tmp_path / ".ceteris/prefect")
