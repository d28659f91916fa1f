"""The HTTP layer over raw sockets: clients that leave, trickle or do not read."""
import select
import socket
import struct
import threading
import time

import pytest

from http_support import Answer, DEADLINE, assert_json_error, read_all, request, server, with_flags  # noqa: F401 - server is a fixture


# ---- clients that go away


def test_abort_while_waiting(server):
    for how in ("close", "reset", "half"):
        before = server.stats()["aborts"]
        s = server.connect()
        s.sendall(request("GET", "/wait"))
        server.until(lambda st: st["tasks"] == 1)
        if how == "half":
            s.shutdown(socket.SHUT_WR)
        else:
            if how == "reset":
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        server.until(lambda st: st["exchanges"] == 1 and st["aborts"] == before + 1 and st["connections"] == 1)
        s.close()


def test_abort_that_comes_with_the_request(server):
    with server.connect() as s:
        s.sendall(request("GET", "/wait"))
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
    server.until(lambda st: st["aborts"] == 1 and st["exchanges"] == 1)


def test_half_closed_client_gets_an_immediate_answer(server):
    with server.connect() as s:
        s.sendall(request("POST", "/echo", body=b"hello"))
        s.shutdown(socket.SHUT_WR)
        assert Answer(s).body == b"hello"


def test_abort_in_the_stream(server):
    for half in (True, False):
        before = server.stats()["aborts"]
        s = server.connect()
        s.sendall(request("GET", "/trickle"))
        s.recv(4096)
        if half:
            s.shutdown(socket.SHUT_WR)
        else:
            s.close()
        server.until(lambda st: st["aborts"] == before + 1 and st["connections"] == 1)
        s.close()


def test_abort_in_a_full_stream(server):
    for half in (True, False):
        before = server.stats()["aborts"]
        s = server.connect(rcvbuf=4096)
        s.sendall(request("GET", "/stream?n=100000&size=1000"))
        s.recv(100)
        server.until(lambda st: st["max_queued"] > 256 * 1024)
        if half:
            s.shutdown(socket.SHUT_WR)
        else:
            s.close()
        server.until(lambda st: st["aborts"] == before + 1 and st["connections"] == 1)
        s.close()


def test_abort_in_head_and_body(server):
    for data in (b"", b"G", b"POST /echo HT", b"POST /echo HTTP/1.1\r\nHost: loc",
                 request("POST", "/wait", "Content-Length: 10\r\n") + b"12345",
                 request("POST", "/wait", "Transfer-Encoding: chunked\r\n") + b"5\r\n12"):
        s = server.connect()
        s.sendall(data)
        s.close()
    stats = server.until(lambda st: st["connections"] == 1)
    assert stats["exchanges"] == 1 and stats["aborts"] == 0


def test_cut_stream_has_no_proper_end(server):
    with server.connect() as s:
        s.sendall(request("GET", "/cut?n=3&size=1000"))
        answer = Answer(s)
        assert answer.body == b"x" * 3000 and not answer.ended


def test_many_random_aborts(server):
    threads = [threading.Thread(target=abort_often, args=(server, i)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    server.until(lambda st: st["connections"] == 1 and st["exchanges"] == 1)


def abort_often(server, seed):
    paths = ["/hello", "/wait", "/later", "/stream?n=50&size=9000", "/trickle", "/echo", "/cut?n=9&size=99"]
    for i in range(100):
        data = request("POST", paths[(i + seed) % len(paths)], body=b"a" * (i * 37 % 2000)) * (1 + i % 3)
        s = server.connect()
        s.sendall(data[:len(data) - i % 50])
        if i % 4 == 0:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif i % 4 == 1:
            s.shutdown(socket.SHUT_WR)
        elif i % 4 == 2:
            select.select([s], [], [], 0.005)
        s.close()


# ---- slow clients


@with_flags("--peek-timeout=1000")
def test_slow_head_before_the_protocol_is_known(server):
    with server.connect() as quiet, server.connect() as partial:
        partial.sendall(b"GET /hel")
        assert read_all(quiet) == b""
        data = read_all(partial)
        assert data.startswith(b"HTTP/1.1 408 ")
        assert_json_error(data)


@with_flags("--peek-timeout=300", "--head-timeout=300")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_head_that_trickles_does_not_live_longer(server, method):
    with server.connect() as s:
        s.sendall(method.encode() + b" /hello HTTP/1.1\r\nHost: localhost\r\nX: ")
        start = time.monotonic()
        while not select.select([s], [], [], 0.02)[0]:
            assert time.monotonic() - start < DEADLINE
            try:
                s.sendall(b"a")
            except OSError:
                break
        assert read_all(s).startswith(b"HTTP/1.1 408 ")


@with_flags("--head-timeout=200")
def test_slow_second_head_on_a_connection(server):
    with server.connect() as s:
        s.sendall(request("GET", "/hello") + b"GET /hello HTTP/1.1\r\nHost")
        answer = Answer(s)
        assert (answer.rest + read_all(s)).startswith(b"HTTP/1.1 408 ")


@with_flags("--body-timeout=200")
def test_slow_body(server):
    with server.connect() as s:
        s.sendall(request("POST", "/wait", "Content-Length: 10\r\n") + b"123")
        data = read_all(s)
        assert data.startswith(b"HTTP/1.1 408 ")
        assert_json_error(data)
    stats = server.until(lambda st: st["exchanges"] == 1)
    assert stats["finished"] == stats["heads"] - 1


@with_flags("--idle-timeout=200")
def test_idle_connection_is_closed_silently(server):
    with server.connect() as s:
        s.sendall(request("GET", "/hello"))
        answer = Answer(s)
        assert answer.rest + read_all(s) == b""


def test_slow_reader_of_a_long_stream_bounds_memory(server):
    before = server.rss_kb()
    with server.connect(rcvbuf=8192) as s:
        s.sendall(request("GET", "/stream?n=50000&size=1000"))
        s.recv(100)
        stats = server.until(lambda st: st["max_queued"] > 256 * 1024)
        assert stats["max_queued"] <= 256 * 1024 + 1000
        total, peak = 100, 0
        while total < 50_000_000:
            piece = s.recv(65536)
            assert piece
            total += len(piece)
            if total % 100 == 0:
                peak = max(peak, server.rss_kb())
            if piece.endswith(b"0\r\n\r\n"):
                break
        assert peak - before < 20000
    assert total > 50_000_000


@with_flags("--stall-timeout=300")
def test_reader_that_takes_nothing_is_cut(server):
    with server.connect(rcvbuf=4096) as s:
        s.sendall(request("GET", "/stream?n=100000&size=1000"))
        server.until(lambda st: st["aborts"] == 1 and st["exchanges"] == 1)
    with server.connect(rcvbuf=4096) as s:  # and one whose answer is ended already
        s.sendall(request("GET", "/flood?n=40&size=60000"))
        server.until(lambda st: st["exchanges"] == 1 and st["connections"] == 1)


def test_handler_that_ignores_the_watermarks_is_cut(server):
    with server.connect(rcvbuf=4096) as s:
        s.sendall(request("GET", "/flood?n=2000&size=65536"))
        server.until(lambda st: st["max_queued"] > 1 << 20 and st["exchanges"] == 1)
    assert server.stats()["max_queued"] <= 64 << 20
