"""Idempotency-Key: the first answer again, also after a power cut; the cache over real workers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List

from harness import BIN_DIR, SLOWNESS, Daemon, bearer, in_parallel, wait_for
from system_support import new_id, wait_busy

KEY = {"Idempotency-Key": "order-7"}


def test_the_same_key_and_body_get_the_first_answer() -> None:
    with Daemon() as d:
        first = d.chat("[[sim:usage=5,5]] hello", headers=KEY)
        assert "x-ccapi-idempotent-replay" not in first.headers
        again = d.chat("[[sim:usage=5,5]] hello", headers=KEY)
        assert again.status == 200 and again.headers["x-ccapi-idempotent-replay"] == "true"
        assert again.json == first.json
        r = d.chat("something else", headers=KEY)
        assert r.status == 409 and r.headers["x-should-retry"] == "false"
        other = d.chat("[[sim:usage=5,5]] hello", headers=KEY, project_id="other")
        assert other.status == 200 and "x-ccapi-idempotent-replay" not in other.headers
        lines = d.ctl("ledger", "tail")["lines"]
        assert len(lines) == 2


def test_a_kept_answer_outlives_a_power_cut() -> None:
    with Daemon() as d:
        first = d.chat("hello", headers=KEY).json
        d.kill()
        with Daemon(state=d.state) as again:
            r = again.chat("hello", headers=KEY)
            assert r.headers["x-ccapi-idempotent-replay"] == "true" and r.json == first


def test_a_failed_request_may_be_sent_again_with_its_key() -> None:
    with Daemon() as d:
        assert d.chat("[[sim:error=500]] x", headers=KEY).status == 502
        assert d.chat("[[sim:error=400]] x", headers=KEY).status == 400
        assert d.chat("[[sim:error=400]] x", headers=KEY).status == 400
        assert d.chat("fine now", headers=KEY).status == 200


def test_two_at_the_same_time_are_one() -> None:
    with Daemon() as d:
        got = in_parallel(6, lambda i: d.chat("[[sim:delay=300]] hello", headers=KEY))
        assert {r.status for r in got} == {200}
        assert len({r.body for r in got}) == 1
        assert len(d.ctl("ledger", "tail")["lines"]) == 1


def test_a_streamed_answer_replays_as_a_stream() -> None:
    with Daemon() as d:
        first = d.stream("one two three", headers=KEY)
        again = d.stream("one two three", headers=KEY)
        assert again.headers["x-ccapi-idempotent-replay"] == "true"
        assert again.text == first.text and again.done
        assert again.frames[0]["id"] == first.frames[0]["id"]


# -- the cache over real workers

CACHED = {"cache.enabled": True}


def test_hits_cost_nothing_and_are_in_the_books() -> None:
    with Daemon(options=CACHED) as d:
        first = d.chat("[[sim:usage=50,50]] hello")
        assert first.headers["x-ccapi-cache"] == "miss"
        for _ in range(5):
            r = d.chat("[[sim:usage=50,50]] hello")
            assert r.headers["x-ccapi-cache"] == "hit" and r.headers["x-ccapi-cost-usd"] == "0.000000"
            assert r.text == first.text and r.json["id"] != first.json["id"]
        u = d.request("GET", "/v1/usage").json
        assert (u["requests"], u["cache_hits"], u["total_tokens"]) == (6, 5, 100)
        stats = d.ctl("cache", "stats")
        assert stats["hits"] == 5 and stats["entries"] == 1
        d.ctl("cache", "flush")
        assert d.chat("[[sim:usage=50,50]] hello").headers["x-ccapi-cache"] == "miss"


def test_hits_survive_no_power_cut_uncounted() -> None:
    """Every answer that a client got is in the ledger, hits included."""
    with Daemon(options=CACHED) as d:
        assert d.chat("hello").status == 200
        got = [0] * 8
        stop = threading.Event()

        def ask(i: int) -> None:
            c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=30 * SLOWNESS)
            body = json.dumps({"model": "haiku", "messages": [{"role": "user", "content": "hello"}]})
            try:
                while not stop.is_set():
                    c.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
                    r = c.getresponse()
                    if r.status == 200 and r.read() and r.getheader("x-ccapi-cache") == "hit":
                        got[i] += 1
            except (OSError, http.client.HTTPException):
                pass

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        wait_for(lambda: sum(got) > 500, "hits")
        d.kill()
        stop.set()
        for t in threads:
            t.join()
        with Daemon(options=CACHED, state=d.state) as again:
            u = again.request("GET", "/v1/usage").json
            assert u["cache_hits"] >= sum(got)
            assert u["cache_hits"] <= sum(got) + 8


def test_one_flight_for_many_of_the_same() -> None:
    with Daemon(options={**CACHED, "pool.workers": 2}) as d:
        got: List[Any] = in_parallel(20, lambda i: d.stream("[[sim:pace=20]] a b c d e f") if i % 2 else d.chat("[[sim:pace=20]] a b c d e f"))
        assert len({g.text for g in got}) == 1
        lines = d.ctl("ledger", "tail")["lines"]
        assert sum(x["requests"] for x in lines if x["outcome"] == "ok") == 1
        assert sum(x["requests"] for x in lines if x["outcome"] == "cache_hit") == 19


def test_answers_cut_short_are_shared_by_those_who_wait_and_not_kept() -> None:
    with Daemon(options=CACHED) as d:
        ask = "[[sim:delay=300]][[sim:max_tokens]] a b c"
        got = in_parallel(6, lambda i: d.chat(ask, model="haiku"))
        assert {r.json["choices"][0]["finish_reason"] for r in got} == {"length"}
        assert sorted(r.headers["x-ccapi-cache"] for r in got) == ["hit"] * 5 + ["miss"]
        assert d.chat(ask, model="haiku").headers["x-ccapi-cache"] == "miss"


def test_other_projects_and_keys_do_not_share_answers() -> None:
    with Daemon(options=CACHED) as d:
        rid = new_id()
        assert d.chat(f"hello {rid}", project_id="one").headers["x-ccapi-cache"] == "miss"
        assert d.chat(f"hello {rid}", project_id="two").headers["x-ccapi-cache"] == "miss"
        assert d.chat(f"hello {rid}", project_id="one").headers["x-ccapi-cache"] == "hit"


def test_an_override_takes_effect_at_the_next_request_also_for_cached_ones() -> None:
    with Daemon(options=CACHED) as d:
        for _ in range(3):
            assert d.chat("hello", model="opus").headers["x-ccapi-model"].startswith("claude-opus")
        d.ctl("routing", "set", "--cap", "haiku", "--project", "default")
        r = d.chat("hello", model="opus")
        assert r.headers["x-ccapi-model"].startswith("claude-haiku") and r.headers["x-ccapi-route"] == "override:project"
        d.ctl("routing", "clear", "--all")
        assert d.chat("hello", model="opus").headers["x-ccapi-model"].startswith("claude-opus")


def test_an_override_set_while_a_request_runs_counts_for_the_next_like_it() -> None:
    with Daemon(options=CACHED) as d, ThreadPoolExecutor() as pool:
        slow = pool.submit(d.chat, "[[sim:delay=700]] hello", model="haiku")
        wait_busy(d)
        d.ctl("routing", "set", "--force", "opus", "--global")
        assert slow.result().headers["x-ccapi-model"].startswith("claude-haiku")
        r = d.chat("[[sim:delay=700]] hello", model="haiku")
        assert r.headers["x-ccapi-model"].startswith("claude-opus") and r.headers["x-ccapi-route"] == "override:global"


def test_a_model_forbidden_while_a_request_runs_is_not_given_from_the_cache() -> None:
    with Daemon(options=CACHED) as d, ThreadPoolExecutor() as pool:
        auth = bearer(d.new_key("demo"))
        slow = pool.submit(d.chat, "[[sim:delay=700]] hello", auth, model="opus")
        wait_busy(d)
        d.ctl("projects", "set", "demo", "--models", "haiku")
        assert slow.result().status == 200
        assert d.chat("[[sim:delay=700]] hello", auth, model="opus").status == 403


def test_an_updated_cli_is_asked_anew(tmp_path: Path) -> None:
    cli = tmp_path / "claude"

    def install(version: str) -> None:
        new = tmp_path / "new"
        new.write_text(f'#!/bin/sh\nCLAUDE_SIM_FAULTS=version={version} exec "{BIN_DIR / "claude-sim"}" "$@"\n')
        new.chmod(0o755)
        new.rename(cli)

    install("2.1.330")
    with Daemon(options=CACHED, cli_path=str(cli)) as d:
        assert [d.chat("hello", model="haiku").headers["x-ccapi-cache"] for _ in range(3)] == ["miss", "hit", "hit"]
        install("2.1.331")
        os.kill(d.worker_pid(), signal.SIGKILL)
        d.wait_log(r"2\.1\.331")
        d.wait_ready()
        assert d.chat("hello", model="haiku").headers["x-ccapi-cache"] == "miss"


def test_hits_and_misses_are_counted_for_prometheus() -> None:
    with Daemon(options=CACHED) as d:
        for _ in range(3):
            d.chat("hello", model="haiku")
        d.chat("hello", model="haiku", cache={"no_cache": True})
        text = d.request("GET", "/metrics").body.decode()
        assert "\nccapi_cache_hits_total 2\n" in text
        assert "\nccapi_cache_misses_total 1\n" in text


def test_the_operator_sees_that_the_cache_is_off() -> None:
    with Daemon(options={"cache.enabled": False}) as d:
        assert d.ctl("cache", "stats")["enabled"] is False
        assert "off   0 answers" in d.ctl_run("status").stdout
    with Daemon(options=CACHED) as d:
        assert d.ctl("cache", "stats")["enabled"] is True
        assert "off" not in d.ctl_run("status").stdout
