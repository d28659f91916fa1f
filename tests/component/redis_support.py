"""What the tests of the connection to Redis share: redis_probe as a program, and a server that does everything but what it
should.

Runs build/bin/redis_probe (CCAPI_BIN_DIR).  Every command that is given is answered exactly once; stop() checks that."""
from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from harness import SLOWNESS, wait_for  # noqa: E402
from redis_server import Redis  # noqa: E402

BIN = os.environ.get("CCAPI_BIN_DIR", "build/bin")
WRAPPER = os.environ.get("CCAPI_TEST_WRAPPER", "").split()
LONG = 10000  # milliseconds of redis.timeout: longer than a test waits for anything that works
SHORT = 150 * SLOWNESS  # for what is to run out
PREFIX = "ccapi"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Probe:
    def __init__(self, url: str, timeout: int = LONG, up: bool = True) -> None:
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [*WRAPPER, os.path.join(BIN, "redis_probe"), url, PREFIX, str(timeout)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)  # fmt: skip
        self.pid = self.process.pid
        self.asked = 0
        self.answers: Dict[int, List[Any]] = {}
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if up:
            self.wait_state("up")

    def read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            answer = json.loads(line)
            self.answers.setdefault(answer["n"], []).append(answer["is"])

    def send(self, command: str) -> int:
        self.asked += 1
        assert self.process.stdin
        self.process.stdin.write(f"{self.asked} {command}\n")
        self.process.stdin.flush()
        return self.asked

    def result(self, number: int) -> Any:
        wait_for(lambda: number in self.answers or self.process.poll() is not None,
                 lambda: f"an answer to command {number}:\n{self.words()}", 20)  # fmt: skip
        wait_for(lambda: number in self.answers or not self.reader.is_alive(), "the last lines")
        assert number in self.answers, f"ended with {self.process.poll()}:\n{self.words()}"
        return self.answers[number][0]

    def say(self, command: str) -> Any:
        return self.result(self.send(command))

    def state(self) -> Dict[str, Any]:
        state: Dict[str, Any] = self.say("state")
        return state

    def wait_state(self, name: str, detail: str = "") -> Dict[str, Any]:
        return self.wait(lambda s: s["state"] == name and detail in s["detail"])

    def wait_told(self, *events: List[str]) -> Dict[str, Any]:
        """Until just these are the events: state, and words that are in the detail."""

        def told(s: Dict[str, Any]) -> bool:
            return len(s["events"]) == len(events) and all(
                got[0] == state and words in got[1] for got, (state, words) in zip(s["events"], events))

        return self.wait(told)

    def wait(self, condition: Callable[[Dict[str, Any]], bool]) -> Dict[str, Any]:
        last: Dict[str, Any] = {}

        def look() -> Any:
            last.clear()
            last.update(self.state())
            return condition(last)

        wait_for(look, lambda: f"the state, not {last}\n{self.words()}", 20)
        return last

    def words(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> Dict[str, Any]:
        number = self.send("stop")
        last = self.result(number)
        try:
            self.process.wait(timeout=20 * SLOWNESS)
        finally:
            self.process.kill()
        self.reader.join()
        words = self.words()
        assert self.process.returncode == 0, words
        assert "Sanitizer" not in words and "runtime error" not in words, words
        assert sorted(self.answers) == list(range(1, self.asked + 1))
        assert all(len(a) == 1 for a in self.answers.values())
        assert last["up"] == 0
        return dict(last)


# ---- a server that is none


def read_command(s: socket.socket, data: bytearray) -> Optional[List[bytes]]:
    """One command off the socket; None: it is closed."""

    def line() -> bytes:
        while b"\r\n" not in data:
            more = s.recv(65536)
            if not more:
                raise EOFError
            data.extend(more)
        text, rest = bytes(data).split(b"\r\n", 1)
        data[:] = rest
        return text

    try:
        words = []
        for _ in range(int(line()[1:])):
            size = int(line()[1:])
            while len(data) < size + 2:
                more = s.recv(65536)
                if not more:
                    raise EOFError
                data.extend(more)
            words.append(bytes(data[:size]))
            del data[: size + 2]
        return words
    except EOFError:
        return None


Behaviour = Callable[[socket.socket], None]


def answers(reply: Callable[[List[bytes]], Optional[bytes]], send: Callable[[socket.socket, bytes], None] = socket.socket.sendall,
            ) -> Behaviour:  # fmt: skip
    """PING is answered as it should be, the rest by `reply`: None closes."""

    def behave(s: socket.socket) -> None:
        data = bytearray()
        while (words := read_command(s, data)) is not None:
            text = b"+PONG\r\n" if words == [b"PING"] else reply(words)
            if text is None:
                return
            send(s, text)

    return behave


def byte_by_byte(s: socket.socket, text: bytes) -> None:
    for i in range(len(text)):
        s.sendall(text[i : i + 1])


def silent(s: socket.socket) -> None:
    while s.recv(65536):
        pass


def says(text: bytes, then_close: bool = False) -> Behaviour:
    """At once, whatever is asked."""

    def behave(s: socket.socket) -> None:
        s.sendall(text)
        if not then_close:
            silent(s)

    return behave


def replies(text: bytes) -> Behaviour:
    """To everything, PING included."""

    def behave(s: socket.socket) -> None:
        data = bytearray()
        while read_command(s, data) is not None:
            s.sendall(text)

    return behave


def after_pong(text: bytes, again: bytes = b"") -> Behaviour:
    """PONG, and to the first command after it `text`, and then `again` without end."""

    def behave(s: socket.socket) -> None:
        data = bytearray()
        read_command(s, data)
        s.sendall(b"+PONG\r\n")
        read_command(s, data)
        s.sendall(text)
        while again:
            s.sendall(again)
        silent(s)

    return behave


class Fake:
    """One behaviour per connection, in order; the last one stays."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.connections = 0
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(100)
        self.url = f"redis://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            behaviour = self.behaviours[min(self.connections, len(self.behaviours) - 1)]
            self.connections += 1
            threading.Thread(target=self.one, args=(s, behaviour), daemon=True).start()

    def one(self, s: socket.socket, behaviour: Behaviour) -> None:
        s.settimeout(60 * SLOWNESS)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with s:
                behaviour(s)
        except OSError:
            pass

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


def resets(s: socket.socket) -> None:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def servers() -> Any:
    """Makes Redis and Fake servers that end with the test."""
    made: List[Any] = []

    def make(kind: Any, *args: Any) -> Any:
        made.append(kind(*args))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def redis(servers: Any) -> Redis:
    server: Redis = servers(Redis)
    return server


def unix_url(redis: Redis, login: str = "", database: int = 0) -> str:
    return f"unix://{login}{redis.path}" + (f"?db={database}" if database else "")


def key(letter: str, kind: str = "cache") -> str:
    return f"{PREFIX}:v1:{kind}:{letter.encode().hex() * 32}"
