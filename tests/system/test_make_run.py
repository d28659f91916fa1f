"""scripts/run.sh, which `make run` ends in: what it says and with which CLI it starts the daemon."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from harness import BIN_DIR, REPO, _Process, wait_for

BANNER = "NO ANSWER IS REAL: running on claude-sim"


@contextmanager
def make_run(tmp_path: Path, *args: str) -> Iterator[_Process]:
    argv = [str(REPO / "scripts/run.sh"), "-o", "listen=127.0.0.1:0", "-o", f"state_dir={tmp_path}/state",
            "-o", f"control.socket={tmp_path}/control.sock", *args]  # fmt: skip
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "CCAPI_BIN_DIR": str(BIN_DIR)}
    p = _Process(argv, env, "stderr")
    try:
        yield p
    finally:
        p.proc.send_signal(signal.SIGTERM)
        wait_for(lambda: p.proc.poll() is not None, lambda: "run.sh to end; it said:\n" + p.tail(), 20)
    assert p.proc.returncode == 0, p.tail()


def test_missing_cli_is_named_and_claude_sim_serves(tmp_path: Path) -> None:
    with make_run(tmp_path, "-o", "claude.path=/nowhere/claude") as p:
        p.wait_line(r"ccapid serves on http://127\.0\.0\.1:\d+")
        assert p.find(r"/nowhere/claude is not a program")
        assert p.find(BANNER)
        assert p.find(r"using \S+/claude-sim,")
        wait_for(lambda: sum("  curl " in line for line in p.lines) == 3, lambda: "three commands in:\n" + p.tail())


def test_cli_named_by_an_argument_is_used_without_a_banner(tmp_path: Path) -> None:
    other = tmp_path / "claude"
    other.symlink_to(BIN_DIR / "claude-sim")
    with make_run(tmp_path, "-o", f"claude.path={other}") as p:
        p.wait_line(r"ccapid serves on http://")
        assert p.find(rf"using {other},")
        assert not p.find(BANNER)
