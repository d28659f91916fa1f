"""Programs in a terminal: Pty sees every byte and the exact modes, Tmux the screen as a person would.

    with Pty([program]) as p:                 with Tmux(["sh", "-c", "..."]) as t:
        p.wait_for(b"\\x1b[?1049h")                t.wait_for("ready")
        p.send(b"q")                              t.keys("q")
        assert p.exit_status() == 0               assert t.screen()[0].startswith(...)

Nothing sleeps: waits have a condition and a deadline (CCAPI_TEST_DEADLINE, 20 s).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

BIN = Path(os.environ.get("CCAPI_BIN_DIR", Path(__file__).resolve().parents[2] / "build" / "bin")).resolve()
DEADLINE = float(os.environ.get("CCAPI_TEST_DEADLINE", "20"))


def environment(**changes: Optional[str]) -> Dict[str, str]:
    """The caller's, in a UTF-8 locale and without NO_COLOR; None takes a variable away."""
    env = dict(os.environ, LC_ALL="C.UTF-8", TERM="xterm-256color")
    env.pop("NO_COLOR", None)
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


def wait_for(condition: Callable[[], Any], what: Union[str, Callable[[], str]], timeout: float = DEADLINE) -> Any:
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting for {what() if callable(what) else what}")
        time.sleep(0.005)


class Pty:
    """A program as the leader of a session on a pseudo-terminal of its own."""

    def __init__(self, argv: Sequence[Union[str, Path]], columns: int = 80, rows: int = 24,
                 env: Optional[Dict[str, str]] = None, controlling: bool = True) -> None:
        self.master, self.slave = os.openpty()  # we keep the slave: its modes outlive the program
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(self.slave)
        self.seen = bytearray()
        take = lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # noqa: E731
        self.process = subprocess.Popen([str(a) for a in argv], stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, env=env or environment(), start_new_session=True,
                                        preexec_fn=take if controlling else None)
        os.set_blocking(self.master, False)

    def __enter__(self) -> "Pty":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close()
        if self.slave >= 0:
            os.close(self.slave)

    def close(self) -> None:
        """Hangs up."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    def output(self) -> bytes:
        """All that was written so far."""
        while self.master >= 0:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.seen += data
        return bytes(self.seen)

    def wait_for(self, what: bytes, start: int = 0) -> bytes:
        """Waits until `what` was written (behind `start` bytes); returns all output."""
        wait_for(lambda: what in self.output()[start:], lambda: f"{what!r}, have {bytes(self.seen[start:])[-2000:]!r}")
        return bytes(self.seen)

    def exit_status(self) -> int:
        """Negative: the signal that ended it."""
        wait_for(lambda: (self.output(), self.process.poll() is not None)[1], "the program to end")
        return self.process.returncode

    def wait_stopped(self) -> None:
        def stopped() -> bool:
            self.output()
            state = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            return state == "T"
        wait_for(stopped, "the program to stop")

    def is_sane(self) -> bool:
        """Whether the modes are those of before, and the description is not left non-blocking."""
        return termios.tcgetattr(self.slave) == self.modes and not fcntl.fcntl(self.slave, fcntl.F_GETFL) & os.O_NONBLOCK

    def loops(self) -> int:
        """How often the program has gone to sleep: grows while its loop runs."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1])


class Tmux:
    """A command in a window of a tmux server of its own."""

    def __init__(self, argv: Sequence[Union[str, Path]], columns: int = 80, rows: int = 24,
                 env: Optional[Dict[str, str]] = None) -> None:
        self.directory = tempfile.mkdtemp(prefix="ccapi-tmux-")
        self.env = environment(TMUX=None, TMUX_TMPDIR=self.directory)
        program_env = env or environment()
        command = ["env", "-i", *[f"{k}={v}" for k, v in program_env.items() if k not in ("TMUX", "TMUX_PANE")],
                   *[str(a) for a in argv]]
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), *command,
                 ";", "set-option", "-g", "window-size", "manual", ";", "set-option", "-g", "status", "off",
                 ";", "set-option", "-g", "remain-on-exit", "on")
        self.resize(columns, rows)

    def run(self, *args: str) -> str:
        return subprocess.run(["tmux", "-L", "test", *args], env=self.env, check=True, capture_output=True,
                              timeout=DEADLINE).stdout.decode()

    def __enter__(self) -> "Tmux":
        return self

    def __exit__(self, *_: Any) -> None:
        subprocess.run(["tmux", "-L", "test", "kill-server"], env=self.env, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def resize(self, columns: int, rows: int) -> None:
        self.run("resize-window", "-x", str(columns), "-y", str(rows))

    def keys(self, *names: str) -> None:
        self.run("send-keys", *names)

    def paste(self, text: str) -> None:
        self.run("set-buffer", text)
        self.run("paste-buffer", "-p")

    def screen(self) -> List[str]:
        """The rows, without the spaces at their ends."""
        return [row.rstrip() for row in self.run("capture-pane", "-p").split("\n")[:-1]]

    def colours(self) -> str:
        """The screen with its escape sequences."""
        return self.run("capture-pane", "-p", "-e")

    def ask(self, variable: str) -> str:
        """One of tmux's variables of the pane, e.g. alternate_on."""
        return self.run("display-message", "-p", "#{%s}" % variable).strip()

    def wait_for(self, condition: Union[str, Callable[[List[str]], Any]], what: str = "") -> List[str]:
        """Waits for a text on the screen, or a condition of its rows; returns the rows."""
        def holds() -> Any:
            rows = self.screen()
            if condition(rows) if callable(condition) else any(condition in row for row in rows):
                return rows
            return None
        return wait_for(holds, lambda: f"{what or condition}; the screen:\n" + "\n".join(self.screen()))


SIGNALS_THAT_END = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT,
                    signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGUSR1, signal.SIGALRM]
