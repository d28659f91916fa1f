"""redis-server for tests and benchmarks: on a Unix socket, started and ended at will, in memory alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import SLOWNESS, wait_for


class Redis:
    def __init__(self, *args: str) -> None:
        self.root = tempfile.mkdtemp(prefix="ccapi-redis-")
        self.path = os.path.join(self.root, "redis.sock")
        self.args = args
        self.start()

    def start(self) -> None:
        self.log = open(os.path.join(self.root, "log"), "ab")
        self.p = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no",
             "--dir", self.root, *self.args],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(self.answers, "redis-server")

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
            s.settimeout(1)
            s.connect(self.path)
            s.sendall(b"PING\r\n")
            return s.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        return False

    def cli(self, *args: str) -> str:
        p = subprocess.run(["redis-cli", "-s", self.path, *args], capture_output=True, text=True, timeout=30 * SLOWNESS)
        assert p.returncode == 0, p.stderr
        return p.stdout.strip()

    def kill(self) -> None:
        self.p.send_signal(signal.SIGCONT)
        self.p.kill()
        self.p.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def close(self) -> None:
        self.kill()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
