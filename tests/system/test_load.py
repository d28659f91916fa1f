"""Many clients at once: no answer is mixed up, no descriptor is missed, nothing stays behind."""

from __future__ import annotations

import http.client
import json
import socket
from typing import List

from harness import Daemon, chat_body, in_parallel, wait_for
from system_support import MEMORY_FACTOR, Footprint, wait_footprint, wait_settled


def test_every_client_gets_the_answer_to_its_own_prompt() -> None:
    """64 clients with 20 requests each on kept-alive connections, plain and streamed, in three projects, over 4 workers."""
    with Daemon(options={"pool.workers": 4, "pool.spares": 1, "log.level": "info"}) as d:
        d.wait_log("pool: served by")
        wait_for(lambda: len(d.workers()) == 5, "five workers")
        before = Footprint(d)

        def client(i: int) -> None:
            c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=30)
            for k in range(20):
                mark = f"client {i} request {k}"
                body = chat_body(mark, project_id=f"p{i % 3}", stream=k % 2 == 1)
                c.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
                r = c.getresponse()
                data = r.read().decode()
                assert r.status == 200, data
                if k % 2 == 0:
                    text = json.loads(data)["choices"][0]["message"]["content"]
                else:
                    assert data.endswith("data: [DONE]\n\n")
                    frames = [json.loads(f[6:]) for f in data.split("\n\n")[:-2]]
                    text = "".join(f["choices"][0]["delta"].get("content", "") for f in frames)
                assert text == "You said: " + mark
            c.close()

        in_parallel(64, client)
        wait_footprint(d, before)
        assert not d.log_lines("(error|warn ) .*(worker|dispatch|http):")


def test_running_out_of_descriptors_is_survived() -> None:
    limit = 80
    with Daemon(options={"pool.workers": 1, "pool.spares": 0}, prefix=["prlimit", f"--nofile={limit}:{limit}"]) as d:
        wait_settled(d, 1)
        idle = d.fds()
        conns: List[socket.socket] = []
        for _ in range(limit + 40):
            s = socket.socket()
            s.settimeout(10)
            s.connect(("127.0.0.1", d.port))
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
            conns.append(s)
        wait_for(lambda: d.fds() >= limit - 8, "the descriptors to run out")
        assert d._p.proc.poll() is None
        for s in conns:
            s.close()
        # Those that the kernel still had queued are taken, and found closed, before the next one.
        wait_for(lambda: d.chat("after").status == 200, "an answer", 20)
        wait_for(lambda: d.fds() <= idle, lambda: f"{idle} descriptors, now {d.fds()}", 20)


def test_running_out_of_descriptors_while_serving_fails_only_what_cannot_be_served() -> None:
    limit = 80
    with Daemon(options={"pool.workers": 2, "pool.spares": 0}, prefix=["prlimit", f"--nofile={limit}:{limit}"]) as d:
        wait_settled(d, 2)

        def ask(i: int) -> int:
            try:
                return d.chat(f"x {i}").status
            except (ConnectionError, http.client.HTTPException):
                return 0

        got = in_parallel(150, ask)
        assert set(got) <= {200, 503, 0} and got.count(200) > 0
        assert d.chat("after").text == "You said: after"
        wait_settled(d, 2)


def test_five_hundred_idle_connections_cost_little_and_disturb_nobody() -> None:
    with Daemon(options={"http.idle_timeout": "60s"}) as d:
        wait_settled(d, 3)
        before, rss = Footprint(d), d.rss_kb()
        request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        conns = [socket.create_connection(("127.0.0.1", d.port), timeout=30) for _ in range(500)]
        for s in conns:
            s.sendall(request)
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
        assert d.fds() >= 500
        assert d.rss_kb() - rss < 40 * 1024 * MEMORY_FACTOR
        for i in range(20):
            assert d.chat(f"x {i}").text == f"You said: x {i}"
        for s in conns:
            s.sendall(request)
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
            s.close()
        wait_footprint(d, before)


def test_connections_beyond_the_limit_are_refused_in_words_until_one_is_free() -> None:
    with Daemon(options={"http.max_connections": 4, "pool.workers": 1, "pool.spares": 0}) as d:
        request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        conns: List[socket.socket] = []

        def another() -> bool:
            """Refused as long as the connection of a request before it counts."""
            conns.append(socket.create_connection(("127.0.0.1", d.port), timeout=30))
            conns[-1].sendall(request)
            return conns[-1].recv(4096).startswith(b"HTTP/1.1 200") or bool(conns.pop().close())

        for _ in range(4):
            wait_for(another, "a free place")
        r = d.request("GET", "/health")
        assert (r.status, r.error["code"]) == (503, "overloaded") and int(r.headers["retry-after"]) >= 1
        conns[0].close()
        wait_for(lambda: d.request("GET", "/health").status == 200, "a free place")
        for s in conns[1:]:
            s.sendall(request)
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
            s.close()
