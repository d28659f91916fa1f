"""WebSocket peers that read slowly, leave at any moment, come by a Unix socket or after an HTTP request: what the close
codes and the server's state have to survive."""

from __future__ import annotations

import http.client
import os
import select
import socket
import struct
import subprocess
import tempfile
from typing import Any, Iterator

import pytest

from ws_support import BINARY, CLOSE, DEADLINE, HEAD, PING, PONG, TEXT, WRAPPER, Echo, Raw, echo, wait_for


@pytest.fixture(scope="module")
def e() -> Iterator[Echo]:
    with echo() as server:
        yield server


def full(e: Echo, count: int = 300, size: int = 20000) -> Raw:
    """A client that has asked for more than fits into the kernel, and has read nothing of it."""
    c = Raw(e, rcvbuf=4096)
    before = len(e.told("flooded"))
    c.send(f"flood {count} {size}".encode())
    e.wait("flooded", count=before + 1)
    return c


def texts_until_close(c: Raw) -> tuple[int, int]:
    """How many whole messages still came, and the code behind them."""
    count = 0
    while True:
        kind, payload = c.frame()
        if kind == CLOSE:
            assert c.s.recv(100) == b"" and c.rest == b""
            return count, struct.unpack("!H", payload[:2])[0]
        count += kind == TEXT


# -- slow readers


@pytest.mark.parametrize("name,code,breach", [
    ("violation", 1002, dict(payload=b"x", kind=3)),
    ("binary", 1003, dict(payload=b"x", kind=BINARY)),
    ("own", 1001, dict(payload=b"close 1001 bye")),
])  # fmt: skip
def test_all_that_was_queued_comes_before_the_close_frame(e: Echo, name: str, code: int, breach: Any) -> None:
    c = full(e)
    c.send(**breach)
    if code != 1002:  # after a violation nothing more is understood, an answer neither
        assert texts_until_close_and_answer(c) == (300, code)
    else:
        assert texts_until_close(c) == (300, code)
    c.close()


def texts_until_close_and_answer(c: Raw) -> tuple[int, int]:
    count = 0
    while (got := c.frame())[0] != CLOSE:
        count += got[0] == TEXT
    c.send(got[1][:2], kind=CLOSE)
    assert c.s.recv(100) == b"" and c.rest == b""
    return count, struct.unpack("!H", got[1][:2])[0]


def test_a_peer_that_closes_in_mid_flood_gets_whole_frames_and_its_answer(e: Echo) -> None:
    c = full(e, 3, 8000000)
    c.send(struct.pack("!H", 1000), kind=CLOSE)
    read = 0
    while (got := c.part())[1] != CLOSE:
        assert got[1] in (TEXT, 0)
        read += len(got[2])
    assert read < 24000000, "what was queued is of no use to one who has closed"
    assert got == (True, CLOSE, struct.pack("!H", 1000))
    assert c.s.recv(100) == b"" and c.rest == b""
    c.close()


def test_a_pong_does_not_wait_for_the_end_of_a_long_message(e: Echo) -> None:
    c = full(e, 1, 20000000)
    c.send(b"hurry", kind=PING)
    read = 0
    while (got := c.part())[1] != PONG:
        assert not got[0], "the message was over before the pong came"
        read += len(got[2])
    assert got[2] == b"hurry" and read < 20000000
    c.close()


def tick(clock: Raw) -> None:
    """Waits for the next ping of the server: its clock, which a busy machine slows down together with the rest of it."""
    while (got := clock.frame())[0] != PING:
        pass
    clock.send(got[1], kind=PONG)


def read_raw(c: Raw) -> int:
    """Three thousand bytes more; no message is taken out of them yet."""
    enough = len(c.rest) + 3000
    while len(c.rest) < enough:
        c.rest += c.s.recv(enough - len(c.rest))
    return 0


@pytest.mark.parametrize("read", [lambda c: int(c.frame()[0] == TEXT), read_raw], ids=["a message at a time", "a little"])
def test_a_close_waits_for_a_reader_that_is_slow_but_moves(read: Any) -> None:
    """For longer than the three seconds in which nothing may happen."""
    with echo(ping_interval=500, stall_timeout=100000) as e:
        clock = Raw(e)
        c = full(e, 20, 500000)
        c.send(b"close 1000 at last")
        count = 0
        for _ in range(9):
            tick(clock)
            count += read(c)
        rest, code = texts_until_close_and_answer(c)
        assert (count + rest, code) == (20, 1000)
        clock.close()
        c.close()


def ours_first(c: Raw) -> None:
    c.send(b"close 1000 bye")
    assert c.frame()[0] == CLOSE


