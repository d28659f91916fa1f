"""The HTTP layer over raw sockets: what real and hostile clients do to a port.

Runs build/bin/http_echo (CCAPI_BIN_DIR).  Nothing sleeps for a guessed time: waits have a condition and a deadline."""
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

BIN = os.environ.get("CCAPI_BIN_DIR", "build/bin")
DEADLINE = float(os.environ.get("CCAPI_TEST_DEADLINE", "20"))
# AddressSanitizer's quarantine would look like memory that the server holds.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
WRAPPER = os.environ.get("CCAPI_TEST_WRAPPER", "").split()


class Server:
    def __init__(self, *flags, pass_fds=()):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([*WRAPPER, os.path.join(BIN, "http_echo"), *flags],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, env=ENVIRONMENT, pass_fds=pass_fds)
        line = self.process.stdout.readline().strip()
        assert line, self.errors()
        self.address = line
        host, port = line.rsplit(":", 1)
        self.peer = (host.strip("[]"), int(port))

    def connect(self, rcvbuf=None):
        family = socket.AF_INET6 if ":" in self.peer[0] else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(DEADLINE)
        s.connect(self.peer)
        return s

    def ask(self, data):
        """One connection, all of `data`, everything that comes back until the server closes."""
        with self.connect() as s:
            s.sendall(data)
            return read_all(s)

    def stats(self):
        with self.connect() as s:
            s.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return json.loads(Answer(s).body)

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def until(self, condition):
        end = time.monotonic() + DEADLINE
        while True:
            stats = self.stats()
            if condition(stats):
                return stats
            assert time.monotonic() < end, stats
            time.sleep(0.01)

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Ends the server and checks that it left nothing behind."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()
        err = self.errors()
        assert self.process.returncode == 0, err
        assert "ERROR" not in err and "runtime error" not in err, err


def read_all(s):
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


class Answer:
    """One answer read off a socket; `rest` is what came behind it."""

    def __init__(self, s, rest=b"", head_only=False):
        data = rest
        while b"\r\n\r\n" not in data:
            piece = s.recv(65536)
            if not piece:
                raise EOFError(data)
            data += piece
        head, data = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
        self.body = b""
        self.ended = True
        if head_only or self.status in (100, 101, 204, 304):
            self.rest = data
        elif "content-length" in self.headers:
            need = int(self.headers["content-length"])
            while len(data) < need and (piece := s.recv(1 << 20)):
                data += piece
            self.body, self.rest = data[:need], data[need:]
        elif self.headers.get("transfer-encoding") == "chunked":
            self.body, self.rest, self.ended = read_chunks(s, data)
        else:
            self.body, self.rest = data + read_all(s), b""


def read_chunks(s, data):
    """Body, what follows, and whether the last chunk was there."""
    body, data = bytearray(), bytearray(data)

    def more():
        try:
            piece = s.recv(1 << 20)
        except ConnectionResetError:
            piece = b""
        data.extend(piece)
        return bool(piece)

    while True:
        while b"\r\n" not in data:
            if not more():
                return bytes(body), b"", False
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        while len(data) < size + 2:
            if not more():
                return bytes(body + data), b"", False
        body += data[:size]
        data = data[size + 2:]
        if size == 0:
            return bytes(body), bytes(data), True


def request(method, target, headers="", body=b"", host="localhost"):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}{length}\r\n".encode() + body


@pytest.fixture
def server(request):
    flags = getattr(request, "param", [])
    s = Server(*flags)
    yield s
    s.stop()


def with_flags(*flags):
    return pytest.mark.parametrize("server", [list(flags)], indirect=True)


# ---- plain requests


def test_keep_alive_serves_many_requests_on_one_connection(server):
    with server.connect() as s:
        for i in range(50):
            s.sendall(request("POST", "/echo", body=b"%d" % i))
            assert Answer(s).body == b"%d" % i
        s.sendall(request("GET", "/stats"))
        assert json.loads(Answer(s).body)["connections"] == 1


