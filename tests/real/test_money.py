"""Money over the real CLI: its own figures are charged, limits reach the upstream, and what is answered again asks nobody."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List

import pytest
from harness import Daemon, Stub, bearer, in_parallel, wait_for


@pytest.fixture(scope="module")
def keyed(start: Callable[..., Daemon]) -> Daemon:
    return start({"auth.required": True, "cache.enabled": True, "pool.workers": 2})


def usage_of(d: Daemon, key: Dict[str, str]) -> Dict[str, Any]:
    return dict(d.request("GET", "/v1/usage?period=all", headers=key).json)


def lines(d: Daemon, project: str) -> List[Dict[str, Any]]:
    return [x for x in d.ctl("ledger", "tail", "--project", project)["lines"]]


def test_the_clis_own_figures_are_charged(keyed: Daemon, upstream: Stub) -> None:
    key = bearer(keyed.new_key("figures"))
    figures = {"input_tokens": 120, "cache_read_input_tokens": 3000, "cache_creation_input_tokens": 40, "output_tokens": 77}
    upstream.script({"usage": figures})
    r = keyed.chat("hello", headers=key)
    assert r.status == 200
    line = lines(keyed, "figures")[-1]
    assert line["input_tokens"] == 120 and line["cache_read_tokens"] == 3000 and line["cache_creation_tokens"] == 40
    assert line["output_tokens"] == 77 and line["cost_usd"] > 0
    assert line["cost_usd"] == pytest.approx(r.json["usage"]["cost_usd"], abs=1e-9)
    assert usage_of(keyed, key)["total_tokens"] == 120 + 3000 + 40 + 77


def test_streams_and_cancelled_streams_are_charged(keyed: Daemon, upstream: Stub) -> None:
    secret = keyed.new_key("streams")
    upstream.script({"words": 50, "chunks": 50})
    s = keyed.stream("hello", headers=bearer(secret), stream_options={"include_usage": True})
    assert s.done
    told = [f["usage"] for f in s.frames if f.get("usage")][0]
    assert usage_of(keyed, bearer(secret))["total_tokens"] == told["total_tokens"]
    upstream.script({"words": 1000, "chunks": 1000, "pace_ms": 50})
    body = json.dumps({"model": "haiku", "stream": True, "messages": [{"role": "user", "content": "cut me"}]})
    raw = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
           f"Authorization: Bearer {secret}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()  # fmt: skip
    with keyed.send_raw(raw) as sock:
        assert b"200 OK" in sock.recv(4096)
    wait_for(lambda: len(lines(keyed, "streams")) == 2, "the line of the cancelled stream")
    line = lines(keyed, "streams")[-1]
    assert line["outcome"] == "cancelled" and line["input_tokens"] > 0 and line["cost_usd"] > 0


def test_under_a_budget_the_upstream_is_asked_for_no_more_than_is_left(keyed: Daemon, upstream: Stub) -> None:
    key = bearer(keyed.new_key("tight"))
    keyed.ctl("budgets", "set", "tight", "--tokens", "2000", "--window", "total")
    upstream.script({"usage": {"input_tokens": 50, "output_tokens": 100}})
    assert keyed.chat("hello", headers=key).status == 200
    asked = upstream.bodies()[-1]["max_tokens"]
    assert 16 <= asked < 2000
    for i in range(40):
        if keyed.chat(f"hello {i}", headers=key).status == 429:
            break
    used = usage_of(keyed, key)
    assert used["total_tokens"] <= 2000
    r = keyed.chat("one more", headers=key, max_tokens=2000)
    assert r.status == 429 and r.error["code"] == "insufficient_quota"


def test_a_budget_is_not_passed_by_many_at_once(keyed: Daemon, upstream: Stub) -> None:
    key = bearer(keyed.new_key("crowd"))
    keyed.ctl("budgets", "set", "crowd", "--tokens", "3000", "--window", "total")
    upstream.script({"usage": {"input_tokens": 100, "output_tokens": 300}})
    answers = in_parallel(24, lambda i: keyed.chat(f"hello {i}", headers=key, max_tokens=300).status)
    assert set(answers) == {200, 429}
    assert usage_of(keyed, key)["total_tokens"] == 400 * answers.count(200) <= 3000


def test_hits_and_replays_ask_nobody(keyed: Daemon, upstream: Stub) -> None:
    key = keyed.new_key("again")
    first = keyed.chat("tell me", headers=bearer(key))
    assert first.headers["x-ccapi-cache"] == "miss" and upstream.count() == 1
    hit = keyed.chat("tell me", headers=bearer(key))
    assert hit.headers["x-ccapi-cache"] == "hit" and hit.text == first.text
    assert keyed.stream("tell me", headers=bearer(key)).text == first.text
    one = keyed.chat("only once", headers=bearer(key, **{"Idempotency-Key": "k"}))
    two = keyed.chat("only once", headers=bearer(key, **{"Idempotency-Key": "k"}))
    assert two.json == one.json and two.headers["x-ccapi-idempotent-replay"] == "true"
    assert upstream.count() == 2
    used = usage_of(keyed, bearer(key))
    assert used["requests"] == 4 and used["cache_hits"] == 2
    assert used["total_tokens"] == first.json["usage"]["total_tokens"] + one.json["usage"]["total_tokens"]


def test_the_operators_override_reaches_the_upstream(keyed: Daemon, upstream: Stub) -> None:
    key = bearer(keyed.new_key("capped"))
    keyed.ctl("routing", "set", "--cap", "haiku", "--project", "capped")
    r = keyed.chat("hello", headers=key, model="opus")
    assert r.headers["x-ccapi-route"] == "override:project"
    assert upstream.bodies()[-1]["model"].startswith("claude-haiku")


def test_a_batch_goes_through_the_warm_workers(keyed: Daemon, upstream: Stub) -> None:
    key = bearer(keyed.new_key("bulk"))
    items = [{"prompt": f"item {i}", "system": f"You are number {i}."} for i in range(8)]
    r = keyed.request("POST", "/v1/batch", {"requests": items, "model": "haiku"}, key)
    assert r.json["succeeded"] == 8
    assert [x["content"] for x in r.json["results"]] == [f"echo: item {i}" for i in range(8)]
    bodies = {b["messages"][0]["content"][0]["text"]: b for b in upstream.bodies()}
    for i in range(8):
        body = bodies[f"item {i}"]
        assert len(body["messages"]) == 1 and body["system"][-1]["text"] == f"You are number {i}."


def test_a_worker_killed_in_the_middle_leaves_the_books_balanced(start: Callable[..., Daemon], upstream: Stub) -> None:
    import os

    d = start({"pool.workers": 1, "pool.spares": 1})
    d.ctl("projects", "create", "fragile")
    d.ctl("budgets", "set", "fragile", "--tokens", "100000", "--window", "total")
    upstream.script({"words": 500, "chunks": 500, "pace_ms": 20})
    s = d.send_raw(_stream("fragile"))
    assert b"200 OK" in s.recv(4096)
    busy = [w for w in d.log_lines(r"ready -> busy")]
    assert busy
    for pid in d.workers():
        os.kill(pid, 9)
    wait_for(lambda: len(lines(d, "fragile")) == 1, "its line")
    s.close()
    line = lines(d, "fragile")[0]
    assert line["outcome"] == "worker" and line["input_tokens"] + line["output_tokens"] > 0 and line["cost_usd"] > 0
    budget = [b for b in d.ctl("budgets", "list")["budgets"] if b.get("project") == "fragile"][0]
    assert budget["held_tokens"] == 0
    upstream.script()
    wait_for(lambda: d.chat("hello", project_id="fragile").status == 200, "service again", 30)


def _stream(project: str) -> bytes:
    body = json.dumps({"model": "haiku", "stream": True, "project_id": project, "messages": [{"role": "user", "content": "go on"}]})
    return (f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()  # fmt: skip
