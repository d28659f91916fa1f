"""The kinds of worker a protocol test runs against: the real CLI, claude-sim in upstream mode, claude-sim alone.

Import the fixtures by name:  from clibackend import any_backend, backend, stub  # noqa: F401
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from clidriver import Stub, Worker, real_path, result_of, sim_path


class Backend:
    """Makes workers of one kind and ends them."""

    def __init__(self, kind: str, stub: Stub, directory: Path) -> None:
        self.kind = kind
        self.stub = stub
        self.directory = directory
        self.workers: list[Worker] = []

    def spawn(self, env: dict[str, str] | None = None, argv: list[str] | None = None) -> Worker:
        exe = real_path() if self.kind == "real" else sim_path()
        url = None if self.kind == "canned" else self.stub.url
        worker = Worker(exe, self.directory / f"w{len(self.workers)}", url, env, argv)
        self.workers.append(worker)
        return worker

    def ready(self, env: dict[str, str] | None = None, argv: list[str] | None = None) -> Worker:
        worker = self.spawn(env, argv)
        assert worker.initialize()["subtype"] == "success"
        return worker

    def slow_answer(self, text: str = "one two three four") -> str:
        """A prompt whose answer pauses between its deltas (a minute, so that only an interrupt ends it)."""
        if self.kind == "canned":
            return f"[[sim:pace=60000]][[sim:text={text}]]"
        self.stub.script({"text": text, "pace_ms": 60000, "chunks": 4})
        return "slow"

    def late_answer(self) -> str:
        """A prompt whose answer does not begin for a minute."""
        if self.kind == "canned":
            return "[[sim:delay=60000]] late"
        self.stub.script({"delay_ms": 60000})
        return "late"

    def answer_of(self, text: str) -> str:
        return f"You said: {text}" if self.kind == "canned" else f"echo: {text}"

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()


def make_backend(kind: str, stub: Stub, directory: Path) -> Iterator[Backend]:
    stub.reset()
    backend = Backend(kind, stub, directory)
    yield backend
    backend.stop()
    stub.reset()


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.stop()


@pytest.fixture(params=["real", "sim", "canned"])
def any_backend(request: pytest.FixtureRequest, stub: Stub, tmp_path: Path) -> Iterator[Backend]:
    """All three; nothing may be asked about upstream bodies."""
    yield from make_backend(request.param, stub, tmp_path)


@pytest.fixture(params=["real", "sim"])
def backend(request: pytest.FixtureRequest, stub: Stub, tmp_path: Path) -> Iterator[Backend]:
    """Those that talk to the stub."""
    yield from make_backend(request.param, stub, tmp_path)


def clean(reply: dict[str, Any]) -> bool:
    return reply["rewound"] is True and reply["precedingAssistantUuid"] is None


def assert_aborted(lines: list[dict[str, Any]]) -> dict[str, Any]:
    result = result_of(lines)
    assert (result["subtype"], result["terminal_reason"]) == ("error_during_execution", "aborted_streaming")
    assert result["is_error"] is True and "result" not in result and result["errors"]
    return result