def test_pipelined_requests_are_answered_in_order(server):
    with server.connect() as s:
        paths = ["/hello", "/later", "/echo", "/stream?n=3&size=10"] * 10
        s.sendall(b"".join(request("POST" if p == "/later" else "GET", p, f"X-Tag: {i}\r\n")
                           for i, p in enumerate(paths)))
        rest = b""
        for i, path in enumerate(paths):
            answer = Answer(s, rest)
            rest = answer.rest
            assert answer.status == 200
            if path in ("/later", "/echo"):
                assert answer.headers["x-tag"] == str(i)
            if path.startswith("/stream"):
                assert answer.body == b"x" * 30 and answer.ended


def test_request_in_single_bytes(server):
    with server.connect() as s:
        for byte in request("POST", "/echo?a=b", body=b"hello"):
            s.sendall(bytes([byte]))
        answer = Answer(s)
        assert answer.body == b"hello" and answer.headers["x-query"] == "a=b"


def test_path_is_decoded_and_header_values_are_clean(server):
    with server.connect() as s:
        s.sendall(request("GET", "/echo/a%20b%2Fc?x=%31"))
        answer = Answer(s)
        assert answer.headers["x-path"] == "/echo/a b/c"
        assert "injected" not in answer.headers and "x-bad" not in answer.headers


def test_head_request_gets_headers_only(server):
    with server.connect() as s:
        s.sendall(request("HEAD", "/hello") + request("GET", "/hello"))
        first = Answer(s, head_only=True)
        assert first.headers["content-length"] == "17"
        assert Answer(s, first.rest).body == b'{"hello":"world"}'


def test_head_request_of_a_stream_ends(server):
    with server.connect() as s:
        s.sendall(request("HEAD", "/trickle") + request("GET", "/hello"))
        first = Answer(s, head_only=True)
        assert Answer(s, first.rest).status == 200
    server.until(lambda st: st["exchanges"] == 1)


def test_http_1_0_closes_and_streams_without_chunks(server):
    assert server.ask(b"GET /hello HTTP/1.0\r\n\r\n").endswith(b'{"hello":"world"}')
    data = server.ask(b"GET /stream?n=10&size=1000 HTTP/1.0\r\n\r\n")
    assert b"chunked" not in data.lower() and data.endswith(b"\r\n\r\n" + b"x" * 10000)


def test_chunked_upload(server):
    with server.connect() as s:
        s.sendall(request("POST", "/echo", "Transfer-Encoding: chunked\r\n"))
        for size in (1, 10, 100000):
            s.sendall(b"%x;ext=1\r\n" % size + b"a" * size + b"\r\n")
        s.sendall(b"0\r\nTrailer: x\r\n\r\n" + request("GET", "/hello"))
        answer = Answer(s)
        assert answer.body == b"a" * 100011
        assert Answer(s, answer.rest).body == b'{"hello":"world"}'


def test_expect_100_continue(server):
    with server.connect() as s:
        s.sendall(request("POST", "/echo", "Expect: 100-continue\r\nContent-Length: 5\r\n"))
        assert Answer(s).status == 100
        s.sendall(b"hello")
        assert Answer(s).body == b"hello"


def test_early_answer_needs_no_body(server):
    with server.connect() as s:
        s.sendall(request("POST", "/early", "Expect: 100-continue\r\nContent-Length: 500000\r\n"))
        answer = Answer(s)
        assert answer.status == 401 and answer.headers["connection"] == "close"
        assert read_all(s) == b""


@with_flags("--listen=[::1]:0")
def test_ipv6(server):
    with server.connect() as s:
        s.sendall(request("GET", "/hello", host=server.address))
        assert Answer(s).status == 200


# ---- refusals


