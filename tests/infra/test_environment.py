"""Proxies for the outside: none stands between our own processes, and none that cannot be used stops a command."""

from pathlib import Path

import httpx
import pytest

from infra import environment
from infra.environment import bypass_proxy

NAMES = ("ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies."""
    for name in (*NAMES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "proxy",
    ["socks5://127.0.0.1:1", "SOCKS5H://user:word@host:1080", "socks4://host:1", "socks://host:1", "ftp://host", "http://[::1"],
)  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_taken_out_and_named(
    variables: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    variables.setattr(environment, "find_spec", lambda package: None)
    variables.setenv(name, proxy)
    settings = environment.environment(Path("home"))
    assert name not in settings
    assert bypass_proxy(environment.os.environ) == [name]
    httpx.Client().close()  # as Prefect's client does; it would raise


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "https://user:word@proxy:1", "proxy.example:3128", ""])
def test_http_proxies_stay_for_the_outside(variables: pytest.MonkeyPatch, proxy: str) -> None:
    for name in NAMES:
        variables.setenv(name, proxy)
    settings = environment.environment(Path("home"))
    assert {settings[name] for name in NAMES} == {proxy}
    assert bypass_proxy(settings) == []


def test_a_socks_proxy_stays_where_it_can_be_used(variables: pytest.MonkeyPatch) -> None:
    variables.setattr(environment, "find_spec", lambda package: package == "socksio" or None)
    variables.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    assert environment.environment(Path("home"))["ALL_PROXY"] == "socks5://127.0.0.1:1"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1"])
@pytest.mark.parametrize("exceptions", ["", "example.org", "::1, [::1], fe80::/10,*.corp,[::1]:80"])
def test_no_proxy_is_asked_for_this_machine(variables: pytest.MonkeyPatch, proxy: str, exceptions: str) -> None:
    variables.setenv("HTTP_PROXY", proxy)
    variables.setenv("ALL_PROXY", proxy)
    variables.setenv("NO_PROXY", exceptions)
    bypass_proxy(environment.os.environ)
    with httpx.Client() as client:
        for host in ("127.0.0.1", "localhost"):
            # Straight to the machine: nobody listens at port 1, and a proxy would have been asked at port 1 too.
            assert client._transport_for_url(httpx.URL(f"http://{host}:1")) is client._transport
