"""The connection to Redis against servers that are none: silent, slow, talkative, lying."""
from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Any, List

import pytest

from redis_support import (  # noqa: F401 - servers is a fixture
    SHORT, Behaviour, Fake, Probe, after_pong, answers, byte_by_byte, free_port, replies, resets, says, servers, silent, wait_for)

MISS = {"failed": False, "text": None, "lost": False, "hash": -1, "size": -1}


def works(probe: Probe) -> None:
    assert probe.say("ask ECHO hello")["text"] == "hello"


good = answers(lambda words: b"$%d\r\n%s\r\n" % (len(words[1]), words[1]) if words[0] == b"ECHO" else b"$0\r\n\r\n")


def test_refused_connection_is_told_once_and_tried_again(servers: Any) -> None:
    port = free_port()
    probe = Probe(f"redis://127.0.0.1:{port}", up=False)
    probe.wait_told(["down", "refused"])
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen(10)  # from here on somebody is there
        c, _ = s.accept()
        good_thread = threading.Thread(target=lambda: good(c), daemon=True)
        good_thread.start()
        probe.wait_told(["down", "refused"], ["up", ""])
        probe.stop()
        c.close()
    assert probe.words().count("redis is down") == 1


def test_silence_at_the_beginning(servers: Any) -> None:
    fake = servers(Fake, silent, silent, silent, good)
    probe = Probe(fake.url, SHORT, up=False)
    probe.wait_told(["down", f"no answer within {SHORT} ms"], ["up", ""])  # told once for three tries
    assert fake.connections == 4
    works(probe)
    probe.stop()


def test_answers_that_come_byte_by_byte(servers: Any) -> None:
    fake = servers(Fake, answers(lambda words: b"$5\r\nhello\r\n", byte_by_byte))
    probe = Probe(fake.url)
    for _ in range(20):
        works(probe)
    assert probe.stop()["events"] == [["up", ""]]


def test_an_answer_that_never_ends_in_time(servers: Any) -> None:
    """Byte by byte, but too slow: the whole has its time, not each byte."""
    stop = threading.Event()

    def drip(s: socket.socket) -> None:
        after = bytearray(b"$1000000\r\n")
        while not stop.is_set():
            s.sendall(bytes(after) or b"x")
            after.clear()
            stop.wait(SHORT / 10000)

    def behave(s: socket.socket) -> None:
        s.recv(1000)
        s.sendall(b"+PONG\r\n")
        s.recv(1000)
        drip(s)

    fake = servers(Fake, behave, good)
    probe = Probe(fake.url, SHORT)
    assert probe.say("ask ECHO hello") is None
    probe.wait_told(["up", ""], ["down", "no answer within"], ["up", ""])
    stop.set()
    probe.stop()


NONSENSE: List[Any] = [
    (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "does not speak Redis's protocol"),
    (says(b"HTTP/1.1 400 Bad Request\r\n\r\n", then_close=True), ""),
    (says(b"+HELLO\r\n"), "does not answer as Redis does"),
    (replies(b"$4\r\nPONG\r\n"), "does not answer as Redis does"),
    (replies(b":1\r\n"), "does not answer as Redis does"),
    (replies(b"*-1\r\n"), "does not answer as Redis does"),
    (replies(b"\0" * 100), "does not speak Redis's protocol"),
    (says(b"-ERR max number of clients reached\r\n", then_close=True), ""),
    (replies(b"-DENIED Redis is running in protected mode because\r\n"), "it is in protected mode"),
    (replies(b"-LOADING Redis is loading the dataset in memory\r\n"), "it is loading its data"),
    (replies(b"-ERR what?\r\n"), "ERR what?"),
    (resets, ""),
    (says(b"", then_close=True), ""),
]


@pytest.mark.parametrize("behaviour, words", NONSENSE, ids=range(len(NONSENSE)))
def test_what_answers_wrongly_is_not_up_and_tried_again(servers: Any, behaviour: Behaviour, words: str) -> None:
    fake = servers(Fake, behaviour, behaviour, good)
    probe = Probe(fake.url, up=False)
    state = probe.wait_state("up")
    works(probe)
    events = state["events"]
    assert events[-1] == ["up", ""] and all(e[0] == "down" for e in events[:-1]) and events[:-1]
    assert words in events[0][1]
    assert fake.connections == 3
    probe.stop()


SPOILT: List[Any] = [
    (after_pong(b"$5\r\nhel"), None),  # and silence
    (after_pong(b"$99999999999999999999\r\n"), "protocol"),
    (after_pong(b"$-7\r\n"), ""),
    (after_pong(b"*2147483647\r\n"), "too large"),
    (after_pong(b"*1100000\r\n" * 8), "too large"),
    (after_pong(b"*1\r\n" * 20), "protocol"),
    (after_pong(b"$2000000000\r\n", b"x" * 65536), "no end"),
    (after_pong(b"+", b"x" * 65536), "no end"),
    (after_pong(b"$", b"1" * 65536), "no end"),
    (after_pong(b"*", b"1" * 65536), "no end"),
    (after_pong(b"*2000000\r\n", b"$-1\r\n" * 10000), "too large"),
    (after_pong(b"+OK\r\n", b"+OK\r\n" * 100), "not asked"),
    (after_pong(b"+OK\r\n+OK\r\n"), "not asked"),
    (after_pong(b"+OK\r\n-ERR too much\r\n"), "not asked"),
]


