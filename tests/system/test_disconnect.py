"""Clients that leave, or stop reading: their work is cancelled, the worker lives on, nothing stays behind."""

from __future__ import annotations

import os
import random
import socket
from typing import Iterator

import pytest

from harness import LONG, Daemon, chat_body, chat_request, in_parallel, wait_for
from system_support import (
    MEMORY_FACTOR,
    Footprint,
    access_field,
    held,
    memory_peak_kb,
    new_id,
    queue_is_full,
    read_all,
    wait_busy,
    wait_footprint,
    wait_settled,
    worker_of,
    worker_pids,
)

CUT = "http: closing .* takes nothing of its answer"
FRAME = b'"content":"You '


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon(options={"pool.workers": 1, "pool.spares": 0, "pool.queue": 1}) as daemon:
        yield daemon


def test_a_queued_request_of_a_gone_client_leaves_the_queue(d: Daemon) -> None:
    with held(d):
        queued = d.send_raw(chat_request(chat_body("never asked")))
        wait_for(lambda: queue_is_full(d), "a full queue")
        queued.close()
        wait_for(lambda: not queue_is_full(d), "room in the queue")
    wait_settled(d, 1)
    assert d.chat("next").text == "You said: next"


@pytest.mark.parametrize("stream", [False, True])
def test_worker_of_a_client_gone_before_the_first_token_is_used_again(d: Daemon, stream: bool) -> None:
    before = worker_of(d)
    with held(d, stream=stream):
        pass
    wait_settled(d, 1)
    assert worker_of(d) == before and not d.log_lines("is replaced")


@pytest.mark.parametrize("stream", [False, True])
def test_worker_of_a_client_gone_mid_answer_is_used_again(d: Daemon, stream: bool) -> None:
    before = worker_of(d)
    s = d.send_raw(chat_request(chat_body("[[sim:pace=3600000]] one two", stream=stream)))
    if stream:
        data = b""
        while FRAME not in data:
            data += s.recv(65536)
    wait_busy(d)
    s.close()
    wait_settled(d, 1)
    assert worker_of(d) == before and not d.log_lines("is replaced")


def test_what_was_spent_on_a_cancelled_answer_is_logged(d: Daemon) -> None:
    rid = new_id("spent")
    body = chat_request(chat_body("[[sim:pace=3600000]] one two", stream=True))
    s = d.send_raw(body.replace(b"\r\n\r\n", f"\r\nx-request-id: {rid}\r\n\r\n".encode(), 1))
    data = b""
    while FRAME not in data:
        data += s.recv(65536)
    s.close()
    assert access_field(d, rid, "fault") == "cancelled"
    assert int(access_field(d, rid, "input_tokens") or 0) > 0


def test_half_closed_clients_get_their_answer_or_are_cancelled(d: Daemon) -> None:
    s = d.send_raw(chat_request(chat_body("[[sim:delay=50]] half")).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    s.shutdown(socket.SHUT_WR)
    got = read_all(s)
    assert got == b"" or b"You said:  half" in got
    wait_settled(d, 1)


def test_aborted_requests_leave_nothing_behind() -> None:
    """Clients leave at every stage: at once, while queued, before the first token, mid answer."""
    count = 1000 if LONG else 200
    prompts = ["[[sim:delay=3600000]] a", "[[sim:pace=3600000]] a b", "[[sim:tokens=2000]]", "x" * 100_000]
    rng = random.Random(1)
    with Daemon(options={"pool.workers": 4, "pool.spares": 1, "pool.reuse": "always"}) as d:
        in_parallel(8, lambda i: d.chat(f"warm {i}"))
        wait_settled(d, 5)
        before, pids = Footprint(d), set(d.workers())

        def abort_some(_: int) -> None:
            for i in range(count // 8):
                data = chat_request(chat_body(prompts[i % 4], stream=bool(i % 3)))
                whole = i % 5 != 0
                s = d.send_raw(data if whole else data[: rng.randrange(1, len(data))])
                if whole and i % 4 == 2:
                    s.recv(1)
                s.close()

        in_parallel(8, abort_some)
        wait_settled(d, 5)
        wait_footprint(d, before)
        assert set(d.workers()) == pids, "a worker was replaced, not interrupted"
        assert len(os.listdir(os.path.join(d.state, "tmp"))) == 5
        assert d.chat("after").text == "You said: after"


def test_requests_cut_off_in_their_body_never_reach_a_worker(d: Daemon) -> None:
    rid = new_id("cut")
    data = chat_request(chat_body("cut")).replace(b"\r\n\r\n", f"\r\nx-request-id: {rid}\r\n\r\n".encode(), 1)
    d.send_raw(data[:-5]).close()
    assert access_field(d, rid, "worker") is None and access_field(d, rid, "status") == "499"


# -- readers that stop


def test_a_stalled_reader_is_cut_harms_nobody_and_costs_no_memory() -> None:
    options = {"pool.workers": 2, "pool.spares": 0, "http.stall_timeout": "2s"}
    with Daemon(options=options) as d:
        d.stream("[[sim:bytes=1000000]]")  # what any answer costs
        wait_settled(d, 2)
        before, peak = Footprint(d), memory_peak_kb(d.pid)
        s = d.open_stream("[[sim:bytes=50000000]]", rcvbuf=4096)
        assert s.recv(12) == b"HTTP/1.1 200"
        served = 0
        while not d.log_lines(CUT):
            assert d.stream(f"other {served}").text == f"You said: other {served}"
            served += 1
        assert served > 1, "nobody was served while the reader stalled"
        got = read_all(s)
        assert len(got) < 20_000_000 and b"[DONE]" not in got and b'"finish_reason":"stop"' not in got
        wait_settled(d, 2)
        wait_footprint(d, before)
        assert memory_peak_kb(d.pid) - peak < 24 * 1024 * MEMORY_FACTOR, "the daemon kept what the reader did not take"


def test_a_slow_reader_gets_the_whole_answer() -> None:
    size = 20_000_000
    with Daemon(options={"pool.workers": 1, "pool.spares": 0}) as d:
        d.stream("[[sim:bytes=1000000]]")
        peak = memory_peak_kb(d.pid)
        data = chat_request(chat_body(f"[[sim:bytes={size}]]", stream=True))
        s = d.send_raw(data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), rcvbuf=8192)
        got = 0
        tail = b""
        while True:
            part = s.recv(16384)
            if not part:
                break
            got += len(part)
            tail = (tail + part)[-200:]
        assert got > size and b"data: [DONE]" in tail
        assert memory_peak_kb(d.pid) - peak < 24 * 1024 * MEMORY_FACTOR


def test_a_plain_answer_nobody_reads_is_cut_too() -> None:
    with Daemon(options={"pool.workers": 1, "pool.spares": 0, "http.stall_timeout": "1s"}) as d:
        wait_settled(d, 1)
        s = d.send_raw(chat_request(chat_body("[[sim:bytes=20000000]]")), rcvbuf=4096)
        assert s.recv(12) == b"HTTP/1.1 200"
        d.wait_log(CUT, 20)
        s.close()
        assert d.chat("after").text == "You said: after" and len(worker_pids(d)) == 1
