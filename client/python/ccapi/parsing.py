"""From the server's JSON and headers to the records of types.py and the errors of errors.py.

Answers are peer input: what is missing or of another type is a ProtocolError or None, never another exception.
"""

from __future__ import annotations

import email.utils
import json
import math
import time
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from .errors import ApiError, ProtocolError, class_of, row_of
from .types import (
    BatchItem, BatchSummary, Budget, Completion, Health, Json, Model, ModelUsage, Readiness, RouteAdvice,
    RouteAlternative, SessionInfo, Usage, UsageReport,
)  # fmt: skip


class Answer(NamedTuple):
    """A whole HTTP answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


# -- pieces


def text(data: Mapping[str, Any], name: str) -> Optional[str]:
    """A string member, else None."""
    value = data.get(name)
    return value if isinstance(value, str) else None


def number(data: Mapping[str, Any], name: str) -> Optional[float]:
    """A finite number, else None; numbers in headers are strings."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def count(data: Mapping[str, Any], name: str) -> Optional[int]:
    """A whole number, else None."""
    value = number(data, name)
    return None if value is None else int(value)


def members(data: Mapping[str, Any], name: str) -> Json:
    """An object member, else an empty one."""
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def items(data: Mapping[str, Any], name: str) -> Tuple[Json, ...]:
    """The objects of an array member."""
    value = data.get(name)
    return tuple(x for x in value if isinstance(x, dict)) if isinstance(value, list) else ()


def json_object(data: Any, what: str) -> Json:
    """ProtocolError unless the text is a JSON object."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"{what} is not JSON") from exc
    if not isinstance(value, dict):
        raise ProtocolError(f"{what} is not a JSON object")
    return value


def body_of(answer: Answer) -> Json:
    """The JSON object of an answer."""
    try:
        return json_object(answer.body, "the answer")
    except ProtocolError as error:
        error.status = answer.status
        raise


# -- errors


def retry_after(headers: Mapping[str, str]) -> Optional[float]:
    """Seconds until another try is worthwhile, from retry-after-ms or Retry-After (seconds, or a date)."""
    ms = number(headers, "retry-after-ms")
    if ms is not None:
        return max(0.0, ms / 1000)
    value = headers.get("retry-after", "")
    seconds = number(headers, "retry-after")
    if seconds is None and value:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return None if seconds is None else max(0.0, seconds)


def error_from(
    data: Mapping[str, Any], status: Optional[int], request_id: Optional[str], headers: Mapping[str, str] = {}
) -> ApiError:
    """The error of an error object {"message", "type", "param", "code"}, as it stands in answers, frames and items."""
    kind, code = text(data, "type"), text(data, "code")
    row = row_of(status, kind, code)
    seconds = number(data, "retry_after")
    return class_of(status, kind, code)(
        text(data, "message") or "the server says nothing about it",
        status=status if status is not None else row.statuses[0] if row else None,
        code=code,
        type=kind,
        param=text(data, "param"),
        request_id=request_id,
        retry_after=seconds if seconds is not None else retry_after(headers),
        should_retry={"true": True, "false": False}.get(headers.get("x-should-retry", "")),
    )


def error_of(answer: Answer) -> ApiError:
    """The error of an answer that is none of 2xx; a proxy's own page tells its status only."""
    try:
        data = members(json_object(answer.body, "the error"), "error")
    except ProtocolError:
        data = {}
    if not data:
        data = {"message": f"HTTP status {answer.status} without an error that this API knows"}
    return error_from(data, answer.status, answer.headers.get("x-request-id"), answer.headers)


def succeeded(answer: Answer) -> Answer:
    """The answer, or its error raised."""
    if not 200 <= answer.status < 300:
        raise error_of(answer)
    return answer


# -- completions


