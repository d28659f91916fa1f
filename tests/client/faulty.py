"""A server that misbehaves as it is told: each request gets the next step of a script, and is taken down.

A step is a function of the connection; when the script is over, requests get a good completion.  A connection serves one
request and is closed, unless the step keeps it.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional

GOOD = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "claude-haiku-5-5",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine", "refusal": None}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost_usd": 0.5},
}  # fmt: skip


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Step = Callable[[socket.socket], None]


def answer(status: int = 200, body: Any = GOOD, headers: Optional[Dict[str, str]] = None) -> Step:
    """A whole answer; a body that is bytes is sent as it is."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(data)), "Connection": "close", "x-request-id": "req_f", **(headers or {})}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
    return lambda s: s.sendall(head.encode() + data)


def error(status: int, type_: str, code: Optional[str], headers: Optional[Dict[str, str]] = None) -> Step:
    return answer(status, {"error": {"message": "no", "type": type_, "param": "p", "code": code}}, headers)


def raw(data: bytes) -> Step:
    """These bytes, then the end."""
    return lambda s: s.sendall(data)


def reset(data: bytes = b"") -> Step:
    """These bytes, then a reset."""

    def step(s: socket.socket) -> None:
        s.sendall(data)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return step


def until_left(data: bytes = b"") -> Step:
    """These bytes, then silence until the client has gone."""

    def step(s: socket.socket) -> None:
        s.sendall(data)
        while s.recv(65536):
            pass

    return step


SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def frame(value: Any) -> bytes:
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def token(text: str) -> bytes:
    return frame({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


END = frame({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + frame(
    {"id": "c1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost_usd": 0.25},
     "ccapi": {"model": "m", "route": "requested", "cache": "miss", "cost_usd": 0.25}}
)  # fmt: skip
DONE = b"data: [DONE]\n\n"


def sse(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """An event stream of these parts, one chunk each."""
    return SSE_HEAD + b"".join(map(chunk, parts)) + end


@dataclass
class FaultyServer:
    script: List[Step] = field(default_factory=list)
    seen: List[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        self._open: List[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def will(self, *steps: Step) -> "FaultyServer":
        self.script += steps
        return self

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, s: socket.socket) -> None:
        try:
            request = self._read(s)
            if request is None:
                return
            with self._lock:
                self.seen.append(request)
                step = self.script.pop(0) if self.script else answer()
            step(s)
        except OSError:  # the client has left, which is its right
            pass
        finally:
            with self._lock:
                if s in self._open:
                    self._open.remove(s)
            s.close()

    @staticmethod
    def _read(s: socket.socket) -> Optional[Seen]:
        data = b""
        while b"\r\n\r\n" not in data:
            part = s.recv(65536)
            if not part:
                return None
            data += part
        head, body = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += s.recv(65536)
        method, path, _ = first.split(" ")
        return Seen(method, path, headers, body)

    def __enter__(self) -> "FaultyServer":
        return self

    def __exit__(self, *exc: Any) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
        self._thread.join()
        self._listener.close()
        with self._lock:
            for s in self._open:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
