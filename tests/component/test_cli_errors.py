"""How failures look on stdout, and what plan limits do: the fields the daemon maps to HTTP answers.

Same parametrisation as test_cli_protocol.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import clidriver as cli  # noqa: E402
from clibackend import Backend, any_backend, backend, clean, stub  # noqa: E402, F401
from clidriver import Stub, Worker  # noqa: E402

ERROR = {"subtype": "success", "is_error": True, "terminal_reason": "api_error", "num_turns": 1}
# canned kind, stub rule, fields of the result, assistant.error, beginning of the text
ERRORS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("400", {"status": 400}, {"api_error_status": 400, "api_error_type": "invalid_request_error"}, "unknown",
     "API Error: 400"),
    ("context", {"status": 400, "message": "prompt is too long: 3 tokens > 2 maximum"},
     {"api_error_status": 400, "terminal_reason": "prompt_too_long"}, "invalid_request", "Prompt is too long"),
    ("401", {"status": 401}, {"api_error_status": 401, "api_error_type": "authentication_error"},
     "authentication_failed", "Failed to authenticate. API Error: 401"),
    ("403", {"status": 403}, {"api_error_status": 403, "api_error_type": "permission_error"},
     "authentication_failed", "Failed to authenticate. API Error: 403"),
    ("404", {"status": 404}, {"api_error_status": 404, "api_error_type": "not_found_error"}, "model_not_found",
     "There's an issue with the selected model"),
    ("413", {"status": 413}, {"api_error_status": 413, "terminal_reason": "image_error"}, "invalid_request",
     "Request too large"),
    ("429", {"status": 429}, {"api_error_status": 429, "api_error_type": "rate_limit_error"}, "rate_limit",
     "API Error: Request rejected (429)"),
    ("500", {"status": 500}, {"api_error_status": 500, "api_error_type": "api_error"}, "server_error",
     "API Error: 500"),
    ("529", {"status": 529}, {"api_error_status": 529, "api_error_type": "overloaded_error"}, "server_error",
     "API Error: 529"),
    ("reset", {"reset": "before_headers"}, {"api_error_status": None, "api_error": "connection_failed"},
     "server_error", "API Error: Connection dropped"),
    ("drop", {"reset": "mid_stream", "text": "one two three four"},
     {"api_error_status": None, "api_error": "connection_failed"}, "server_error",
     "API Error: Connection to the API was lost"),
    ("refusal", {"stop_reason": "refusal", "text": "no"}, {"api_error_status": None, "stop_reason": "refusal"},
     "invalid_request", "API Error: Haiku 5.5 can't help with this"),
]


@pytest.fixture(scope="module", params=["real", "sim", "canned"])
def error_worker(request: pytest.FixtureRequest, stub: Stub,
                 tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backend, Worker]]:
    """One worker for all rows: each must leave it usable."""
    backend = Backend(request.param, stub, tmp_path_factory.mktemp("errors"))
    yield backend, backend.ready()
    backend.stop()


@pytest.mark.parametrize("kind, rule, fields, error, text", ERRORS, ids=[row[0] for row in ERRORS])
def test_error_row(error_worker: tuple[Backend, Worker], kind: str, rule: dict[str, Any], fields: dict[str, Any],
                   error: str, text: str) -> None:
    backend, worker = error_worker
    backend.stub.script(rule)
    prompt = f"[[sim:error={kind}]] one two three four" if backend.kind == "canned" else "hello"
    user, lines = worker.turn(prompt)
    backend.stub.script()
    result = cli.result_of(lines)
    assert {key: result[key] for key in ERROR | fields} == ERROR | fields
    assert result["result"].startswith(text)
    synthetic = [line for line in lines if line["type"] == "assistant"][-1]
    assert synthetic["message"]["model"] == "<synthetic>" and synthetic["error"] == error
    assert bool(result["model_usage_since_last_result"]) is (kind in ("drop", "refusal"))
    assert clean(worker.rewind(user))
    user, lines = worker.turn("next")
    assert cli.result_of(lines)["result"] == backend.answer_of("next")
    assert clean(worker.rewind(user))


def test_stream_error_event(backend: Backend) -> None:
    backend.stub.script({"sse_error": "overloaded_error", "text": "one two three four"})
    result = cli.result_of(backend.ready().turn("hello")[1])
    assert (result["api_error_status"], result["api_error_type"]) == (529, "overloaded_error")


def test_connection_refused(backend: Backend) -> None:
    worker = backend.ready(env=dict(cli.API_KEY, ANTHROPIC_BASE_URL="http://127.0.0.1:1"))
    result = cli.result_of(worker.turn("hello")[1])
    assert (result["api_error_status"], result["api_error"]) == (None, "connection_failed")


def test_no_headers_in_time(backend: Backend) -> None:
    backend.stub.script({"stall": "before_headers"})
    worker = backend.ready(env=dict(cli.API_KEY, API_TIMEOUT_MS="300"))
    result = cli.result_of(worker.turn("hello")[1])
    assert result["api_error_status"] is None and "api_error" not in result
    assert result["result"].startswith("Request timed out")


def test_not_logged_in(any_backend: Backend) -> None:
    worker = any_backend.ready(env={"CLAUDE_SIM_LOGIN": "none"})
    _, lines = worker.turn("hello")
    result = cli.result_of(lines)
    assert (result["is_error"], result["api_error_status"]) == (True, None)
    assert result["result"].startswith("Not logged in")
    assert any_backend.stub.messages() == 0


# --- plan limits ---


def plan_events(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["rate_limit_info"] for line in lines if line["type"] == "rate_limit_event"]


def plan_turn(backend: Backend, worker: Worker, plan: str) -> list[dict[str, Any]]:
    if backend.kind != "canned":
        backend.stub.script({"plan": plan})
        return worker.turn("hello")[1]
    directive = {"allowed": "plan=0.2,allowed", "warning": "plan=0.92,allowed_warning", "rejected": "error=plan"}[plan]
    return worker.turn(f"[[sim:{directive}]] hello")[1]


def test_plan_events_of_a_subscription(any_backend: Backend) -> None:
    worker = any_backend.ready(env=cli.SUBSCRIPTION)
    info, = plan_events(plan_turn(any_backend, worker, "allowed"))
    assert (info["status"], info["rateLimitType"], info["isUsingOverage"]) == ("allowed", "five_hour", False)
    assert info["unifiedWindows"]["five_hour"]["utilization"] == 0.2
    assert info["unifiedWindows"]["seven_day"]["status"] == "allowed"
    info, = plan_events(plan_turn(any_backend, worker, "warning"))
    assert (info["status"], info["utilization"], info["surpassedThreshold"]) == ("allowed_warning", 0.92, 0.9)
    lines = plan_turn(any_backend, worker, "rejected")
    info, = plan_events(lines)
    assert (info["status"], info["unifiedWindows"]["five_hour"]["status"]) == ("rejected", "rejected")
    result = cli.result_of(lines)
    assert (result["api_error_status"], result["api_error"]) == (429, "usage_limit_reached")
    assert result["result"].startswith("You've hit your 5-hour limit")


def test_equal_plan_readings_are_printed_once(backend: Backend) -> None:
    worker = backend.ready(env=cli.SUBSCRIPTION)
    backend.stub.script({"headers": {
        "anthropic-ratelimit-unified-status": "allowed", "anthropic-ratelimit-unified-reset": "2000000000",
        "anthropic-ratelimit-unified-representative-claim": "five_hour"}})
    assert len(plan_events(worker.turn("one")[1])) == 1
    assert plan_events(worker.turn("two")[1]) == []


def test_throttling_is_not_the_plan(backend: Backend) -> None:
    backend.stub.script({"status": 429})
    worker = backend.ready(env=cli.SUBSCRIPTION)
    lines = worker.turn("hello")[1]
    assert plan_events(lines) == [{"status": "rejected", "isUsingOverage": False}]
    result = cli.result_of(lines)
    assert "api_error" not in result and "not your usage limit" in result["result"]


def test_api_keys_get_no_plan_events(any_backend: Backend) -> None:
    worker = any_backend.ready()
    assert plan_events(plan_turn(any_backend, worker, "warning")) == []
