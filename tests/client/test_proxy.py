"""Proxies of the environment: not for a server on this machine, unless that is asked for."""

from __future__ import annotations

import socket
from typing import Any, Callable, Iterator, List

import pytest
from both import Both
from faulty import FaultyServer, answer

import ccapi

Make = Callable[..., Both]


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """A proxy that the environment names, for everything."""
    with FaultyServer() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        yield proxy


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_server_on_this_machine_is_asked_directly(both: Make, url: str, proxied: FaultyServer, host: str) -> None:
    client = both(url.replace("127.0.0.1", host))
    assert client.complete("Hi").content == "You said: Hi"
    for transport in ("sse", "websocket"):
        assert "".join(client.read("Hi", transport=transport)[0]) == "You said: Hi"
    assert client.batch(["Hi"]).succeeded == 1 and client.health().status == "ok"
    assert proxied.seen == []


def test_proxies_are_used_when_that_is_asked_for(both: Make, url: str, proxied: FaultyServer) -> None:
    client = both(url, trust_env=True)
    assert client.complete("Hi").content == "fine"  # the proxy's own answer
    assert proxied.seen[0].path == f"{url}/v1/chat/completions"
    assert "".join(client.read("Hi", transport="websocket")[0]) == "You said: Hi"  # never through a proxy
    assert len(proxied.seen) == 1


def test_another_machine_is_asked_by_way_of_the_proxy(both: Make, proxied: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[str] = []
    known = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **more: Any) -> Any:
        if host == "127.0.0.1":
            return known(host, *args, **more)
        asked.append(host if isinstance(host, str) else host.decode())
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    client = both("http://llm.example:8080")
    assert client.complete("Hi").content == "fine"
    assert proxied.seen[0].path == "http://llm.example:8080/v1/chat/completions" and asked == []
    direct = both("http://llm.invalid:8080", trust_env=False, max_retries=0)
    with pytest.raises(ccapi.ConnectError):
        direct.complete("Hi")
    monkeypatch.setenv("NO_PROXY", "llm.invalid")
    monkeypatch.setenv("no_proxy", "llm.invalid")
    with pytest.raises(ccapi.ConnectError):
        both("http://llm.invalid:8080", max_retries=0).complete("Hi")
    assert len(proxied.seen) == 1 and asked == ["llm.invalid"] * 2


def test_a_proxy_that_is_gone_is_a_connect_error(both: Make, monkeypatch: pytest.MonkeyPatch, pauses: List[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    with pytest.raises(ccapi.ConnectError) as e:
        both("http://llm.example").complete("Hi")
    assert e.value.attempts == 3


def test_a_path_of_a_reverse_proxy_is_kept(both: Make, faulty: FaultyServer) -> None:
    faulty.will(answer(), answer(200, {"data": []}))
    client = both(faulty.url + "/llm/v1")
    client.complete("Hi")
    client.models()
    client_ws: Any = client.client.stream("Hi", transport="websocket")
    with pytest.raises(ccapi.CcapiError):
        client.all(client_ws)
    assert [r.path for r in faulty.seen][:3] == ["/llm/v1/chat/completions", "/llm/v1/models", "/llm/v1/stream"]
