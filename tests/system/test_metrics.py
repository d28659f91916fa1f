"""GET /metrics: what was done is what is told, to the token, and a client cannot make it grow."""

from __future__ import annotations

import re
from typing import Dict, Iterator, Tuple

import pytest

from harness import Daemon, bearer, in_parallel, wait_for
from system_support import HOLD, held, read_all, wait_settled

Samples = Dict[Tuple[str, Tuple[Tuple[str, str], ...]], float]

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*",?)+)\})? (-?\d+(?:\.\d+)?)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def read(d: Daemon) -> Samples:
    """Parsed strictly: every sample belongs to the family told last, and is told once."""
    r = d.request("GET", "/metrics")
    assert r.status == 200 and r.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: Samples = {}
    family, kind, told = "", "", set()
    for line in r.body.decode().splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in told
            told.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == family and kind in ("counter", "gauge", "histogram")
        else:
            m = LINE.fullmatch(line)
            assert m, line
            name = m.group(1)
            allowed = [family + s for s in ("_bucket", "_sum", "_count")] if kind == "histogram" else [family]
            assert name in allowed, line
            key = (name, tuple(LABEL.findall(m.group(2) or "")))
            assert key not in found, line
            found[key] = float(m.group(3))
    return found



def value(samples: Samples, metric: str, **labels: str) -> float:
    """The sum of the samples that have these labels."""
    wanted = set(labels.items())
    return sum(v for (n, ls), v in samples.items() if n == metric and wanted <= set(ls))


@pytest.fixture()
def d() -> Iterator[Daemon]:
    with Daemon(options={"cache.enabled": True, "pool.workers": 2, "pool.spares": 0, "pool.queue": 3}) as daemon:
        yield daemon


def test_requests_tokens_and_cost_equal_the_ledger(d: Daemon) -> None:
    for i in range(5):
        assert d.chat(f"one {i}").status == 200
        assert d.stream(f"two {i}", model="sonnet").done
    assert d.chat("one 0").headers["x-ccapi-cache"] == "hit"
    assert d.chat("x", model="nonesuch").status == 404
    assert d.request("GET", "/no/such/route").status == 404
    m, usage = read(d), d.request("GET", "/v1/usage?period=all").json
    assert value(m, "ccapi_requests_total") == 11 == usage["requests"]
    assert value(m, "ccapi_request_errors_total") == 1
    assert value(m, "ccapi_model_tokens_total", kind="output") == usage["output_tokens"]
    assert value(m, "ccapi_model_tokens_total", kind="input") == usage["input_tokens"]
    assert value(m, "ccapi_tokens_output_total") == usage["output_tokens"]
    assert round(value(m, "ccapi_cost_usd_total") * 1e6) == round(usage["total_cost"] * 1e6)
    assert round(value(m, "ccapi_model_cost_usd_total") * 1e6) == round(usage["total_cost"] * 1e6)
    assert value(m, "ccapi_completions_total", outcome="ok", cache="hit") == 1
    assert value(m, "ccapi_completions_total", outcome="ok", stream="yes") == 5
    assert value(m, "ccapi_completions_total", outcome="model_not_found") == 1
    assert value(m, "ccapi_cache_hits_total") == 1
    assert value(m, "ccapi_cache_entries") == 10
    route = {"route": "/v1/chat/completions", "method": "POST"}
    assert value(m, "ccapi_http_requests_total", status="200", **route) == 12 - 1
    assert value(m, "ccapi_http_requests_total", status="404", **route) == 1
    assert value(m, "ccapi_http_requests_total", status="404", route="other") == 1
    for name, count in (("request", 11), ("overhead", 11), ("first_token", 10), ("queue", 10)):
        assert value(m, f"ccapi_{name}_seconds_count") == count, name
        assert value(m, f"ccapi_{name}_seconds_bucket", le="600") == count
        assert value(m, f"ccapi_{name}_seconds_sum") > 0
    assert value(m, "ccapi_dispatches_total") == 10
    assert value(m, "ccapi_store_writes_total") > 0 and value(m, "ccapi_store_up") == 1
    assert value(m, "process_resident_memory_bytes") > 1e6 and value(m, "process_open_fds") > 10


