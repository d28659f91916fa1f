"""What the calls give back: immutable records, each with the server's own JSON in `raw` where there is one.

Units: tokens are counts, money is US dollars, times are seconds unless the name ends in `_ms`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union, overload

from .errors import ApiError

Json = Dict[str, Any]
Message = Mapping[str, Any]
"""One turn: {"role": "user" | "assistant" | "system" | "developer", "content": text or a list of parts}."""
Messages = Sequence[Message]
Prompt = Union[str, Messages]
"""One question of the user, or a whole conversation."""
BatchRequest = Union[str, Message, Messages]
"""One item of a batch: a prompt, a conversation, or an object as POST /v1/batch takes it."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer as the CLI reports them, and their list price."""

    prompt_tokens: int = 0
    """All of the prompt's tokens, cached ones included."""
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def input_tokens(self) -> int:
        """Another name of prompt_tokens."""
        return self.prompt_tokens

    @property
    def output_tokens(self) -> int:
        """Another name of completion_tokens."""
        return self.completion_tokens


@dataclass(frozen=True)
class Completion:
    """An answer.  str() of it is its text."""

    content: str
    model: str
    """Full id of the model that answered."""
    usage: Usage
    cost: float
    """US dollars that were charged; 0 for an answer from the cache."""
    finish_reason: Optional[str]
    """One of stop, length (token limit), content_filter (the model refused), tool_calls."""
    route: Optional[str] = None
    """Why this model: requested, auto:RULE, override:SCOPE, budget:low, ..."""
    cached: bool = False
    request_id: Optional[str] = None
    id: Optional[str] = None
    """The answer's id, "chatcmpl-..."; over a WebSocket the chat's."""
    session_id: Optional[str] = None
    session_state: Optional[str] = None
    """Set to conflict or lost when the turn was answered and could not be kept in its session."""
    ignored_params: Tuple[str, ...] = ()
    """Parameters of the request that could not be honoured."""
    replayed: bool = False
    """True for the first answer given again to the same Idempotency-Key."""
    queue_ms: Optional[float] = None
    overhead_ms: Optional[float] = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The answer's HTTP headers, names in lower case."""
    raw: Json = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.content


@dataclass(frozen=True)
class BatchItem:
    """The result of one item of a batch: either an answer, or an error."""

    index: int
    """Place of its request in the batch, from 0."""
    custom_id: Optional[str]
    content: Optional[str]
    model: Optional[str]
    usage: Optional[Usage]
    finish_reason: Optional[str]
    error: Optional[ApiError]
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """True when there is an answer."""
        return self.error is None

    @property
    def cost(self) -> float:
        """US dollars that were charged for this item."""
        return self.usage.cost_usd if self.usage else 0.0

    def __str__(self) -> str:
        return self.content if self.content is not None else f"error: {self.error}"


@dataclass(frozen=True)
class BatchSummary:
    """The sums of a batch."""

    total_tokens: int
    total_cost: float
    succeeded: int
    failed: int


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is; `item` is the one that has just ended."""

    done: int
    total: int
    succeeded: int
    failed: int
    cost: float
    item: BatchItem


class BatchResult(Sequence[BatchItem]):
    """The results of a batch in the order of its requests, and their sums."""

    def __init__(self, items: Sequence[BatchItem], summary: BatchSummary) -> None:
        self.results: List[BatchItem] = list(items)
        self.summary = summary

    @overload
    def __getitem__(self, index: int) -> BatchItem: ...

    @overload
    def __getitem__(self, index: slice) -> List[BatchItem]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[BatchItem, List[BatchItem]]:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[BatchItem]:
        return iter(self.results)

    def __repr__(self) -> str:
        return f"BatchResult({len(self)} items, {self.summary})"

    @property
    def contents(self) -> List[Optional[str]]:
        """The texts in the order of the requests, None for failed ones."""
        return [item.content for item in self.results]

    @property
    def errors(self) -> List[BatchItem]:
        """The items that failed."""
        return [item for item in self.results if item.error]

    @property
    def total_tokens(self) -> int:
        """Tokens of all items."""
        return self.summary.total_tokens

    @property
    def total_cost(self) -> float:
        """US dollars of all items."""
        return self.summary.total_cost

    @property
    def succeeded(self) -> int:
        """Number of items with an answer."""
        return self.summary.succeeded

    @property
    def failed(self) -> int:
        """Number of items with an error."""
        return self.summary.failed


@dataclass(frozen=True)
class ModelUsage:
    """What was used of one model, on one day, or by one key."""

    tokens: int
    cost: float
    requests: int


@dataclass(frozen=True)
class Budget:
    """The budget closest to its limit; None where it has no limit of that kind."""

    limit_tokens: Optional[int]
    used_tokens: Optional[int]
    reserved_tokens: Optional[int]
    """Held by requests under way."""
    remaining_tokens: Optional[int]
    limit_usd: Optional[float]
    used_usd: Optional[float]
    resets_at: Optional[str]
    """RFC 3339; None for a budget without a window."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class UsageReport:
    """What a project used from `start` to `end` (RFC 3339)."""

    project_id: str
    period: Optional[str]
    start: Optional[str]
    end: Optional[str]
    total_tokens: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_creation_tokens: int
    total_cost: float
    requests: int
    """Failed ones and hits of the cache too."""
    cache_hits: int
    by_model: Mapping[str, ModelUsage]
    by_day: Mapping[str, ModelUsage]
    by_key: Mapping[str, ModelUsage]
    budget: Optional[Budget]
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class RouteAlternative:
    """What another model would cost for the same context and 500 tokens of answer."""

    model: str
    estimated_cost_usd: Optional[float]


@dataclass(frozen=True)
class RouteAdvice:
    """The model that "auto" would choose, and why."""

    recommended_model: str
    model_id: str
    rule: str
    reasoning: str
    score: float
    alternatives: Tuple[RouteAlternative, ...]
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Model:
    """A model on offer: "auto", an alias, or a full id; prices in US dollars per million tokens where known."""

    id: str
    display_name: Optional[str] = None
    resolves_to: Optional[str] = None
    owned_by: Optional[str] = None
    created: Optional[int] = None
    input_usd_per_mtok: Optional[float] = None
    output_usd_per_mtok: Optional[float] = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Health:
    """The server's process serves."""

    status: str
    version: str
    uptime_s: float


@dataclass(frozen=True)
class Readiness:
    """Whether the server can take work; true and false by itself."""

    ready: bool
    reason: Optional[str] = None
    """Such as cli_not_found, not_logged_in, plan_limit, draining."""
    retry_after: Optional[float] = None

    def __bool__(self) -> bool:
        return self.ready


@dataclass(frozen=True)
class SessionInfo:
    """A conversation as the server keeps it."""

    id: str
    project_id: str
    created: int
    """Unix seconds, as expires_at."""
    expires_at: int
    turns: int
    bytes: int
    system: Optional[str]
    messages: Tuple[Json, ...]
    raw: Json = field(default_factory=dict, repr=False)
