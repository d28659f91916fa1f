"""Thousands of random requests for each route, made out of the OpenAPI document: what the document lets through is answered,
what it does not is a 400, nothing is a 5xx but what was asked for, and every answer is as described.

CCAPI_SEED=N makes other ones (by default they are the same each time), CCAPI_REQUESTS=N as many per route."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import quote, urlencode

import pytest
from harness import LONG, SLOWNESS, Daemon, Response
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from openapi import Api
from openapi_random import BY_NAME, JSON, TEXT, VARIANTS, Maker, broken, edges

CHAT, BATCH, ROUTE, USAGE = "/v1/chat/completions", "/v1/batch", "/v1/route", "/v1/usage"
SEED = int(os.environ.get("CCAPI_SEED", "1"))
REQUESTS = int(os.environ.get("CCAPI_REQUESTS", "0")) or (20000 if LONG else 2000) // SLOWNESS
HELLO = {"model": "haiku", "messages": [{"role": "user", "content": "hello"}]}
HEADERS = st.fixed_dictionaries({}, optional={
    "Idempotency-Key": st.one_of(st.text("ab1 #", max_size=3), st.just("k" * 255), st.just("k" * 256)),
    "x-ccapi-strict": st.sampled_from(["true", "false", "yes", ""]),
    "Cache-Control": st.sampled_from(["no-cache", "no-store", "no-cache, no-store", "max-age=0", ""]),
    "x-request-id": st.one_of(st.from_regex("[aZ9_.:/-]+( x)?", fullmatch=True), st.just("r" * 129)),
})  # fmt: skip


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    options = {"auth.max_projects": 100000, "websocket.max_rate": 1000000, "pool.workers": 2, "log.level": "info"}
    with Daemon(options=options) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def api(d: Daemon) -> Api:
    return Api(d)


def play(test: Callable[[Any], None], made: Any, count: int = REQUESTS) -> None:
    """Runs the test on as many made values; a failing one is made small, and shown."""
    quiet = settings(max_examples=max(count, 1), deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False)
    seed(SEED)(quiet(given(made)(test)))()


def play_broken(test: Callable[[Any], None], whole: Any, count: int = REQUESTS) -> None:
    """The same for values of which some are broken."""

    def each(variants: List[Any]) -> None:
        for one in variants:
            test(one)

    play(each, broken(whole), count // VARIANTS)


def at_least(counts: Dict[Any, int], share: float, *keys: Any) -> None:
    """The random requests were of every kind, or the test says nothing."""
    for key in keys:
        assert counts[key] >= share * REQUESTS, counts


def body_schema(api: Api, path: str) -> Dict[str, Any]:
    return api.operation("POST", path)["requestBody"]["content"]["application/json"]["schema"]


def asks(body: Dict[str, Any], name: str) -> bool:
    return body.get(name) is not None


def fine_ends(body: Dict[str, Any], headers: Dict[str, str]) -> List[Any]:
    """How a request that fits the document may end, as (status, code)."""
    ends: List[Any] = [(200, None)]
    if body.get("model") not in (None, "auto", "haiku", "sonnet", "opus", "claude-haiku-5-5"):
        ends = [(404, "model_not_found")]
    if asks(body, "session_id") and body["session_id"] != "new":
        ends.append((404, "session_not_found"))
    if asks(body, "timeout") and body["timeout"] < 30:  # a busy machine may be late by seconds
        ends.append((504, "timeout"))
    if (body.get("response_format") or {}).get("type") in ("json_object", "json_schema"):
        ends.append((502, "upstream_error"))
    if headers.get("x-ccapi-strict") == "true":
        ends.append((400, None))
    if "Idempotency-Key" in headers:
        ends.append((409, "conflict") if 1 <= len(headers["Idempotency-Key"].strip()) <= 255 else (400, None))
    return ends


def end_of(r: Response) -> Any:
    return (r.status, r.error["code"] if r.status >= 400 else None)


def test_completions(d: Daemon, api: Api) -> None:
    schema, counts = body_schema(api, CHAT), Counter()  # type: ignore[var-annotated]

    def one(body: Any) -> None:
        r = d.request("POST", CHAT, body)
        api.check("POST", CHAT, r)
        fits = api.fits(schema, body)
        ends = fine_ends(body, {}) if fits else [(400, None)]
        assert end_of(r) in ends, (body, r.status, r.body, None if fits else api.why_not(schema, body))
        counts[fits] += 1
        counts[r.status] += 1

    play_broken(one, Maker(api).of(schema))
    at_least(counts, 0.1, True, False, 200, 400)


def test_each_parameter_of_a_completion(d: Daemon, api: Api) -> None:
    """One at a time, so that nothing else that is wrong hides what is wrong with it."""
    schema, maker, counts = body_schema(api, CHAT), Maker(api), Counter()  # type: ignore[var-annotated]
    members = {name: one for part in api.follow(schema)["allOf"] for name, one in api.follow(part)["properties"].items()}

    def one(body: Any) -> None:
        r = d.request("POST", CHAT, body)
        api.check("POST", CHAT, r)
        fits = api.fits(schema, body)
        assert end_of(r) in (fine_ends(body, {}) if fits else [(400, None)]), (body, r.status, r.body)
        counts[fits] += 1

    for name, member in members.items():
        value = st.one_of(BY_NAME.get(name, maker.of(member)), JSON, *edges(api.follow(member)))
        base = {**HELLO, "stream": True} if name == "stream_options" else HELLO
        play(one, value.map(lambda v, base=base, name=name: {**base, name: v}), REQUESTS // len(members))
    at_least(counts, 0.2, True, False)


def test_headers_of_completions(d: Daemon, api: Api) -> None:
    bodies = st.sampled_from([HELLO, {**HELLO, "seed": 1}, {**HELLO, "stream": True}, {**HELLO, "messages": []}])

    def one(pair: Any) -> None:
        body, headers = pair
        r = d.request("POST", CHAT, body, headers)
        api.check("POST", CHAT, r)
        assert end_of(r) in (fine_ends(body, headers) if body["messages"] else [(400, None), (409, "conflict")]), (pair, r.body)
        asked = headers.get("x-request-id", "")
        assert (r.headers["x-request-id"] == asked) == bool(re.fullmatch("[A-Za-z0-9_.:-]{1,128}", asked)), headers

    play(one, st.tuples(bodies, HEADERS), REQUESTS // 2)


def test_batches(d: Daemon, api: Api) -> None:
    schema, item = body_schema(api, BATCH), {"$ref": "#/components/schemas/BatchItem"}
    counts = Counter()  # type: ignore[var-annotated]
    head = {**api.follow(schema), "properties": {**api.follow(schema)["properties"],
            "requests": {**api.follow(schema)["properties"]["requests"], "items": {}}}}  # fmt: skip

    def one(body: Any) -> None:
        r = d.request("POST", BATCH, body)
        api.check("POST", BATCH, r)
        fits = api.fits(head, body)
        assert (r.status, r.error["code"] if r.status != 200 else None) == ((200, None) if fits else (400, None)), (body, r.body)
        counts[r.status] += 1
        if r.status == 200 and not body.get("stream"):
            results = r.json["results"]
            assert [x["index"] for x in results] == list(range(len(body["requests"])))
            for asked, got in zip(body["requests"], results):
                check_item(asked, got, body)

    def check_item(asked: Any, got: Any, body: Dict[str, Any]) -> None:
        good = api.fits(item, asked)
        code = None if got["status"] == "ok" else got["error"]["code"]
        if not good:
            assert (got["status"], code) == ("error", None), (asked, got)
        else:
            ends = [(got_code == 200, c) for got_code, c in fine_ends({"model": body.get("model"), **strip(asked)}, {})]
            assert (got["status"] == "ok", code) in ends, (asked, body, got)
        counts[good] += 1

    def strip(asked: Dict[str, Any]) -> Dict[str, Any]:
        return {name: value for name, value in asked.items() if value is not None}

    play_broken(one, Maker(api).of(schema), REQUESTS // 2)
    at_least(counts, 0.05, True, False, 200, 400)


def test_routing(d: Daemon, api: Api) -> None:
    schema, counts = body_schema(api, ROUTE), Counter()  # type: ignore[var-annotated]

    def one(body: Any) -> None:
        r = d.request("POST", ROUTE, body)
        api.check("POST", ROUTE, r)
        assert r.status == (200 if api.fits(schema, body) else 400), (body, r.body, api.why_not(schema, body))
        counts[r.status] += 1

    play_broken(one, Maker(api).of(schema))
    at_least(counts, 0.1, 200, 400)


@pytest.mark.parametrize("path", [CHAT, BATCH, ROUTE])
def test_bodies_that_are_no_requests(d: Daemon, api: Api, path: str) -> None:
    """Any bytes, and any JSON."""

    def one(body: Any) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        r = d.request("POST", path, raw, {"Content-Type": "application/json"})
        api.check("POST", path, r)
        assert r.status == 400, (raw, r.body)

    play(one, st.one_of(st.binary(max_size=60), TEXT.map(str.encode), JSON), REQUESTS // 4)


def test_usage(d: Daemon, api: Api) -> None:
    operation, counts = api.operation("GET", USAGE), Counter()  # type: ignore[var-annotated]
    schemas = {p["name"]: p["schema"] for p in api.parameters(operation, "query")}
    moments = st.sampled_from(["2026-01-01", "2026-11-24T08:00:00Z", "2026-11-24T08:00:00.5+01:00", "0", "1795516812", "2099-12-31",
                               "-1", "now", "2026-13-01", "99999999999999999999", ""])  # fmt: skip
    words = {name: st.one_of(st.sampled_from(api.follow(s)["enum"]), TEXT) for name, s in schemas.items() if "enum" in api.follow(s)}
    project = st.sampled_from(["default", "demo", "..", "a b", "", "x" * 65])
    made = st.fixed_dictionaries({}, optional={**words, "from": moments, "to": moments, "project_id": project, "other": TEXT})

    def one(query: Dict[str, str]) -> None:
        r = d.request("GET", f"{USAGE}?{urlencode(query)}")
        api.check("GET", USAGE, r)
        fits = all(api.fits(schemas[name], value) for name, value in query.items() if name in schemas)
        timed = "from" in query or "to" in query  # whether a time is one, and after the other, no schema says
        assert r.status in ((200, 400) if fits and timed else (200,) if fits else (400,)), (query, r.body)
        counts[r.status] += 1

    play(one, made)
    at_least(counts, 0.1, 200, 400)


@pytest.mark.parametrize("method, path", [
    ("GET", "/v1/models/{id}"), ("GET", "/v1/sessions/{id}"), ("DELETE", "/v1/sessions/{id}"), ("GET", "/docs/{file}")])  # fmt: skip
def test_paths(d: Daemon, api: Api, method: str, path: str) -> None:
    name = path[path.index("{") :]
    known = st.sampled_from(["auto", "haiku", "docs.css", "docs.js", "sess_" + "0" * 32, "..", ".", "%", "a%b"])
    made = st.tuples(st.one_of(known, st.text(min_size=1, max_size=30).filter(lambda s: "/" not in s and "\0" not in s)),
                     st.sampled_from(["", "?project_id=demo", "?project_id=..", "?v=1", "?" + "x" * 300]))  # fmt: skip

    def one(pair: Any) -> None:
        value, query = pair
        r = d.request(method, path.replace(name, quote(value, safe="", errors="surrogatepass")) + query)
        api.check(method, path, r)
        assert r.status in (200, 400, 404), (pair, r.body)

    play(one, made, REQUESTS // 4)


def test_open_routes_whatever_is_asked_of_them(d: Daemon, api: Api) -> None:
    routes = ["/", "/health", "/ready", "/metrics", "/openapi.json", "/docs", "/v1/models"]
    headers = st.fixed_dictionaries({}, optional={
        "Authorization": st.sampled_from(["Bearer x", "Basic eDp5", "Bearer", "x"]), "If-None-Match": st.sampled_from(["*", '"x"', ",", "W/"]),
        "Accept": st.sampled_from(["text/html", "*/*", ""]), "x-request-id": st.text("aZ9_.:- /", min_size=1, max_size=9)})  # fmt: skip

    def one(asked: Any) -> None:
        path, given_headers, query = asked
        r = d.request("GET", path + query, headers=given_headers)
        api.check("GET", path, r)
        assert r.status == (304 if given_headers.get("If-None-Match") == "*" and path in ("/openapi.json", "/docs") else 200)

    play(one, st.tuples(st.sampled_from(routes), headers, st.sampled_from(["", "?", "?a=b&a=c", "?%20=%2F"])), REQUESTS // 2)


def test_websocket_messages(d: Daemon, api: Api) -> None:
    schema = {"$ref": "#/components/schemas/StreamClientMessage"}
    server = {"$ref": "#/components/schemas/StreamServerMessage"}
    counts = Counter()  # type: ignore[var-annotated]
    with d.websocket() as ws:

        def one(message: Any) -> None:
            if isinstance(message, dict) and str(message.get("api_key", "")).startswith("ccapi_"):
                return
            ws.send(message)
            end = ws.next()
            while end["type"] in ("start", "token"):
                api.check_value(server, end, "a message")
                end = ws.next()
            api.check_value(server, end, "a message")
            fits = api.fits(schema, message)
            counts[fits] += 1
            if not fits:
                assert end["type"] == "error", (message, end)
            elif end["type"] == "error":
                asked = message if message["type"] == "chat" else {}
                codes = [code for _, code in fine_ends(asked, {"x-ccapi-strict": "true"} if asked.get("strict") else {})]
                assert end["error"]["code"] in (codes if asked else ["not_found"]), (message, end)

        play_broken(one, Maker(api).of(schema), REQUESTS // 2)
    at_least(counts, 0.1, True, False)
