"""Everything that can go wrong upstream, on the real CLI: the status and code of docs' error table, how often upstream is
asked, what a stream shows, and that the next request works."""

from __future__ import annotations

import signal
from typing import Any, Callable, Dict, NamedTuple, Optional

import pytest
from expect import assert_alone, assert_discreet, assert_error, assert_serves, turns, user
from harness import Daemon, Stub, wait_for

SHORT = {"pool.first_byte_timeout": "3s", "pool.idle_timeout": "3s"}

# Nothing but an OAuth token: only then the CLI tells of the plan's limits.
OAUTH = {"claude.env.ANTHROPIC_API_KEY": None, "claude.env.CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-no-real-token"}

HOUR = 3600


class Row(NamedTuple):
    """What upstream does, what the client sees, and how many requests upstream sees."""

    rule: Dict[str, Any]
    status: int
    type: str
    code: Optional[str]
    asked: int
    retry_after: Optional[str] = None
    may_retry: bool = False


INVALID, SERVER = "invalid_request_error", "server_error"

# Nothing was forwarded yet: an HTTP error, also for a stream.  The CLI itself asks three times on 400 (each time with fewer
# betas) and twice on 404; the daemon asks twice when upstream fails.
BEFORE_FIRST_BYTE = {
    "bad_request": Row({"status": 400, "message": "messages: too odd."}, 400, INVALID, None, 3),
    "too_long": Row({"status": 400, "message": "prompt is too long: 9 tokens > 8"}, 400, INVALID, "context_length_exceeded", 1),
    "no_such_model": Row({"status": 404}, 404, INVALID, "model_not_found", 2),
    "too_large": Row({"status": 413}, 413, INVALID, "request_too_large", 1),
    "throttled": Row({"status": 429}, 429, "requests", "rate_limit_exceeded", 1, "10", True),
    "failing": Row({"status": 500}, 502, SERVER, "upstream_error", 2, "2", True),
    "unavailable": Row({"status": 503}, 502, SERVER, "upstream_error", 2, "2", True),
    "overloaded": Row({"status": 529}, 502, SERVER, "upstream_error", 2, "2", True),
    "connection_reset": Row({"reset": "before_headers"}, 502, SERVER, "upstream_error", 2, "2", True),
    "no_headers": Row({"stall": "before_headers"}, 504, SERVER, "timeout", 1, None, True),
    "no_first_event": Row({"first_ms": 60000}, 504, SERVER, "timeout", 1, None, True),
}

# Text had come already.  A stream ends with an error frame and is never asked for again (asked: the plain request, of
# which the client has nothing yet).
AFTER_FIRST_BYTE = {
    "stalled": Row({"stall": "mid_stream"}, 504, SERVER, "timeout", 1, None, True),
    "dropped": Row({"reset": "mid_stream"}, 502, SERVER, "upstream_error", 2, "2", True),
    "error_event": Row({"sse_error": "overloaded_error"}, 502, SERVER, "upstream_error", 2, "2", True),
    "api_error_event": Row({"sse_error": "api_error"}, 502, SERVER, "upstream_error", 2, "2", True),
}


@pytest.fixture(scope="module")
def patient(start: Callable[..., Daemon]) -> Daemon:
    return start()


@pytest.fixture(scope="module")
def hasty(start: Callable[..., Daemon]) -> Daemon:
    """A daemon that does not wait long, for what ends by its time-outs alone."""
    return start(SHORT)


def daemon_for(row: Row, request: pytest.FixtureRequest) -> Daemon:
    return request.getfixturevalue("hasty" if row.code == "timeout" else "patient")


def assert_retry_after(headers: Dict[str, str], seconds: Optional[str]) -> None:
    assert headers.get("retry-after") == seconds
    assert headers.get("retry-after-ms") == (f"{seconds}000" if seconds else None)


def assert_asked(upstream: Stub, daemon: Daemon, times: int) -> None:
    """The number of requests upstream, after the next one has come by, so that none is still under way."""
    upstream.script()
    assert daemon.chat("next please").text == "echo: next please"
    bodies = upstream.bodies()
    assert len(bodies) == times + 1
    assert_alone(bodies[-1], [user("next please")], daemon)