def test_workers_queue_and_readiness_are_told_as_they_are() -> None:
    with Daemon(options={"pool.workers": 2, "pool.spares": 0, "pool.queue": 3}) as d:
        check_workers(d)


def check_workers(d: Daemon) -> None:
    wait_settled(d, 2)
    assert value(read(d), "ccapi_ready", reason="ready") == 1
    with held(d, 2):
        waiting = d.open_stream(HOLD)
        wait_for(lambda: value(read(d), "ccapi_queue_depth") == 1, "a queue of one")
        m = read(d)
        assert value(m, "ccapi_workers", state="busy") == 2 and value(m, "ccapi_workers", state="ready") == 0
        assert value(m, "ccapi_http_exchanges") == 4  # those three, and this one
        waiting.close()
    wait_settled(d, 2)
    wait_for(lambda: value(read(d), "ccapi_workers", state="ready") == 2, "two workers")
    wait_for(lambda: value(read(d), "ccapi_http_requests_total", status="499") == 3, "three that left")


def test_budgets_are_told_with_what_is_held(d: Daemon) -> None:
    d.ctl("projects", "create", "demo")
    d.ctl("budgets", "set", "demo", "--usd", "2.5", "--window", "total")
    m = read(d)
    labels = {"scope": "project", "name": "demo", "window": "total", "unit": "usd"}
    assert value(m, "ccapi_budget_limit", **labels) == 2.5
    assert value(m, "ccapi_budget_remaining", **labels) == 2.5
    assert value(m, "ccapi_budget_limit", unit="tokens") == 0
    with held(d, project_id="demo"):
        m = read(d)
        assert 0 < value(m, "ccapi_budget_held", **labels) < 2.5
        assert value(m, "ccapi_budget_held", **labels) + value(m, "ccapi_budget_remaining", **labels) == pytest.approx(2.5)
    wait_for(lambda: value(read(d), "ccapi_budget_held", **labels) == 0, "the hold to be settled")
    assert d.chat("x", project_id="demo").status == 200
    assert value(read(d), "ccapi_budget_used", **labels) > 0


def test_the_fullest_of_many_budgets_are_told() -> None:
    with Daemon(options={"auth.max_projects": 1000}) as d:
        for i in range(40):
            assert d.chat("x", project_id=f"p{i}").status == 200
            d.ctl("budgets", "set", f"p{i}", "--tokens", str(1000 + 1000 * i), "--window", "total")
            assert d.chat("x", project_id=f"p{i}", max_tokens=20).status == 200
        m = read(d)
        told = {dict(ls)["name"] for (n, ls) in m if n == "ccapi_budget_limit"}
        assert told == {f"p{i}" for i in range(25)}


def test_no_client_can_make_them_grow(d: Daemon) -> None:
    def nonsense(i: int) -> None:
        d.request("GET", f"/nowhere/{i}")
        d.request("BREW", "/health")
        d.chat("x", model=f"no-model-{i}")
        d.chat("x", project_id=f"project-{i}", model=f"{i}\"\n\\")

    before = len(read(d))
    in_parallel(40, nonsense)
    m = read(d)
    assert len(m) < before + 20
    assert not [key for key in m if "no-model" in str(key) or "project-" in str(key)]


def test_the_status_has_no_counter_that_only_a_scrape_brings_up_to_date(d: Daemon) -> None:
    assert d.chat("x").status == 200
    status = d.ctl("status")
    assert status["counters"]["ccapi_requests_total"] == 1 and status["cache"]["stores"] == 1
    before = status["counters"]
    read(d)
    after = d.ctl("status")["counters"]
    changed = {k for k in after if before[k] != after[k]} - {"ccapi_http_requests_total", "ccapi_control_requests_total"}
    assert before.keys() == after.keys() and not changed


