"""Every call of the API as a request and the reading of its answer: what both clients are made of.

Nothing here does input or output.  Arguments that the server would refuse are left to the server, whose errors name the
field; only what cannot be written as JSON at all is a ValueError or TypeError here.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar, Union
from urllib.parse import quote, urlencode

from . import parsing
from .flow import Call, Request
from .parsing import Answer, succeeded
from .settings import Settings, Timeout
from .types import (
    BatchRequest, Completion, Health, Json, Messages, Model, Prompt, Readiness, RouteAdvice, SessionInfo, UsageReport,
)  # fmt: skip
from .websocket import chat_message

T = TypeVar("T")
Moment = Union[str, int, float, datetime]
"""RFC 3339, a date, Unix seconds, or a datetime (without a zone: local time)."""


def encode(body: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8.  ValueError: NaN, infinity, or half of a surrogate pair; TypeError: not JSON."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _post(
    settings: Settings, path: str, body: Mapping[str, Any], timeout: Timeout,
    key: Optional[str] = None, headers: Optional[Mapping[str, str]] = None,
) -> Request:  # fmt: skip
    """A POST.  Its Idempotency-Key, made once for all of its tries, is what lets it be asked again."""
    more = {"content-type": "application/json", "accept": "application/json", **(headers or {})}
    key = key or (str(uuid.uuid4()) if settings.idempotency else None)
    if key is not None:
        if not key.isascii() or not key.isprintable():
            raise ValueError("idempotency_key: expected printable ASCII")
        more["idempotency-key"] = key
    return Request("POST", path, encode(body), more, settings.call_timeout(timeout), key is not None)


def _get(settings: Settings, path: str, timeout: Timeout, query: Optional[Mapping[str, Optional[str]]] = None) -> Request:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    path += "?" + urlencode(given) if given else ""
    return Request("GET", path, b"", {"accept": "application/json"}, settings.call_timeout(timeout), True)


def _checked(parse: Callable[[Answer], T]) -> Callable[[Answer], T]:
    return lambda answer: parse(succeeded(answer))


# -- completions


def messages_of(prompt: Prompt) -> List[Mapping[str, Any]]:
    """A conversation; a string is one question of the user."""
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    if isinstance(prompt, (Mapping, bytes)):
        raise TypeError("prompt: expected a string or a list of messages")
    return list(prompt)


def chat_body(
    settings: Settings, prompt: Prompt, system: Optional[str], extra: Optional[Mapping[str, Any]], **params: Any
) -> Json:
    """The body of a completion.  Parameters that are None are left out; `extra` goes before all others."""
    messages = messages_of(prompt)
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    body: Json = {"messages": messages, **params, "project_id": params.get("project_id") or settings.project_id}
    return {**{name: value for name, value in body.items() if value is not None}, **(extra or {})}


def _strict(strict: bool) -> Dict[str, str]:
    return {"x-ccapi-strict": "true"} if strict else {}


def completion(settings: Settings, body: Json, strict: bool, key: Optional[str], timeout: Timeout) -> Call[Completion]:
    """POST /v1/chat/completions, whole."""
    request = _post(settings, "/v1/chat/completions", body, timeout, key, _strict(strict))
    return Call(request, _checked(parsing.completion_of))


def stream(settings: Settings, body: Json, strict: bool, key: Optional[str], timeout: Timeout) -> Request:
    """POST /v1/chat/completions, streamed with its usage at the end."""
    whole = {**body, "stream": True, "stream_options": {"include_usage": True}}
    headers = {"accept": "text/event-stream", **_strict(strict)}
    return _post(settings, "/v1/chat/completions", whole, timeout, key, headers)


def ws_stream(settings: Settings, body: Json, strict: bool, timeout: Timeout) -> Request:
    """A chat over GET /v1/stream."""
    return Request("GET", "/v1/stream", chat_message(body, strict), {}, settings.call_timeout(timeout), False)


# -- batches


def batch(
    settings: Settings, requests: Sequence[BatchRequest], parallel: bool, model: Optional[str], project_id: Optional[str],
    defaults: Mapping[str, Any], strict: bool, key: Optional[str], timeout: Timeout,
) -> Request:  # fmt: skip
    """POST /v1/batch, streamed.  `defaults` are for the items that do not say otherwise."""
    if isinstance(requests, (str, bytes, Mapping)):
        raise TypeError("requests: expected a list of prompts")
    given = {name: value for name, value in defaults.items() if value is not None}
    body: Json = {"requests": [{**given, **_item(r)} for r in requests], "parallel": parallel, "stream": True}
    body.update({"model": model} if model is not None else {})
    project = project_id or settings.project_id
    body.update({"project_id": project} if project is not None else {})
    headers = {"accept": "text/event-stream", **_strict(strict)}
    return _post(settings, "/v1/batch", body, timeout, key, headers)


def _item(request: BatchRequest) -> Mapping[str, Any]:
    if isinstance(request, str):
        return {"prompt": request}
    if isinstance(request, Mapping):
        return request
    return {"messages": list(request)}


# -- the others


def usage_request(
    settings: Settings, period: Optional[str], start: Optional[Moment], end: Optional[Moment], group_by: Optional[str],
    project_id: Optional[str], format: Optional[str], timeout: Timeout,
) -> Request:  # fmt: skip
    """GET /v1/usage."""
    query = {
        "project_id": project_id or settings.project_id, "period": period, "from": _moment(start), "to": _moment(end),
        "group_by": group_by, "format": format,
    }  # fmt: skip
    return _get(settings, "/v1/usage", timeout, query)


def _moment(moment: Optional[Moment]) -> Optional[str]:
    if isinstance(moment, datetime):
        return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None if moment is None else str(int(moment)) if isinstance(moment, (int, float)) else moment


def usage(request: Request) -> Call[UsageReport]:
    """The report as a record."""
    return Call(request, _checked(parsing.usage_report))


def usage_csv(request: Request) -> Call[str]:
    """The report as CSV text."""
    return Call(request, _checked(lambda answer: answer.body.decode(errors="replace")))


def route(
    settings: Settings, text: Optional[str], messages: Optional[Messages], context_size: Optional[int],
    project_id: Optional[str], timeout: Timeout,
) -> Call[RouteAdvice]:  # fmt: skip
    """POST /v1/route, which changes nothing."""
    body = {
        "task_description": text, "messages": None if messages is None else list(messages), "context_size": context_size,
        "project_id": project_id or settings.project_id,
    }  # fmt: skip
    data = encode({name: value for name, value in body.items() if value is not None})
    headers = {"content-type": "application/json", "accept": "application/json"}
    request = Request("POST", "/v1/route", data, headers, settings.call_timeout(timeout), True)
    return Call(request, _checked(parsing.route_advice))


def models(settings: Settings, timeout: Timeout) -> Call[List[Model]]:
    """GET /v1/models."""

    def parse(answer: Answer) -> List[Model]:
        return [parsing.model_from(row) for row in parsing.items(parsing.body_of(answer), "data")]

    return Call(_get(settings, "/v1/models", timeout), _checked(parse))


def model(settings: Settings, id: str, timeout: Timeout) -> Call[Model]:
    """GET /v1/models/{id}."""
    request = _get(settings, "/v1/models/" + quote(id, safe=""), timeout)
    return Call(request, _checked(lambda answer: parsing.model_from(parsing.body_of(answer))))


def health(settings: Settings, timeout: Timeout) -> Call[Health]:
    """GET /health."""
    return Call(_get(settings, "/health", timeout), _checked(parsing.health))


def ready(settings: Settings, timeout: Timeout) -> Call[Readiness]:
    """GET /ready."""
    return Call(_get(settings, "/ready", timeout), parsing.readiness)


def _session_path(id: str) -> str:
    if not id:
        raise ValueError("session: expected an id")
    return "/v1/sessions/" + quote(id, safe="")


def get_session(settings: Settings, id: str, project_id: Optional[str], timeout: Timeout) -> Call[SessionInfo]:
    """GET /v1/sessions/{id}."""
    query = {"project_id": project_id or settings.project_id}
    return Call(_get(settings, _session_path(id), timeout, query), _checked(parsing.session_info))


def delete_session(settings: Settings, id: str, project_id: Optional[str], timeout: Timeout) -> Call[None]:
    """DELETE /v1/sessions/{id}; not asked again when the answer is lost, since a second one would be 404."""
    request = _get(settings, _session_path(id), timeout, {"project_id": project_id or settings.project_id})
    request = Request("DELETE", request.path, b"", request.headers, request.timeout, False)
    return Call(request, _checked(lambda answer: None))
