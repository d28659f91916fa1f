"""Sudden ends, on the real CLI: of a worker, of the daemon, of the client.  Nothing is left behind and nothing is made up."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from expect import assert_discreet, assert_error, assert_serves, only_body, turns, user
from harness import Daemon, Response, Stub, in_parallel, processes, wait_for

ONE_WORKER = {"pool.workers": 1, "pool.spares": 0}
STOPPING = "a second signal ends at once"
SLOW = {"match": "slowly", "text": "one two three four", "chunks": 4, "pace_ms": 300}


class Background:
    """A request on a thread of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._result: Any = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            self._result = work()
        except (OSError, http.client.HTTPException) as e:
            self._result = e

    def result(self) -> Any:
        self._thread.join(60)
        assert not self._thread.is_alive(), "the request does not end"
        return self._result


def read_until(s: socket.socket, what: bytes) -> bytes:
    got = b""
    while what not in got:
        more = s.recv(65536)
        assert more, f"the connection ended before {what!r}: {got!r}"
        got += more
    return got


def read_to_end(s: socket.socket) -> bytes:
    got = b""
    while more := s.recv(65536):
        got += more
        if got.endswith(b"0\r\n\r\n"):
            break
    return got


def running(pids: List[int]) -> List[int]:
    """Those that still run, or were never waited for by the daemon that started them."""
    return [pid for pid, _, state, _ in processes() if pid in pids and state != "Z"]


def zombies(daemon: Daemon) -> List[int]:
    return [pid for pid, parent, state, _ in processes() if parent == daemon.pid and state == "Z"]


@pytest.fixture(scope="module")
def lone(start: Callable[..., Daemon]) -> Daemon:
    """A daemon with a single worker, so that it is known which one is busy."""
    return start(ONE_WORKER)


def the_worker(daemon: Daemon) -> int:
    return wait_for(lambda: len(daemon.workers()) == 1 and daemon.worker_pid(), "a single worker process")


# ---- a worker dies


def test_idle_worker_that_dies_is_replaced(lone: Daemon, upstream: Stub) -> None:
    assert lone.chat("hello").status == 200
    pid = the_worker(lone)
    os.kill(pid, signal.SIGKILL)
    assert_serves(lone, upstream)
    wait_for(lambda: pid not in [p for p, _, _, _ in processes()], "the dead worker to be reaped")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_worker_that_dies_before_the_first_byte_costs_one_retry(lone: Daemon, upstream: Stub, stream: bool) -> None:
    upstream.script({"match": "twice", "times": 1, "stall": "before_headers"})
    asked = Background(lambda: lone.stream("twice") if stream else lone.chat("twice"))
    wait_for(lambda: upstream.count() == 1, "the request to reach upstream")
    os.kill(the_worker(lone), signal.SIGKILL)
    answer = asked.result()
    assert (answer.status, answer.text) == (200, "echo: twice")
    assert [turns(b) for b in upstream.bodies()] == [[user("twice")]] * 2
    assert_serves(lone, upstream)


def test_second_death_before_the_first_byte_is_told(lone: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "never", "stall": "before_headers"})
    asked = Background(lambda: lone.chat("never"))
    for count in (1, 2):
        wait_for(lambda: upstream.count() == count, f"attempt {count} to reach upstream")
        os.kill(the_worker(lone), signal.SIGKILL)
    assert_error(asked.result(), 502, "server_error", "worker_failed", retry=True)
    assert upstream.count() == 2
    assert_serves(lone, upstream)


def test_worker_that_dies_after_the_first_byte_ends_the_stream_with_an_error(lone: Daemon, upstream: Stub) -> None:
    upstream.script({"match": "half", "text": "one two three four", "stall": "mid_stream"})
    with lone.open_stream("half") as s:
        head = read_until(s, b'"content":"one t"')
        os.kill(the_worker(lone), signal.SIGKILL)
        rest = read_to_end(s)
    assert b"200 OK" in head
    frames = [json.loads(line[6:]) for line in (head + rest).splitlines() if line.startswith(b"data: {")]
    error = frames[-1]["error"]
    assert (error["type"], error["code"]) == ("server_error", "worker_failed")
    assert_discreet(error["message"])
    assert b"[DONE]" not in rest and b'"finish_reason":"stop"' not in rest
    assert upstream.count() == 1, "an answer that began is not asked for again"
    assert_serves(lone, upstream)


def test_plain_answer_whose_worker_dies_in_the_middle_is_asked_for_again(lone: Daemon, upstream: Stub) -> None:
    """The client has nothing of it yet."""
    upstream.script({"match": "half", "times": 1, "text": "half of another answer", "stall": "mid_stream"})
    asked = Background(lambda: lone.chat("half"))
    wait_for(lambda: upstream.count() == 1, "the request to reach upstream")
    os.kill(the_worker(lone), signal.SIGKILL)
    r = asked.result()
    assert (r.status, r.text) == (200, "echo: half")
    assert upstream.count() == 2
    assert_serves(lone, upstream)


def test_stopped_worker_is_given_up_in_time(start: Callable[..., Daemon], upstream: Stub) -> None:
    """A worker that hangs (here: SIGSTOP) is killed, and the request is answered."""
    daemon = start({**ONE_WORKER, "pool.first_byte_timeout": "3s", "pool.interrupt_timeout": "200ms"})
    worker = the_worker(daemon)
    os.kill(worker, signal.SIGSTOP)
    assert_error(daemon.chat("anybody?"), 504, "server_error", "timeout", retry=True)
    wait_for(lambda: not running([worker]), "the hanging worker to be killed")
    assert_serves(daemon, upstream)
    daemon.stop()


