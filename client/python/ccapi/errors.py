"""What can go wrong, one class for each row of the table of errors in docs/api.md, and those of the way there.

    CcapiError
    ├── ApiError                     the server answered, with an error
    │   ├── BadRequestError 400      ├── ContextLengthError, UnsupportedByCliError
    │   ├── AuthenticationError 401, PermissionDeniedError 403, MethodNotAllowedError 405, ConflictError 409, ...
    │   ├── NotFoundError 404        ├── ModelNotFoundError, SessionNotFoundError
    │   ├── RequestTimeoutError 408  ├── SlowReaderError
    │   ├── LimitError 429           ├── RateLimitError (RequestRateLimitError, TokenRateLimitError),
    │   │                                BudgetExceededError, PlanLimitError
    │   ├── RequestCancelledError 499
    │   └── ServerError 5xx          ├── InternalServerError, UpstreamError, WorkerFailedError, OverloadedError,
    │                                    BackendUnavailableError, ServerTimeoutError, HttpVersionError
    └── TransportError               there was no whole answer
        ├── ConnectError             the server was not reached; nothing was sent
        ├── ConnectionLostError      ├── StreamInterruptedError
        ├── CallTimeoutError         the client's own patience ended
        └── ProtocolError            the answer is not what the API promises

`error_of()` is the one place that chooses a class: ROWS is the table, found by code first, then by status.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Optional, Tuple, Type


class CcapiError(Exception):
    """Base of all errors of this package.

    Attributes (None where unknown or where it does not apply):
        message: one sentence for people.
        status: HTTP status, also of errors that came inside a stream or over a WebSocket.
        code: the server's word for it, such as "model_not_found".
        type: the server's class of errors, such as "invalid_request_error".
        param: the request's field that is at fault.
        request_id: id of the request in the server's access log.
        retry_after: seconds after which another try is worthwhile.
        should_retry: what the server said about trying again.
        attempts: how often the request was tried.
    """

    retriable: ClassVar[bool] = False  # by itself, where the server says nothing about it

    def __init__(
        self,
        message: str,
        *,
        status: Optional[int] = None,
        code: Optional[str] = None,
        type: Optional[str] = None,
        param: Optional[str] = None,
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
        should_retry: Optional[bool] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.attempts = 1

    def __str__(self) -> str:
        facts = [str(self.status)] if self.status else []
        facts += [self.code] if self.code else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        return f"{self.message} ({', '.join(facts)})" if facts else self.message


# -- the server answered with an error


class ApiError(CcapiError):
    """The server answered with an error that has no class of its own."""


class BadRequestError(ApiError):
    """400: malformed or invalid request; `param` names the field."""


class ContextLengthError(BadRequestError):
    """400 context_length_exceeded: the prompt is larger than the model's context."""


class UnsupportedByCliError(BadRequestError):
    """400 unsupported_by_cli: the server's CLI cannot honour a parameter."""


class AuthenticationError(ApiError):
    """401: no key, or an unknown, expired or revoked one."""


class PermissionDeniedError(ApiError):
    """403: the key may not use this model, route or project; a Host that is not served."""


class NotFoundError(ApiError):
    """404: no such route."""


class ModelNotFoundError(NotFoundError):
    """404 model_not_found: no such model; models() lists those on offer."""


class SessionNotFoundError(NotFoundError):
    """404 session_not_found: the session has run out, was deleted, or never was in this project."""


class MethodNotAllowedError(ApiError):
    """405: the route has no such method."""


class RequestTimeoutError(ApiError):
    """408: the server did not get the whole request in time."""

    retriable = True


class SlowReaderError(RequestTimeoutError):
    """408 slow_reader: the answer over a WebSocket was not read."""


class ConflictError(ApiError):
    """409: an Idempotency-Key that was used for another request; a session with a request under way."""


class RequestTooLargeError(ApiError):
    """413: larger than the server or upstream takes."""


class HeadTooLargeError(ApiError):
    """414, 431: request line or headers larger than the server takes."""


class UnsupportedMediaTypeError(ApiError):
    """415: a body that is not application/json."""


class UpgradeRequiredError(ApiError):
    """426: /v1/stream without a WebSocket upgrade, which some proxies take away."""


class LimitError(ApiError):
    """429: some limit is reached."""

    retriable = True


class RateLimitError(LimitError):
    """429 rate_limit_exceeded: a limit of key, project, server or upstream; see `retry_after`."""


class RequestRateLimitError(RateLimitError):
    """429 of requests: too many in a minute or at one time."""


class TokenRateLimitError(RateLimitError):
    """429 of tokens: too many in a minute."""


class BudgetExceededError(LimitError):
    """429 insufficient_quota: a budget is used up, or has less left than the request may need."""

    retriable = False


class PlanLimitError(LimitError):
    """429 plan_limit_reached: the subscription's limit; `retry_after` is the time until its reset."""


class RequestCancelledError(ApiError):
    """499 cancelled: the server's operator ended the request."""


class ServerError(ApiError):
    """5xx: the request may be fine, the server could not answer it."""

    retriable = True


class InternalServerError(ServerError):
    """500: the server failed."""


class UpstreamError(ServerError):
    """502 upstream_error: the service behind the CLI failed, or gave no JSON where JSON was asked for."""


