"""Does what flows ask for, with threads and blocking calls."""

from __future__ import annotations

import socket
from time import sleep
from typing import Any, Iterator, Optional, TypeVar

import httpx

from .errors import CcapiError
from .flow import Effect, Emit, Flow, HttpSend, Receive, Sleep, SocketOpen, SocketSend
from .parsing import Answer
from .settings import Settings
from .transport import (
    RECEIVE_SIZE, client_options, head_of, http_failure, request_arguments, socket_failure, tls,
)  # fmt: skip

T = TypeVar("T")


class SyncIO:
    """The one open connection of a flow."""

    def __init__(self, settings: Settings, http: httpx.Client) -> None:
        self._settings = settings
        self._http = http
        self._response: Optional[httpx.Response] = None
        self._chunks: Iterator[bytes] = iter(())
        self._socket: Optional[socket.socket] = None

    def perform(self, effect: Effect) -> Any:
        """The result of an effect other than Emit.  CcapiError: it failed."""
        if isinstance(effect, Receive):
            return self._receive(effect)
        if isinstance(effect, HttpSend):
            return self._http_send(effect)
        if isinstance(effect, SocketSend):
            return self._socket_send(effect)
        self.close()
        if isinstance(effect, SocketOpen):
            return self._socket_open(effect)
        assert isinstance(effect, Sleep)
        return sleep(effect.seconds)

    def close(self) -> None:
        """Gives the connection back, or breaks it off in the middle of an answer."""
        response, self._response = self._response, None
        connection, self._socket = self._socket, None
        if response:
            response.close()
        if connection:
            connection.close()

    def _http_send(self, effect: HttpSend) -> Answer:
        self.close()
        try:
            request = self._http.build_request(**request_arguments(effect))
            self._response = self._http.send(request, stream=True)
        except httpx.HTTPError as exc:
            raise http_failure(exc) from exc
        self._chunks = self._response.iter_bytes()
        return head_of(self._response)

    def _receive(self, effect: Receive) -> bytes:
        if self._socket is None:
            try:
                return next(self._chunks, b"")
            except httpx.HTTPError as exc:
                raise http_failure(exc) from exc
        try:
            self._socket.settimeout(effect.timeout)
            return self._socket.recv(RECEIVE_SIZE)
        except OSError as exc:
            raise _failure(exc, False) from exc

    def _socket_open(self, effect: SocketOpen) -> None:
        context, name = tls(self._settings, effect.secure)
        try:
            self._socket = socket.create_connection((effect.host, effect.port), effect.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                self._socket = context.wrap_socket(self._socket, server_hostname=name)
        except OSError as exc:
            raise _failure(exc, True) from exc

    def _socket_send(self, effect: SocketSend) -> None:
        assert self._socket is not None
        try:
            self._socket.settimeout(effect.timeout)
            self._socket.sendall(effect.data)
        except OSError as exc:
            raise _failure(exc, False) from exc


def _failure(exc: OSError, opening: bool) -> CcapiError:
    # Before Python 3.10 a socket's timeout was a class of its own.
    return socket_failure(TimeoutError() if isinstance(exc, socket.timeout) else exc, opening)


class Runner:
    """Runs a flow, from one Emit to the next."""

    def __init__(self, settings: Settings, http: httpx.Client, flow: Flow[T]) -> None:
        self._io = SyncIO(settings, http)
        self._flow: Flow[Any] = flow
        self._over = False
        self.result: Any = None

    def advance(self) -> Optional[Emit]:
        """Until the next Emit; None: the flow has ended, see `result`.  Any exception ends the flow."""
        if self._over:
            return None
        try:
            effect = next(self._flow)
            while not isinstance(effect, Emit):
                try:
                    value = self._io.perform(effect)
                except CcapiError as error:
                    effect = self._flow.throw(error)
                else:
                    effect = self._flow.send(value)
            return effect
        except StopIteration as stop:
            self.result = stop.value
            self.close()
            return None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the flow and breaks off what is under way."""
        self._over = True
        self._flow.close()
        self._io.close()


def run(settings: Settings, http: httpx.Client, flow: Flow[T]) -> T:
    """Runs a flow that emits nothing to its end."""
    runner = Runner(settings, http, flow)
    runner.advance()
    result: T = runner.result
    return result


def new_http(settings: Settings) -> httpx.Client:
    """The pool of connections."""
    return httpx.Client(**client_options(settings))