def usage_of(data: Mapping[str, Any]) -> Usage:
    """Tokens of one answer."""
    return Usage(
        prompt_tokens=count(data, "prompt_tokens") or 0,
        completion_tokens=count(data, "completion_tokens") or 0,
        total_tokens=count(data, "total_tokens") or 0,
        cached_tokens=count(members(data, "prompt_tokens_details"), "cached_tokens") or 0,
        reasoning_tokens=count(members(data, "completion_tokens_details"), "reasoning_tokens") or 0,
        cost_usd=number(data, "cost_usd") or 0.0,
    )


def words(value: Any) -> Tuple[str, ...]:
    """A list of words, from JSON or from a header."""
    if isinstance(value, list):
        return tuple(x for x in value if isinstance(x, str))
    return tuple(x.strip() for x in value.split(",") if x.strip()) if isinstance(value, str) else ()


def facts_of_headers(headers: Mapping[str, str]) -> Json:
    """What the x-ccapi-* headers say, by the names that the same facts have in a stream's "ccapi" member."""
    prefix = "x-ccapi-"
    return {name[len(prefix) :].replace("-", "_"): value for name, value in headers.items() if name.startswith(prefix)}


def completion_from(
    *, content: str, finish_reason: Optional[str], model: Optional[str], usage: Mapping[str, Any],
    facts: Mapping[str, Any], id: Optional[str], request_id: Optional[str], headers: Mapping[str, str], raw: Json,
) -> Completion:  # fmt: skip
    """Puts an answer together, however it came; `facts` are those of facts_of_headers()."""
    tokens = usage_of(usage)
    cost = number(facts, "cost_usd")
    return Completion(
        content=content,
        model=text(facts, "model") or model or "",
        usage=tokens,
        cost=tokens.cost_usd if cost is None else cost,
        finish_reason=finish_reason,
        route=text(facts, "route"),
        cached=facts.get("cache") == "hit",
        request_id=request_id,
        id=id,
        session_id=text(facts, "session_id"),
        session_state=text(facts, "session"),
        ignored_params=words(facts.get("ignored_params")),
        replayed=facts.get("idempotent_replay") == "true",
        queue_ms=number(facts, "queue_ms"),
        overhead_ms=number(facts, "overhead_ms"),
        headers=headers,
        raw=raw,
    )


def completion_of(answer: Answer) -> Completion:
    """A whole completion."""
    data = body_of(answer)
    request_id = answer.headers.get("x-request-id")
    choices = items(data, "choices")
    content = text(members(choices[0], "message"), "content") if choices else None
    if content is None:
        raise ProtocolError("the answer is no completion", status=answer.status)
    return completion_from(
        content=content, finish_reason=text(choices[0], "finish_reason"), model=text(data, "model"),
        usage=members(data, "usage"), facts=facts_of_headers(answer.headers), id=text(data, "id"),
        request_id=request_id, headers=answer.headers, raw=data,
    )  # fmt: skip


# -- batches


def batch_item(data: Json) -> BatchItem:
    """One result of a batch."""
    index, error = count(data, "index"), members(data, "error")
    if index is None or data.get("status") not in ("ok", "error"):
        raise ProtocolError("a result of the batch is none")
    if data["status"] == "error" and not error:
        raise ProtocolError("a failed result of the batch has no error")
    return BatchItem(
        index=index,
        custom_id=text(data, "custom_id"),
        content=text(data, "content"),
        model=text(data, "model"),
        usage=usage_of(members(data, "usage")) if members(data, "usage") else None,
        finish_reason=text(data, "finish_reason"),
        error=error_from(error, None, None) if data["status"] == "error" else None,
        raw=data,
    )


def batch_summary(data: Json) -> BatchSummary:
    """The sums at the end of a batch."""
    return BatchSummary(
        total_tokens=count(data, "total_tokens") or 0,
        total_cost=number(data, "total_cost") or 0.0,
        succeeded=count(data, "succeeded") or 0,
        failed=count(data, "failed") or 0,
    )


# -- the others


