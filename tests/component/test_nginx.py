"""packaging/nginx/ccapid.conf in a real nginx in front of ws_echo: HTTP over kept connections, event streams, WebSockets,
and upgrades that meet a connection which has served requests."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import socket
import ssl
import struct
import subprocess
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
import websockets

from ws_support import CLOSE, DEADLINE, HEAD, TEXT, Echo, Raw, by_node, echo, wait_for

CONF = Path(__file__).resolve().parents[2] / "packaging/nginx/ccapid.conf"
TOP = """daemon off;
master_process off;
pid {d}/pid;
error_log {d}/error.log info;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {d}/body;
	proxy_temp_path {d}/proxy;
	fastcgi_temp_path {d}/fastcgi;
	uwsgi_temp_path {d}/uwsgi;
	scgi_temp_path {d}/scgi;
	include {d}/ccapid.conf;
}}
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def certificate(directory: Path) -> Tuple[Path, Path]:
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ccapi.example",
                    "-addext", "subjectAltName=DNS:ccapi.example,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
                   check=True, capture_output=True)  # fmt: skip
    return cert, key


def written(upstream: int, port: int, tls: int, directory: Path) -> str:
    """The file as an operator would change it, with TLS switched on."""
    text = CONF.read_text()
    cert, key = certificate(directory)
    for old, new in (("127.0.0.1:8080", f"127.0.0.1:{upstream}"), ("listen 80;", f"listen 127.0.0.1:{port};"),
                     ("#	listen 443 ssl;", f"	listen 127.0.0.1:{tls} ssl;"),
                     ("#	ssl_certificate     /etc/ssl/ccapi.example.pem", f"	ssl_certificate {cert}"),
                     ("#	ssl_certificate_key /etc/ssl/private/ccapi.example.key", f"	ssl_certificate_key {key}")):  # fmt: skip
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class Proxy:
    """An nginx of our own; has what Echo's clients ask for: a port and a URL."""

    def __init__(self, e: Echo, directory: Path) -> None:
        self.directory = directory
        self.port, self.tls = free_port(), free_port()
        self.url = f"ws://127.0.0.1:{self.port}/v1/stream"
        (directory / "ccapid.conf").write_text(written(e.port, self.port, self.tls, directory))
        (directory / "nginx.conf").write_text(TOP.format(d=directory))
        self.p = subprocess.Popen([nginx(), "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(directory / "nginx.conf")])

    def up(self) -> bool:
        assert self.p.poll() is None, self.log()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.tls), timeout=DEADLINE).close()
            return True
        return False

    def log(self) -> str:
        path = self.directory / "error.log"
        return path.read_text() if path.exists() else ""


def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert found, "nginx is missing: make deps"
    return found


@pytest.fixture(scope="module")
def e() -> Iterator[Echo]:
    with echo(max_message=4 * 1024 * 1024) as server:
        yield server


@pytest.fixture
def proxy(e: Echo, tmp_path: Path) -> Iterator[Any]:
    p = Proxy(e, tmp_path)
    try:
        wait_for(p.up, lambda: f"nginx\n{p.log()}", DEADLINE)
        yield p
        assert "[emerg]" not in p.log() and "[alert]" not in p.log(), p.log()
    finally:
        p.p.terminate()
        p.p.wait(DEADLINE)


def get(h: http.client.HTTPConnection, path: str = "/v1/x", method: str = "GET", body: Any = None) -> Any:
    h.request(method, path, body)
    r = h.getresponse()
    data = r.read()
    assert r.status == 200, (r.status, data)
    return json.loads(data)


def connect(p: Proxy) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", p.port, timeout=DEADLINE)


def test_requests_share_an_upstream_connection(proxy: Proxy) -> None:
    one, two = connect(proxy), connect(proxy)
    first = get(one)
    assert first["host"] == f"127.0.0.1:{proxy.port}"
    assert get(two)["peer"] == first["peer"] == get(one, method="POST", body=b"x" * 300000)["peer"]
    one.close()
    two.close()


def test_a_body_over_nginx_s_default_limit_arrives(proxy: Proxy) -> None:
    h = connect(proxy)
    assert get(h, method="POST", body=b"x" * (20 * 1024 * 1024))["len"] == 20 * 1024 * 1024
    h.close()


