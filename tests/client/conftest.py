"""Fixtures of the Python client's tests: daemons over claude-sim, a server that misbehaves, both kinds of client as one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

REPO = Path(__file__).resolve().parents[2]
for folder in (REPO / "tests" / "lib", REPO / "client" / "python", Path(__file__).resolve().parent):
    sys.path.insert(0, str(folder))

from both import Both  # noqa: E402
from faulty import FaultyServer  # noqa: E402
from harness import Daemon  # noqa: E402


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's environment reaches a client."""
    for name in list(os.environ):
        if name.startswith("CCAPI_") and name not in ("CCAPI_BIN_DIR", "CCAPI_REAL_CLI"):
            monkeypatch.delenv(name)
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def daemon() -> Iterator[Daemon]:
    """A daemon without keys, for tests that change nothing others could notice."""
    with Daemon(options={"pool.workers": 3, "pool.spares": 0}) as d:
        yield d


@pytest.fixture
def url(daemon: Daemon) -> str:
    return f"http://127.0.0.1:{daemon.port}"


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """Pauses between tries are taken down, not made."""
    taken: List[float] = []

    async def sleep(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr("ccapi.sync_io.sleep", taken.append)
    monkeypatch.setattr("ccapi.async_io.sleep", sleep)
    return taken


@pytest.fixture(params=["sync", "async"])
def both(request: pytest.FixtureRequest) -> Iterator[Callable[..., Both]]:
    """Makes clients: the test runs once with ClaudeClient and once with AsyncClaudeClient."""
    made: List[Both] = []

    def make(url: str, **options: Any) -> Both:
        made.append(Both(request.param, url, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()
