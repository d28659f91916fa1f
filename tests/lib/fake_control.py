"""A control server that does what a test tells it: for clients of the control socket, without a daemon.

    with FakeControl() as control:
        control.answer("plan", {"status": "allowed"})             # a result ...
        control.answer("keys.show", Fault(NOT_FOUND, "no key"))   # ... an error ...
        control.answer("chat", lambda conn, params: ...)          # ... or what a function returns (or raises)
        start_the_client(control.path)
        control.wait_for_request("subscribe")
        control.event("queue", {"waiting": 3})                    # to all who subscribed to that topic
        control.hang_up()

The hello is the daemon's, with `hello=` on top; `first=` sends other bytes in its place.  `hello` of clients and `subscribe`
are answered as the daemon does, unless the test answers them.  Every connection has a thread; nothing sleeps.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

DEADLINE = float(os.environ.get("CCAPI_TEST_DEADLINE", "20"))

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_PERMITTED, NOT_FOUND, CONFLICT, REFUSED = -32001, -32002, -32003, -32004
TOO_MANY, TIMEOUT, VERSION = -32006, -32007, -32008

PROTOCOL = 1
HELLO = {"protocol": PROTOCOL, "name": "ccapid", "version": "0.1.0", "pid": 4711, "right": "admin"}
TIME = "2026-11-24T08:00:00.000Z"

NOTHING = object()
"""An answer that never comes."""


def as_line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def wait_for(condition: Callable[[], Any], what: Any, timeout: float = DEADLINE) -> Any:
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"timed out waiting for {what() if callable(what) else what}"
        time.sleep(0.005)
    return value


class Fault(Exception):
    """An error as answer."""

    def __init__(self, code: int, message: str, field: Optional[str] = None, hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.error: Dict[str, Any] = {"code": code, "message": message}
        if field or hint:
            self.error["data"] = {"field": field, **({"hint": hint} if hint else {})}


class Connection:
    def __init__(self, control: "FakeControl", s: socket.socket) -> None:
        self.control, self.s = control, s
        self.lock = threading.Lock()
        self.topics: Optional[List[str]] = None  # of the subscription
        self.subscribed = False
        self.gone = False

    def send(self, data: bytes) -> None:
        """Nothing happens if the peer is gone."""
        with self.lock:
            try:
                self.s.sendall(data)
            except OSError:
                self.gone = True

    def push(self, method: str, params: Any) -> None:
        """A notification."""
        self.send(as_line({"jsonrpc": "2.0", "method": method, "params": params}))

    def close(self) -> None:
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def serve(self) -> None:
        try:
            self.send(self.control.first)
            with self.s.makefile("rb") as lines:
                for line in lines:
                    self.take(json.loads(line))
        except (OSError, ValueError):
            pass
        finally:
            self.gone = True
            self.s.close()

    def take(self, request: Dict[str, Any]) -> None:
        method, params = request["method"], request.get("params") or {}
        answer = self.control.find(method)
        with self.control.lock:
            self.control.requests.append((method, params))
        try:
            result = answer(self, params) if callable(answer) else answer
            if isinstance(result, Fault):
                raise result
            message = {"result": result}
        except Fault as fault:
            message = {"error": fault.error}
            result = fault
        if result is not NOTHING:
            self.send(as_line({"jsonrpc": "2.0", "id": request["id"], **message}))


class FakeControl:
    def __init__(self, path: Optional[Path] = None, hello: Optional[Dict[str, Any]] = None,
                 first: Optional[bytes] = None, answers: Optional[Dict[str, Any]] = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="ccapi-fake-"))
        self.path = Path(path or self.directory / "control.sock")
        self.hello = {**HELLO, **(hello or {})}
        self.first = as_line({"jsonrpc": "2.0", "method": "hello", "params": self.hello}) if first is None else first
        self.lock = threading.Lock()
        self.answers: Dict[str, Any] = {"hello": answer_hello, "subscribe": answer_subscribe, **(answers or {})}
        self.requests: List[Tuple[str, Dict[str, Any]]] = []  # all that was asked, in its order
        self.connections: List[Connection] = []
        self.seq = 0
        self.snapshot: Dict[str, Any] = {}  # the members of subscribe's result, beside seq and at
        self.listen()

    # ---- being there

    def listen(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(64)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            conn = Connection(self, s)
            with self.lock:
                self.connections.append(conn)
            threading.Thread(target=conn.serve, daemon=True).start()

    def hang_up(self) -> None:
        """Closes all connections; further ones are served."""
        for conn in self.open():
            conn.close()

    def die(self) -> None:
        """As a daemon that was killed: the socket stays, nobody listens."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.hang_up()

    def restart(self) -> None:
        self.die()
        self.path.unlink(missing_ok=True)
        self.seq = 0
        self.listen()

    def stop(self) -> None:
        self.die()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "FakeControl":
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    # ---- answering

    def answer(self, method: str, answer: Any) -> None:
        """A result, a Fault, NOTHING, or a function of (connection, params) that returns one of these."""
        with self.lock:
            self.answers[method] = answer

    def find(self, method: str) -> Any:
        with self.lock:
            return self.answers.get(method, Fault(METHOD_NOT_FOUND, f"there is no method '{method}'"))

    # ---- telling

    def open(self) -> List[Connection]:
        with self.lock:
            return [conn for conn in self.connections if not conn.gone]

    def push(self, method: str, params: Any) -> None:
        """A notification to everybody."""
        for conn in self.open():
            conn.push(method, params)

    def event(self, topic: str, data: Any, at: str = TIME) -> Dict[str, Any]:
        """A numbered event to those who subscribed to its topic; returns its params."""
        with self.lock:
            self.seq += 1
            params = {"seq": self.seq, "at": at, "topic": topic, "data": data}
        for conn in self.open():
            if conn.subscribed and (conn.topics is None or topic in conn.topics):
                conn.push("event", params)
        return params

    def resync(self, lost: int = 1) -> Dict[str, Any]:
        """What one that was too slow gets: a snapshot in place of `lost` events; returns its params."""
        with self.lock:
            self.seq += lost
            params = {"seq": self.seq, "at": TIME, **self.snapshot, "lost": lost}
        for conn in self.open():
            if conn.subscribed:
                conn.push("snapshot", params)
        return params

    # ---- looking

    def asked(self, method: str) -> List[Dict[str, Any]]:
        """The parameters of every request of that method so far."""
        with self.lock:
            return [params for name, params in self.requests if name == method]

    def wait_for_request(self, method: str, count: int = 1) -> Dict[str, Any]:
        """Waits until it was asked that often; the newest one's parameters."""
        wait_for(lambda: len(self.asked(method)) >= count, lambda: f"{method}; have {self.requests}")
        return self.asked(method)[-1]

    def wait_for_subscriber(self, count: int = 1) -> List[Connection]:
        def found() -> List[Connection]:
            there = [conn for conn in self.open() if conn.subscribed]
            return there if len(there) >= count else []
        return wait_for(found, "a subscriber")

    def wait_until_alone(self) -> None:
        wait_for(lambda: not self.open(), "all connections to end")


