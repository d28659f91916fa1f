"""Client of ccapid, the LLM API over Claude Code workers.

    from ccapi import ClaudeClient

    with ClaudeClient() as client:
        print(client.complete("Explain machine learning").content)

The guide is docs/CLIENT_LIBRARY.md; every call is documented at ClaudeClient.
"""

from ._version import __version__
from .aio import AsyncClaudeClient
from .blocking import ClaudeClient
from .errors import (
    ApiError, AuthenticationError, BackendUnavailableError, BadRequestError, BudgetExceededError, CallTimeoutError,
    CcapiError, ConflictError, ConnectError, ConnectionLostError, ContextLengthError, HeadTooLargeError,
    HttpVersionError, InternalServerError, LimitError, MethodNotAllowedError, ModelNotFoundError, NotFoundError,
    OverloadedError, PermissionDeniedError, PlanLimitError, ProtocolError, RateLimitError, RequestCancelledError,
    RequestRateLimitError, RequestTimeoutError, RequestTooLargeError, ServerError, ServerTimeoutError,
    SessionNotFoundError, SlowReaderError, StreamInterruptedError, TokenRateLimitError, TransportError,
    UnsupportedByCliError, UnsupportedMediaTypeError, UpgradeRequiredError, UpstreamError, WorkerFailedError,
)  # fmt: skip
from .session import AsyncSession, Session
from .streams import AsyncBatchStream, AsyncStream, BatchStream, Stream
from .types import (
    BatchItem, BatchProgress, BatchResult, BatchSummary, Budget, Completion, Health, Model, ModelUsage, Readiness,
    RouteAdvice, RouteAlternative, SessionInfo, Usage, UsageReport,
)  # fmt: skip

__all__ = [
    "__version__", "ApiError", "AsyncBatchStream", "AsyncClaudeClient", "AsyncSession", "AsyncStream",
    "AuthenticationError", "BackendUnavailableError", "BadRequestError", "BatchItem", "BatchProgress", "BatchResult",
    "BatchStream", "BatchSummary", "Budget", "BudgetExceededError", "CallTimeoutError", "CcapiError", "ClaudeClient",
    "Completion", "ConflictError", "ConnectError", "ConnectionLostError", "ContextLengthError", "HeadTooLargeError",
    "Health", "HttpVersionError", "InternalServerError", "LimitError", "MethodNotAllowedError", "Model",
    "ModelNotFoundError", "ModelUsage", "NotFoundError", "OverloadedError", "PermissionDeniedError",
    "PlanLimitError", "ProtocolError", "RateLimitError", "Readiness", "RequestCancelledError",
    "RequestRateLimitError", "RequestTimeoutError", "RequestTooLargeError", "RouteAdvice", "RouteAlternative",
    "ServerError", "ServerTimeoutError", "Session", "SessionInfo", "SessionNotFoundError", "SlowReaderError",
    "Stream", "StreamInterruptedError", "TokenRateLimitError", "TransportError", "UnsupportedByCliError",
    "UnsupportedMediaTypeError", "UpgradeRequiredError", "UpstreamError", "Usage", "UsageReport",
    "WorkerFailedError",
]  # fmt: skip
