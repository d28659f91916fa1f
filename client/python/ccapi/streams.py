"""The streams that callers hold: what they know, and how they are read and closed."""

from __future__ import annotations

from types import TracebackType
from typing import Any, AsyncIterator, Generic, Iterator, List, Optional, Type, TypeVar

from .async_io import AsyncRunner
from .parsing import number, text, usage_of
from .streaming import BatchState, StreamState
from .sync_io import Runner
from .types import BatchItem, BatchResult, BatchSummary, Completion, Usage

T = TypeVar("T")


class _StreamView:
    """What is known of a streamed answer; None until it is known, most of it when the stream has ended."""

    def __init__(self, state: StreamState) -> None:
        self._state = state

    @property
    def content(self) -> str:
        """The text so far."""
        return "".join(self._state.parts)

    @property
    def finished(self) -> bool:
        """True when the answer is whole."""
        return self._state.finished

    @property
    def usage(self) -> Optional[Usage]:
        """Tokens of the answer, once it is whole."""
        return usage_of(self._state.usage) if self._state.usage else None

    @property
    def cost(self) -> Optional[float]:
        """US dollars that were charged, once the answer is whole."""
        return number(self._state.facts, "cost_usd")

    @property
    def finish_reason(self) -> Optional[str]:
        """Why the answer ended: stop, length, content_filter."""
        return self._state.finish_reason

    @property
    def model(self) -> Optional[str]:
        """Full id of the model that answers, from the first text on."""
        return text(self._state.facts, "model") or self._state.model

    @property
    def route(self) -> Optional[str]:
        """Why this model."""
        return text(self._state.facts, "route")

    @property
    def cached(self) -> bool:
        """True for an answer from the cache."""
        return self._state.facts.get("cache") == "hit"

    @property
    def request_id(self) -> Optional[str]:
        """Id of the request in the server's access log."""
        return self._state.request_id

    @property
    def session_id(self) -> Optional[str]:
        """Id of the session; do not use a new one before the stream is finished."""
        return text(self._state.facts, "session_id")

    def completion(self) -> Completion:
        """The answer so far as a Completion; see `finished`."""
        return self._state.completion()


class _Reader(Generic[T]):
    """Something that is read with `for` and may be left early."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        emit = self._runner.advance()
        if emit is None:
            raise StopIteration
        value: T = emit.value
        return value

    def close(self) -> None:
        """Leaves: cancels what is still under way at the server.  No error; closing twice is fine."""
        self._runner.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # while the interpreter ends, nobody is there to be told
            pass


class _AsyncReader(Generic[T]):
    """Something that is read with `async for` and may be left early."""

    def __init__(self, runner: AsyncRunner) -> None:
        self._runner = runner

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        emit = await self._runner.advance()
        if emit is None:
            raise StopAsyncIteration
        value: T = emit.value
        return value

    async def close(self) -> None:
        """Leaves: cancels what is still under way at the server.  No error; closing twice is fine."""
        await self._runner.close()

    async def __aenter__(self: _Self) -> _Self:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        try:
            self._runner.forget()
        except Exception:  # while the interpreter ends, nobody is there to be told
            pass


_Self = TypeVar("_Self", bound=Any)


class Stream(_Reader[str], _StreamView):
    """A streamed answer: iterating gives its text piece by piece.

    The request is sent when the first piece is asked for.  Leaving early, by close(), by the end of a `with` block or by
    dropping the stream, cancels the answer at the server; what was used until then is charged.  A stream belongs to one
    thread.  Iterating raises ApiError or TransportError; after an error `content` has the text until then.
    """

    def __init__(self, runner: Runner, state: StreamState) -> None:
        _Reader.__init__(self, runner)
        _StreamView.__init__(self, state)

    def read(self) -> Completion:
        """Reads to the end; the whole answer.  Raises what iterating raises."""
        for _ in self:
            pass
        return self.completion()


class AsyncStream(_AsyncReader[str], _StreamView):
    """As Stream, with `async for` and `async with`.  Dropping it cancels the answer as soon as the event loop runs."""

    def __init__(self, runner: AsyncRunner, state: StreamState) -> None:
        _AsyncReader.__init__(self, runner)
        _StreamView.__init__(self, state)

    async def read(self) -> Completion:
        """Reads to the end; the whole answer.  Raises what iterating raises."""
        async for _ in self:
            pass
        return self.completion()


class _BatchView:
    """What is known of a batch."""

    def __init__(self, state: BatchState) -> None:
        self._state = state

    @property
    def summary(self) -> Optional[BatchSummary]:
        """The sums, once the batch has ended."""
        return self._state.summary

    @property
    def request_id(self) -> Optional[str]:
        """Id of the request in the server's access log."""
        return self._state.request_id

    @property
    def total(self) -> int:
        """Number of items."""
        return self._state.total

    @property
    def done(self) -> int:
        """Number of items that have ended."""
        return len(self._state.done)

    def _result(self, items: List[BatchItem]) -> BatchResult:
        assert self._state.summary is not None  # a batch without it ends with an error
        return BatchResult(sorted(items, key=lambda item: item.index), self._state.summary)


class BatchStream(_Reader[BatchItem], _BatchView):
    """A batch under way: iterating gives each item as it ends, in any order.

    The request is sent when the first item is asked for.  Leaving early cancels what is left.  Items that failed are
    given like the others, with an `error`; iterating raises ApiError or TransportError when the batch itself fails.
    """

    def __init__(self, runner: Runner, state: BatchState) -> None:
        _Reader.__init__(self, runner)
        _BatchView.__init__(self, state)

    def result(self) -> BatchResult:
        """Reads a batch that was not iterated yet to its end.  Raises what iterating raises."""
        return self._result(list(self))


class AsyncBatchStream(_AsyncReader[BatchItem], _BatchView):
    """As BatchStream, with `async for` and `async with`."""

    def __init__(self, runner: AsyncRunner, state: BatchState) -> None:
        _AsyncReader.__init__(self, runner)
        _BatchView.__init__(self, state)

    async def result(self) -> BatchResult:
        """Reads a batch that was not iterated yet to its end.  Raises what iterating raises."""
        return self._result([item async for item in self])