@pytest.mark.parametrize("name", {**BEFORE_FIRST_BYTE, **AFTER_FIRST_BYTE})
def test_failed_request_gets_the_status_of_the_table(request: pytest.FixtureRequest, upstream: Stub, name: str) -> None:
    row = {**BEFORE_FIRST_BYTE, **AFTER_FIRST_BYTE}[name]
    daemon = daemon_for(row, request)
    upstream.script({"match": "boom", **row.rule})
    r = daemon.chat("boom")
    assert_error(r, row.status, row.type, row.code, row.may_retry)
    assert_retry_after(r.headers, row.retry_after)
    assert_asked(upstream, daemon, row.asked)


@pytest.mark.parametrize("name", BEFORE_FIRST_BYTE)
def test_stream_that_never_began_fails_as_http(request: pytest.FixtureRequest, upstream: Stub, name: str) -> None:
    row = BEFORE_FIRST_BYTE[name]
    daemon = daemon_for(row, request)
    upstream.script({"match": "boom", **row.rule})
    s = daemon.stream("boom")
    assert s.status == row.status and s.error, s
    assert (s.error["type"], s.error["code"]) == (row.type, row.code)
    assert s.headers["content-type"] == "application/json"
    assert s.headers.get("x-should-retry") == (None if row.may_retry else "false")
    assert_retry_after(s.headers, row.retry_after)
    assert_discreet(s.error["message"])
    assert_asked(upstream, daemon, row.asked)


@pytest.mark.parametrize("name", AFTER_FIRST_BYTE)
def test_stream_that_broke_ends_with_an_error_frame(request: pytest.FixtureRequest, upstream: Stub, name: str) -> None:
    row = AFTER_FIRST_BYTE[name]
    daemon = daemon_for(row, request)
    upstream.script({"match": "boom", "text": "one two three four", **row.rule})
    s = daemon.stream("boom")
    assert s.status == 200
    assert s.text and "one two three four".startswith(s.text)
    assert s.error and (s.error["type"], s.error["code"]) == (row.type, row.code)
    assert "error" in s.frames[-1], "nothing comes behind an error"
    assert not s.done and s.finish_reason is None
    assert_discreet(s.error["message"])
    assert_asked(upstream, daemon, 1)


@pytest.mark.parametrize("rule", [{"status": 500}, {"status": 529}, {"reset": "before_headers"}], ids=str)
def test_failure_that_passes_is_not_seen_by_the_client(patient: Daemon, upstream: Stub, rule: Dict[str, Any]) -> None:
    upstream.script({"match": "wobble", "times": 1, **rule})
    assert patient.chat("wobble").text == "echo: wobble"
    upstream.script({"match": "wobble", "times": 1, **rule})
    s = patient.stream("wobble")
    assert s.done and s.text == "echo: wobble"
    assert [turns(b) for b in upstream.bodies()] == [[user("wobble")]] * 4


@pytest.mark.parametrize("rule", [{"reset": "mid_stream"}, {"sse_error": "api_error"}], ids=str)
def test_plain_answer_that_broke_once_comes_whole(patient: Daemon, upstream: Stub, rule: Dict[str, Any]) -> None:
    upstream.script({"match": "wobble", "times": 1, "text": "half of another answer", **rule})
    assert patient.chat("wobble").text == "echo: wobble"
    assert_asked(upstream, patient, 2)


def test_words_of_upstream_about_hosts_do_not_reach_the_client(patient: Daemon, upstream: Stub) -> None:
    words = "See https://api.example.com/help or run claude.cmd /login on /home/owner"
    for status in (400, 404, 413, 429, 500, 529):
        upstream.script({"match": "boom", "status": status, "message": words})
        r = patient.chat("boom")
        assert_discreet(r.error["message"])
        assert "example.com" not in r.body.decode() and "/home" not in r.body.decode()
    assert_serves(patient, upstream)


