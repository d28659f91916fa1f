"""A thousand things in one request, with progress, and a connection that breaks in the middle of it."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, Iterator, List

import pytest
from both import Both
from harness import Daemon

import ccapi

Make = Callable[..., Both]
PROMPTS = [f"item {i} ☃" for i in range(1000)]


@pytest.fixture(scope="module")
def fast() -> Iterator[Daemon]:
    with Daemon(options={"pool.workers": 2, "pool.spares": 0, "log.level": "info"}) as d:
        yield d


def test_a_thousand_items_with_progress(both: Make, fast: Daemon) -> None:
    seen: List[ccapi.BatchProgress] = []
    result = both(f"http://127.0.0.1:{fast.port}").batch(PROMPTS, model="haiku", progress=seen.append)
    assert result.contents == [f"You said: {p}" for p in PROMPTS]
    assert (result.succeeded, result.failed, len(result.errors)) == (1000, 0, 0)
    assert [p.done for p in seen] == list(range(1, 1001)) and {p.total for p in seen} == {1000}
    assert sorted(p.item.index for p in seen) == list(range(1000))
    assert result.total_tokens == sum(i.usage.total_tokens for i in result if i.usage)
    assert result.total_cost == pytest.approx(seen[-1].cost) and seen[-1].succeeded == 1000


class Breaking:
    """In front of a daemon: passes everything on, but breaks the first connections off after so many bytes of answer."""

    def __init__(self, port: int, *after: int) -> None:
        self._target, self._after = port, list(after)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            left = self._after.pop(0) if self._after else 1 << 60
            server = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._copy, args=(client, server, 1 << 60), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, left), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket, left: int) -> None:
        try:
            while left > 0 and (data := source.recv(min(left, 65536))):
                target.sendall(data)
                left -= len(data)
        except OSError:
            pass
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


def test_a_batch_survives_breaks_and_pays_once(both: Make, fast: Daemon, pauses: List[float]) -> None:
    direct = both(f"http://127.0.0.1:{fast.port}", project_id="breaks-" + str(len(pauses)) + both.__qualname__[:4])
    before = direct.usage("day").total_cost
    proxy = Breaking(fast.port, 5_000, 30_000, 60_000)
    try:
        seen: List[Any] = []
        client = both(f"http://127.0.0.1:{proxy.port}", project_id=direct.project_id)
        result = client.batch(PROMPTS[:300], model="haiku", progress=lambda p: seen.append(p.item.index))
        assert result.contents == [f"You said: {p}" for p in PROMPTS[:300]]
        assert sorted(seen) == list(range(300)) and proxy.connections == 4
    finally:
        proxy.stop()
    # What was answered before a break is replayed at no cost; a few were cut off at work by it.
    spent = direct.usage("day").total_cost - before
    assert spent < sum(i.cost for i in direct.batch(PROMPTS[:300], model="haiku")) * 1.1
