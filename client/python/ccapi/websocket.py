"""A streamed completion over the WebSocket /v1/stream: one connection for one chat, as a flow.

The protocol is the package websockets' own, used without its input and output, which is the same for threads and for
asyncio and in all of its versions.  There is no Idempotency-Key over a WebSocket, so only a chat that was refused before
its first text is tried again, never one whose connection broke.
"""

from __future__ import annotations

import importlib
import json
from typing import Any, List, Optional

from .errors import CcapiError, ConnectError, ProtocolError, StreamInterruptedError
from .flow import Flow, Receive, Request, SocketOpen, SocketSend, retrying, time_left
from .parsing import Answer, error_from, error_of, json_object, members, text, words
from .settings import CONNECT_TIMEOUT, MAX_ANSWER, Settings
from .streaming import StreamState
from .types import Json

CHAT_ID = "c"
CLOSE_TIMEOUT = 2.0  # seconds for the server's answer to our close frame

_TEXT, _CONTINUATION = 0x1, 0x0


def new_protocol(url: str) -> Any:
    """The client's side of a connection.  Version 11 of websockets renamed the class."""
    client = importlib.import_module("websockets.client")
    make = getattr(client, "ClientProtocol", None) or getattr(client, "ClientConnection")
    parsed = importlib.import_module("websockets.uri").parse_uri(url)
    return make(parsed, subprotocols=["ccapi.v1"], max_size=MAX_ANSWER)


class Peer:
    """A connection's protocol: its messages, put together from frames, and what is to be written."""

    def __init__(self, settings: Settings, request_id: str) -> None:
        scheme = "wss" if settings.secure else "ws"
        self._protocol = new_protocol(scheme + settings.base_url[settings.base_url.index(":") :] + "/v1/stream")
        request = self._protocol.connect()
        for name, value in {"x-request-id": request_id, **settings.headers}.items():
            if name != "accept-encoding":
                request.headers[name] = value
        self._protocol.send_request(request)
        self._message = bytearray()
        self.open = False

    def take(self, data: bytes) -> List[bytes]:
        """Bytes from the server; the messages that they complete.  Raises what refuses or ends the connection."""
        try:
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            events = self._protocol.events_received()
        except EOFError:
            events = []
        except Exception as exc:  # old versions let whatever a malformed handshake causes through
            raise ProtocolError(f"the server speaks no WebSocket: {exc}") from exc
        if not self.open:
            events = self._handshake(events, not data)
        messages = [m for m in map(self._frame, events) if m is not None]
        if not messages and self.open and (not data or self._protocol.close_expected()):
            raise self._closed()
        return messages

    def _handshake(self, events: List[Any], ended: bool) -> List[Any]:
        refusal = getattr(self._protocol, "handshake_exc", None)
        if events and refusal is None:
            self.open = True
            return events[1:]
        if events:
            head = events[0]
            headers = {name.lower(): value for name, value in head.headers.raw_items()}
            raise error_of(Answer(head.status_code, headers, head.body or b""))
        if refusal is not None and not isinstance(refusal, EOFError) and not ended:
            raise ProtocolError(f"the server speaks no WebSocket: {refusal}")
        if ended:
            raise ConnectError("the connection ended before the WebSocket was open")
        return []

    def _frame(self, frame: Any) -> Optional[bytes]:
        if frame.opcode not in (_TEXT, _CONTINUATION):
            return None
        self._message += frame.data
        if not frame.fin:
            return None
        message, self._message = bytes(self._message), bytearray()
        return message

    def _closed(self) -> CcapiError:
        code, reason = self._protocol.close_code, self._protocol.close_reason
        told = f" with {code}" + (f" ({reason})" if reason else "") if code and code != 1006 else ""
        return StreamInterruptedError(f"the server closed the WebSocket{told}")

    def send(self, message: bytes) -> None:
        """Queues a message."""
        self._protocol.send_text(message)

    def close(self) -> None:
        """Queues the close frame."""
        self._protocol.send_close(1000)

    def writes(self) -> bytes:
        """What has to be written now."""
        return b"".join(self._protocol.data_to_send())


def ws_flow(settings: Settings, request: Request, state: StreamState) -> Flow[None]:
    """A streamed completion; emits its text piece by piece.  The request's body is the chat's parameters."""
    return retrying(settings, False, lambda id: _ws_attempt(settings, request, state, id), state.untouched)


def _ws_attempt(settings: Settings, request: Request, state: StreamState, request_id: str) -> Flow[None]:
    timeout = request.timeout
    connect = CONNECT_TIMEOUT if timeout is None else min(CONNECT_TIMEOUT, timeout)
    yield SocketOpen(settings.host, settings.port, settings.secure, connect)
    peer = Peer(settings, request_id)
    yield SocketSend(peer.writes(), timeout)
    end = None if timeout is None else settings.clock() + timeout
    messages: List[bytes] = []
    while not peer.open:
        messages += peer.take((yield Receive(time_left(settings, end))))
    state.begin({"x-request-id": request_id})  # the chat's own begins with it
    peer.send(request.body)
    yield SocketSend(peer.writes(), timeout)
    while not state.finished:
        for message in messages:
            if piece := _take_message(state, json_object(message, "a message")):
                yield state.token(piece)
        if not state.finished:
            messages = peer.take((yield Receive(timeout)))
            if pong := peer.writes():
                yield SocketSend(pong, timeout)
    yield from _close(peer)


def _close(peer: Peer) -> Flow[None]:
    """Ends the connection in order; the answer is whole, so nothing that goes wrong here matters."""
    try:
        peer.close()
        yield SocketSend(peer.writes(), CLOSE_TIMEOUT)
        while True:
            peer.take((yield Receive(CLOSE_TIMEOUT)))
    except CcapiError:
        pass


def _take_message(state: StreamState, message: Json) -> Optional[str]:
    """Takes down what a message says; its piece of text.  Raises the error that it may be."""
    kind = message.get("type")
    if kind == "error":
        raise error_from(members(message, "error"), None, state.request_id)
    state.id = text(message, "id") or state.id
    state.model = text(message, "model") or state.model
    if kind == "token":
        return text(message, "content")
    if kind == "start":
        state.request_id = text(message, "request_id") or state.request_id
        state.facts["route"] = text(message, "route")
        state.facts["ignored_params"] = list(words(message.get("ignored_params")))
    elif kind == "done":
        _take_end(state, message)
        state.finish()
    return None


def _take_end(state: StreamState, message: Json) -> None:
    state.last = message
    state.finish_reason = text(message, "finish_reason")
    state.usage = members(message, "usage")
    state.facts.update(members(message, "ccapi"))
    if session := text(message, "session_id"):
        state.facts["session_id"] = session


def chat_message(body: Json, strict: bool) -> bytes:
    """The chat message of a completion's body; what belongs to SSE alone is left out."""
    chat = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
    if strict:
        chat["strict"] = True
    return json.dumps({"type": "chat", "id": CHAT_ID, **chat}, ensure_ascii=False, allow_nan=False).encode()
