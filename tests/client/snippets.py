"""Runs programs that ask http://localhost:8080, as their readers would, against a daemon on another port.

Ports of tests are picked free, so a connection to port 8080 is led to the daemon's; the programs stay as they are.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional

REPO = Path(__file__).resolve().parents[2]

_REDIRECT = """
import asyncio.base_events, os, socket

_port = int(os.environ["TEST_PORT"])
_connect = socket.create_connection
_open = asyncio.base_events.BaseEventLoop.create_connection

def connect(address, *args, **kwargs):
    return _connect(("127.0.0.1", _port) if address[1] == 8080 else address, *args, **kwargs)

async def create_connection(self, factory, host=None, port=None, **kwargs):
    if port == 8080:
        host, port = "127.0.0.1", _port
    return await _open(self, factory, host, port, **kwargs)

socket.create_connection = connect
asyncio.base_events.BaseEventLoop.create_connection = create_connection
"""


def run_program(
    text: str, port: int, directory: Path, env: Optional[Dict[str, str]] = None, stdin: Optional[str] = None
) -> "subprocess.CompletedProcess[str]":
    """Runs a program of Python in a directory of its own."""
    program = directory / "program.py"
    program.write_text(text, encoding="utf-8")
    (directory / "sitecustomize.py").write_text(_REDIRECT)
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(directory), "PYTHONPATH": f"{directory}:{REPO / 'client' / 'python'}",
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "TEST_PORT": str(port), **(env or {}),
    }  # fmt: skip
    return subprocess.run([sys.executable, str(program)], env=environment, cwd=directory, capture_output=True, text=True,
                          timeout=240, input=stdin or "")  # fmt: skip
