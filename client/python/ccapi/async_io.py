"""Does what flows ask for, on an asyncio event loop."""

from __future__ import annotations

import asyncio
from asyncio import sleep
from typing import Any, AsyncIterator, Optional, TypeVar

import httpx

from .errors import CcapiError
from .flow import Effect, Emit, Flow, HttpSend, Receive, Sleep, SocketOpen, SocketSend
from .parsing import Answer
from .settings import Settings
from .transport import (
    RECEIVE_SIZE, client_options, head_of, http_failure, request_arguments, socket_failure, tls,
)  # fmt: skip

T = TypeVar("T")


class AsyncIO:
    """The one open connection of a flow."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        self._response: Optional[httpx.Response] = None
        self._chunks: Optional[AsyncIterator[bytes]] = None
        self._reader: Optional[asyncio.StreamReader] = None
        self._writer: Optional[asyncio.StreamWriter] = None

    async def perform(self, effect: Effect) -> Any:
        """The result of an effect other than Emit.  CcapiError: it failed."""
        if isinstance(effect, Receive):
            return await self._receive(effect)
        if isinstance(effect, HttpSend):
            return await self._http_send(effect)
        if isinstance(effect, SocketSend):
            return await self._socket_send(effect)
        await self.close()
        if isinstance(effect, SocketOpen):
            return await self._socket_open(effect)
        assert isinstance(effect, Sleep)
        return await sleep(effect.seconds)

    async def close(self) -> None:
        """Gives the connection back, or breaks it off in the middle of an answer."""
        response, self._response = self._response, None
        self.abort()
        if response:
            await response.aclose()

    def abort(self) -> None:
        """Breaks off a socket; works without a running loop, too."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer:
            writer.transport.abort()

    async def _http_send(self, effect: HttpSend) -> Answer:
        await self.close()
        try:
            request = self._http.build_request(**request_arguments(effect))
            self._response = await self._http.send(request, stream=True)
        except httpx.HTTPError as exc:
            raise http_failure(exc) from exc
        self._chunks = self._response.aiter_bytes()
        return head_of(self._response)

    async def _receive(self, effect: Receive) -> bytes:
        if self._reader is None:
            assert self._chunks is not None
            try:
                return await self._chunks.__anext__()
            except StopAsyncIteration:
                return b""
            except httpx.HTTPError as exc:
                raise http_failure(exc) from exc
        try:
            return await asyncio.wait_for(self._reader.read(RECEIVE_SIZE), effect.timeout)
        except (OSError, asyncio.TimeoutError) as exc:
            raise _failure(exc, False) from exc

    async def _socket_open(self, effect: SocketOpen) -> None:
        context, name = tls(self._settings, effect.secure)
        opening = asyncio.open_connection(effect.host, effect.port, ssl=context, server_hostname=name)
        try:
            self._reader, self._writer = await asyncio.wait_for(opening, effect.timeout)
        except (OSError, asyncio.TimeoutError) as exc:
            raise _failure(exc, True) from exc

    async def _socket_send(self, effect: SocketSend) -> None:
        assert self._writer is not None
        try:
            self._writer.write(effect.data)
            await asyncio.wait_for(self._writer.drain(), effect.timeout)
        except (OSError, asyncio.TimeoutError) as exc:
            raise _failure(exc, False) from exc


def _failure(exc: Exception, opening: bool) -> CcapiError:
    # Before Python 3.11 asyncio's timeout was a class of its own.
    return socket_failure(TimeoutError() if isinstance(exc, asyncio.TimeoutError) else exc, opening)


class AsyncRunner:
    """Runs a flow, from one Emit to the next."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient, flow: Flow[T]) -> None:
        self._io = AsyncIO(settings, http)
        self._flow: Flow[Any] = flow
        self._over = False
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self.result: Any = None

    async def advance(self) -> Optional[Emit]:
        """Until the next Emit; None: the flow has ended, see `result`.  Any exception ends the flow."""
        if self._over:
            return None
        self._loop = asyncio.get_running_loop()
        try:
            effect = next(self._flow)
            while not isinstance(effect, Emit):
                try:
                    value = await self._io.perform(effect)
                except CcapiError as error:
                    effect = self._flow.throw(error)
                else:
                    effect = self._flow.send(value)
            return effect
        except StopIteration as stop:
            self.result = stop.value
            await self.close()
            return None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Ends the flow and breaks off what is under way."""
        self._over = True
        self._flow.close()
        await self._io.close()

    def forget(self) -> None:
        """Nobody will advance or close it any more: breaks it off as soon as its loop runs."""
        if self._over or self._loop is None or self._loop.is_closed():
            return
        self._over = True
        self._flow.close()
        loop, io = self._loop, self._io
        loop.call_soon_threadsafe(lambda: loop.create_task(io.close()))


async def run(settings: Settings, http: httpx.AsyncClient, flow: Flow[T]) -> T:
    """Runs a flow that emits nothing to its end."""
    runner = AsyncRunner(settings, http, flow)
    await runner.advance()
    result: T = runner.result
    return result


def new_http(settings: Settings) -> httpx.AsyncClient:
    """The pool of connections."""
    return httpx.AsyncClient(**client_options(settings))
