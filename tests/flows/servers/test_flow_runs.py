"""Asking a Prefect server that is busy: it says 503 while its database is locked, and means later."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError

import pytest

from flows.servers import flow_runs as runs


class Busy(BaseHTTPRequestHandler):
    """Answers with the codes that are left, then with what it was sent."""

    codes: list[int]
    asked: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked += 1
        self.send_response(self.codes.pop(0) if self.codes else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(runs, "_PAUSES", (0.01, 0.01))
    Busy.codes, Busy.asked = [], 0
    server = HTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_busy_server_is_asked_again(address: str) -> None:
    Busy.codes = [503, 503]
    assert runs._post(address, "/", {"asked": "once more"}) == {"asked": "once more"}
    assert Busy.asked == 3


@pytest.mark.parametrize(("codes", "asked"), [([503] * 9, 3), ([404, 503], 1)])
def test_but_not_for_ever_and_not_after_another_answer(address: str, codes: list[int], asked: int) -> None:
    Busy.codes = list(codes)
    with pytest.raises(HTTPError) as error:
        runs._post(address, "/", {})
    assert (error.value.code, Busy.asked) == (codes[0], asked)
