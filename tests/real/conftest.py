"""Fixtures of the tests on the real CLI.  One stub upstream serves them all; daemons are shared within a module, because a
CLI worker costs almost half a second of processor time."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from harness import Daemon, Stub  # noqa: E402


@pytest.fixture(scope="session")
def stub() -> Iterator[Stub]:
    with Stub() as s:
        yield s


@pytest.fixture
def upstream(stub: Stub) -> Stub:
    """The stub with nothing recorded and no rules."""
    stub.reset()
    return stub


@pytest.fixture(scope="session")
def tested_state(stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory whose daemon has passed the self-test of this CLI, so that others need not repeat it."""
    state = tmp_path_factory.mktemp("tested") / "state"
    with Daemon(cli="real", upstream=stub, state=str(state), options={"pool.spares": 0, "pool.workers": 1}):
        return state


@pytest.fixture(scope="module")
def start(stub: Stub, tested_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons over the real CLI that live until the module ends, or until the test ends them."""
    daemons: List[Daemon] = []

    def make(options: Dict[str, Any] | None = None, **params: Any) -> Daemon:
        state = tmp_path_factory.mktemp("daemon") / "state"
        state.mkdir(mode=0o700)
        shutil.copy(tested_state / "selftest.json", state)
        params.setdefault("state", str(state))
        daemon = Daemon(cli="real", upstream=stub, options=options, **params)
        daemons.append(daemon)
        return daemon

    yield make
    for daemon in daemons:
        daemon.__exit__(None, None, None)


@pytest.fixture(scope="module")
def body(start: Callable[..., Daemon]) -> Daemon:
    """A daemon that sends conversations in the request body, as it does unless told otherwise."""
    return start({"claude.history": "body"})


@pytest.fixture(scope="module")
def replay(start: Callable[..., Daemon]) -> Daemon:
    """A daemon that replays conversations turn by turn."""
    return start({"claude.history": "replay"})


@pytest.fixture(params=["body", "replay"])
def either(request: pytest.FixtureRequest) -> Daemon:
    """Both kinds, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Shows the logs of the daemons that a failed test used."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if not report.failed:
        return
    for name, value in getattr(item, "funcargs", {}).items():
        if isinstance(value, Daemon):
            lines = [line for line in value.log_lines() if "path=/ready" not in line]
            report.sections.append((f"log of the daemon `{name}`", "\n".join(lines[-80:])))
