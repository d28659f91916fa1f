"""The WebSocket server as clients see it: close codes above all, and what slow, silent and hostile peers cost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Iterator

import pytest
import websockets

from ws_support import BINARY, CLOSE, DEADLINE, PING, PONG, TEXT, Echo, Raw, by_node, echo, wait_for


@pytest.fixture(scope="module")
def e() -> Iterator[Echo]:
    with echo() as server:
        yield server


def by_python(e: Echo, *messages: object) -> int:
    """Sends them, what it would not send itself as (opcode, payload); the close code that python's websockets sees."""

    async def run() -> int:
        async with websockets.connect(e.url, max_size=None, ping_interval=None) as ws:
            for m in messages:
                if isinstance(m, tuple):
                    opcode, payload = m
                    ws.transport.write(Raw.make(payload, kind=opcode))
                else:
                    await ws.send(m)
            try:
                while True:
                    await asyncio.wait_for(ws.recv(), DEADLINE)
            except websockets.ConnectionClosed:
                return ws.close_code or 0

    return asyncio.run(run())


def test_messages_come_back_in_order(e: Echo) -> None:
    async def run() -> None:
        async with websockets.connect(e.url) as ws:
            for i in range(200):
                await ws.send(f"echo {i} \u20ac\U0001f600")
            assert [await ws.recv() for _ in range(200)] == [f"{i} \u20ac\U0001f600" for i in range(200)]

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 1024 * 1024 - 4])
def test_messages_of_every_length_form(e: Echo, size: int) -> None:
    c = Raw(e)
    c.send(b"len " + b"x" * size)
    assert c.text() == f"len {size + 4}"
    c.send(b"echo " + b"y" * (size - 1 if size > 1 else size))
    assert len(c.text()) == (size - 1 if size > 1 else size)
    c.close()


def test_fragments_make_one_message_and_control_frames_may_come_between(e: Echo) -> None:
    c = Raw(e)
    c.send(b"echo a", final=False)
    c.send(b"are you there", kind=PING)
    assert c.frame() == (PONG, b"are you there")
    c.send(b"", kind=0, final=False)
    c.send(b"b", kind=0, final=False)
    c.send("\u20ac".encode()[:1], kind=0, final=False)
    c.send("\u20ac".encode()[1:], kind=0)
    assert c.text() == "ab\u20ac"
    c.close()


def test_a_message_byte_by_byte(e: Echo) -> None:
    c = Raw(e)
    for byte in Raw.make(b"echo slowly"):
        c.s.sendall(bytes([byte]))
    assert c.text() == "slowly"
    c.close()


def test_the_first_message_may_come_with_the_head(e: Echo) -> None:
    c = Raw(e, upgrade=False)
    c.s.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
                + Raw.make(b"echo early"))  # fmt: skip
    assert c.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    assert c.text() == "early"
    c.close()


