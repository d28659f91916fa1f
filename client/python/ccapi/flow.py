"""The conversation with the server, written once for both clients and without any input or output of its own.

A flow is a generator.  It yields what it wants done (open a request, receive, pause, hand something to the caller) and is
sent the result, or thrown the CcapiError that came of it.  sync_io.py and async_io.py each hold the few lines that do these
things; every decision (retries, deadlines, what an answer means, when a stream has ended) is in a flow.

At most one connection is open in a flow.  Opening another one, a pause, and the end of the flow close it; closing in the
middle of an answer is what cancels the work at the server.  Flows never yield while they are being closed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Callable, Dict, Generator, Generic, List, Mapping, Optional, TypeVar, Union

from .errors import CallTimeoutError, CcapiError, ConnectError, ProtocolError
from .parsing import Answer, succeeded
from .retry import RetryPolicy
from .settings import CONNECT_TIMEOUT, MAX_ANSWER, Settings

T = TypeVar("T")


# -- what a flow may ask for; times in seconds, None for no limit


@dataclass(frozen=True)
class HttpSend:
    """Sends a request and waits for the head of its answer: an Answer with an empty body."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    connect_timeout: Optional[float]
    timeout: Optional[float]


@dataclass(frozen=True)
class SocketOpen:
    """Opens a TCP connection, with TLS if secure."""

    host: str
    port: int
    secure: bool
    timeout: Optional[float]


@dataclass(frozen=True)
class SocketSend:
    """Writes to the connection."""

    data: bytes
    timeout: Optional[float]


@dataclass(frozen=True)
class Receive:
    """The next bytes of the answer or connection; b"" at its end.  HTTP answers keep the timeout of their HttpSend."""

    timeout: Optional[float]


@dataclass(frozen=True)
class Sleep:
    """A pause, without a connection."""

    seconds: float


@dataclass(frozen=True)
class Emit:
    """Something for the caller, who may stay away for as long as he likes before he wants more."""

    value: Any


Effect = Union[HttpSend, SocketOpen, SocketSend, Receive, Sleep, Emit]
Flow = Generator[Effect, Any, T]


# -- requests


@dataclass(frozen=True)
class Request:
    """One logical call: its bytes are the same in every try, its Idempotency-Key too."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    timeout: Optional[float]
    safe: bool
    """Asking twice is the same as asking once."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request and what its answer means."""

    request: Request
    parse: Callable[[Answer], T]


def send(settings: Settings, request: Request, request_id: str, timeout: Optional[float]) -> HttpSend:
    """The request as an effect; timeout: for each wait of this try."""
    headers: Dict[str, str] = {"x-request-id": request_id, **settings.headers, **request.headers}
    connect = CONNECT_TIMEOUT if timeout is None else min(CONNECT_TIMEOUT, timeout)
    return HttpSend(request.method, settings.base_url + request.path, headers, request.body, connect, timeout)


def time_left(settings: Settings, end: Optional[float]) -> Optional[float]:
    """Seconds until a deadline on the settings' clock.  CallTimeoutError: it is over."""
    if end is None:
        return None
    left = end - settings.clock()
    if left <= 0:
        raise CallTimeoutError("the call took longer than its timeout")
    return left


# -- whole answers


def call_flow(settings: Settings, call: Call[T]) -> Flow[T]:
    """A call with a whole answer.  Its timeout is for all of it: tries, pauses, the answer to its last byte."""
    request = call.request
    end = None if request.timeout is None else settings.clock() + request.timeout

    def attempt(request_id: str) -> Flow[T]:
        head: Answer = yield send(settings, request, request_id, time_left(settings, end))
        return call.parse(head._replace(body=(yield from read_body(settings, end))))

    return (yield from retrying(settings, request.safe, attempt, lambda: True, end))


def retrying(
    settings: Settings, safe: bool, attempt: Callable[[str], Flow[T]], may: Callable[[], bool], end: Optional[float] = None
) -> Flow[T]:
    """Tries until an attempt succeeds or its error is final; may: False once another try would do harm.

    Each try has an x-request-id of its own, so that one without an answer can be found in the server's log as well.
    """
    policy = RetryPolicy(max_retries=settings.max_retries)
    retries = 0
    while True:
        request_id = settings.headers.get("x-request-id") or "py-" + uuid.uuid4().hex
        try:
            return (yield from attempt(request_id))
        except CcapiError as error:
            error.attempts = retries + 1
            if error.request_id is None and not isinstance(error, ConnectError):
                error.request_id = request_id
            left = None if end is None else end - settings.clock()
            pause = policy.pause(error, retries, safe, settings.chance, left) if may() else None
            if pause is None:
                raise
        retries += 1
        yield Sleep(pause)


def read_body(settings: Settings, end: Optional[float]) -> Flow[bytes]:
    """The rest of an answer.  ProtocolError: larger than MAX_ANSWER."""
    parts: List[bytes] = []
    size = 0
    while True:
        part: bytes = yield Receive(time_left(settings, end))
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER:
            raise ProtocolError(f"the answer is larger than {MAX_ANSWER} bytes")


def opened(settings: Settings, request: Request, request_id: str) -> Flow[Answer]:
    """Sends a request whose answer is an event stream; gives its head.  The timeout is for each wait."""
    head: Answer = yield send(settings, request, request_id, request.timeout)
    if not 200 <= head.status < 300:
        end = None if request.timeout is None else settings.clock() + request.timeout
        succeeded(head._replace(body=(yield from read_body(settings, end))))
    if not head.headers.get("content-type", "").startswith("text/event-stream"):
        raise ProtocolError("the answer is not an event stream", status=head.status)
    return head