SMUGGLING = {
    "length and encoding": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding and length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "differing lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "length list": b"Content-Length: 4, 4\r\n\r\nabcd",
    "signed length": b"Content-Length: +4\r\n\r\nabcd",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "hex length": b"Content-Length: 0x4\r\n\r\nabcd",
    "empty length": b"Content-Length:\r\n\r\n",
    "identity": b"Transfer-Encoding: identity\r\n\r\n",
    "gzip, chunked": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "xchunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"Content-Length : 4\r\n\r\nabcd",
    "folded encoding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "fold": b"X-A: 1\r\n Content-Length: 4\r\n\r\nabcd",
    "bad name": b"X(A): 1\r\n\r\n",
    "no colon": b"nonsense\r\n\r\n",
    "empty name": b": 1\r\n\r\n",
    "NUL in a value": b"X-A: 1\x002\r\n\r\n",
    "NUL in a length": b"Content-Length: 4\x000\r\n\r\nabcd",
    "CR in a value": b"X-A: 1\r2\r\n\r\n",
}


@pytest.mark.parametrize("case", SMUGGLING)
def test_ambiguous_framing_is_refused_and_closed(server, case):
    data = server.ask(b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + SMUGGLING[case] +
                      b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 400 "), data
    assert data.count(b"HTTP/1.1 ") == 1, data
    assert_json_error(data)
    assert server.stats()["requests"] == 1  # the one for /stats


def assert_json_error(data):
    head, body = data.split(b"\r\n\r\n", 1)
    assert b"Content-Type: application/json" in head, data
    assert head.count(b"Content-Length") == 1
    assert "error" in json.loads(body)
    assert b"<html" not in data.lower()


MALFORMED = {
    "http/2": (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    "http/0.9": (b"GET / HTTP/0.9\r\nHost: localhost\r\n\r\n", 505),
    "bad version": (b"GET / JUNK\r\nHost: localhost\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "long target": (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", 414),
    "long header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
    "head over our limit": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 16500 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 20000 + b"\r\n", 431),
    "huge length": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
    "bad chunk": (b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "huge chunk": (b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"fffffffffffffffff\r\n", 413),
    "space in target": (b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "NUL in target": (b"GET /a\x00b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "escaped NUL": (request("GET", "/a%00b"), 400),
    "bad escape": (request("GET", "/a%zz"), 400),
    "cut escape": (request("GET", "/a%2"), 400),
    "not UTF-8": (request("GET", "/a%ff"), 400),
    "bad escape in query": (request("GET", "/a?b=%"), 400),
    "no slash": (request("GET", "a"), 400),
    "authority form": (request("CONNECT", "localhost:80"), 400),
    "bad method": (request("G(T", "/"), 400),
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no spaces": (b"GARBAGE\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_requests_get_json(server, case):
    data, status = MALFORMED[case]
    got = server.ask(data)
    assert got.startswith(b"HTTP/1.1 %d " % status), got
    assert got.count(b"HTTP/1.1 ") == 1
    assert_json_error(got)


HOSTS = [("localhost", 200), ("LOCALHOST", 200), ("localhost:8080", 200), ("127.0.0.1:1", 200), ("[::1]", 200),
         ("[::1]:8080", 200), ("evil.example", 403), ("localhost.evil.example", 403), ("localhost:80:80", 403),
         ("localhost:80a", 403), ("localhost@evil", 403), ("[::2]", 403), ("[::1]x", 403), ("127.0.0.1 ", 200)]


@pytest.mark.parametrize("host,status", HOSTS)
def test_host(server, host, status):
    with server.connect() as s:
        s.sendall(request("GET", "/hello", "Connection: close\r\n", host=host))
        assert Answer(s).status == status


def test_host_missing_doubled_or_in_the_target(server):
    close = b"Connection: close\r\n\r\n"
    assert server.ask(b"GET /hello HTTP/1.1\r\n" + close).startswith(b"HTTP/1.1 400")
    assert server.ask(b"GET /hello HTTP/1.1\r\nHost:\r\n" + close).startswith(b"HTTP/1.1 400")
    assert server.ask(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n" + close).startswith(
        b"HTTP/1.1 400")
    assert server.ask(request("GET", "http://localhost:80/hello", "Connection: close\r\n")).startswith(
        b"HTTP/1.1 200")
    assert server.ask(request("GET", "http://evil.example/hello", "Connection: close\r\n")).startswith(
        b"HTTP/1.1 400")


def test_body_too_large_by_length(server):
    with server.connect() as s:
        s.sendall(request("POST", "/echo", "Content-Length: 3000000\r\n"))
        answer = Answer(s)
        assert answer.status == 413 and answer.headers["connection"] == "close"


def test_client_that_sends_all_of_a_refused_body_reads_the_answer(server):
    with server.connect() as s:
        s.sendall(request("POST", "/echo", body=b"a" * 4000000))
        assert Answer(s).status == 413


def test_body_too_large_in_chunks(server):
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with server.connect() as s:
        s.sendall(request("POST", "/echo", "Transfer-Encoding: chunked\r\n") + chunk * 32 + b"0\r\n\r\n")
        assert Answer(s).status == 413
    with server.connect() as s:  # without end
        s.sendall(request("POST", "/echo", "Transfer-Encoding: chunked\r\n"))
        try:
            for _ in range(100000):
                s.sendall(chunk)
        except OSError:
            pass
        else:
            assert False, "the server reads for ever"
    assert server.rss_kb() < 300000


@with_flags("--max-bodies=1000000", "--max-body=900000")
def test_memory_of_all_bodies_is_bounded(server):
    sockets = []
    for _ in range(2):
        s = server.connect()
        s.sendall(request("POST", "/wait", body=b"a" * 400000))
        sockets.append(s)
    server.until(lambda st: st["tasks"] == 2)
    with server.connect() as s:
        s.sendall(request("POST", "/echo", body=b"a" * 400000))
        assert Answer(s).status == 503
    for s in sockets:
        s.close()
    server.until(lambda st: st["exchanges"] == 1)
    with server.connect() as s:
        s.sendall(request("POST", "/echo", body=b"a" * 400000))
        assert Answer(s).status == 200


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


@with_flags("--peek-timeout=200")
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


# ---- many connections


def test_thousand_idle_connections(server):
    before = server.rss_kb()
    sockets = []
    for _ in range(1000):
        s = server.connect()
        s.sendall(request("GET", "/hello"))
        sockets.append(s)
    for s in sockets:
        assert Answer(s).status == 200
    assert server.stats()["connections"] == 1001
    print("RSS per idle connection:", (server.rss_kb() - before) * 1024 // 1000)
    for s in sockets[::7]:
        s.sendall(request("POST", "/later", body=b"again"))
        assert Answer(s).body == b"again"
    for s in sockets:
        s.close()
    server.until(lambda st: st["connections"] == 1)


@with_flags("--max-connections=10")
def test_connections_over_the_limit_are_refused(server):
    sockets = [server.connect() for _ in range(10)]
    for s in sockets:
        s.sendall(request("GET", "/hello"))
        assert Answer(s).status == 200
    data = server.ask(request("GET", "/hello"))
    assert data.startswith(b"HTTP/1.1 503 ")
    assert_json_error(data)
    for s in sockets:
        s.close()
    end = time.monotonic() + DEADLINE
    while not server.ask(request("GET", "/hello", "Connection: close\r\n")).startswith(b"HTTP/1.1 200"):
        assert time.monotonic() < end


@with_flags("--max-pending=20")
def test_oldest_silent_connection_makes_room(server):
    sockets = [server.connect() for _ in range(25)]
    assert server.stats()["connections"] == 1
    assert read_all(sockets[0]) == b""
    sockets[24].sendall(request("GET", "/hello"))
    assert Answer(sockets[24]).status == 200
    for s in sockets:
        s.close()


@with_flags("--nofile=40")
def test_survives_running_out_of_descriptors(server):
    sockets = [server.connect() for _ in range(60)]
    for s in sockets:
        try:
            s.sendall(request("GET", "/hello"))
        except OSError:
            pass
    served = sum(1 for s in sockets[:20] if Answer(s).status == 200)
    assert served == 20
    for s in sockets:
        s.close()
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with server.connect() as s:
                s.sendall(request("GET", "/hello"))
                if Answer(s).status == 200:
                    break
        except (EOFError, OSError):
            pass
        assert time.monotonic() < end
    server.until(lambda st: st["connections"] == 1)


# ---- WebSocket dispatch


UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"


@with_flags("--websocket")
def test_upgrade_goes_to_the_websocket_side(server):
    assert server.ask(request("GET", "/v1/stream", UPGRADE)).startswith(b"HTTP/1.1 101 ")
    with server.connect() as s:  # a head in pieces
        data = request("GET", "/v1/stream", UPGRADE)
        s.sendall(data[:30])
        server.until(lambda st: st["upgrades"] == 1)
        s.sendall(data[30:])
        assert Answer(s).status == 101
    assert server.ask(request("POST", "/echo", UPGRADE + "Connection: close\r\n")).startswith(b"HTTP/1.1 200 ")


@with_flags("--websocket")
def test_upgrade_on_a_used_connection_is_closed_without_a_byte(server):
    with server.connect() as s:
        s.sendall(request("GET", "/hello"))
        answer = Answer(s)
        s.sendall(request("GET", "/v1/stream", UPGRADE))
        assert answer.rest + read_all(s) == b""


def test_upgrade_without_a_websocket_side_is_http(server):
    assert server.ask(request("GET", "/hello", UPGRADE + "Connection: close\r\n")).startswith(b"HTTP/1.1 200 ")


# ---- sockets from outside, reload


def test_inherited_listening_socket():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(f"--fd={listening.fileno()}", pass_fds=[listening.fileno()])
        assert server.peer == listening.getsockname()
        with server.connect() as s:
            s.sendall(request("GET", "/hello"))
            assert Answer(s).status == 200
        server.stop()


def test_reload_changes_hosts_and_timeouts(server):
    with server.connect() as s:
        s.sendall(request("POST", "/reload", host="127.0.0.1"))
        answer = Answer(s)
        assert answer.status == 404 and answer.rest + read_all(s) == b""  # closed when idle
    with server.connect() as s:
        s.sendall(request("GET", "/hello", host="127.0.0.1"))
        assert Answer(s).status == 403
    with server.connect() as s:
        s.sendall(request("GET", "/hello"))
        assert Answer(s).status == 200


# ---- ending


def test_drain_answers_what_is_open_and_closes_what_is_idle(server):
    with server.connect() as idle, server.connect() as used, server.connect() as late:
        idle.sendall(request("GET", "/hello"))
        Answer(idle)
        used.sendall(request("POST", "/drain"))
        answer = Answer(used)
        assert answer.status == 200 and answer.headers["connection"] == "close"
        assert read_all(idle) == b""
        assert read_all(used) == b""
        late.sendall(request("GET", "/hello"))
        assert Answer(late).headers["connection"] == "close"


def test_stop_under_load(server):
    stop = threading.Event()
    threads = [threading.Thread(target=hammer, args=(server, stop, i)) for i in range(6)]
    for t in threads:
        t.start()
    waiting = [server.connect() for _ in range(20)]
    for i, s in enumerate(waiting):
        s.sendall(request("POST", ["/wait", "/trickle", "/stream?n=99999&size=1000", "/wait"][i % 4],
                          "Content-Length: 100\r\n" if i % 4 == 3 else ""))
    server.until(lambda st: st["requests"] > 200 and st["exchanges"] >= 21)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(timeout=DEADLINE)
    stop.set()
    for t in threads:
        t.join()
    for s in waiting:
        s.close()


def hammer(server, stop, i):
    paths = ["/hello", "/later", "/stream?n=20&size=5000"]
    while not stop.is_set():
        try:
            with server.connect() as s:
                for _ in range(50):
                    s.sendall(request("POST", paths[i % 3], body=b"x" * 100))
                    Answer(s)
        except (OSError, EOFError):
            pass


def test_stop_from_within_a_handler(server):
    with server.connect() as s:
        s.sendall(request("POST", "/stop"))
        read_all(s)
    server.process.wait(timeout=DEADLINE)
