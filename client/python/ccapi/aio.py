"""AsyncClaudeClient, for programs on an asyncio event loop: the calls of ClaudeClient, awaited."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, List, Mapping, Optional, Sequence, Type

from . import async_io, blocking
from . import operations as ops
from .flow import Call, T, call_flow
from .operations import Moment
from .session import AsyncSession
from .settings import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, UNSET, Settings, Timeout, Verify, make_settings
from .streaming import BatchState, StreamState, batch_flow, sse_flow
from .streams import AsyncBatchStream, AsyncStream
from .types import (
    BatchProgress, BatchRequest, BatchResult, Completion, Health, Messages, Model, Prompt, Readiness, RouteAdvice,
    SessionInfo, UsageReport,
)  # fmt: skip
from .websocket import ws_flow


class AsyncClaudeClient:
    """As ClaudeClient, with the same arguments, results and errors; what takes time is awaited.

    stream() and batch_as_completed() are read with `async for`, and closed by `async with` or close().  A call that is
    cancelled cancels its work at the server.  One event loop: a client must not be used from another one.
    """

    def __init__(
        self, base_url: Optional[str] = None, api_key: Optional[str] = None, project_id: Optional[str] = None,
        timeout: Optional[float] = DEFAULT_TIMEOUT, max_retries: int = DEFAULT_MAX_RETRIES, *,
        trust_env: Optional[bool] = None, verify: Verify = True, headers: Optional[Mapping[str, str]] = None,
        idempotency: bool = True,
    ) -> None:  # fmt: skip
        self._settings: Settings = make_settings(
            base_url, api_key, project_id, timeout, max_retries, trust_env, verify, headers, idempotency
        )
        self._http = async_io.new_http(self._settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, project_id={self.project_id!r})"

    async def __aenter__(self) -> AsyncClaudeClient:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    @property
    def base_url(self) -> str:
        """The server's address, without /v1."""
        return self._settings.base_url

    @property
    def project_id(self) -> Optional[str]:
        """The project that calls name; None: none."""
        return self._settings.project_id

    async def close(self) -> None:
        await self._http.aclose()

    async def _run(self, call: Call[T]) -> T:
        return await async_io.run(self._settings, self._http, call_flow(self._settings, call))

    # -- answers

    async def complete(
        self, prompt: Prompt, model: str = "auto", *, system: Optional[str] = None, max_tokens: Optional[int] = None,
        temperature: Optional[float] = None, top_p: Optional[float] = None, stop: Optional[blocking.Stop] = None,
        response_format: Optional[Mapping[str, Any]] = None, reasoning_effort: Optional[str] = None,
        session_id: Optional[str] = None, cache: Optional[Mapping[str, Any]] = None, priority: Optional[str] = None,
        project_id: Optional[str] = None, strict: bool = False, extra: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> Completion:  # fmt: skip
        body = ops.chat_body(
            self._settings, prompt, system, extra, model=model, max_tokens=max_tokens, temperature=temperature,
            top_p=top_p, stop=stop, response_format=response_format, reasoning_effort=reasoning_effort,
            session_id=session_id, cache=cache, priority=priority, project_id=project_id,
        )  # fmt: skip
        return await self._run(ops.completion(self._settings, body, strict, idempotency_key, timeout))

    async def chat(
        self, messages: Messages, model: str = "auto", *, system: Optional[str] = None, max_tokens: Optional[int] = None,
        temperature: Optional[float] = None, top_p: Optional[float] = None, stop: Optional[blocking.Stop] = None,
        response_format: Optional[Mapping[str, Any]] = None, reasoning_effort: Optional[str] = None,
        session_id: Optional[str] = None, cache: Optional[Mapping[str, Any]] = None, priority: Optional[str] = None,
        project_id: Optional[str] = None, strict: bool = False, extra: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> Completion:  # fmt: skip
        return await self.complete(
            messages, model, system=system, max_tokens=max_tokens, temperature=temperature, top_p=top_p, stop=stop,
            response_format=response_format, reasoning_effort=reasoning_effort, session_id=session_id, cache=cache,
            priority=priority, project_id=project_id, strict=strict, extra=extra, idempotency_key=idempotency_key,
            timeout=timeout,
        )  # fmt: skip

    def stream(
        self, prompt: Prompt, model: str = "auto", *, transport: str = "sse", system: Optional[str] = None,
        max_tokens: Optional[int] = None, temperature: Optional[float] = None, top_p: Optional[float] = None,
        stop: Optional[blocking.Stop] = None, response_format: Optional[Mapping[str, Any]] = None,
        reasoning_effort: Optional[str] = None, session_id: Optional[str] = None,
        cache: Optional[Mapping[str, Any]] = None, priority: Optional[str] = None, project_id: Optional[str] = None,
        strict: bool = False, extra: Optional[Mapping[str, Any]] = None, idempotency_key: Optional[str] = None,
        timeout: Timeout = UNSET,
    ) -> AsyncStream:  # fmt: skip
        body = ops.chat_body(
            self._settings, prompt, system, extra, model=model, max_tokens=max_tokens, temperature=temperature,
            top_p=top_p, stop=stop, response_format=response_format, reasoning_effort=reasoning_effort,
            session_id=session_id, cache=cache, priority=priority, project_id=project_id,
        )  # fmt: skip
        state = StreamState()
        if blocking.checked_transport(transport):
            flow = ws_flow(self._settings, ops.ws_stream(self._settings, body, strict, timeout), state)
        else:
            flow = sse_flow(self._settings, ops.stream(self._settings, body, strict, idempotency_key, timeout), state)
        return AsyncStream(async_io.AsyncRunner(self._settings, self._http, flow), state)

    def batch_as_completed(
        self, requests: Sequence[BatchRequest], parallel: bool = True, model: Optional[str] = None, *,
        system: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[float] = None,
        progress: Optional[Callable[[BatchProgress], None]] = None, project_id: Optional[str] = None,
        strict: bool = False, extra: Optional[Mapping[str, Any]] = None, idempotency_key: Optional[str] = None,
        timeout: Timeout = UNSET,
    ) -> AsyncBatchStream:  # fmt: skip
        defaults = {"system": system, "max_tokens": max_tokens, "temperature": temperature, **(extra or {})}
        request = ops.batch(
            self._settings, requests, parallel, model, project_id, defaults, strict, idempotency_key, timeout
        )
        state = BatchState(total=len(requests), progress=progress)
        flow = batch_flow(self._settings, request, state)
        return AsyncBatchStream(async_io.AsyncRunner(self._settings, self._http, flow), state)

    async def batch(
        self, requests: Sequence[BatchRequest], parallel: bool = True, model: Optional[str] = None, *,
        system: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[float] = None,
        progress: Optional[Callable[[BatchProgress], None]] = None, project_id: Optional[str] = None,
        strict: bool = False, extra: Optional[Mapping[str, Any]] = None, idempotency_key: Optional[str] = None,
        timeout: Timeout = UNSET,
    ) -> BatchResult:  # fmt: skip
        stream = self.batch_as_completed(
            requests, parallel, model, system=system, max_tokens=max_tokens, temperature=temperature, progress=progress,
            project_id=project_id, strict=strict, extra=extra, idempotency_key=idempotency_key, timeout=timeout,
        )  # fmt: skip
        return await stream.result()

    def session(
        self, id: Optional[str] = None, *, model: str = "auto", system: Optional[str] = None,
        project_id: Optional[str] = None,
    ) -> AsyncSession:  # fmt: skip
        return AsyncSession(self, id, model, system, project_id)

    async def get_session(self, id: str, *, project_id: Optional[str] = None, timeout: Timeout = UNSET) -> SessionInfo:
        return await self._run(ops.get_session(self._settings, id, project_id, timeout))

    async def delete_session(self, id: str, *, project_id: Optional[str] = None, timeout: Timeout = UNSET) -> None:
        await self._run(ops.delete_session(self._settings, id, project_id, timeout))

    # -- the others

    async def usage(
        self, period: Optional[str] = None, *, start: Optional[Moment] = None, end: Optional[Moment] = None,
        group_by: Optional[str] = None, project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> UsageReport:  # fmt: skip
        request = ops.usage_request(self._settings, period, start, end, group_by, project_id, None, timeout)
        return await self._run(ops.usage(request))

    async def get_usage(
        self, period: Optional[str] = None, *, start: Optional[Moment] = None, end: Optional[Moment] = None,
        group_by: Optional[str] = None, project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> UsageReport:  # fmt: skip
        return await self.usage(
            period, start=start, end=end, group_by=group_by, project_id=project_id, timeout=timeout
        )

    async def usage_csv(
        self, period: Optional[str] = None, *, start: Optional[Moment] = None, end: Optional[Moment] = None,
        group_by: Optional[str] = None, project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> str:  # fmt: skip
        request = ops.usage_request(self._settings, period, start, end, group_by, project_id, "csv", timeout)
        return await self._run(ops.usage_csv(request))

    async def route(
        self, text: Optional[str] = None, *, messages: Optional[Messages] = None, context_size: Optional[int] = None,
        project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> RouteAdvice:  # fmt: skip
        return await self._run(ops.route(self._settings, text, messages, context_size, project_id, timeout))

    async def models(self, *, timeout: Timeout = UNSET) -> List[Model]:
        return await self._run(ops.models(self._settings, timeout))

    async def model(self, id: str, *, timeout: Timeout = UNSET) -> Model:
        return await self._run(ops.model(self._settings, id, timeout))

    async def health(self, *, timeout: Timeout = UNSET) -> Health:
        return await self._run(ops.health(self._settings, timeout))

    async def ready(self, *, timeout: Timeout = UNSET) -> Readiness:
        return await self._run(ops.ready(self._settings, timeout))


def _document() -> None:
    """Each call has the words of its synchronous twin: same arguments, units and errors."""
    for name, twin in vars(blocking.ClaudeClient).items():
        own = vars(AsyncClaudeClient).get(name)
        if callable(own) and not own.__doc__:
            own.__doc__ = twin.__doc__


_document()
