"""nginx in front, with packaging/nginx/ccapid.conf as it stands but for ports: REST, streams and WebSockets."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
import websockets

from harness import REPO, SLOWNESS, Daemon, bearer, chat_body, in_parallel, wait_for


class Proxy:
    """nginx on a free port, in front of a daemon."""

    def __init__(self, d: Daemon) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="ccapi-nginx-"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        text = (REPO / "packaging/nginx/ccapid.conf").read_text()
        for old, new in (("server 127.0.0.1:8080;", f"server 127.0.0.1:{d.port};"), ("listen 80;", f"listen 127.0.0.1:{self.port};")):
            assert old in text
            text = text.replace(old, new)
        (self.root / "ccapid.conf").write_text(text)
        temp = "".join(f"{n}_temp_path {self.root}/{n};" for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.root / "nginx.conf").write_text(
            f"daemon off; worker_processes 1; pid {self.root}/pid; error_log {self.root}/error.log;"
            f"events {{ worker_connections 512; }} http {{ access_log off; {temp} include {self.root}/ccapid.conf; }}"
        )
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.p = subprocess.Popen([nginx, "-p", str(self.root), "-c", str(self.root / "nginx.conf")], stdin=subprocess.DEVNULL)
        wait_for(self.serves, lambda: "nginx:\n" + (self.root / "error.log").read_text(), 20)

    def serves(self) -> bool:
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60 * SLOWNESS)

    def chat(self, c: http.client.HTTPConnection, key: str, text: str, **params: Any) -> http.client.HTTPResponse:
        headers = bearer(key, **{"Content-Type": "application/json", "Host": "ccapi.example"})
        c.request("POST", "/v1/chat/completions", json.dumps(chat_body(text, **params)), headers)
        return c.getresponse()

    def websocket(self, key: str, origin: str = "") -> Any:
        headers = {**bearer(key), **({"Origin": origin} if origin else {})}
        return websockets.connect(f"ws://ccapi.example:{self.port}/v1/stream", extra_headers=headers, ping_interval=None,
                                  open_timeout=60, host="127.0.0.1", port=self.port)  # fmt: skip

    def origin(self) -> str:
        return f"http://ccapi.example:{self.port}"

    def close(self) -> None:
        self.p.terminate()
        self.p.wait()
        shutil.rmtree(self.root, ignore_errors=True)


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon(options={"auth.required": True, "http.allowed_hosts": "ccapi.example", "pool.workers": 3}) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def proxy(d: Daemon) -> Iterator[Proxy]:
    p = Proxy(d)
    yield p
    p.close()


@pytest.fixture(scope="module")
def key(d: Daemon) -> str:
    return d.new_key("proxied")


def test_rest_on_kept_connections(d: Daemon, proxy: Proxy, key: str) -> None:
    def client(i: int) -> None:
        c = proxy.connection()
        for k in range(10):
            r = proxy.chat(c, key, f"{i} {k}")
            answer = json.loads(r.read())
            assert r.status == 200 and answer["choices"][0]["message"]["content"] == f"You said: {i} {k}"
            assert re.fullmatch(r"[0-9a-f]{32}", r.headers["x-request-id"])
        c.close()

    in_parallel(8, client)
    peers = {re.search(r"peer=(\S+)", line).group(1) for line in d.log_lines(r"path=/v1/chat/completions")}  # type: ignore[union-attr]
    assert len(peers) < 40, "connections to the daemon are kept"


def test_errors_come_through_as_they_are(proxy: Proxy, key: str) -> None:
    c = proxy.connection()
    r = proxy.chat(c, "ccapi_nonsense", "x")
    assert r.status == 401 and json.loads(r.read())["error"]["code"] == "invalid_api_key"
    r = proxy.chat(c, key, "x", temperature="hot")
    assert r.status == 400 and json.loads(r.read())["error"]["param"] == "temperature"


def test_tokens_of_a_stream_leave_as_they_come(proxy: Proxy, key: str) -> None:
    c = proxy.connection()
    r = proxy.chat(c, key, "[[sim:stamp]][[sim:tokens=20]][[sim:pace=50]]", stream=True)
    assert r.status == 200 and r.headers["content-type"] == "text/event-stream"
    gaps: List[int] = []
    for line in r:
        m = re.search(rb'"content":"\s*(\d{6,})', line)
        if m:
            gaps.append(time.monotonic_ns() // 1000 - int(m.group(1)))
    assert len(gaps) >= 19
    assert min(gaps) < 1_000_000 / 2, "a buffered stream comes after all of it was written"


def test_websockets_also_when_connections_were_kept_before(d: Daemon, proxy: Proxy, key: str) -> None:
    for _ in range(3):
        in_parallel(8, lambda i: proxy.chat(proxy.connection(), key, f"warm {i}").read())

        async def talk(i: int) -> None:
            async with proxy.websocket(key, proxy.origin()) as ws:
                await ws.send(json.dumps({"type": "chat", "id": "a", **chat_body(f"ws {i}")}))
                text = ""
                while True:
                    m: Dict[str, Any] = json.loads(await ws.recv())
                    text += m.get("content", "")
                    if m["type"] in ("done", "error"):
                        assert m["type"] == "done", m
                        assert text == f"You said: ws {i}"
                        return

        async def all_of_them() -> None:
            await asyncio.gather(*[talk(i) for i in range(10)])

        asyncio.run(all_of_them())
    wait_for(lambda: len(d.log_lines(r"path=/v1/stream status=101")) == 30, "thirty WebSockets")


def test_a_foreign_origin_and_a_bad_key_are_refused_through_the_proxy(proxy: Proxy, key: str) -> None:
    async def refused(key: str, origin: str) -> int:
        try:
            async with proxy.websocket(key, origin):
                return 101
        except websockets.InvalidStatusCode as e:
            return int(e.status_code)

    assert asyncio.run(refused(key, "http://elsewhere.example")) == 403
    assert asyncio.run(refused("ccapi_nonsense", proxy.origin())) == 401