def test_the_head_may_come_byte_by_byte_and_be_large(e: Echo) -> None:
    c = Raw(e, upgrade=False)
    head = ("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nCookie: " + "c" * 7000 + "\r\n\r\n")
    for i in range(0, 200):
        c.s.sendall(head[i].encode())
    c.s.sendall(head[200:].encode())
    answer = c.until(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"server:" not in answer.lower() and b"protocol" not in answer.lower().replace(b"switching protocols", b"")
    c.send(b"echo x")
    assert c.text() == "x"
    c.close()


def test_the_subprotocol_is_ours_or_none(e: Echo) -> None:
    for offer, chosen in (("other, ccapi.v1", True), ("ccapi.v1", True), ("other", False), ("ccapi.v11", False)):
        c = Raw(e, more=f"Sec-WebSocket-Protocol: {offer}\r\n")
        assert (b"sec-websocket-protocol: ccapi.v1" in c.head.lower()) == chosen
        assert (b"protocol:" in c.head.lower()) == chosen
        c.close()


def test_compression_is_not_agreed_to(e: Echo) -> None:
    c = Raw(e, more="Sec-WebSocket-Extensions: permessage-deflate\r\n")
    assert b"extensions" not in c.head.lower()
    c.close()


# -- closing

def end_of(e: Echo, c: Raw) -> int:
    """The code by which the server says that it ended; connections are numbered as they were made, and all of this file
    come one after the other."""
    return int(wait_for(lambda: [x for x in e.told("closed") if x["conn"] == c.number], f"the end of {c.number}", DEADLINE)[0]["n"])


BREAKS = {
    "reserved bit": (1002, lambda c: c.send(b"x", rsv=4)),
    "unknown opcode": (1002, lambda c: c.send(b"x", kind=3)),
    "unknown control opcode": (1002, lambda c: c.send(b"x", kind=11)),
    "continuation of nothing": (1002, lambda c: c.send(b"x", kind=0)),
    "new message within a message": (1002, lambda c: [c.send(b"x", final=False), c.send(b"y")]),
    "fragmented ping": (1002, lambda c: c.send(b"x", kind=PING, final=False)),
    "long ping": (1002, lambda c: c.send(b"x" * 126, kind=PING)),
    "very long ping": (1002, lambda c: c.send(b"x" * 70000, kind=PING)),
    "no mask": (1002, lambda c: c.send(b"x", mask=False)),
    "no mask after a good message": (1002, lambda c: c.s.sendall(Raw.make(b"") + Raw.make(b"x", mask=False))),
    "length over 63 bits": (1002, lambda c: c.s.sendall(b"\x81\xff\x80" + bytes(11))),
    "megabytes behind it": (1002, lambda c: c.s.sendall(Raw.make(b"x", kind=3) + bytes(4000000))),
    "large binary": (1003, lambda c: c.send(b"x" * 4000000, kind=BINARY)),
    "binary": (1003, lambda c: c.send(b"x", kind=BINARY)),
    "not UTF-8": (1007, lambda c: c.send(b"echo \xff")),
    "not UTF-8 over fragments": (1007, lambda c: [c.send(b"echo \xe2\x82", final=False), c.send(b"x", kind=0)]),
    "too large": (1009, lambda c: c.send(b"x" * (1024 * 1024 + 1))),
    "too large as announced": (1009, lambda c: c.s.sendall(Raw.make(b"x" * 100, claim=1 << 40))),
    "too large over fragments": (1009, lambda c: [c.send(b"x" * 600000, final=False), c.send(b"x" * 600000, kind=0)]),
    "our own": (1001, lambda c: c.send(b"close 1001 going")),
    "policy": (1008, lambda c: c.send(b"close 1008 policy")),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_code_reaches_a_raw_client(e: Echo, name: str) -> None:
    code, act = BREAKS[name]
    c = Raw(e)
    act(c)
    assert c.closed() == code
    c.close()
    assert end_of(e, c) == code


def test_codes_reach_python(e: Echo) -> None:
    assert by_python(e, b"binary") == 1003
    assert by_python(e, "x" * (1024 * 1024 + 1)) == 1009
    assert by_python(e, "close 1001 bye") == 1001
    assert by_python(e, "close 1008 no") == 1008
    assert by_python(e, "close 1000 done") == 1000
    assert by_python(e, (1, b"\xff")) == 1007
    assert by_python(e, (3, b"opcode")) == 1002
    assert by_python(e, (9, b"x" * 126)) == 1002


def test_codes_reach_node(e: Echo) -> None:
    assert by_node(e, "ws.send(Buffer.from([1]))")[-2] == 1003
    assert by_node(e, "ws.send(Buffer.from([255]), {binary: false})")[-2] == 1007
    assert by_node(e, "ws.send('x'.repeat(1024 * 1024 + 1))")[-2] == 1009
    assert by_node(e, "ws._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))")[-2] == 1002
    assert by_node(e, "ws._socket.write(Buffer.from([0x81, 0x01, 0x78]))")[-2] == 1002
    assert by_node(e, "ws.send('close 1008 policy')")[-2:] == [1008, "policy"]
    assert by_node(e, "ws.close(4321, 'own')")[-2] == 4321
    assert by_node(e, "ws.send('echo first'); ws.send('close 1001 going away')") == ["first", 1001, "going away"]
    assert by_node(e, "ws.close(1000)")[-2] == 1000


def test_a_close_of_the_peer_is_answered_with_its_code(e: Echo) -> None:
    for payload, code in ((struct.pack("!H", 1000) + b"bye", 1000), (struct.pack("!H", 4321), 4321), (b"", 1000)):
        c = Raw(e)
        c.send(payload, kind=CLOSE)
        assert c.frame() == (CLOSE, struct.pack("!H", code))
        assert end_of(e, c) == code
        assert c.s.recv(100) == b""
        c.close()


def test_a_close_of_the_peer_that_may_not_be_is_answered_with_why(e: Echo) -> None:
    bad = [b"x", *(struct.pack("!H", n) for n in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535))]
    for payload, code in [(b, 1002) for b in bad] + [(struct.pack("!H", 1000) + b"\xff", 1007)]:
        c = Raw(e)
        c.send(payload, kind=CLOSE)
        assert c.closed() == code, payload
        assert end_of(e, c) == code
        c.close()


def test_a_close_of_the_peer_is_answered_whatever_comes_behind_it(e: Echo) -> None:
    c = Raw(e)
    with contextlib.suppress(ConnectionError):  # the server may be through with it before all is sent
        c.s.sendall(Raw.make(struct.pack("!H", 1000), kind=CLOSE) + bytes(4000000))
    assert c.closed() == 1000
    c.close()


def test_nothing_follows_a_close_frame(e: Echo) -> None:
    for then in (dict(payload=b"x", kind=3), dict(payload=b"\x03\xe8", kind=CLOSE), dict(payload=b"x", mask=False)):
        for together in (True, False):
            c = Raw(e)
            first, second = Raw.make(b"close 1001 bye"), Raw.make(**then)
            c.s.sendall(first + second if together else first)
            # the peer's own close, when it is there before ours is written, is answered
            answers = together and then.get("kind") == CLOSE
            assert c.frame() == (CLOSE, b"\x03\xe8" if answers else b"\x03\xe9bye")
            if not together:
                c.s.sendall(second)
            assert c.s.recv(100) == b"" and c.rest == b""
            c.close()


def test_what_is_queued_is_sent_before_the_close_frame(e: Echo) -> None:
    c = Raw(e)
    c.send(b"flood 300 10000")
    c.send(b"close 1000 after that")
    for i in range(300):
        assert c.text().split()[0] == str(i)
    kind, payload = c.frame()
    assert (kind, payload) == (CLOSE, struct.pack("!H", 1000) + b"after that")
    c.send(b"echo too late")
    c.send(payload, kind=CLOSE)
    assert c.s.recv(100) == b""
    c.close()


def test_a_peer_that_does_not_answer_a_close_frame_is_dropped(e: Echo) -> None:
    c = Raw(e)
    c.send(b"close 1000 bye")
    assert c.closed() == 1000
    assert end_of(e, c) == 1000
    assert c.s.recv(100) == b""
    c.close()


def test_a_peer_that_vanishes_is_told_as_1006(e: Echo) -> None:
    for reset in (True, False):
        c = Raw(e)
        if reset:
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        assert end_of(e, c) == 1006


# -- rate, silence, slow readers

def test_more_messages_than_the_rate_close_with_1008() -> None:
    with echo(max_rate=10) as e:
        c = Raw(e)
        for i in range(100):
            c.send(b"echo x")
        assert c.closed() == 1008
        c.close()


def test_a_quiet_peer_is_pinged_and_a_silent_one_closed_with_1008() -> None:
    with echo(ping_interval=200) as e:
        silent, alive = Raw(e), Raw(e)
        for _ in range(5):
            kind, payload = alive.frame()
            assert kind == PING
            alive.send(payload, kind=PONG)
        assert silent.closed() == 1008
        alive.send(b"echo still here")
        while (got := alive.frame())[0] == PING:
            alive.send(got[1], kind=PONG)
        assert got == (TEXT, b"still here")
        assert len(e.told("closed", 1008)) <= 1
        alive.close()
        silent.close()


def test_a_slow_reader_is_not_taken_for_silent_and_gets_everything() -> None:
    with echo(ping_interval=200, stall_timeout=10000) as e:
        c = Raw(e, rcvbuf=4096)
        c.send(b"flood 400 20000")
        count = 0
        while count < 400:
            kind, payload = c.frame()
            count += kind == TEXT
        e.wait("drained")
        assert e.told("flooded")[0]["n"] > 1024 * 1024
        c.close()


def test_a_reader_that_stands_still_is_told_and_told_again_only_after_it_has_moved() -> None:
    with echo(ping_interval=30000, stall_timeout=200) as e:
        c = Raw(e, rcvbuf=4096)
        c.send(b"flood 600 20000")
        e.wait("stalled")
        for _ in range(200):
            c.frame()
        e.wait("stalled", count=2)
        for _ in range(400):
            c.frame()
        e.wait("drained")
        c.send(b"echo x")
        assert c.text() == "x"
        c.close()


def test_a_reader_that_never_reads_again_is_dropped_at_the_queue_bound() -> None:
    with echo(stall_timeout=10000, max_message=1024) as e:
        c = Raw(e, rcvbuf=4096)
        c.send(b"flood 5000 20000")  # 100 MB
        e.wait("flooded")
        assert e.told("flooded")[0]["n"] <= 64 * 1024 * 1024
        e.wait("closed")
        c.close()


# -- many

def test_a_thousand_idle_connections_cost_little_and_all_are_told_at_the_end() -> None:
    with echo() as e:
        before = e.rss_kb()
        socks = [Raw(e) for _ in range(1000)]
        e.wait("open", count=1000)
        grown = e.rss_kb() - before
        assert grown < 15 * 1024 or b"asan" in open(f"/proc/{e.p.pid}/maps", "rb").read() or "valgrind" in e.p.args[0], grown
        e.terminate()
        for c in socks:
            assert c.closed() == 1001
            c.close()


def test_aborted_connects_and_half_heads_leave_nothing_behind() -> None:
    with echo() as e:
        first = Raw(e)
        idle = e.fds()
        for i in range(600):
            s = socket.create_connection(("127.0.0.1", e.port))
            if i % 3:
                s.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
                          + (b"\r\n" if i % 3 == 2 else b""))  # fmt: skip
            s.close()
        wait_for(lambda: e.fds() <= idle, lambda: f"{idle} descriptors, now {e.fds()}", DEADLINE)
        first.send(b"echo alive")
        assert first.text() == "alive"
        first.close()


def test_a_handshake_that_fails_is_told(e: Echo) -> None:
    key = "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
    for lines in ("", key, key + "Sec-WebSocket-Version: 12\r\n", "Sec-WebSocket-Version: 13\r\n",
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'x' * 500}\r\n"):  # fmt: skip
        before = len(e.told("closed", 1006))
        c = Raw(e, upgrade=False)
        c.s.sendall(f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{lines}\r\n".encode())
        assert not c.s.recv(1000).startswith(b"HTTP/1.1 101"), lines
        wait_for(lambda: len(e.told("closed", 1006)) > before, "closed", DEADLINE)
        c.close()


def test_connections_are_bounded() -> None:
    with echo(max_connections=2) as e:
        one, two = Raw(e), Raw(e)
        c = Raw(e, upgrade=False)
        c.s.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert c.s.recv(1000).startswith(b"HTTP/1.1 426")
        for r in (one, two, c):
            r.close()


def test_python_and_node_talk_at_the_same_time(e: Echo) -> None:
    assert by_node(e, "for (let i = 0; i < 500; i++) ws.send(`echo ${i}`); ws.send('close 1000 done')")[:-2] == [
        str(i) for i in range(500)]  # fmt: skip