@pytest.mark.parametrize("over,act", [
    (True, lambda c: c.send(struct.pack("!H", 1000), kind=CLOSE)),
    (True, lambda c: [ours_first(c), c.send(struct.pack("!H", 1000), kind=CLOSE)]),
    (False, lambda c: c.send(b"x", kind=3)),
    (False, lambda c: [ours_first(c), c.send(b"x", kind=3)]),
])  # fmt: skip
def test_the_server_closes_as_soon_as_all_is_said(over: bool, act: Any) -> None:
    """Not when the three seconds are over.  After a violation it reads on, for what the peer is still sending."""
    with echo(ping_interval=400) as e:
        clock, c = Raw(e), Raw(e)
        act(c)
        ticks = 0
        ended = False
        while not ended or (over and not [x for x in e.told("closed") if x["conn"] == c.number]):
            if not ended and select.select([c.s], [], [], 0)[0]:
                ended = c.s.recv(1000) == b""
                continue
            tick(clock)
            ticks += 1
            assert ticks < 5
        clock.close()
        c.close()


def test_a_close_does_not_wait_for_a_reader_that_stands_still() -> None:
    with echo(stall_timeout=100000) as e:
        c = full(e, 500, 20000)
        c.send(b"close 1000 never read")
        e.wait("closed", 1006)  # no close frame could be sent
        c.close()


def test_the_end_of_the_server_sends_what_is_queued_and_does_not_wait_for_the_deaf() -> None:
    with echo(stall_timeout=100000) as e:
        deaf, slow, half = full(e, 500, 20000), full(e, 100, 20000), Raw(e, upgrade=False)
        half.s.sendall(b"GET /ws HTTP/1.1\r\nHost: loc")
        e.terminate()
        assert texts_until_close_and_answer(slow) == (100, 1001)
        e.stop()
        assert e.told("closed", 1006) and e.told("closed", 1001)
        for c in (deaf, slow, half):
            c.close()


def test_the_end_of_the_server_does_not_wait_for_the_slow_for_ever() -> None:
    with echo(stall_timeout=100000) as e:
        c = full(e, 500, 20000)
        e.terminate()
        for _ in range(100):
            try:
                e.p.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                c.s.recv(3000)
        else:
            assert False, "it waits for all ten megabytes"
        e.stop()
        assert e.told("closed", 1006)
        c.close()


# -- silence


def test_pings_of_the_peer_are_signs_of_life() -> None:
    with echo(ping_interval=200) as e:
        c = Raw(e)
        for _ in range(8):  # four times what a silent one has
            while (got := c.frame())[0] != PING:
                assert got == (PONG, b"mine")
            c.send(b"mine", kind=PING)  # and no pong
        c.send(b"echo alive")
        while (got := c.frame())[0] != TEXT:
            assert got[0] in (PING, PONG)
        assert got == (TEXT, b"alive")
        c.close()


# -- bounds


def test_a_message_may_be_as_large_as_the_limit_and_no_byte_larger() -> None:
    size = 4 * 1024 * 1024
    with echo(max_message=size) as e:
        c = Raw(e)
        c.send(b"len " + b"x" * (size - 4))
        assert c.text() == f"len {size}"
        c.send(b"echo " + b"y" * (size - 5))
        assert c.text() == "y" * (size - 5)
        c.send(b"len", final=False)
        c.send(b"x" * (size - 3), kind=0, final=False)
        c.send(b"", kind=0)
        assert c.text() == f"len {size}"
        c.send(b"len", final=False)
        c.send(b"x" * (size - 2), kind=0)
        assert c.closed() == 1009
        c.close()


def test_a_reload_bounds_the_messages_that_begin_after_it() -> None:
    with echo() as e:
        within, beyond, operator = Raw(e), Raw(e), Raw(e)
        for c in (within, beyond):
            c.send(b"len" + b"x" * 500000, final=False)
            c.send(b"", kind=PING)
            assert c.frame() == (PONG, b"")  # so it has come
        operator.send(b"bound 1000")
        assert operator.text() == "bound"
        within.send(b"x" * 500000, kind=0)
        assert within.text() == "len 1000003"
        within.send(b"len" + b"x" * 998)
        assert within.closed() == 1009
        beyond.send(b"x" * 600000, kind=0)
        assert beyond.closed() == 1009
        for c in (within, beyond, operator):
            c.close()


def test_the_rate_is_an_average_with_bursts_of_two_seconds() -> None:
    with echo(max_rate=50) as e:
        c = Raw(e)  # has sent one message
        for i in range(99):
            c.send(f"echo {i}".encode())
        for i in range(99):
            assert c.text() == str(i)
        for _ in range(200):
            c.send(b"echo too many")
        assert texts_until_close_and_answer(c)[1] == 1008
        c.close()