def test_refusals_are_counted_by_what_refused() -> None:
    with Daemon(options={"auth.required": True}) as d:
        key = d.new_key("demo", "--requests-per-minute", "1")
        assert d.chat("x", headers=bearer(key)).status == 200
        assert d.chat("x", headers=bearer(key)).status == 429
        assert d.chat("x").status == 401
        assert d.chat("x", headers=bearer("ccapi_nonsense")).status == 401
        d.ctl("budgets", "set", "demo", "--tokens", "1", "--window", "total")
        other = d.new_key("demo")
        assert d.chat("x", headers=bearer(other)).status == 429
        m = read(d)
        assert value(m, "ccapi_refused_auth_total") == 2
        assert value(m, "ccapi_refused_limit_total") == 1
        assert value(m, "ccapi_refused_budget_total") == 1


SECRET = "hunter2-is-secret"


def test_no_prompt_and_no_key_is_ever_logged() -> None:
    """Wherever a client puts them, with everything logged that is logged without log.bodies."""
    with Daemon(options={"auth.required": True, "log.level": "debug", "cache.enabled": True}) as d:
        key = d.new_key("demo")
        body = {"model": "haiku", "messages": [{"role": "user", "content": SECRET}]}
        post = lambda b, **h: d.request("POST", "/v1/chat/completions", b, {**bearer(key), **h})  # noqa: E731
        assert post(body).status == 200
        assert post({**body, "messages": [{"role": "system", "content": SECRET}, body["messages"][0]], "stop": [SECRET]}).status == 200
        assert post(body, **{"Idempotency-Key": "k"}).status == 200
        assert d.stream(SECRET, headers=bearer(key)).done
        for bad in ({**body, "model": SECRET}, {**body, "temperature": SECRET}, {**body, SECRET: 1, "n": SECRET},
                    {**body, "messages": [{"role": SECRET, "content": SECRET}]}, {"messages": SECRET}):  # fmt: skip
            post(bad)
        d.request("POST", "/v1/chat/completions", f'{{"messages": "{SECRET}", '.encode(), {**bearer(key), "Content-Type": "application/json"})
        d.request("POST", "/v1/batch", {"requests": [{"prompt": SECRET, "model": "haiku"}]}, bearer(key))
        d.request("POST", "/v1/route", {"task_description": SECRET}, bearer(key))
        d.request("GET", f"/v1/usage?api_key={key}&x={SECRET}", headers={"Authorization": f"Bearer {key}x", "x-other": SECRET})
        d.request("GET", "/v1/models", headers={"x-api-key": key[:-1]})
        d.request("GET", f"/v1/models/{key}", headers=bearer(key))
        d.request("GET", f"/{key}/{key}{SECRET[:0]}")
        own = d.request("GET", "/v1/models", headers=bearer(key, **{"x-request-id": f"call-{key}"}))
        assert own.headers["x-request-id"].startswith("req_")
        for head in (f"GET /{key} {SECRET}\r\n\r\n", f"GET /{SECRET} HTTP/1.1\r\nHost: {SECRET}\r\n: {key}\r\n\r\n",
                     f"GET /health HTTP/9.{key}\r\n\r\n", f"{SECRET} /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SECRET}\r\n\r\n"):  # fmt: skip
            read_all(d.send_raw(head.encode()))
        log = "\n".join(d.log_lines())
        log = re.sub(rf"(method|path)=\S*{SECRET}\S*", "", log)  # a method or path that a client made up is logged as it is
        assert d.log_lines(r"path=/v1/models/ccapi_\*")
        assert SECRET not in log and key not in log and key[:-1] not in log and key[6:40] not in log
        line = d.log_lines(r"status=200.* project=demo .*cache=miss")[0]
        for name in ("request_id", "project", "key", "model", "route", "cache", "queue_ms", "ttft_ms", "overhead_ms", "ms",
                     "input_tokens", "output_tokens", "cost_usd", "worker"):  # fmt: skip
            assert f" {name}=" in line, (name, line)

