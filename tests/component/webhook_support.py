"""What the tests of the webhook share: webhook_probe as a program, a receiver with its ways to fail.

Runs build/bin/webhook_probe (CCAPI_BIN_DIR) against a receiver in this process.  A receiver's behaviours are one per
connection, in order; afterwards it answers 200.  Nothing sleeps for a guessed time."""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

BIN = os.environ.get("CCAPI_BIN_DIR", "build/bin")
DEADLINE = float(os.environ.get("CCAPI_TEST_DEADLINE", "20"))
WRAPPER = os.environ.get("CCAPI_TEST_WRAPPER", "").split()
LONG = 60000  # milliseconds: longer than any test may take


def until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.005)


class Probe:
    """webhook_probe; times in milliseconds."""

    def __init__(self, first=5, most=20, retry_for=LONG, timeout=LONG, env=None):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [*WRAPPER, os.path.join(BIN, "webhook_probe"), *map(str, (first, most, retry_for, timeout))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=dict(os.environ, **(env or {})))

    def say(self, line):
        """One command and its answer."""
        killer = threading.Timer(DEADLINE, self.process.kill)
        killer.start()
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        finally:
            killer.cancel()
        assert answer, f"no answer to {line!r}:\n{self.words()}"
        return json.loads(answer)

    def stats(self):
        return self.say("stats")

    def wait(self, **expected):
        """Until the counts are these."""
        until(lambda: expected.items() <= self.stats().items(), lambda: (self.stats(), self.words()))

    def words(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Stops it in time and returns the last counts."""
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        try:
            self.process.wait(timeout=DEADLINE)
        finally:
            self.process.kill()
        out = self.process.stdout.read()
        self.process.stdin.close()
        self.process.stdout.close()
        words = self.words()
        assert self.process.returncode == 0, words
        assert "Sanitizer" not in words and "runtime error" not in words, words
        return json.loads(out)


class Request:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        self.body = json.loads(body)


class Receiver:
    def __init__(self, *behaviours, tls=None, listening=True):
        self.behaviours = list(behaviours)
        self.requests = []
        self.connections = 0
        self.tls = tls
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.url = f"http{'s' if tls else ''}://{self.address}"
        if listening:
            self.listen()

    def listen(self):
        """Until then connections are refused."""
        self.socket.listen(100)
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def serve(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            behaviour = self.behaviours.pop(0) if self.behaviours else ok
            threading.Thread(target=self.one, args=(s, behaviour), daemon=True).start()

    def one(self, s, behaviour):
        s.settimeout(DEADLINE)
        try:
            with (self.tls.wrap_socket(s, server_side=True) if self.tls else s) as s:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += s.recv(65536)
                head, body = data.split(b"\r\n\r\n", 1)
                need = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
                while len(body) < need:
                    body += s.recv(65536)
                self.requests.append(Request(head, body))
                behaviour(s)
        except OSError:
            pass


def ok(s):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def no_content(s):
    s.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def status(code, headers=b""):
    return lambda s: s.sendall(b"HTTP/1.1 %d No\r\n%sContent-Length: 0\r\n\r\n" % (code, headers))


def closes(s):
    pass


def resets(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs(s):
    """Silent until the other side goes away."""
    s.recv(1)


def hangs_in_head(s):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    s.recv(1)


def hangs_in_body(s):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok")
    s.recv(1)


def ends_in_body(s):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok")


def says_nonsense(s):
    s.sendall(b"SSH-2.0-OpenSSH_9.2p1 nonsense\r\n\r\n")


def endless(first):
    def behave(s):
        s.sendall(first)
        while True:  # until the other side has enough
            s.sendall(b"x: " + b"y" * 1000 + b"\r\n")
    return behave


@pytest.fixture
def receivers():
    made = []

    def make(*behaviours, **options):
        made.append(Receiver(*behaviours, **options))
        return made[-1]

    yield make
    for r in made:
        r.close()


def numbers(receiver):
    return [r.body["data"]["n"] for r in receiver.requests]


def ids(receiver):
    return [r.body["id"] for r in receiver.requests]
