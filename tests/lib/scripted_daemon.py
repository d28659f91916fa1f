"""A daemon that says what a test tells it to, on a control socket of its own.

    with ScriptedDaemon(path, fixture) as d:
        d.wait_called("subscribe")
        d.event("queue", {"waiting": 3, ...})
        d.stop(); d.start()                       # dies and comes back

The fixture is a dictionary as tests/unit/view/fixture/busy.json; d.answers may be changed at any time: by method a
result, or an exception (RpcError) that is answered as an error.  Figures come every second unless figures=False.
"""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional

from terminal import wait_for


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class RpcError(Exception):
    def __init__(self, code: int, message: str, field: Optional[str] = None, hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.code, self.field, self.hint = code, field, hint


class ScriptedDaemon:
    def __init__(self, path: Path, fixture: Dict[str, Any], figures: bool = True, right: str = "admin") -> None:
        self.path, self.fixture, self.figures = path, json.loads(json.dumps(fixture)), figures
        self.hello = dict(self.fixture["hello"], right=right)
        self.snapshot = self.fixture["snapshot"]
        self.answers: Dict[str, Any] = dict(self.fixture["answers"])
        self.calls: List[Dict[str, Any]] = []
        self.hellos = 0
        self.lock = threading.Lock()
        self.clients: List[socket.socket] = []
        self.subscribers: List[socket.socket] = []
        self.listener: Optional[socket.socket] = None
        self.stopping = threading.Event()
        self.threads: List[threading.Thread] = []
        self.seq = 1000

    def __enter__(self) -> "ScriptedDaemon":
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def start(self) -> None:
        if self.path.exists():
            self.path.unlink()
        self.stopping = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(16)
        self._thread(self._accept, self.listener, self.stopping)
        if self.figures:
            self._thread(self._tell_figures, self.stopping)

    def stop(self) -> None:
        """As a daemon that is killed: the socket stays, nobody listens."""
        self.stopping.set()
        if self.listener:
            self.listener.close()
        with self.lock:
            clients, self.clients, self.subscribers = self.clients, [], []
        for c in clients:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            c.close()
        for t in self.threads:
            t.join(5)
        self.threads = []

    def _thread(self, target: Any, *args: Any) -> None:
        t = threading.Thread(target=target, args=args, daemon=True)
        self.threads.append(t)
        t.start()

    def _accept(self, listener: socket.socket, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                ready, _, _ = select.select([listener], [], [], 0.05)
                if not ready:
                    continue
                client, _ = listener.accept()
            except (OSError, ValueError):
                return
            with self.lock:
                self.clients.append(client)
                self.hellos += 1
            self.send(client, {"jsonrpc": "2.0", "method": "hello", "params": self.hello})
            self._thread(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        buffered = b""
        while True:
            try:
                data = client.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffered += data
            while b"\n" in buffered:
                line, buffered = buffered.split(b"\n", 1)
                self._answer(client, json.loads(line))

    def _answer(self, client: socket.socket, request: Dict[str, Any]) -> None:
        method, reply = request["method"], {"jsonrpc": "2.0", "id": request["id"]}
        result: Any
        if method == "hello":
            result = {"protocol": self.hello["protocol"], "version": self.hello["version"]}
        elif method == "subscribe":
            result = dict(self.snapshot, at=now())
        else:
            result = self.answers.get(method, RpcError(-32601, f"there is no method '{method}'"))
        if callable(result) and not isinstance(result, Exception):
            result = result(request.get("params") or {})
        if isinstance(result, RpcError):
            reply["error"] = {"code": result.code, "message": str(result),
                              "data": {"field": result.field, "hint": result.hint}}
        else:
            reply["result"] = result
        self.send(client, reply)
        with self.lock:
            self.calls.append(request)
            if method == "subscribe":
                self.subscribers.append(client)

    def send(self, client: socket.socket, message: Any) -> None:
        data = message if isinstance(message, bytes) else (json.dumps(message, ensure_ascii=False) + "\n").encode()
        try:
            client.sendall(data)
        except OSError:
            pass

    def event(self, topic: str, data: Any) -> None:
        with self.lock:
            self.seq += 1
            seq, subscribers = self.seq, list(self.subscribers)
        message = {"jsonrpc": "2.0", "method": "event",
                   "params": {"seq": seq, "at": now(), "topic": topic, "data": data}}
        for s in subscribers:
            self.send(s, message)

    def tell(self, method: str, params: Any) -> None:
        """A notification to all subscribers."""
        with self.lock:
            subscribers = list(self.subscribers)
        for s in subscribers:
            self.send(s, {"jsonrpc": "2.0", "method": method, "params": params})

    def raw(self, data: bytes) -> None:
        with self.lock:
            subscribers = list(self.subscribers)
        for s in subscribers:
            self.send(s, data)

    def _tell_figures(self, stopping: threading.Event) -> None:
        while not stopping.wait(1.0):
            self.event("stats", self.fixture["stats"]["data"])

    def called(self, method: str) -> List[Dict[str, Any]]:
        with self.lock:
            return [c for c in self.calls if c["method"] == method]

    def wait_called(self, method: str, times: int = 1) -> List[Dict[str, Any]]:
        wait_for(lambda: len(self.called(method)) >= times, f"{times} calls of {method}")
        return self.called(method)


def fixture(name: str) -> Dict[str, Any]:
    path = Path(__file__).resolve().parents[1] / "unit" / "view" / "fixture" / (name + ".json")
    return json.loads(path.read_text())


if __name__ == "__main__":  # for trying things by hand: scripted_daemon.py SOCKET FIXTURE
    import sys

    with ScriptedDaemon(Path(sys.argv[1]), fixture(sys.argv[2])):
        while True:
            time.sleep(3600)
