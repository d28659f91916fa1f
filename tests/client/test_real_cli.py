"""The client against a daemon over the real CLI, with a stub of the Messages API upstream."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List

import pytest
from both import Both
from harness import Daemon, Stub

import ccapi

Make = Callable[..., Both]
TRANSPORTS = ["sse", "websocket"]


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub() as s:
        yield s


@pytest.fixture(scope="module")
def real(stub: Stub) -> Iterator[Daemon]:
    with Daemon(cli="real", upstream=stub, options={"pool.workers": 2, "pool.spares": 0}) as d:
        yield d


@pytest.fixture
def client(both: Make, real: Daemon, stub: Stub) -> Both:
    stub.reset()
    return both(f"http://127.0.0.1:{real.port}")


def test_whole_answers(client: Both, stub: Stub) -> None:
    stub.script({"text": "Grüße 😀, שלום"})
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c 世界"}]
    answer = client.chat(messages, model="haiku", system="Be terse.", max_tokens=77)
    assert answer.content == "Grüße 😀, שלום" and answer.finish_reason == "stop" and answer.usage.total_tokens > 0 and answer.cost >= 0
    body = stub.bodies()[-1]
    assert body["max_tokens"] == 77 and "haiku" in body["model"] and len(body["messages"]) == 3
    assert "c 世界" in str(body["messages"][-1]) and "Be terse." in str(body["system"])


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_streams(client: Both, stub: Stub, transport: str) -> None:
    stub.script({"text": "one two three four", "chunks": 4})
    pieces, stream = client.read("Hi", model="haiku", transport=transport)
    assert "".join(pieces) == "one two three four" and stream.finished and stream.finish_reason == "stop"
    assert stream.usage.completion_tokens > 0 and stream.cost is not None and stream.model and stream.request_id


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_leaving_early(client: Both, stub: Stub, real: Daemon, transport: str) -> None:
    stub.script({"text": "one two three four", "chunks": 4, "pace_ms": 60000})
    stream = client.client.stream("Hi", model="haiku", transport=transport)
    assert client.next(stream)
    rid = stream.request_id
    client.run(stream.close())
    real.wait_log(rf"access: request request_id={rid}\S* .* fault=cancelled")
    stub.script({"text": "after"})
    assert client.complete("Hi", model="haiku").content == "after"  # the worker lives on


def test_batches_and_sessions(client: Both, stub: Stub) -> None:
    done: List[Any] = []
    result = client.batch([f"number {i}" for i in range(6)], model="haiku", progress=done.append)
    assert result.succeeded == 6 and len(done) == 6 and all(f"number {i}" in str(r.content) for i, r in enumerate(result))
    chat = client.client.session(model="haiku")
    client.run(chat.send("My name is Ada."))
    client.run(chat.send("What is my name?"))
    assert "My name is Ada." in str(stub.bodies()[-1]["messages"]) and client.run(chat.info()).turns == 2


def test_errors_of_upstream(both: Make, real: Daemon, stub: Stub) -> None:
    client = both(f"http://127.0.0.1:{real.port}", max_retries=0)
    stub.reset()
    stub.script({"status": 529})
    with pytest.raises(ccapi.UpstreamError) as e:
        client.complete("Hi", model="haiku")
    assert e.value.status == 502 and e.value.retry_after
    with pytest.raises(ccapi.ModelNotFoundError):
        client.complete("Hi", model="gpt-4")
    stub.script({"text": "fine"})
    assert client.models() and client.health().status == "ok" and client.ready()
