"""Leaving early, in every way there is, and many threads or tasks at once."""

from __future__ import annotations

import asyncio
import gc
import re
import uuid
from typing import Any, Callable

import pytest
from both import Both
from harness import Daemon, in_parallel, wait_for

import ccapi
from ccapi import AsyncClaudeClient, ClaudeClient

Make = Callable[..., Both]
TRANSPORTS = ["sse", "websocket"]
ENDLESS = "[[sim:pace=3600000]] one two three"  # the second word would come after an hour


def wait_cancelled(daemon: Daemon, request_id: str) -> None:
    """The access log tells that the client left."""
    daemon.wait_log(rf"access: request request_id={re.escape(request_id)}\S* .* fault=cancelled")


def leave_by_close(client: Both, stream: Any) -> None:
    client.run(stream.close())
    client.run(stream.close())


def leave_by_with(client: Both, stream: Any) -> None:
    if client.kind == "sync":
        with stream:
            pass
        return

    async def block() -> None:
        async with stream:
            pass

    client.run(block())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("leave", [leave_by_close, leave_by_with])
def test_leaving_a_stream_cancels_it(both: Make, url: str, daemon: Daemon, transport: str, leave: Any) -> None:
    client = both(url)
    stream = client.client.stream(ENDLESS, transport=transport)
    first = client.next(stream)
    rid = stream.request_id
    leave(client, stream)
    wait_cancelled(daemon, rid)
    assert stream.content == first and not stream.finished and client.all(stream) == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_dropping_a_stream_cancels_it(both: Make, url: str, daemon: Daemon, transport: str) -> None:
    client = both(url)
    stream = client.client.stream(ENDLESS, transport=transport)
    client.next(stream)
    rid = stream.request_id
    del stream
    gc.collect()
    for _ in range(5):  # an asynchronous one is closed by its loop, in a task
        client.run(asyncio.sleep(0) if client.kind == "async" else None)
    wait_cancelled(daemon, rid)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_exception_in_the_loop_body_cancels_the_stream(url: str, daemon: Daemon, transport: str) -> None:
    with ClaudeClient(url) as client:
        with pytest.raises(ZeroDivisionError):
            with client.stream(ENDLESS, transport=transport) as stream:
                for _ in stream:
                    raise ZeroDivisionError
        wait_cancelled(daemon, stream.request_id or "?")


def test_a_stream_that_was_never_read_sends_nothing(both: Make, url: str, daemon: Daemon) -> None:
    rid = f"unread-{uuid.uuid4().hex}"
    client = both(url, headers={"x-request-id": rid})
    client.run(client.client.stream("Hi").close())
    client.run(client.client.batch_as_completed(["Hi"]).close())
    client.health()
    assert len(daemon.log_lines(f"request_id={rid} ")) <= 1  # that of health()


def test_leaving_a_batch_cancels_what_is_left(both: Make, url: str, daemon: Daemon) -> None:
    client = both(url)
    batch = client.client.batch_as_completed(["quick", "[[sim:delay=3600000]]", "[[sim:delay=3600000]]"])
    assert client.next(batch).content == "You said: quick"
    client.run(batch.close())
    assert batch.done == 1 and batch.summary is None
    wait_cancelled(daemon, batch.request_id)


@pytest.mark.parametrize("call", ["complete", "stream", "websocket", "batch"])
def test_cancelling_a_task_cancels_its_work(url: str, daemon: Daemon, call: str) -> None:
    rid = f"task-{call}-{uuid.uuid4().hex}"
    slow = "[[sim:delay=3600000]]"

    async def work(client: AsyncClaudeClient) -> None:
        if call == "complete":
            await client.complete(slow)
        elif call == "batch":
            await client.batch([slow])
        else:
            async for _ in client.stream(slow, transport="sse" if call == "stream" else call):
                pass

    async def main() -> None:
        async with AsyncClaudeClient(url, headers={"x-request-id": rid}) as client:
            begun = len(daemon.log_lines("-> busy"))
            task = asyncio.ensure_future(work(client))
            at_work = lambda: len(daemon.log_lines("-> busy")) > begun  # noqa: E731
            await asyncio.get_running_loop().run_in_executor(None, wait_for, at_work, "a worker at work")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.health()  # the client goes on

    asyncio.run(main())
    wait_cancelled(daemon, rid)


def test_the_clients_own_timeout_cancels_the_work(both: Make, url: str, daemon: Daemon) -> None:
    rid = f"late-{uuid.uuid4().hex}"
    client = both(url, headers={"x-request-id": rid})
    with pytest.raises(ccapi.CallTimeoutError) as e:
        client.complete("[[sim:delay=3600000]]", timeout=5.0)
    assert e.value.request_id == rid and e.value.attempts == 1
    wait_cancelled(daemon, rid)


def test_waiting_for_a_call_can_be_given_up(url: str) -> None:
    async def main() -> None:
        async with AsyncClaudeClient(url) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.complete("[[sim:delay=3600000]]"), 0.3)
            assert (await client.complete("after")).content == "You said: after"

    asyncio.run(main())


# -- many at once


def test_threads_share_a_client(url: str) -> None:
    with ClaudeClient(url) as client:

        def work(i: int) -> None:
            assert client.complete(f"whole {i}").content == f"You said: whole {i}"
            for transport in TRANSPORTS:
                stream = client.stream(f"{transport} {i}", transport=transport)
                assert "".join(stream) == f"You said: {transport} {i}" and stream.usage
            chat = client.session()
            chat.send(f"mine {i}")
            assert chat.send("again").session_id == chat.id and chat.info().turns == 2
            assert client.batch([f"a {i}", f"b {i}"]).contents == [f"You said: a {i}", f"You said: b {i}"]

        in_parallel(24, work)


def test_tasks_share_a_client(url: str) -> None:
    async def main() -> None:
        async with AsyncClaudeClient(url) as client:

            async def work(i: int) -> None:
                assert (await client.complete(f"whole {i}")).content == f"You said: whole {i}"
                for transport in TRANSPORTS:
                    pieces = [t async for t in client.stream(f"{transport} {i}", transport=transport)]
                    assert "".join(pieces) == f"You said: {transport} {i}"

            await asyncio.gather(*(work(i) for i in range(40)))

    asyncio.run(main())


def test_one_threads_error_is_its_own(url: str) -> None:
    with ClaudeClient(url, max_retries=0) as client:

        def work(i: int) -> None:
            if i % 2:
                with pytest.raises(ccapi.UpstreamError):
                    client.complete(f"[[sim:error=500]] {i}")
            else:
                assert client.complete(f"good {i}").content == f"You said: good {i}"

        in_parallel(12, work)


def test_clients_come_and_go_without_leaving_connections(url: str, daemon: Daemon) -> None:
    # A worker that is being replaced after an earlier test has fewer descriptors than it will have.
    ready = lambda: [w["state"] for w in daemon.ctl("workers", "list")["workers"]] == ["ready"] * 3  # noqa: E731
    wait_for(ready, "three workers that are ready")
    before = daemon.fds()
    for _ in range(10):
        with ClaudeClient(url) as client:
            client.complete("Hi")
            list(client.stream("Hi", transport="websocket"))
            next(client.stream(ENDLESS))
    wait_for(lambda: daemon.fds() <= before + 1, lambda: f"{before} descriptors, now {daemon.fds()}")


def test_a_closed_client_says_so(both: Make, url: str) -> None:
    client = both(url)
    client.run(client.client.close())
    with pytest.raises(RuntimeError):
        client.complete("Hi")
