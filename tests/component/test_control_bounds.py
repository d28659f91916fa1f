"""What a peer may cost: lines, time, connections, unread output."""
import json
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from control_support import (ADMINS, GROUP, INVALID_REQUEST, MEMORY_FACTOR, NOBODY, PARSE_ERROR, TIMEOUT, TOO_MANY,
                             acting_as, as_root, gid, probe, wait_for, with_probe)  # noqa: F401 - probe is a fixture

LINE = 65536


def ask(i=1, method="cache.stats", pad=0):
    text = json.dumps({"jsonrpc": "2.0", "id": i, "method": method})
    return (text + " " * pad).encode()


def test_the_longest_line_is_served(probe):
    with probe.peer() as p:
        line = ask(pad=LINE - len(ask()))
        assert len(line) == LINE
        p.send(line + b"\n" + line + b"\n")
        assert "result" in p.line() and "result" in p.line()


def test_a_longer_line_ends_the_connection(probe):
    with probe.peer() as p:
        p.send(ask(pad=LINE + 1 - len(ask())) + b"\n")
        answer = p.line()
        assert answer["id"] is None and answer["error"]["code"] == PARSE_ERROR
        assert p.line() is None
    probe.call("status")


@pytest.mark.parametrize("byte", [b"x", b"\x00", b'"', b"[", b"\\", b" "])
def test_a_line_without_end_is_cut(probe, byte):
    with probe.peer() as p:
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(1000):
                p.send(byte * 65536)
        assert p.line()["error"]["code"] == PARSE_ERROR
    assert probe.rss_kb() < 60000
    probe.call("status")


@with_probe(limits={"line_ms": 200})
def test_a_line_that_dribbles_in_is_cut(probe):
    with probe.peer() as p:
        began = time.monotonic()
        answer = None
        while answer is None:
            try:
                p.send(b" ")
            except (BrokenPipeError, ConnectionResetError):
                pass
            if select.select([p.s], [], [], 0.01)[0]:
                answer = p.line()
            assert time.monotonic() - began < 10
        assert answer["error"]["code"] == TIMEOUT
        assert p.line() is None


@with_probe(limits={"idle_ms": 200})
def test_an_idle_connection_is_closed_and_a_subscriber_is_not(probe):
    with probe.peer() as idle, probe.peer() as subscriber:
        subscriber.call("subscribe")
        assert idle.line() is None
        probe.signal(signal.SIGUSR1)
        assert subscriber.line()["method"] == "event"


def test_too_many_lines_that_are_no_requests_end_the_connection(probe):
    with probe.peer() as p:
        p.send(b"nonsense\n" * 1000)
        answers = p.lines()
        assert len(answers) == 17 and answers[-1]["error"]["code"] == INVALID_REQUEST
    probe.call("status")


def test_connections_are_bounded_and_places_become_free(probe):
    peers = [probe.peer() for _ in range(64)]
    with probe.peer(hello=False) as late:
        answer = late.line()
        assert answer["error"]["code"] == TOO_MANY
        assert late.line() is None
    for p in peers:
        assert p.call("cache.stats")["entries"] == 0
    peers.pop().close()
    wait_for(probe.has_room, "a place")
    for p in peers:
        p.close()
    wait_for(lambda: probe.has_room() and probe.connections() == 1, "all places")


@as_root
@with_probe(groups=True)
def test_readers_do_not_get_the_last_places(probe):
    with acting_as(NOBODY, gid(GROUP)):
        readers = [probe.peer() for _ in range(48)]
        with probe.peer(hello=False) as late:
            assert late.line()["error"]["code"] == TOO_MANY
    with acting_as(NOBODY, gid(GROUP), [gid(ADMINS)]), probe.peer() as admin:
        assert admin.hello["params"]["right"] == "admin"
    wait_for(lambda: probe.connections() == 49, "the place of the admin")  # gone when the daemon has seen it go
    for p in readers:
        p.close()


@with_probe(limits={"stall_ms": 300})
def test_a_peer_that_does_not_read_is_cut_and_costs_little(probe):
    before = probe.rss_kb()
    with probe.peer() as p:
        p.s.settimeout(0.05)
        sent = 0
        request = ask(method="config.show") + b"\n"
        while True:
            try:
                p.send(request * 100)
                sent += 100
            except socket.timeout:
                if probe.rss_kb() - before > 30000 * MEMORY_FACTOR:
                    pytest.fail(f"{probe.rss_kb()} kB")
            except (BrokenPipeError, ConnectionResetError):
                break
        assert sent < 10000
    wait_for(lambda: "does not read its answers" in probe.log(), "the log")
    probe.call("status")


@with_probe(limits={"line_ms": 1000})
def test_the_service_goes_on_under_all_of_it_at_once(probe):
    """Bad peers of every kind while a good one works."""
    code = r"""
import random, socket, sys
path, seed = sys.argv[1], int(sys.argv[2])
r = random.Random(seed)
kinds = [b"x" * 70000, b"\x00\xff" * 500 + b"\n", b"{" * 3000 + b"\n", b'{"jsonrpc":"2.0","id":1,"method":"status"}\n' * 300, b""]
while True:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
        s.settimeout(0.2)
        s.sendall(r.choice(kinds))
        if r.random() < 0.5:
            s.recv(1000)
    except OSError:
        pass
    s.close()
"""
    bad = [subprocess.Popen([sys.executable, "-c", code, str(probe.path), str(i)]) for i in range(4)]
    try:
        with probe.peer() as p:
            probe_before = probe.rss_kb()
            for i in range(100):
                p.call("projects.create", name=f"p{i}")
                p.call("projects.delete", name=f"p{i}")
            assert p.call("projects.list") == {"projects": []}
            assert probe.rss_kb() - probe_before < 30000 * MEMORY_FACTOR
    finally:
        for b in bad:
            b.kill()
            b.wait()
    wait_for(probe.has_room, "a place")
    wait_for(lambda: probe.call("status")["control_connections"] == 1, "the bad ones to be gone")