def _model_usages(data: Json, name: str) -> Dict[str, ModelUsage]:
    return {
        key: ModelUsage(count(row, "tokens") or 0, number(row, "cost") or 0.0, count(row, "requests") or 0)
        for key, row in members(data, name).items()
        if isinstance(row, dict)
    }


def _budget(data: Json) -> Optional[Budget]:
    if not data:
        return None
    return Budget(
        limit_tokens=count(data, "limit_tokens"),
        used_tokens=count(data, "used_tokens"),
        reserved_tokens=count(data, "reserved_tokens"),
        remaining_tokens=count(data, "remaining_tokens"),
        limit_usd=number(data, "limit_usd"),
        used_usd=number(data, "used_usd"),
        resets_at=text(data, "resets_at"),
        raw=data,
    )


def usage_report(answer: Answer) -> UsageReport:
    """GET /v1/usage."""
    data = body_of(answer)
    return UsageReport(
        project_id=text(data, "project_id") or "",
        period=text(data, "period"),
        start=text(data, "from"),
        end=text(data, "to"),
        total_tokens=count(data, "total_tokens") or 0,
        input_tokens=count(data, "input_tokens") or 0,
        output_tokens=count(data, "output_tokens") or 0,
        cache_read_tokens=count(data, "cache_read_tokens") or 0,
        cache_creation_tokens=count(data, "cache_creation_tokens") or 0,
        total_cost=number(data, "total_cost") or 0.0,
        requests=count(data, "requests") or 0,
        cache_hits=count(data, "cache_hits") or 0,
        by_model=_model_usages(data, "by_model"),
        by_day=_model_usages(data, "by_day"),
        by_key=_model_usages(data, "by_key"),
        budget=_budget(members(data, "budget")),
        raw=data,
    )


def route_advice(answer: Answer) -> RouteAdvice:
    """POST /v1/route."""
    data = body_of(answer)
    alternatives = tuple(
        RouteAlternative(text(row, "model") or "", number(row, "estimated_cost_usd"))
        for row in items(data, "alternatives")
    )
    return RouteAdvice(
        recommended_model=text(data, "recommended_model") or "",
        model_id=text(data, "model_id") or "",
        rule=text(data, "rule") or "",
        reasoning=text(data, "reasoning") or "",
        score=number(data, "score") or 0.0,
        alternatives=alternatives,
        raw=data,
    )


def model_from(data: Json) -> Model:
    """An entry of the list of models."""
    pricing = members(data, "pricing")
    return Model(
        id=text(data, "id") or "",
        display_name=text(data, "display_name"),
        resolves_to=text(data, "resolves_to"),
        owned_by=text(data, "owned_by"),
        created=count(data, "created"),
        input_usd_per_mtok=number(pricing, "input_usd_per_mtok"),
        output_usd_per_mtok=number(pricing, "output_usd_per_mtok"),
        raw=data,
    )


def health(answer: Answer) -> Health:
    """GET /health."""
    data = body_of(answer)
    return Health(text(data, "status") or "", text(data, "version") or "", number(data, "uptime_s") or 0.0)


def readiness(answer: Answer) -> Readiness:
    """GET /ready: 503 with a reason is an answer, too."""
    if answer.status == 200:
        return Readiness(True)
    reason = text(body_of(answer), "reason") if answer.status == 503 else None
    if reason is None:
        raise error_of(answer)
    return Readiness(False, reason, retry_after(answer.headers))


def session_info(answer: Answer) -> SessionInfo:
    """GET /v1/sessions/{id}."""
    data = body_of(answer)
    return SessionInfo(
        id=text(data, "id") or "",
        project_id=text(data, "project_id") or "",
        created=count(data, "created") or 0,
        expires_at=count(data, "expires_at") or 0,
        turns=count(data, "turns") or 0,
        bytes=count(data, "bytes") or 0,
        system=text(data, "system"),
        messages=items(data, "messages"),
        raw=data,
    )
