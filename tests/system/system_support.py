"""What several system tests need beyond the harness: the pool as its debug log tells it, held workers, raw answers."""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from harness import BIN_DIR, SLOWNESS, VALGRIND, Daemon, chat_body, chat_request, processes, wait_for

HOLD = "[[sim:delay=3600000]] held"  # keeps a worker busy until the client leaves

# Sanitizers and valgrind keep freed memory for a while: bounds then only catch what grows without end.
MEMORY_FACTOR = 20 if VALGRIND or b"__asan_init" in (BIN_DIR / "ccapid").read_bytes() else 1

_serial = 0


def new_id(prefix: str = "t") -> str:
    global _serial
    _serial += 1
    return f"{prefix}-{_serial}"


def access_field(d: Daemon, request_id: str, field: str) -> Optional[str]:
    """A field of the access log line of a request that has ended; None when the line lacks it."""
    line = d.wait_log(rf"access: request request_id={re.escape(request_id)} .*").group(0)
    m = re.search(rf" {field}=(\S+)", line)
    return m.group(1) if m else None


def worker_of(d: Daemon, prompt: str = "who", **params: Any) -> int:
    """Asks, and says which worker answered."""
    rid = new_id()
    r = d.chat(prompt, headers={"x-request-id": rid}, **params)
    assert r.status == 200, r.body
    return int(access_field(d, rid, "worker") or 0)


def worker_states(d: Daemon) -> Dict[int, str]:
    """The last known state of every worker, dead ones left out."""
    states: Dict[int, str] = {}
    for line in d.log_lines(r"debug worker: "):
        m = re.search(r"worker: (\d+): \w+ -> (\w+)", line) or re.search(r"worker: (\d+) (starts), pid", line)
        if m:
            states[int(m.group(1))] = m.group(2)
    return {k: v for k, v in states.items() if v != "dead"}


def worker_pids(d: Daemon) -> Dict[int, int]:
    """Worker id -> pid of those started last under that id."""
    found = {}
    for line in d.log_lines(r"worker: \d+ starts, pid"):
        m = re.search(r"worker: (\d+) starts, pid (\d+)", line)
        found[int(m.group(1))] = int(m.group(2))  # type: ignore[union-attr]
    return found


def wait_busy(d: Daemon, count: int = 1) -> None:
    wait_for(lambda: sum(s == "busy" for s in worker_states(d).values()) == count, f"{count} busy workers")


def wait_settled(d: Daemon, count: Optional[int] = None) -> None:
    """Every worker is ready, as many as given, and the question for the login is answered."""

    def settled() -> bool:
        states = list(worker_states(d).values())
        if not d.log_lines("pool: served by"):
            return False
        return all(s == "ready" for s in states) and (len(states) == count if count else bool(states))

    wait_for(settled, lambda: f"{count or 'all'} ready workers, not {worker_states(d)}", 20)


class Footprint:
    """What a daemon holds while idle: processes, descriptors, temporary directories."""

    def __init__(self, d: Daemon) -> None:
        self.workers = len(d.workers())
        self.zombies = sum(1 for _, parent, state, _ in processes() if parent == d.pid and state == "Z")
        self.fds = d.fds()
        self.tmp = len(os.listdir(os.path.join(d.state, "tmp")))

    def is_back_at(self, before: "Footprint") -> bool:
        """Descriptors may be fewer: the connection of a request just answered may have counted before."""
        return self.fds <= before.fds and (self.workers, self.zombies, self.tmp) == (
            before.workers, before.zombies, before.tmp)  # fmt: skip

    def __repr__(self) -> str:
        return repr(vars(self))


def wait_footprint(d: Daemon, before: Footprint) -> None:
    wait_for(lambda: Footprint(d).is_back_at(before), lambda: f"{before}, now {Footprint(d)}", 20)


@contextmanager
def held(d: Daemon, count: int = 1, **params: Any) -> Iterator[List[socket.socket]]:
    """Keeps `count` workers busy with requests that only end when their sockets are closed."""
    sockets = [d.send_raw(chat_request(chat_body(HOLD, **params))) for _ in range(count)]
    try:
        wait_busy(d, count)
        yield sockets
    finally:
        for s in sockets:
            s.close()


def queue_is_full(d: Daemon) -> bool:
    """Probes with a request that gives up at once if it is taken."""
    r = d.chat("probe", timeout=0.15)
    assert r.status in (503, 504), r.body
    return r.status == 503


def read_all(s: socket.socket) -> bytes:
    """Everything until the peer closes."""
    s.settimeout(30 * SLOWNESS)
    parts = []
    while True:
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    s.close()
    return b"".join(parts)


def read_answer(s: socket.socket) -> Tuple[int, Dict[str, str], bytes]:
    """One HTTP answer with a Content-Length from a raw socket, which stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(65536)
        if not part:
            raise AssertionError(f"closed after {data!r}")
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
    while len(body) < int(headers.get("content-length", "0")):
        part = s.recv(65536)
        if not part:
            raise AssertionError(f"closed in the middle of {body!r}")
        body += part
    return int(lines[0].split()[1]), headers, body


def answer_of(s: socket.socket) -> Any:
    """The JSON body of a raw request's answer."""
    status, _, body = read_answer(s)
    s.close()
    return status, json.loads(body)


def memory_peak_kb(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1))  # type: ignore[union-attr]


def ready_reason(d: Daemon) -> Optional[str]:
    r = d.request("GET", "/ready")
    return None if r.status == 200 else r.json["reason"]


def wait_reason(d: Daemon, reason: Optional[str], timeout: float = 20.0) -> None:
    wait_for(lambda: ready_reason(d) == reason, lambda: f"reason {reason}, now {ready_reason(d)}:\n{d._p.tail()}", timeout)


def log_index(d: Daemon, pattern: str) -> int:
    return next(i for i, line in enumerate(d._p.lines) if re.search(pattern, line))


def gone(pids: Sequence[int]) -> bool:
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)