@pytest.mark.parametrize("page", ["<html><body>Bad gateway at 10.1.2.3</body></html>", "", "{", "null"])
def test_answer_that_is_not_the_api_is_an_upstream_error(patient: Daemon, upstream: Stub, page: str) -> None:
    upstream.script({"match": "boom", "status": 502, "body": page or " "})
    r = patient.chat("boom")
    assert_error(r, 502, SERVER, "upstream_error", retry=True)
    assert "10.1.2.3" not in r.body.decode()
    assert_asked(upstream, patient, 2)


def test_workers_survive_errors_of_upstream(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 1, "pool.spares": 0})
    daemon.wait_log("pool: served by")  # the question for the login is a process too
    before = wait_for(lambda: len(daemon.workers()) == 1 and daemon.workers(), "a worker and nothing else")
    for rule in ({"status": 400}, {"status": 404}, {"status": 413}, {"status": 429}, {"reset": "mid_stream"}, {"sse_error": "api_error"}):
        upstream.script({"match": "boom", **rule})
        assert daemon.chat("boom").status >= 400
    assert_serves(daemon, upstream)
    assert daemon.workers() == before


# ---- what concerns more than one request


@pytest.mark.parametrize("status, login", [(401, {}), (403, {}), (401, OAUTH)], ids=["401", "403", "401_oauth"])
def test_rejected_login_closes_the_gate_until_it_is_mended(
    start: Callable[..., Daemon], upstream: Stub, status: int, login: Dict[str, Any]
) -> None:
    daemon = start({"pool.workers": 1, "pool.spares": 0, **login})
    upstream.script({"match": "boom", "status": status, "message": "invalid token"})
    assert_error(daemon.chat("boom"), 503, SERVER, "backend_unavailable", retry=False)
    asked = upstream.count()
    assert asked <= 2, "one request, and with OAuth the CLI's own second attempt"
    for answer in (daemon.chat("again"), daemon.request("GET", "/ready")):
        assert answer.status == 503
    assert daemon.request("GET", "/ready").json["reason"] == "not_logged_in"
    assert upstream.count() == asked, "a closed gate asks nobody"
    upstream.script()
    daemon.signal(signal.SIGHUP)
    daemon.wait_ready()
    assert_serves(daemon, upstream)
    daemon.stop()


def test_plan_limit_is_told_with_its_reset_and_not_asked_again(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 2, "pool.spares": 0, **OAUTH})
    assert daemon.chat("before").status == 200
    upstream.reset()
    upstream.script({"match": "boom", "plan": "rejected"})
    answers = [daemon.chat("boom"), daemon.chat("boom"), daemon.chat("anything else")]
    for r in answers:
        assert_error(r, 429, "rate_limit_error", "plan_limit_reached", retry=False)
        assert HOUR - 60 <= int(r.headers["retry-after"]) <= HOUR + 1
        assert HOUR - 60 <= int(r.headers["retry-after-ms"]) / 1000 <= HOUR + 1
    s = daemon.stream("anything else")
    assert s.status == 429 and s.error and s.error["code"] == "plan_limit_reached"
    assert upstream.count() == 1, "only the first one reached upstream"
    ready = daemon.request("GET", "/ready")
    assert (ready.status, ready.json["reason"]) == (503, "plan_limit")
    daemon.stop()


def test_throttling_is_no_plan_limit(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 1, "pool.spares": 0, **OAUTH})
    upstream.script({"match": "boom", "status": 429})
    r = daemon.chat("boom")
    assert_error(r, 429, "requests", "rate_limit_exceeded", retry=True)
    assert upstream.count() == 1
    assert_serves(daemon, upstream)
    daemon.stop()


def test_plan_warning_goes_on_serving(start: Callable[..., Daemon], upstream: Stub) -> None:
    daemon = start({"pool.workers": 1, "pool.spares": 0, **OAUTH})
    upstream.script({"match": "near", "plan": "warning"})
    assert daemon.chat("near").text == "echo: near"
    assert_serves(daemon, upstream)
    r = daemon.chat("later", priority="low", timeout=1)
    assert_error(r, 504, SERVER, "timeout", retry=True)
    wait_for(lambda: daemon.chat("now").status == 200, "work of normal priority to go on")
    daemon.stop()
