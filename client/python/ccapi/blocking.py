"""ClaudeClient, for programs with threads or without."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, List, Mapping, Optional, Sequence, Type, Union

from . import operations as ops
from . import sync_io
from .flow import Call, T, call_flow
from .operations import Moment
from .session import Session
from .settings import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, UNSET, Settings, Timeout, Verify, make_settings
from .streaming import BatchState, StreamState, batch_flow, sse_flow
from .streams import BatchStream, Stream
from .types import (
    BatchProgress, BatchRequest, BatchResult, Completion, Health, Messages, Model, Prompt, Readiness, RouteAdvice,
    SessionInfo, UsageReport,
)  # fmt: skip
from .websocket import ws_flow

Stop = Union[str, Sequence[str]]


def checked_transport(transport: str) -> bool:
    """True for "websocket".  ValueError: neither that nor "sse"."""
    if transport not in ("sse", "websocket"):
        raise ValueError('transport: expected "sse" or "websocket"')
    return transport == "websocket"


class ClaudeClient:
    """A client of one ccapid.  May be used by many threads at once; close() it, or use it in a `with` block.

    Args:
        base_url: "http://HOST[:PORT]" or "https://...", also with "/v1" at its end.
            Default: CCAPI_BASE_URL, else http://localhost:8080.
        api_key: default CCAPI_API_KEY, else none.
        project_id: project of every call.  Default: CCAPI_PROJECT, else none is named: then it is the key's project,
            or "default" where the server asks for no keys.  With a key it has to be the key's project.
        timeout: seconds that a call may take, tries and pauses included; of streams and batches, the seconds that the
            server may be silent.  None: no limit.  Default 600.
        max_retries: further tries after a failure that passes (default 2); 0 for none.
        trust_env: whether proxies from the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY) are used.
            Default: not for a server on this machine (localhost, 127.0.0.0/8, ::1), else yes.  WebSockets never go
            through a proxy.
        verify: an ssl.SSLContext for https, or False to trust any certificate.
        headers: sent with every request.
        idempotency: each completion and batch has an Idempotency-Key, so that one whose answer was lost can be asked for
            again at no further cost.  The server does not look in its cache then, and keeps the answer for 24 hours.
            False: no keys (but those that calls bring), so the cache is asked, and a lost answer is an error.
    Raises:
        ValueError: an argument, or the environment's value for it, cannot be used.

    Every call raises ApiError (a class for each kind) when the server answers with an error, and TransportError when there
    is no whole answer; both are CcapiError.
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
        self._http = sync_io.new_http(self._settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, project_id={self.project_id!r})"

    def __enter__(self) -> ClaudeClient:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """The server's address, without /v1."""
        return self._settings.base_url

    @property
    def project_id(self) -> Optional[str]:
        """The project that calls name; None: none."""
        return self._settings.project_id

    def close(self) -> None:
        """Closes the connections.  Raises nothing; calls are not possible any more."""
        self._http.close()

    def _run(self, call: Call[T]) -> T:
        return sync_io.run(self._settings, self._http, call_flow(self._settings, call))

    # -- answers

    def complete(
        self, prompt: Prompt, model: str = "auto", *, system: Optional[str] = None, max_tokens: Optional[int] = None,
        temperature: Optional[float] = None, top_p: Optional[float] = None, stop: Optional[Stop] = None,
        response_format: Optional[Mapping[str, Any]] = None, reasoning_effort: Optional[str] = None,
        session_id: Optional[str] = None, cache: Optional[Mapping[str, Any]] = None, priority: Optional[str] = None,
        project_id: Optional[str] = None, strict: bool = False, extra: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> Completion:  # fmt: skip
        """Asks, and waits for the whole answer.

        Args:
            prompt: a question (str), or a conversation: a list of {"role": ..., "content": ...}.
            model: "auto", an alias ("haiku", "sonnet", "opus"), or a full id; see models().
            system: the system prompt.
            max_tokens: longest answer, in tokens.
            temperature, top_p: 0 to 2, 0 to 1.
            stop: up to four strings that end the answer.
            response_format: {"type": "json_object"}, or json_schema with its schema.
            reasoning_effort: "none", "minimal", "low", "medium", "high", "xhigh", "max".
            session_id: "new", or the id of a conversation that the server keeps; see session().
            cache: {"no_cache": True} asks the model in any case, {"no_store": True} keeps no answer, {"ttl": seconds}.
            priority: "low", "normal", "high" (needs the key's scope).
            project_id: instead of the client's.
            strict: parameters that cannot be honoured are an error instead of Completion.ignored_params.
            extra: further members of the request, which go before those above.
            idempotency_key: 1 to 255 characters; the same key and request within 24 hours get the first answer again.
                Default: a new one for each call, the same in all of its tries.
            timeout: seconds for the whole call, None for no limit, instead of the client's.
        Returns:
            A Completion: .content .model .usage .cost .finish_reason .route .cached .request_id ...
        Raises:
            ApiError: BadRequestError, ContextLengthError, AuthenticationError, PermissionDeniedError,
                ModelNotFoundError, SessionNotFoundError, ConflictError, RequestTooLargeError, RateLimitError,
                BudgetExceededError, PlanLimitError, UpstreamError, WorkerFailedError, OverloadedError,
                BackendUnavailableError, ServerTimeoutError, ...
            TransportError: ConnectError, ConnectionLostError, CallTimeoutError, ProtocolError.
            ValueError, TypeError: an argument cannot be written as JSON.
        """
        body = ops.chat_body(
            self._settings, prompt, system, extra, model=model, max_tokens=max_tokens, temperature=temperature,
            top_p=top_p, stop=stop, response_format=response_format, reasoning_effort=reasoning_effort,
            session_id=session_id, cache=cache, priority=priority, project_id=project_id,
        )  # fmt: skip
        return self._run(ops.completion(self._settings, body, strict, idempotency_key, timeout))

    def chat(
        self, messages: Messages, model: str = "auto", *, system: Optional[str] = None, max_tokens: Optional[int] = None,
        temperature: Optional[float] = None, top_p: Optional[float] = None, stop: Optional[Stop] = None,
        response_format: Optional[Mapping[str, Any]] = None, reasoning_effort: Optional[str] = None,
        session_id: Optional[str] = None, cache: Optional[Mapping[str, Any]] = None, priority: Optional[str] = None,
        project_id: Optional[str] = None, strict: bool = False, extra: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> Completion:  # fmt: skip
        """complete() for a conversation: messages is a list of {"role": ..., "content": ...}.

        The other arguments, their units, the result and the errors are those of complete().
        """
        return self.complete(
            messages, model, system=system, max_tokens=max_tokens, temperature=temperature, top_p=top_p, stop=stop,
            response_format=response_format, reasoning_effort=reasoning_effort, session_id=session_id, cache=cache,
            priority=priority, project_id=project_id, strict=strict, extra=extra, idempotency_key=idempotency_key,
            timeout=timeout,
        )  # fmt: skip

    def stream(
        self, prompt: Prompt, model: str = "auto", *, transport: str = "sse", system: Optional[str] = None,
        max_tokens: Optional[int] = None, temperature: Optional[float] = None, top_p: Optional[float] = None,
        stop: Optional[Stop] = None, response_format: Optional[Mapping[str, Any]] = None,
        reasoning_effort: Optional[str] = None, session_id: Optional[str] = None,
        cache: Optional[Mapping[str, Any]] = None, priority: Optional[str] = None, project_id: Optional[str] = None,
        strict: bool = False, extra: Optional[Mapping[str, Any]] = None, idempotency_key: Optional[str] = None,
        timeout: Timeout = UNSET,
    ) -> Stream:  # fmt: skip
        """Asks, and gives the answer piece by piece: `for token in client.stream(...)`.

        Args:
            transport: "sse" (an HTTP answer), or "websocket" (a connection of its own; there idempotency_key is not
                used, and a connection that breaks is not tried again).
            timeout: seconds that the server may be silent; it gives a sign of life every 15 s over SSE, every 30 s over
                a WebSocket.
            The others: as complete().
        Returns:
            A Stream; nothing is sent before it is iterated.  Its .usage, .cost, .finish_reason are there at the end.
        Raises:
            ValueError, TypeError: an argument cannot be used.  Iterating raises the errors of complete(), and
            StreamInterruptedError when the answer ends too early.
        """
        body = ops.chat_body(
            self._settings, prompt, system, extra, model=model, max_tokens=max_tokens, temperature=temperature,
            top_p=top_p, stop=stop, response_format=response_format, reasoning_effort=reasoning_effort,
            session_id=session_id, cache=cache, priority=priority, project_id=project_id,
        )  # fmt: skip
        state = StreamState()
        if checked_transport(transport):
            flow = ws_flow(self._settings, ops.ws_stream(self._settings, body, strict, timeout), state)
        else:
            flow = sse_flow(self._settings, ops.stream(self._settings, body, strict, idempotency_key, timeout), state)
        return Stream(sync_io.Runner(self._settings, self._http, flow), state)

    def batch_as_completed(
        self, requests: Sequence[BatchRequest], parallel: bool = True, model: Optional[str] = None, *,
        system: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[float] = None,
        progress: Optional[Callable[[BatchProgress], None]] = None, project_id: Optional[str] = None,
        strict: bool = False, extra: Optional[Mapping[str, Any]] = None, idempotency_key: Optional[str] = None,
        timeout: Timeout = UNSET,
    ) -> BatchStream:  # fmt: skip
        """Asks many things in one request, and gives each result as soon as it is there.

        Args:
            requests: prompts (str), conversations (lists of messages), or objects as POST /v1/batch takes them, with
                "prompt" or "messages", "custom_id", and parameters of their own; at most the server's 1000.
            parallel: False: one after another, in order.
            model, system, max_tokens (tokens), temperature, extra: for items that do not say otherwise.
            progress: called with a BatchProgress whenever an item has ended; what it raises ends the batch.
            idempotency_key: of the whole batch.  After a break the batch goes on with the items that are missing.
            timeout: seconds that the server may be silent; it gives a sign of life every 15 s.
            project_id, strict: as complete().
        Returns:
            A BatchStream; nothing is sent before it is iterated.  Items that failed have an .error.
        Raises:
            ValueError, TypeError: an argument cannot be used.  Iterating raises the errors of complete() that concern
            the batch as a whole.
        """
        defaults = {"system": system, "max_tokens": max_tokens, "temperature": temperature, **(extra or {})}
        request = ops.batch(
            self._settings, requests, parallel, model, project_id, defaults, strict, idempotency_key, timeout
        )
        state = BatchState(total=len(requests), progress=progress)
        flow = batch_flow(self._settings, request, state)
        return BatchStream(sync_io.Runner(self._settings, self._http, flow), state)

    def batch(
        self, requests: Sequence[BatchRequest], parallel: bool = True, model: Optional[str] = None, *,
        system: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[float] = None,
        progress: Optional[Callable[[BatchProgress], None]] = None, project_id: Optional[str] = None,
        strict: bool = False, extra: Optional[Mapping[str, Any]] = None, idempotency_key: Optional[str] = None,
        timeout: Timeout = UNSET,
    ) -> BatchResult:  # fmt: skip
        """Asks many things in one request, and waits for all of them.

        Arguments, units and errors are those of batch_as_completed(), raised here.
        Returns:
            A BatchResult: a sequence of BatchItem in the order of the requests, with .total_tokens, .total_cost (US
            dollars), .succeeded, .failed.  One item's failure is that item's .error alone.
        """
        stream = self.batch_as_completed(
            requests, parallel, model, system=system, max_tokens=max_tokens, temperature=temperature, progress=progress,
            project_id=project_id, strict=strict, extra=extra, idempotency_key=idempotency_key, timeout=timeout,
        )  # fmt: skip
        return stream.result()

    def session(
        self, id: Optional[str] = None, *, model: str = "auto", system: Optional[str] = None,
        project_id: Optional[str] = None,
    ) -> Session:  # fmt: skip
        """A conversation that the server keeps.

        Args:
            id: of one that exists; None: the first turn begins a new one.
            model, system, project_id: of its turns, as complete().
        Returns:
            A Session; nothing is sent yet, so nothing is raised.
        """
        return Session(self, id, model, system, project_id)

    def get_session(self, id: str, *, project_id: Optional[str] = None, timeout: Timeout = UNSET) -> SessionInfo:
        """A conversation as the server keeps it; timeout in seconds.

        Raises: SessionNotFoundError, AuthenticationError, PermissionDeniedError, OverloadedError, TransportError.
        """
        return self._run(ops.get_session(self._settings, id, project_id, timeout))

    def delete_session(self, id: str, *, project_id: Optional[str] = None, timeout: Timeout = UNSET) -> None:
        """Deletes a conversation; timeout in seconds.

        Raises: SessionNotFoundError, ConflictError (a turn is under way), AuthenticationError, PermissionDeniedError,
            OverloadedError, TransportError.  It is not tried again when its answer is lost.
        """
        self._run(ops.delete_session(self._settings, id, project_id, timeout))

    # -- the others

    def usage(
        self, period: Optional[str] = None, *, start: Optional[Moment] = None, end: Optional[Moment] = None,
        group_by: Optional[str] = None, project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> UsageReport:  # fmt: skip
        """What the project has used.

        Args:
            period: "hour", "day", "week", "month" (the server's default), "all": the present one.
            start, end: instead of a period: datetime, RFC 3339, a date, or Unix seconds; rounded down to quarters of
                an hour.
            group_by: "model", "day", "key": fills by_day or by_key.
            project_id: where the server asks for no keys: which project.
            timeout: seconds.
        Returns:
            A UsageReport; tokens as counts, costs in US dollars.
        Raises:
            ApiError: BadRequestError, AuthenticationError, PermissionDeniedError, ...; TransportError.
        """
        request = ops.usage_request(self._settings, period, start, end, group_by, project_id, None, timeout)
        return self._run(ops.usage(request))

    def get_usage(
        self, period: Optional[str] = None, *, start: Optional[Moment] = None, end: Optional[Moment] = None,
        group_by: Optional[str] = None, project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> UsageReport:  # fmt: skip
        """Another name of usage(): the same arguments, units, result and errors."""
        return self.usage(
            period, start=start, end=end, group_by=group_by, project_id=project_id, timeout=timeout
        )

    def usage_csv(
        self, period: Optional[str] = None, *, start: Optional[Moment] = None, end: Optional[Moment] = None,
        group_by: Optional[str] = None, project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> str:  # fmt: skip
        """usage() as CSV text with a line of names; arguments, units and errors are those of usage()."""
        request = ops.usage_request(self._settings, period, start, end, group_by, project_id, "csv", timeout)
        return self._run(ops.usage_csv(request))

    def route(
        self, text: Optional[str] = None, *, messages: Optional[Messages] = None, context_size: Optional[int] = None,
        project_id: Optional[str] = None, timeout: Timeout = UNSET,
    ) -> RouteAdvice:  # fmt: skip
        """Which model "auto" would choose, and why; nothing is asked and nothing charged.

        Args:
            text: the task in words; or messages: a conversation.
            context_size: tokens, if the context is larger than the text.
            timeout: seconds.
        Returns:
            A RouteAdvice: .recommended_model .model_id .rule .reasoning .score .alternatives (costs in US dollars).
        Raises:
            ApiError: BadRequestError, AuthenticationError, PermissionDeniedError, ...; TransportError.
        """
        return self._run(ops.route(self._settings, text, messages, context_size, project_id, timeout))

    def models(self, *, timeout: Timeout = UNSET) -> List[Model]:
        """The models on offer, "auto" and aliases among them; timeout in seconds.

        Raises: AuthenticationError, BackendUnavailableError (before a worker has started), TransportError.
        """
        return self._run(ops.models(self._settings, timeout))

    def model(self, id: str, *, timeout: Timeout = UNSET) -> Model:
        """One model, by id or alias; timeout in seconds.  Raises: ModelNotFoundError, and those of models()."""
        return self._run(ops.model(self._settings, id, timeout))

    def health(self, *, timeout: Timeout = UNSET) -> Health:
        """That the server's process serves: .status .version .uptime_s (seconds); timeout in seconds.

        Raises: TransportError; ApiError from what stands between.  Needs no key.
        """
        return self._run(ops.health(self._settings, timeout))

    def ready(self, *, timeout: Timeout = UNSET) -> Readiness:
        """Whether the server can take work: true or false by itself, with .reason and .retry_after (seconds).

        timeout in seconds.  Raises: TransportError; ApiError from what stands between.  Needs no key.
        """
        return self._run(ops.ready(self._settings, timeout))