def answer_hello(conn: Connection, params: Dict[str, Any]) -> Any:
    ours = conn.control.hello
    if params.get("protocol") != ours["protocol"]:
        raise Fault(VERSION, f"{params.get('name')} {params.get('version')} speaks protocol {params.get('protocol')} of the "
                    f"control socket, ccapid {ours['version']} speaks {ours['protocol']}", hint="upgrade one of them")
    return {"protocol": ours["protocol"], "version": ours["version"]}


def answer_subscribe(conn: Connection, params: Dict[str, Any]) -> Any:
    control = conn.control
    with control.lock:
        conn.topics = params.get("topics")
        conn.subscribed = True
        return {"seq": control.seq, "at": TIME, **control.snapshot}


# ---- rows to begin with; a test says what is different


def worker(number: int = 1, **changes: Any) -> Dict[str, Any]:
    return {"id": number, "state": "ready", "since": TIME, "started_at": TIME, "project": None, "request": None,
            "model": None, "requests": 0, "rss_bytes": 231000000, "retiring": False, "version": "2.1.330",
            "pid": 4800 + number, "why": None, **changes}


def pool(**changes: Any) -> Dict[str, Any]:
    return {"health": "ready", "detail": None, "mend": None, "mode": "body", "cli_version": "2.1.330",
            "login": "claude.ai, subscription max, owner@example.com",
            "workers": {"starting": 0, "ready": 2, "busy": 3, "resetting": 0, "draining": 0, "most": 5},
            "configured": 5, "next_start": None, **changes}


def queue(**changes: Any) -> Dict[str, Any]:
    return {"waiting": 2, "running": 3, "paused": False, "most": 100, **changes}


def plan(**changes: Any) -> Dict[str, Any]:
    return {"status": "allowed", "limit": None, "resets_at": None,
            "five_hour": {"utilization": 0.57, "resets_at": "2099-01-01T00:00:00.000Z"},
            "seven_day": {"utilization": 0.21, "resets_at": None}, "received_at": TIME, **changes}


def request(identity: str = "req_1", **changes: Any) -> Dict[str, Any]:
    """One that has ended well."""
    return {"id": identity, "state": "ended", "method": "POST", "path": "/v1/chat/completions", "peer": "127.0.0.1:41234",
            "stream": True, "priority": "normal", "project": "analyzer", "key_id": "k_3fa2c19d", "key_label": "ci",
            "model_asked": "auto", "model": "claude-opus-5-5", "route": "auto:design", "route_reason": "score 7.5",
            "cache": "miss", "worker": 2, "warm": True, "attempts": 1, "accepted_at": "2026-11-24T08:00:00.000Z",
            "queued_at": "2026-11-24T08:00:00.010Z", "dispatched_at": "2026-11-24T08:00:00.320Z",
            "first_token_at": "2026-11-24T08:00:02.240Z", "ended_at": "2026-11-24T08:00:21.500Z", "input_tokens": 12204,
            "cache_read_tokens": 11800, "cache_creation_tokens": 0, "output_tokens": 803, "output_estimated": False,
            "cost_usd": 0.071, "held_tokens": 16200, "held_usd": 0.4, "outcome": "ok", "status": 200, "error": None,
            **changes}


def status(**changes: Any) -> Dict[str, Any]:
    return {"state": "serving", "version": "0.1.0", "pid": 4711, "uptime_s": 1234, "listen": ["127.0.0.1:8080"],
            "pool": pool(), "queue": queue(), "plan": plan(), "store": {"healthy": True, "path": "/x", "bytes": 4096},
            "projects": 2, "keys": 3, "cache": {"enabled": True, "entries": 1, "bytes": 2, "hits": 3, "misses": 4},
            "redis": None, "counters": {"ccapi_requests_total": 5, "ccapi_request_errors_total": 1}, **changes}


def log_line(message: str = "ready", **changes: Any) -> Dict[str, Any]:
    return {"at": TIME, "level": "info", "area": "pool", "message": message, "fields": {}, **changes}