@pytest.mark.skipif(bool(WRAPPER), reason="valgrind keeps the limit of descriptors for itself")
def test_out_of_descriptors_others_go_on_and_room_comes_back() -> None:
    with echo(nofile=64) as e:
        first = Raw(e)
        held = []
        for _ in range(100):
            s = socket.create_connection(("127.0.0.1", e.port), timeout=DEADLINE)
            s.sendall(HEAD.format(path="/ws", more="").encode())
            held.append(s)
            if not s.recv(100).startswith(b"HTTP/1.1 101"):
                break
        else:
            assert False, "a hundred connections fit into 64 descriptors"
        first.send(b"echo here")
        assert first.text() == "here"
        for s in held:
            s.close()

        def fits() -> bool:
            with socket.create_connection(("127.0.0.1", e.port), timeout=DEADLINE) as s:
                s.sendall(HEAD.format(path="/ws", more="").encode())
                return s.recv(100).startswith(b"HTTP/1.1 101")

        wait_for(fits, "room", DEADLINE)
        first.close()


# -- peers that leave


def test_a_thousand_aborted_connections_leave_nothing_behind() -> None:
    with echo() as e:
        first = Raw(e)
        idle, opened = e.fds(), 1
        head = HEAD.format(path="/ws", more="").encode()
        for i in range(1000):
            s = socket.create_connection(("127.0.0.1", e.port), timeout=DEADLINE)
            how = i % 5
            s.sendall((b"", head[:60], head, head + Raw.make(b"flood 20 20000"), head + Raw.make(b"x" * 5000)[:2000])[how])
            if how >= 3:
                assert s.recv(10)
                opened += 1
            if i % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        wait_for(lambda: e.fds() <= idle, lambda: f"{idle} descriptors, now {e.fds()}", DEADLINE)
        wait_for(lambda: len(e.told("open")) >= opened, lambda: f"{opened} open, told {len(e.told('open'))}", DEADLINE)
        first.send(b"echo alive")
        assert first.text() == "alive"
        assert len({x["conn"] for x in e.told("closed")}) == len(e.told("closed")), "closed was told twice"
        first.close()


# -- one port for both


def test_http_and_websockets_share_the_port(e: Echo) -> None:
    c = Raw(e, path="/v1/stream")
    h = http.client.HTTPConnection("127.0.0.1", e.port, timeout=DEADLINE)
    for i in range(3):
        c.send(f"echo {i}".encode())
        h.request("POST", "/v1/x", b"y" * 100000)
        assert b'"len":100000' in h.getresponse().read()
        assert c.text() == str(i)
    h.request("GET", "/v1/stream")
    assert h.getresponse().status == 426
    c.close()
    h.close()


def test_an_upgrade_after_a_request_is_dropped_without_a_byte(e: Echo) -> None:
    with socket.create_connection(("127.0.0.1", e.port), timeout=DEADLINE) as s:
        s.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert s.recv(10000).startswith(b"HTTP/1.1 200 ")
        s.sendall(HEAD.format(path="/v1/stream", more="").encode())
        assert s.recv(100) == b""


def test_an_upgrade_that_is_refused_is_answered_by_http(e: Echo) -> None:
    for head, status in ((HEAD.format(path="/other", more=""), b"200"), (HEAD.replace("GET", "POST").format(path="/ws", more=""), b"426"),
                         (HEAD.replace("localhost", "evil.example").format(path="/ws", more=""), b"403"),
                         (HEAD.replace("1.1", "1.0").format(path="/ws", more=""), b"426"),
                         (HEAD.format(path="http://localhost/ws", more=""), b"426"),
                         (HEAD.format(path="/ws", more="Content-Length: 2\r\n") + "ab", b"426"),
                         (HEAD.format(path="/ws", more="X: " + "c" * 8192 + "\r\n"), b"426")):  # fmt: skip
        with socket.create_connection(("127.0.0.1", e.port), timeout=DEADLINE) as s:
            s.sendall(head.encode())
            assert s.recv(10000).split()[1] == status, head[:200]


def test_any_list_with_websocket_in_it_upgrades(e: Echo) -> None:
    c = Raw(e, upgrade=False)
    c.s.sendall(HEAD.replace("Upgrade: websocket", "upgrade: h2c , WebSocket").format(path="/ws", more="").encode())
    assert c.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    c.send(b"echo x")
    assert c.text() == "x"
    c.close()


def test_a_unix_socket_of_systemd_serves_as_well() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "s")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        with echo(listening=listening) as e:
            c = Raw(e, unix=path)
            c.send(b"flood 500 20000")
            c.send(b"x", kind=3)
            assert texts_until_close(c) == (500, 1002)
            c.close()
            still = Raw(e, unix=path)
            still.send(b"flood 500 20000")
            still.send(b"close 1000 never read")
            e.wait("closed", 1006)
            still.close()
        listening.close()
