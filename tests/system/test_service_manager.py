"""ccapid and the service manager: readiness, watchdog, passed sockets."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any, Dict, List

from harness import Daemon

ONE = {"pool.workers": 1, "pool.spares": 0}


class Notify:
    """NOTIFY_SOCKET, as systemd would listen on it."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = str(tmp_path / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(15)
        self.messages: List[Dict[str, str]] = []

    def wait(self, **wanted: str) -> Dict[str, str]:
        while True:
            text = self.socket.recv(4096).decode()
            message = dict(line.split("=", 1) for line in text.splitlines())
            self.messages.append(message)
            if all(message.get(k) == v for k, v in wanted.items()):
                return message


def test_service_manager_is_told_ready_reloading_and_stopping(tmp_path: Path) -> None:
    n = Notify(tmp_path)
    with Daemon(options=ONE, env={"NOTIFY_SOCKET": n.path}) as d:
        assert "workers" in n.wait(READY="1")["STATUS"]
        d.signal(signal.SIGHUP)
        assert int(n.wait(RELOADING="1")["MONOTONIC_USEC"]) > 0
        n.wait(READY="1")
        d.signal(signal.SIGTERM)
        n.wait(STOPPING="1")
        assert d.wait_exit() == 0


def test_service_manager_is_told_ready_also_when_nothing_can_be_served(tmp_path: Path) -> None:
    n = Notify(tmp_path)
    with Daemon(options=ONE, env={"NOTIFY_SOCKET": n.path}, cli_path="/nonexistent", ready=False) as d:
        assert "cli_not_found" in n.wait(READY="1")["STATUS"]
        assert d._p.proc.poll() is None


def test_watchdog_is_fed(tmp_path: Path) -> None:
    n = Notify(tmp_path)
    with Daemon(options=ONE, env={"NOTIFY_SOCKET": n.path, "WATCHDOG_USEC": "200000"}):
        for _ in range(3):
            n.wait(WATCHDOG="1")


def activated(sock: socket.socket, **kw: Any) -> Daemon:
    fd = sock.fileno()
    script = f'exec 3<&{fd}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
    return Daemon(prefix=["bash", "-c", script, "bash"], pass_fds=[fd], ready=False, **kw)


def test_a_socket_of_the_service_manager_is_served_in_place_of_listen() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        with activated(sock, options=ONE) as d:
            d.port = sock.getsockname()[1]
            d.wait_ready()
            assert d.chat("x").text == "You said: x"
            assert len(d.log_lines("listening on ")) <= 1


def test_a_socket_open_to_others_is_refused() -> None:
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 0))
        sock.listen()
        d = activated(sock, options=ONE)
        assert d.wait_exit() != 0
        assert d.log_lines("open to other machines")
