"""Fixtures of the tests of examples/: daemons over claude-sim and over the real CLI, both with the stub of the Messages API
upstream, so that both answer the same; and the environment that a user of the examples has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Sequence

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from harness import BIN_DIR, REPO, SLOWNESS, Daemon, Stub  # noqa: E402

EXAMPLES = REPO / "examples"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def stub() -> Iterator[Stub]:
    with Stub() as s:
        yield s


@pytest.fixture(scope="session", params=["sim", "real"])
def daemon(request: pytest.FixtureRequest, stub: Stub) -> Iterator[Daemon]:
    """Without keys, as `make run` starts it."""
    with Daemon(cli=request.param, upstream=stub, options={"pool.workers": 3}) as d:
        yield d


@pytest.fixture(scope="session")
def keyed(stub: Stub) -> Iterator[Daemon]:
    """With keys, as a service has them."""
    with Daemon(upstream=stub, options={"auth.required": True}) as d:
        yield d


@pytest.fixture(autouse=True)
def upstream(stub: Stub) -> Stub:
    """The stub with nothing recorded and no rules."""
    stub.reset()
    return stub


def environment(d: Daemon, key: str | None = None) -> Dict[str, str]:
    env = {
        "PATH": f"{BIN_DIR}:{os.path.dirname(shutil.which('node') or '/usr/bin/node')}:/usr/bin:/bin",
        "HOME": d.root, "LANG": "C.UTF-8", "PYTHONPATH": str(REPO / "client/python"), "PYTHONDONTWRITEBYTECODE": "1",
        "CCAPI_BASE_URL": f"http://127.0.0.1:{d.port}", "CCAPI_SOCKET": d.socket,
        **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
    }  # fmt: skip
    if key:
        env["CCAPI_API_KEY"] = key
    return env


def command(name: str, *args: str) -> Sequence[str]:
    """How an example is run: as its head says, with Debian's Python."""
    path = str(EXAMPLES / name)
    return ["/usr/bin/python3", path, *args] if name.endswith(".py") else [path, *args]


def start(d: Daemon, name: str, *args: str, key: str | None = None, **popen: Any) -> "subprocess.Popen[str]":
    """The example, running, with pipes for all that it says and is told."""
    return subprocess.Popen(command(name, *args), env=environment(d, key), cwd=REPO, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)  # fmt: skip


def run(d: Daemon, name: str, *args: str, key: str | None = None, status: int = 0, stdin: str = "") -> Any:
    """The example to its end; another exit status than the one given is a failure."""
    p = subprocess.run(command(name, *args), env=environment(d, key), cwd=REPO, text=True, input=stdin,
                       capture_output=True, timeout=60 * SLOWNESS)  # fmt: skip
    assert p.returncode == status, f"{name}: exit status {p.returncode}\n{p.stdout}\n{p.stderr}"
    return p
