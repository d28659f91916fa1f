"""What the tests of the HTTP layer share: http_echo as a server, answers read off raw sockets.

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


def assert_json_error(data):
    head, body = data.split(b"\r\n\r\n", 1)
    assert b"Content-Type: application/json" in head, data
    assert head.count(b"Content-Length") == 1
    assert "error" in json.loads(body)
    assert b"<html" not in data.lower()