def test_events_pass_as_they_are_written(proxy: Proxy) -> None:
    h, other = connect(proxy), connect(proxy)
    h.request("GET", "/v1/events")
    r = h.getresponse()
    assert r.status == 200 and r.headers["Content-Type"] == "text/event-stream"
    assert r.read(13) == b"data: first\n\n"  # the stream is not over
    get(other, "/v1/go")
    assert r.read() == b"data: last\n\n"
    h.close()
    other.close()


def test_an_upgrade_on_a_kept_connection_is_repeated_on_a_fresh_one(e: Echo, proxy: Proxy) -> None:
    h = connect(proxy)
    kept = get(h)["peer"]
    assert get(h)["peer"] == kept
    for i in range(5):
        c = Raw(proxy, path="/v1/stream")
        c.send(f"echo {i}".encode())
        assert c.text() == str(i)
        c.close()
    # the kept connection went with the first upgrade; the later ones met those that came after it
    assert get(h)["peer"] != kept
    c = Raw(proxy, path="/v1/stream")
    c.send(b"echo after that")
    assert c.text() == "after that"
    assert "prematurely closed" in proxy.log()
    c.close()
    h.close()


def test_refused_upgrades_are_answered(proxy: Proxy) -> None:
    for _ in range(2):  # on a fresh connection, then after one that was kept
        c = Raw(proxy, upgrade=False)
        c.s.sendall(HEAD.format(path="/elsewhere", more="").encode())
        assert c.until(b"\r\n") == b"HTTP/1.1 200 OK"
        c.close()
        h = connect(proxy)
        get(h)
        h.request("GET", "/v1/stream")
        assert h.getresponse().status == 426
        h.close()


@pytest.mark.parametrize("code,act", [
    (1002, dict(payload=b"x", kind=3)), (1003, dict(payload=b"x", kind=2)), (1007, dict(payload=b"\xff")),
    (1009, dict(payload=b"x" * (4 * 1024 * 1024 + 1))), (1001, dict(payload=b"close 1001 bye")),
])  # fmt: skip
def test_close_codes_come_through(proxy: Proxy, code: int, act: Any) -> None:
    c = Raw(proxy, path="/v1/stream")
    c.send(**act)
    assert c.closed() == code
    c.close()


def test_a_close_of_the_client_comes_through(e: Echo, proxy: Proxy) -> None:
    c = Raw(proxy, path="/v1/stream")
    c.send(struct.pack("!H", 4321), kind=CLOSE)
    assert c.frame() == (CLOSE, struct.pack("!H", 4321))
    wait_for(lambda: [x for x in e.told("closed", 4321) if x["conn"] == c.number], "closed 4321", DEADLINE)
    c.close()


def test_a_client_that_vanishes_is_told(e: Echo, proxy: Proxy) -> None:
    c = Raw(proxy, path="/v1/stream")
    c.close()
    wait_for(lambda: [x for x in e.told("closed", 1006) if x["conn"] == c.number], "closed 1006", DEADLINE)


def test_much_in_both_directions(proxy: Proxy) -> None:
    c = Raw(proxy, path="/v1/stream")
    c.send(b"len " + b"x" * 4000000)
    assert c.text() == "len 4000004"
    c.send(b"flood 200 50000")
    for i in range(200):
        kind, payload = c.frame()
        assert kind == TEXT and len(payload) == 50000 and payload.split()[0] == str(i).encode()
    c.close()


def test_node_talks_through_it(proxy: Proxy) -> None:
    assert by_node(proxy, "for (let i = 0; i < 50; i++) ws.send(`echo ${i}`); ws.send('close 1000 done')") == [
        *[str(i) for i in range(50)], 1000, "done"]  # fmt: skip


def test_websockets_and_requests_over_tls(proxy: Proxy) -> None:
    trust = ssl.create_default_context(cafile=str(proxy.directory / "cert.pem"))

    async def run() -> None:
        async with websockets.connect(f"wss://127.0.0.1:{proxy.tls}/v1/stream", ssl=trust) as ws:
            await ws.send("echo hidden")
            assert await asyncio.wait_for(ws.recv(), DEADLINE) == "hidden"
            await ws.send("close 1008 enough")
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(ws.recv(), DEADLINE)
            assert ws.close_code == 1008

    h = http.client.HTTPSConnection("127.0.0.1", proxy.tls, timeout=DEADLINE, context=trust)
    assert get(h, method="POST", body=b"x" * 1000)["len"] == 1000
    asyncio.run(run())
    assert get(h)["len"] == 0
    h.close()
