"""The HTTP layer over raw sockets: requests, refusals, whose connection it is."""
import json

import pytest

from http_support import Answer, assert_json_error, read_all, request, server, with_flags  # noqa: F401 - server is a fixture


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


MALFORMED = {
    "http/2": (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    "http/0.9": (b"GET / HTTP/0.9\r\nHost: localhost\r\n\r\n", 505),
    "bad version": (b"GET / JUNK\r\nHost: localhost\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "long target": (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", 414),
    "long header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
    "head over our limit": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 16500 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 20000 + b"\r\n", 431),
    "arguments behind a NUL": (b"GET /a\0?" + b"a&" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    "many cookies": (b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"a=b;" * 2000 + b"\r\n\r\n", 431),
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


# libmicrohttpd's records of them would need more memory than a connection has.
def test_many_arguments_are_served(server):
    for count in (250, 300, 2000, 5000):
        target = "/hello?" + "a&" * count + "last=1"
        assert server.ask(request("GET", target, "Connection: close\r\n")).startswith(b"HTTP/1.1 200 "), count


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


@with_flags("--max-body=32000000")
def test_client_of_a_large_limit_reads_the_answer_too(server):
    with server.connect() as s:
        s.sendall(request("POST", "/echo", body=b"a" * 40000000))
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
