"""The WebSocket server by itself (ws_echo), and clients for it: raw bytes, python websockets, node's ws."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from harness import BIN_DIR, SLOWNESS, wait_for  # noqa: E402

WRAPPER = os.environ.get("CCAPI_TEST_WRAPPER", "").split()
DEADLINE = float(os.environ.get("CCAPI_TEST_DEADLINE", 20 * SLOWNESS))
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NODE_MODULES = Path(__file__).resolve().parents[1] / "node_modules"


class Echo:
    def __init__(self, listening: Optional[socket.socket] = None, **settings: Any) -> None:
        self.events: List[Dict[str, Any]] = []
        self.ending = self.stopped = False
        if listening:
            settings["fd"] = listening.fileno()
        argv = [*WRAPPER, str(BIN_DIR / "ws_echo"), *[f"{k}={v}" for k, v in settings.items()]]
        self.p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  pass_fds=[listening.fileno()] if listening else [])  # fmt: skip
        assert self.p.stdout and self.p.stderr
        address = self.p.stdout.readline().strip()
        assert address, self.p.stderr.read()
        self.port = int(address.rsplit(":", 1)[1]) if ":" in address else 0  # 0: a Unix socket
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        for line in self.p.stdout or []:
            self.events.append(json.loads(line))

    def told(self, event: str, n: Optional[int] = None) -> List[Dict[str, Any]]:
        return [e for e in self.events if e["event"] == event and n in (None, e["n"])]

    def wait(self, event: str, n: Optional[int] = None, count: int = 1) -> None:
        wait_for(lambda: len(self.told(event, n)) >= count, lambda: f"{count} {event} {n}; told: {self.events[-20:]}", DEADLINE)

    def rss_kb(self) -> int:
        with open(f"/proc/{self.p.pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def fds(self) -> int:
        return len(os.listdir(f"/proc/{self.p.pid}/fd"))

    def terminate(self) -> None:
        if not self.ending:
            self.p.terminate()
        self.ending = True

    def stop(self) -> None:
        if self.stopped:
            return
        self.stopped = True
        self.terminate()
        self.reader.join(DEADLINE)
        assert not self.reader.is_alive(), f"it does not end; told: {self.events[-20:]}"
        self.p.wait(DEADLINE)
        errors = self.p.stderr.read() if self.p.stderr else ""
        assert self.p.returncode == 0, f"{self.p.returncode}\n{errors}"


@contextlib.contextmanager
def echo(**settings: Any) -> Iterator[Echo]:
    e = Echo(**settings)
    try:
        yield e
        e.stop()
    finally:
        if e.p.poll() is None:
            e.p.kill()
            e.p.wait()


HEAD = ("GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n{more}\r\n")  # fmt: skip


class Raw:
    """A client that can break every rule."""

    def __init__(self, e: Echo, path: str = "/ws", more: str = "", rcvbuf: int = 0, upgrade: bool = True, unix: str = "") -> None:
        self.s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(DEADLINE)
        self.s.connect(unix or ("127.0.0.1", e.port))
        self.rest = b""
        self.parts: List[Tuple[int, bytes]] = []
        if upgrade:
            self.s.sendall(HEAD.format(path=path, more=more).encode())
            self.head = self.until(b"\r\n\r\n")
            assert self.head.startswith(b"HTTP/1.1 101 "), self.head
            self.send(b"who")
            self.number = int(self.text().split()[1])

    def until(self, end: bytes) -> bytes:
        while end not in self.rest:
            piece = self.s.recv(65536)
            assert piece, self.rest
            self.rest += piece
        head, self.rest = self.rest.split(end, 1)
        return head

    def take(self, n: int) -> bytes:
        while len(self.rest) < n:
            piece = self.s.recv(65536)
            if not piece:
                raise EOFError
            self.rest += piece
        data, self.rest = self.rest[:n], self.rest[n:]
        return data

    def part(self) -> Tuple[bool, int, bytes]:
        """The next frame: whether it is final, opcode and payload."""
        first, second = self.take(2)
        assert first & 0x70 == 0 and second < 128, (first, second)
        length = second
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
        return bool(first & 0x80), first & 15, self.take(length)

    def frame(self) -> Tuple[int, bytes]:
        """The next control frame or whole message: opcode and payload.  Control frames between the frames of a message
        come before it."""
        while True:
            final, kind, payload = self.part()
            if kind >= CLOSE:
                assert final
                return kind, payload
            assert (kind == 0) == bool(self.parts), kind
            self.parts.append((kind, payload))
            if final:
                kind, whole = self.parts[0][0], b"".join(payload for _, payload in self.parts)
                self.parts = []
                return kind, whole

    def text(self) -> str:
        kind, payload = self.frame()
        assert kind == TEXT, (kind, payload)
        return payload.decode()

    @staticmethod
    def make(payload: bytes, kind: int = TEXT, final: bool = True, mask: bool = True, rsv: int = 0, claim: int = -1) -> bytes:
        length = len(payload) if claim < 0 else claim
        head = bytes([(0x80 if final else 0) | rsv << 4 | kind])
        bit = 0x80 if mask else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += bytes([bit | 126]) + struct.pack("!H", length)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", length)
        if not mask:
            return head + payload
        key = b"\x01\x02\x03\x04"
        return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))

    def send(self, payload: bytes, **kw: Any) -> None:
        self.s.sendall(self.make(payload, **kw))

    def closed(self) -> int:
        """The code of the close frame that ends the connection; 1006: there was none."""
        try:
            while True:
                kind, payload = self.frame()
                if kind == CLOSE:
                    return struct.unpack("!H", payload[:2])[0] if payload else 1005
        except (EOFError, ConnectionError):
            return 1006

    def close(self) -> None:
        self.s.close()


def by_node(e: Echo, actions: str) -> List[Any]:
    """Runs `actions` with node's ws: `ws` is open; what is put into `said`, then the close code and reason."""
    script = f"""
        import {{ WebSocket }} from '{NODE_MODULES}/ws/wrapper.mjs';
        const ws = new WebSocket('{e.url}'), said = [];
        ws.on('message', (data) => said.push(String(data)));
        ws.on('error', (error) => said.push(String(error.code)));
        ws.on('close', (code, reason) => console.log(JSON.stringify([...said, code, String(reason)])));
        ws.on('open', () => {{ {actions} }});
    """
    p = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, timeout=DEADLINE)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


__all__ = [n for n in dir() if not n.startswith("_")]