@pytest.mark.parametrize("behaviour, words", SPOILT, ids=range(len(SPOILT)))
def test_nonsense_cuts_the_connection(servers: Any, behaviour: Behaviour, words: Any) -> None:
    """Whatever comes, the command is answered or fails, memory stays bounded, and the next connection works."""
    fake = servers(Fake, behaviour, good)
    probe = Probe(fake.url, SHORT if words is None else 60000)
    assert probe.say("ask ECHO hello") in (None, {"type": "status", "text": "OK", "size": 2, "number": 0})
    state = probe.wait(lambda s: len(s["events"]) == 3)
    assert [e[0] for e in state["events"]] == ["up", "down", "up"]
    assert (words or "") in state["events"][1][1]
    works(probe)
    with open(f"/proc/{probe.pid}/status") as f:
        peak_kb = int(next(line.split()[1] for line in f if line.startswith("VmHWM")))
    if "ASAN_OPTIONS" not in os.environ:
        assert peak_kb < 400 * 1024
    probe.stop()


def test_an_answer_to_nothing_cuts_the_connection(servers: Any) -> None:
    told = threading.Event()

    def behave(s: socket.socket) -> None:
        s.recv(1000)
        s.sendall(b"+PONG\r\n")
        told.wait(60)
        s.sendall(b"+OK\r\n")
        silent(s)

    fake = servers(Fake, behave, good)
    probe = Probe(fake.url)
    told.set()
    probe.wait_told(["up", ""], ["down", "not asked"], ["up", ""])
    works(probe)
    probe.stop()


def test_an_error_before_it_closes_is_told(servers: Any) -> None:
    told = threading.Event()

    def behave(s: socket.socket) -> None:
        s.recv(1000)
        s.sendall(b"+PONG\r\n")
        told.wait(60)
        s.sendall(b"-ERR going away\r\n")

    fake = servers(Fake, behave, good)
    probe = Probe(fake.url)
    told.set()
    probe.wait_told(["up", ""], ["down", "ERR going away"], ["up", ""])
    probe.stop()


def test_closed_in_the_middle_of_an_answer(servers: Any) -> None:
    fake = servers(Fake, answers(lambda words: None), good)
    probe = Probe(fake.url)
    asked = [probe.send("get a") for _ in range(10)]
    assert all(probe.result(n)["failed"] for n in asked[:1])
    probe.wait_told(["up", ""], ["down", ""], ["up", ""])
    works(probe)
    probe.stop()


def test_every_open_command_fails_once_and_is_counted(servers: Any) -> None:
    """Ten are open when the connection ends: ten failures."""
    seen = threading.Semaphore(0)

    def behave(s: socket.socket) -> None:
        s.recv(1000)
        s.sendall(b"+PONG\r\n")
        got = b""
        while got.count(b"ECHO") < 10:
            got += s.recv(65536)
        seen.release()

    fake = servers(Fake, behave, good)
    probe = Probe(fake.url)
    before = probe.state()["failures"]
    assert probe.say("many 10 3") == {"answered": 0, "failed": 10}
    assert probe.wait_state("up")["failures"] == before + 10
    probe.stop()


@pytest.mark.parametrize("text", [b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n",
                                  b"-hunter2\r\n", b"*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n"])  # fmt: skip
def test_a_server_that_repeats_the_password(servers: Any, text: bytes) -> None:
    fake = servers(Fake, replies(text))
    probe = Probe(fake.url.replace("redis://", "redis://:hunter2@"), up=False)
    state = probe.wait_state("down")
    assert "hunter2" not in str(state) and state["detail"]
    probe.stop()
    assert "hunter2" not in probe.words()


def test_login_that_is_not_acknowledged(servers: Any) -> None:
    fake = servers(Fake, answers(lambda words: b"+MAYBE\r\n"))
    probe = Probe(fake.url.replace("redis://", "redis://:hunter2@"), up=False)
    probe.wait_told(["down", "does not answer as Redis does"])
    probe.stop()


def test_a_pause_of_ours_is_not_taken_for_one_of_redis(servers: Any) -> None:
    """The process is stopped while the answer comes, for longer than the timeout."""
    pid: List[int] = []

    def reply(words: List[bytes]) -> bytes:
        os.kill(pid[0], signal.SIGSTOP)
        threading.Thread(target=go_on, daemon=True).start()
        return b"$5\r\nhello\r\n"

    def go_on() -> None:
        end = time.monotonic() + 2 * SHORT / 1000
        wait_for(lambda: time.monotonic() > end, "the time to pass")
        os.kill(pid[0], signal.SIGCONT)

    fake = servers(Fake, answers(reply))
    probe = Probe(fake.url, SHORT)
    pid.append(probe.pid)
    works(probe)
    assert probe.stop()["events"] == [["up", ""]]


def test_stopped_while_it_is_being_introduced(servers: Any) -> None:
    fake = servers(Fake, silent)
    probe = Probe(fake.url, up=False)
    wait_for(lambda: fake.connections == 1, "the connection")
    probe.stop()
