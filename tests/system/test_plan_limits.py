"""The limits of the subscription's plan, as the CLI reports them, hold requests back."""

from __future__ import annotations

import time

import pytest

from harness import Daemon, Response, chat_body, chat_request, wait_for
from system_support import answer_of, ready_reason, wait_settled

ONE = {"pool.workers": 1, "pool.spares": 0}
HOUR = 3600


def assert_limited(r: Response) -> None:
    assert r.status == 429 and r.error["type"] == "rate_limit_error" and r.error["code"] == "plan_limit_reached"
    assert_reset(r)
    assert abs(int(r.headers["retry-after-ms"]) / 1000 - int(r.headers["retry-after"])) <= 1
    assert r.headers.get("x-should-retry") == "false"


def assert_reset(r: Response) -> None:
    """claude-sim names the end of the next hour as the limit's end."""
    left = int(r.headers["retry-after"])
    assert HOUR - 60 < left <= 2 * HOUR + 1
    assert abs((time.time() + left + HOUR / 2) % HOUR - HOUR / 2) < 60, "a full hour"


def test_the_request_that_meets_the_limit_is_told_when_it_ends() -> None:
    with Daemon(options=ONE) as d:
        assert_limited(d.chat("[[sim:error=plan]] x"))


@pytest.mark.parametrize("prompt", ["[[sim:error=plan]] x", "[[sim:plan=1,rejected]] x"])
def test_after_the_limit_is_reached_requests_are_refused_at_the_door(prompt: str) -> None:
    with Daemon(options=ONE) as d:
        d.chat(prompt)
        wait_settled(d, 1)
        turns = len(d.log_lines("-> busy"))
        for _ in range(3):
            assert_limited(d.chat("x"))
        s = d.stream("x")
        assert s.status == 429 and s.error is not None and s.error["code"] == "plan_limit_reached"
        assert len(d.log_lines("-> busy")) == turns, "no worker is asked"


def test_ready_tells_the_plan_limit_and_when_it_ends() -> None:
    with Daemon(options=ONE) as d:
        assert ready_reason(d) is None
        d.chat("[[sim:error=plan]] x")
        r = d.request("GET", "/ready")
        assert (r.status, r.json["reason"]) == (503, "plan_limit")
        assert_reset(r)
        assert d.request("GET", "/health").status == 200 and d.request("GET", "/v1/models").status == 200


def test_a_limit_reached_within_a_conversation_holds_for_all_projects_and_workers() -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 1}) as d:
        d.chat("[[sim:error=plan]] x", project_id="a")
        assert d.chat("x", project_id="b").status == 429


def test_above_the_reserve_low_priority_waits_and_the_rest_does_not() -> None:
    with Daemon(options={**ONE, "plan.reserve": 0.8}) as d:
        assert d.chat("x", priority="low").status == 200
        d.chat("[[sim:plan=0.85,allowed_warning]] x")
        r = d.chat("x", priority="low", timeout=0.3)
        assert (r.status, r.error["code"]) == (504, "timeout")
        low = d.send_raw(chat_request(chat_body("patient", priority="low")))
        for priority in ("normal", "high"):
            assert d.chat("x", priority=priority).status == 200
        assert d.request("GET", "/ready").status == 200
        assert not d.log_lines("patient")
        low.settimeout(0.2)
        with pytest.raises(TimeoutError):
            low.recv(1)
        low.settimeout(30)
        d.chat("[[sim:plan=0.5,allowed]] x")
        assert answer_of(low)[1]["choices"][0]["message"]["content"] == "You said: patient"


def test_below_the_reserve_low_priority_runs() -> None:
    with Daemon(options={**ONE, "plan.reserve": 0.9}) as d:
        d.chat("[[sim:plan=0.89,allowed]] x")
        assert d.chat("x", priority="low", timeout=20).status == 200
        wait_for(lambda: d.request("GET", "/ready").status == 200, "ready")


def test_an_api_key_has_no_plan() -> None:
    with Daemon(options={**ONE, "claude.env.ANTHROPIC_API_KEY": "sk-x"}) as d:
        d.chat("[[sim:plan=1,rejected]] x")
        assert d.chat("x").status == 200
