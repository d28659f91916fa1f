"""Streamed completions and batches over SSE, as flows.

StreamState is what is known of a streamed answer so far; both transports (here, and websocket.py) fill it.  A stream that
fails before its first text has been handed out is tried again like any call; later its error goes to the caller, who has
the text until then.  A batch goes on after a break where it was: the items that were handed out are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Set

from .errors import ConnectionLostError, StreamInterruptedError
from .flow import Emit, Flow, Receive, Request, opened, retrying
from .parsing import (
    batch_item, batch_summary, completion_from, error_from, facts_of_headers, items, json_object, members, text,
)  # fmt: skip
from .settings import Settings
from .sse import SseParser
from .types import BatchItem, BatchProgress, BatchSummary, Completion, Json


@dataclass
class StreamState:
    """A streamed answer so far."""

    parts: List[str] = field(default_factory=list)
    handed_out: bool = False
    finished: bool = False
    id: Optional[str] = None
    model: Optional[str] = None
    request_id: Optional[str] = None
    finish_reason: Optional[str] = None
    usage: Json = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    last: Json = field(default_factory=dict)
    on_finish: Optional[Callable[[Completion], None]] = None

    def begin(self, headers: Mapping[str, str]) -> None:
        """A new try, whose answer has begun."""
        self.parts = []
        self.finished = False
        self.id = self.model = self.finish_reason = None
        self.usage, self.last = {}, {}
        self.headers = headers
        self.request_id = headers.get("x-request-id")
        self.facts = facts_of_headers(headers)

    def untouched(self) -> bool:
        """True while nothing has been handed out."""
        return not self.handed_out

    def token(self, piece: str) -> Emit:
        """Takes down a piece of text and hands it out."""
        self.parts.append(piece)
        self.handed_out = True
        return Emit(piece)

    def finish(self) -> None:
        """The answer is whole."""
        self.finished = True
        if self.on_finish:
            self.on_finish(self.completion())

    def completion(self) -> Completion:
        """The answer so far, as if it had come whole."""
        return completion_from(
            content="".join(self.parts), finish_reason=self.finish_reason, model=self.model, usage=self.usage,
            facts=self.facts, id=self.id, request_id=self.request_id, headers=self.headers, raw=self.last,
        )  # fmt: skip


def sse_flow(settings: Settings, request: Request, state: StreamState) -> Flow[None]:
    """A streamed completion; emits its text piece by piece."""
    return retrying(settings, request.safe, lambda id: _sse_attempt(settings, request, state, id), state.untouched)


def _sse_attempt(settings: Settings, request: Request, state: StreamState, request_id: str) -> Flow[None]:
    head = yield from opened(settings, request, request_id)
    state.begin(head.headers)
    parser, done = SseParser(), False
    while not done:
        chunk: bytes = yield Receive(request.timeout)
        for event in _events(parser, chunk):
            if event == "[DONE]":
                done = True
                break
            frame = json_object(event, "a frame of the stream")
            if piece := _take_frame(state, frame):
                yield state.token(piece)
    while (yield Receive(request.timeout)):  # an answer read to its end leaves its connection for the next one
        pass
    state.finish()


def _events(parser: SseParser, chunk: bytes) -> List[str]:
    if not chunk:
        raise StreamInterruptedError("the stream ended before the answer was complete")
    return parser.feed(chunk)


def _take_frame(state: StreamState, frame: Json) -> Optional[str]:
    """Takes down what a frame says; its piece of text.  Raises the error that it may be."""
    if error := members(frame, "error"):
        raise error_from(error, None, state.request_id)
    state.last = frame
    state.id = text(frame, "id") or state.id
    state.model = text(frame, "model") or state.model
    state.usage = members(frame, "usage") or state.usage
    state.facts.update(members(frame, "ccapi"))
    choices = items(frame, "choices")
    if not choices:
        return None
    state.finish_reason = text(choices[0], "finish_reason") or state.finish_reason
    return text(members(choices[0], "delta"), "content")


# -- batches


@dataclass
class BatchState:
    """A batch so far."""

    total: int
    done: Set[int] = field(default_factory=set)
    succeeded: int = 0
    failed: int = 0
    cost: float = 0.0
    fresh: bool = True
    """Nothing has come since the last try began: then another break counts as one more retry."""
    summary: Optional[BatchSummary] = None
    request_id: Optional[str] = None
    progress: Optional[Callable[[BatchProgress], None]] = None

    def take(self, item: BatchItem) -> Optional[Emit]:
        """A result that came; None: it was handed out before."""
        if item.index in self.done:
            return None
        self.done.add(item.index)
        self.fresh = False
        self.succeeded += 1 if item.ok else 0
        self.failed += 0 if item.ok else 1
        self.cost += item.cost
        if self.progress:
            self.progress(BatchProgress(len(self.done), self.total, self.succeeded, self.failed, self.cost, item))
        return Emit(item)


def batch_flow(settings: Settings, request: Request, state: BatchState) -> Flow[None]:
    """A batch; emits its results as they come."""
    while True:
        state.fresh = True
        try:
            return (yield from _batch_round(settings, request, state))
        except ConnectionLostError:
            # It went on until here, so a new round of retries begins, under the same Idempotency-Key: what was answered
            # is replayed at no cost, and left out here.
            if state.fresh or settings.max_retries == 0:
                raise


def _batch_round(settings: Settings, request: Request, state: BatchState) -> Flow[None]:
    """Until the end, or until a break after some progress."""
    return retrying(settings, request.safe, lambda id: _batch_attempt(settings, request, state, id), lambda: state.fresh)


def _batch_attempt(settings: Settings, request: Request, state: BatchState, request_id: str) -> Flow[None]:
    head = yield from opened(settings, request, request_id)
    state.request_id = head.headers.get("x-request-id")
    parser = SseParser()
    summary: Optional[BatchSummary] = None
    while chunk := (yield Receive(request.timeout)):
        for event in parser.feed(chunk):
            frame = json_object(event, "a frame of the batch")
            summary = _take_result(state, frame)
            if summary is None and (emit := state.take(batch_item(frame))):
                yield emit
    if summary is None or len(state.done) != state.total:
        raise StreamInterruptedError("the batch ended before all of its results")
    state.summary = summary


def _take_result(state: BatchState, frame: Dict[str, Any]) -> Optional[BatchSummary]:
    """The sums, None for a result.  Raises the error of the whole batch."""
    if "index" in frame:
        return None
    if error := members(frame, "error"):
        raise error_from(error, None, state.request_id)
    return batch_summary(frame)