# ---- the client leaves


@pytest.mark.parametrize("rule", [{"stall": "before_headers"}, {"stall": "mid_stream"}], ids=["before_first_byte", "mid_stream"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_disconnect_cancels_the_request_upstream(lone: Daemon, upstream: Stub, rule: Dict[str, Any], stream: bool) -> None:
    upstream.script({"match": "leaving", **rule})
    worker = the_worker(lone)
    with lone.open_stream("leaving", **({} if stream else {"n": 1})) as s:
        wait_for(lambda: upstream.count() == 1, "the request to reach upstream")
        if stream and rule["stall"] == "mid_stream":
            read_until(s, b'"content":"')
    wait_for(lambda: upstream.requests()[0]["aborted"], "the request to be aborted upstream")
    assert_serves(lone, upstream)
    assert the_worker(lone) == worker, "an interrupted worker is reset and used again"


def test_a_hundred_clients_that_leave_leave_nothing_behind(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 2, "pool.spares": 0, "pool.queue": 200})
    assert all(r.status == 200 for r in in_parallel(2, lambda i: daemon.chat(f"warm up {i}")))
    wait_for(lambda: len(daemon.workers()) == 2, "two workers")
    descriptors = daemon.fds()
    upstream.script({"match": "leaving", **{k: v for k, v in SLOW.items() if k != "match"}})
    sockets = [daemon.open_stream(f"leaving {i}") for i in range(100)]
    wait_for(lambda: upstream.count() >= 2, "some to be under way")
    for s in sockets:
        s.close()
    wait_for(lambda: len(daemon.log_lines(r"access: .*method=POST")) == 102, "all requests to have ended")
    assert_serves(daemon, upstream)
    wait_for(lambda: daemon.fds() <= descriptors, "the descriptors to be closed")
    wait_for(lambda: len(daemon.workers()) <= 2, "no process too many")
    wait_for(lambda: not zombies(daemon), "no zombie to be left")
    daemon.stop()


# ---- the daemon ends


def test_daemon_killed_under_load_leaves_no_worker_and_starts_again(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 3, "pool.spares": 1})
    upstream.script({"match": "hang", "stall": "mid_stream"})
    asked = [Background(lambda: daemon.stream("hang")) for _ in range(3)]
    wait_for(lambda: upstream.count() == 3, "the requests to reach upstream")
    workers = daemon.workers()
    assert len(workers) >= 3
    daemon.kill()
    wait_for(lambda: not running(workers), "the workers to end", 2)
    for a in asked:
        a.result()
    wait_for(lambda: all(r["aborted"] for r in upstream.requests()), "the requests to be aborted upstream")
    again = start({"pool.workers": 2}, state=daemon.state)
    assert_serves(again, upstream)
    wait_for(lambda: len(os.listdir(Path(again.state) / "tmp")) <= 3, "what the killed daemon left to be cleaned")
    assert again.stop() == 0


def test_stop_under_load_finishes_what_runs_and_leaves_nothing(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 2, "pool.spares": 1})
    upstream.script(SLOW)
    streams = [Background(lambda: daemon.stream("slowly")) for _ in range(2)]
    plain = Background(lambda: daemon.chat("slowly"))
    wait_for(lambda: upstream.count() >= 2, "the requests to reach upstream")
    workers = daemon.workers()
    daemon.signal(signal.SIGTERM)
    daemon.wait_log(STOPPING)
    late = Background(lambda: daemon.chat("too late"))
    for s in streams:
        answer = s.result()
        assert answer.done and (answer.text, answer.finish_reason) == ("one two three four", "stop")
    queued = plain.result()
    assert isinstance(queued, Response) and queued.status in (200, 503), queued
    refused = late.result()
    if isinstance(refused, Response):
        assert_error(refused, 503, "server_error", "overloaded", retry=True)
    else:
        assert isinstance(refused, OSError)
    assert daemon.wait_exit() == 0
    assert not running(workers)
    assert list((Path(daemon.state) / "tmp").iterdir()) == []
    assert list((Path(daemon.state) / "empty").iterdir()) == []


def test_second_stop_signal_cuts_what_runs(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 1, "pool.spares": 0})
    upstream.script({"match": "hang", "stall": "mid_stream"})
    asked = Background(lambda: daemon.stream("hang"))
    wait_for(lambda: upstream.count() == 1, "the request to reach upstream")
    workers = daemon.workers()
    daemon.signal(signal.SIGTERM)
    daemon.wait_log(STOPPING)
    daemon.signal(signal.SIGTERM)
    daemon.wait_exit()
    answer = asked.result()
    assert isinstance(answer, Exception) or not answer.done, "an answer that was cut does not look complete"
    wait_for(lambda: not running(workers), "the workers to end")
    assert list((Path(daemon.state) / "tmp").iterdir()) == []


def test_request_behind_the_stop_of_a_worker_gets_a_fresh_one(start: Callable[..., Daemon], upstream: Stub) -> None:
    """With one request per process nothing is shared, not even the process."""
    daemon = start({"pool.workers": 1, "pool.spares": 1, "pool.reuse": "never"})
    seen = set()
    for i in range(3):
        upstream.reset()
        r = daemon.chat(f"number {i}")
        assert (r.status, r.text) == (200, f"echo: number {i}")
        seen.add(upstream.requests()[0]["headers"]["x-claude-code-session-id"])
        assert turns(only_body(upstream)) == [user(f"number {i}")]
    assert len(seen) == 3, "three sessions of the CLI"
    daemon.stop()