class WorkerFailedError(ServerError):
    """502 worker_failed: the CLI process crashed or misbehaved."""


class OverloadedError(ServerError):
    """503 overloaded: queue full, or the server shuts down."""


class BackendUnavailableError(ServerError):
    """503 backend_unavailable: the CLI is missing or not logged in; ready() tells the reason."""

    retriable = False


class ServerTimeoutError(ServerError):
    """504: the request waited too long for a worker, or took too long."""


class HttpVersionError(ServerError):
    """505: not HTTP/1.0 or HTTP/1.1."""

    retriable = False


# -- there was no whole answer


class TransportError(CcapiError):
    """No answer, or not a whole one; the server may have done the work all the same."""

    retriable = True


class ConnectError(TransportError):
    """The server could not be reached; nothing was sent."""


class ConnectionLostError(TransportError):
    """The connection broke after the request went out, or in the middle of the answer."""


class StreamInterruptedError(ConnectionLostError):
    """A stream ended before its end was said; what came until then is in the stream's `content`."""


class CallTimeoutError(TransportError):
    """The call's `timeout` was over; the server stops working on it when the connection closes."""

    retriable = False


class ProtocolError(TransportError):
    """The answer is not what the API promises: no JSON, members missing, not a stream."""

    retriable = False


# -- which class


class Row(NamedTuple):
    """A row of the table in docs/api.md."""

    statuses: Tuple[int, ...]
    type: str
    code: Optional[str]
    cls: Type[ApiError]


INVALID = "invalid_request_error"
SERVER = "server_error"

ROWS: Tuple[Row, ...] = (
    Row((400,), INVALID, None, BadRequestError),
    Row((400,), INVALID, "context_length_exceeded", ContextLengthError),
    Row((400,), INVALID, "unsupported_by_cli", UnsupportedByCliError),
    Row((401,), INVALID, "invalid_api_key", AuthenticationError),
    Row((403,), INVALID, "permission_denied", PermissionDeniedError),
    Row((404,), INVALID, "not_found", NotFoundError),
    Row((404,), INVALID, "model_not_found", ModelNotFoundError),
    Row((404,), INVALID, "session_not_found", SessionNotFoundError),
    Row((405,), INVALID, "method_not_allowed", MethodNotAllowedError),
    Row((408,), INVALID, None, RequestTimeoutError),
    Row((408,), INVALID, "slow_reader", SlowReaderError),
    Row((409,), INVALID, "conflict", ConflictError),
    Row((413,), INVALID, "request_too_large", RequestTooLargeError),
    Row((414, 431), INVALID, None, HeadTooLargeError),
    Row((415,), INVALID, "unsupported_media_type", UnsupportedMediaTypeError),
    Row((426,), INVALID, None, UpgradeRequiredError),
    Row((429,), "requests", "rate_limit_exceeded", RequestRateLimitError),
    Row((429,), "tokens", "rate_limit_exceeded", TokenRateLimitError),
    Row((429,), "insufficient_quota", "insufficient_quota", BudgetExceededError),
    Row((429,), "rate_limit_error", "plan_limit_reached", PlanLimitError),
    Row((499,), SERVER, "cancelled", RequestCancelledError),
    Row((500,), SERVER, "internal_error", InternalServerError),
    Row((502,), SERVER, "upstream_error", UpstreamError),
    Row((502,), SERVER, "worker_failed", WorkerFailedError),
    Row((503,), SERVER, "overloaded", OverloadedError),
    Row((503,), SERVER, "backend_unavailable", BackendUnavailableError),
    Row((504,), SERVER, "timeout", ServerTimeoutError),
    Row((505,), SERVER, None, HttpVersionError),
)

# An answer without a code of ours, a proxy's for example, says no more than its status.
_BY_STATUS = {
    400: BadRequestError, 401: AuthenticationError, 403: PermissionDeniedError, 404: NotFoundError,
    405: MethodNotAllowedError, 408: RequestTimeoutError, 409: ConflictError, 413: RequestTooLargeError,
    414: HeadTooLargeError, 415: UnsupportedMediaTypeError, 426: UpgradeRequiredError, 429: LimitError,
    431: HeadTooLargeError, 505: HttpVersionError,
}  # fmt: skip


def row_of(status: Optional[int], type: Optional[str], code: Optional[str]) -> Optional[Row]:
    """The row with this code, the one of this type where several have it; without a code by status and type.

    Inside a stream an error has no status: code and type are enough then.
    """
    fits = [r for r in ROWS if r.code == code and (status is None or status in r.statuses)]
    if code is None:
        fits = [r for r in fits if r.type == type] if status is not None else []
    exact = [r for r in fits if r.type == type]
    return exact[0] if exact else fits[0] if len(fits) == 1 else None


def class_of(status: Optional[int], type: Optional[str], code: Optional[str]) -> Type[ApiError]:
    """The class of an error as the server told it."""
    row = row_of(status, type, code)
    if row:
        return row.cls
    if code == "rate_limit_exceeded":
        return RateLimitError
    if status is None:
        return {INVALID: BadRequestError, SERVER: ServerError}.get(type or "", ApiError)
    if 500 <= status < 600 and status != 505:
        return ServerError
    return _BY_STATUS.get(status, ApiError)
