"""What the OpenAPI document says of the API is so: its examples are sent, its errors provoked, and every answer is what
the document describes.  test_openapi_random.py goes on where examples end."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, List

import pytest
from harness import Daemon, Response, bearer, wait_for
from jsonschema import Draft202012Validator
from openapi import Api, shape

CHAT, BATCH, ROUTE, STREAM = "/v1/chat/completions", "/v1/batch", "/v1/route", "/v1/stream"
FREE_FORM = {"alternatives", "by_model", "data", "messages", "budget"}  # as long, or as filled, as it happens to be


@pytest.fixture(scope="module")
def d() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def api(d: Daemon) -> Api:
    return Api(d)


@pytest.fixture(scope="module")
def keyed() -> Iterator[Daemon]:
    with Daemon(options={"auth.required": True, "http.max_body": "64K"}) as daemon:
        yield daemon


def examples(media: Dict[str, Any]) -> Dict[str, Any]:
    return {name: one["value"] for name, one in media.get("examples", {}).items()}


def send(d: Daemon, method: str, path: str, body: Any = None, headers: Any = None) -> Response:
    return d.request(method, path, body, headers)


def filled(api: Api, d: Daemon, path: str, operation: Dict[str, Any]) -> str:
    """The path with its examples; a session of its own for those of sessions."""
    for p in api.parameters(operation, "path"):
        value = p["example"]
        if "/sessions/" in path:
            value = d.chat("My name is Ada.", session_id="new").headers["x-ccapi-session-id"]
        path = path.replace("{%s}" % p["name"], value)
    return path


# -- the document itself


def test_it_is_served_as_json_with_its_version_and_is_not_sent_twice(d: Daemon, api: Api) -> None:
    r = d.request("GET", "/openapi.json")
    assert r.headers["content-type"] == "application/json" and r.headers["cache-control"] == "no-cache"
    assert api.root["openapi"].startswith("3.1.") and api.root["servers"][0]["url"] == "/"
    assert api.root["info"]["version"] == d.request("GET", "/health").json["version"]
    again = d.request("GET", "/openapi.json", headers={"If-None-Match": r.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    api.check("GET", "/openapi.json", again)
    other = d.request("GET", "/openapi.json", headers={"If-None-Match": '"x", "y"'})
    assert other.status == 200 and other.body == r.body


def test_its_schemas_are_schemas_and_its_examples_fit_them(api: Api) -> None:
    checked = 0

    def walk(node: Any, where: str) -> None:
        nonlocal checked
        if isinstance(node, list):
            for i, item in enumerate(node):
                walk(item, f"{where}/{i}")
        if not isinstance(node, dict):
            return
        if "schema" in node:
            Draft202012Validator.check_schema(node["schema"])
            values = list(examples(node).values()) + ([node["example"]] if "example" in node else [])
            for value in values:
                api.check_value(node["schema"], value, where) if "responses" in where else None
                assert api.fits(node["schema"], value) or "requestBody" in where, where
                checked += 1
        for name, value in node.items():
            if name not in ("examples", "example"):
                walk(value, f"{where}/{name}")

    walk(api.root["paths"], "paths")
    walk(api.root["components"], "components")
    for name, schema in api.root["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        for value in schema.get("examples", []):
            assert api.why_not(schema, value) is None, (name, value)
            checked += 1
    assert checked > 40


# -- its examples, sent


def test_every_example_of_a_request_is_answered_as_its_example_says(d: Daemon, api: Api) -> None:
    sent = 0
    for method, path, operation in api.operations():
        media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, body in examples(media).items():
            r = send(d, method, path, body)
            said = api.check(method, path, r)
            if path != BATCH:  # there each item is told by itself what is wrong with it
                assert api.fits(media["schema"], body) == (r.status in (200, 404)), name
            kind = r.headers["content-type"].split(";")[0]
            answers = examples(said["content"][kind])
            if kind == "text/event-stream":
                assert body["stream"] and r.body.endswith(b"\n\n")
            else:
                assert name in answers, f"{path}: {name} was answered {r.status}, which has no such example"
                assert_alike(r.json, answers[name], f"{path}: {name}")
            sent += 1
    assert sent >= 12


def assert_alike(got: Any, example: Any, what: str) -> None:
    """The same members with values of the same types; texts of errors are the same."""
    if isinstance(got, dict) and isinstance(example, dict):
        assert set(got) == set(example), what
        for name in got:
            if name in FREE_FORM:
                continue
            if name == "error" and isinstance(got[name], dict):
                assert got[name] == example[name], what
            assert_alike(got[name], example[name], f"{what}.{name}")
    elif isinstance(got, list) and isinstance(example, list):
        assert len(got) == len(example), what
        for g, e in zip(got, example):
            assert_alike(g, e, what)
    else:
        assert shape(got) == shape(example), f"{what}: {got!r}, not like {example!r}"
        if isinstance(got, str) and what.endswith((".content", ".status", ".object", ".finish_reason", ".custom_id", ".rule")):
            assert got == example, what


def test_every_operation_without_a_body_answers_as_described(d: Daemon, api: Api) -> None:
    asked = 0
    for method, path, operation in api.operations():
        if "requestBody" in operation or path == STREAM:
            continue
        r = send(d, method, filled(api, d, path, operation))
        said = api.check(method, path, r)
        assert r.status == 200 or path == "/docs/{file}", (path, r.status)
        example = said["content"].get("application/json", {}).get("example")
        if example and r.status == 200:
            assert_alike(r.json, example, path)
        if method == "GET":
            head = send(d, "HEAD", filled(api, d, path, operation))
            assert (head.status, head.body) == (r.status, b"")
        asked += 1
    assert asked >= 12


@pytest.mark.parametrize("query", [
    "period=day", "period=all&group_by=day", "group_by=key", "format=csv", "from=2026-01-01", "to=1795516812&period=all",
    "from=2026-01-01T00:00:00Z&to=2027-01-01&group_by=model&project_id=default"])  # fmt: skip
def test_usage_answers_every_argument(d: Daemon, api: Api, query: str) -> None:
    r = d.request("GET", f"/v1/usage?{query}")
    assert r.status == 200, r.body
    api.check("GET", "/v1/usage", r)


def test_a_budget_is_described(keyed: Daemon, api: Api) -> None:
    key = bearer(keyed.new_key("budgeted"))
    keyed.ctl("budgets", "set", "--project", "budgeted", "--tokens", "100000")
    r = keyed.request("GET", "/v1/usage", headers=key)
    assert r.json["budget"]["limit_tokens"] == 100000
    api.check("GET", "/v1/usage", r)


# -- errors


def expect(api: Api, method: str, path: str, r: Response, status: int, code: Any) -> None:
    assert (r.status, r.error["code"]) == (status, code), r.body
    api.check(method, path, r)


def test_keys_bodies_and_methods_fail_as_described(keyed: Daemon, api: Api) -> None:
    narrow = bearer(keyed.new_key("narrow", "--scopes", "usage"))
    for method, path, operation in api.operations():
        where = re.sub(r"\{.*\}", "x", path)
        wrong = send(keyed, "PATCH", where)
        assert wrong.status == 405 and method in wrong.headers["allow"]
        api.check(method, path, wrong)
        foreign = send(keyed, method, where, headers={"Host": "elsewhere.example"})
        expect(api, method, path, foreign, 403, "permission_denied")
        body = {} if "requestBody" in operation else None
        bad = send(keyed, method, where, body, bearer("ccapi_nonsense"))
        if operation.get("security") == []:
            assert bad.status in (200, 404), path  # whatever key is presented
            continue
        if path != STREAM:  # its handshake is looked at first
            expect(api, method, path, bad, 401, "invalid_api_key")
            expect(api, method, path, send(keyed, method, where, body), 401, "invalid_api_key")
        scopes = operation.get("security", api.root["security"])[0]["bearer"]
        if scopes and scopes != ["usage"] and path != STREAM:
            expect(api, method, path, send(keyed, method, where, body, narrow), 403, "permission_denied")
        if body is not None:
            plain = send(keyed, method, where, b"{}", {"Content-Type": "text/plain"})
            expect(api, method, path, plain, 415, "unsupported_media_type")
            large = send(keyed, method, where, {"x": "y" * 70000}, bearer(keyed.new_key("large")))
            expect(api, method, path, large, 413, "request_too_large")


@pytest.mark.parametrize("prompt, params, status, code", [
    ("[[sim:error=500]] x", {}, 502, "upstream_error"),
    ("[[sim:error=529]] x", {}, 502, "upstream_error"),
    ("[[sim:crash=before]] x", {}, 502, "worker_failed"),
    ("[[sim:error=429]] x", {}, 429, "rate_limit_exceeded"),
    ("[[sim:delay=3600000]] x", {"timeout": 0.2}, 504, "timeout"),
    ("x", {"model": "gpt-4"}, 404, "model_not_found"),
    ("x", {"session_id": "sess_" + "0" * 32}, 404, "session_not_found"),
])  # fmt: skip
def test_failures_of_a_completion_are_described(
    d: Daemon, api: Api, prompt: str, params: Dict[str, Any], status: int, code: str
) -> None:
    expect(api, "POST", CHAT, d.chat(prompt, **params), status, code)


def test_limits_and_budgets_are_described(keyed: Daemon, api: Api) -> None:
    key = bearer(keyed.new_key("hasty", "--requests-per-minute", "1"))
    first = keyed.chat("one", headers=key)
    assert first.status == 200 and "x-ratelimit-limit-requests" in first.headers
    api.check("POST", CHAT, first)
    expect(api, "POST", CHAT, keyed.chat("two", headers=key), 429, "rate_limit_exceeded")
    poor = bearer(keyed.new_key("poor"))
    keyed.ctl("budgets", "set", "--project", "poor", "--tokens", "1")
    expect(api, "POST", CHAT, keyed.chat("three", headers=poor), 429, "insufficient_quota")


def test_idempotency_and_sessions_are_described(d: Daemon, api: Api) -> None:
    again = {"Idempotency-Key": "openapi-1"}
    answers = [d.chat("once", headers=again) for _ in range(2)]
    assert answers[1].headers["x-ccapi-idempotent-replay"] == "true"
    for r in answers:
        api.check("POST", CHAT, r)
    expect(api, "POST", CHAT, d.chat("other", headers=again), 409, "conflict")
    session = d.chat("begin", session_id="new").headers["x-ccapi-session-id"]
    gone = d.request("DELETE", f"/v1/sessions/{session}")
    api.check("DELETE", "/v1/sessions/{id}", gone)
    expect(api, "GET", "/v1/sessions/{id}", d.request("GET", f"/v1/sessions/{session}"), 404, "session_not_found")


def test_a_stream_that_breaks_is_described(d: Daemon, api: Api) -> None:
    body = {"model": "haiku", "stream": True, "messages": [{"role": "user", "content": "[[sim:crash=after]] x"}]}
    r = send(d, "POST", CHAT, body)
    assert r.status == 200 and b"worker_failed" in r.body
    api.check("POST", CHAT, r)


def test_a_daemon_that_is_not_ready_says_so_as_described(api: Api) -> None:
    with Daemon(faults="not_logged_in", ready=False) as d:
        d.wait_listening()
        ready = wait_for(lambda: (lambda r: r.status == 503 and r.json["reason"] != "starting" and r)(d.request("GET", "/ready")),
                         "a reason")  # fmt: skip
        api.check("GET", "/ready", ready)
        expect(api, "POST", CHAT, d.chat("x"), 503, "backend_unavailable")
        expect(api, "GET", "/v1/models", d.request("GET", "/v1/models"), 503, "backend_unavailable")


# -- fields


def test_every_parameter_of_the_document_is_looked_at_and_no_other_is(d: Daemon, api: Api) -> None:
    """A value of a wrong type is refused by name; names that are not described are passed over."""
    names: List[str] = []
    for part in api.root["components"]["schemas"]["ChatRequest"]["allOf"]:
        names += list(api.follow(part)["properties"])
    assert len(names) > 35
    for name in names:
        body = {"messages": [{"role": "user", "content": "x"}], name: 1 if "integer" not in str(type_of(api, name)) else "x"}
        if type_of(api, name) == "number":
            body[name] = "x"
        r = send(d, "POST", CHAT, body)
        expect(api, "POST", CHAT, r, 400, None)
        assert r.error["param"].split(".")[0] == name, r.error
    r = send(d, "POST", CHAT, {"messages": [{"role": "user", "content": "x"}], "unheard_of": [1], "Model": 7})
    assert r.status == 200 and "x-ccapi-ignored-params" not in r.headers


def type_of(api: Api, name: str) -> Any:
    for part in api.root["components"]["schemas"]["ChatRequest"]["allOf"]:
        schema = api.follow(part)["properties"].get(name)
        if schema is not None:
            listed = api.follow(schema).get("type", "object")
            return next(t for t in listed if t != "null" or listed == ["null"]) if isinstance(listed, list) else listed
    raise KeyError(name)


def test_what_is_not_honoured_is_named_and_refused_to_the_strict(d: Daemon, api: Api) -> None:
    values = {"integer": 2, "number": 1.5, "boolean": True, "string": "x", "array": ["x"], "object": {"x": 1}}
    ignored = [name for name, schema in api.root["components"]["schemas"]["CompletionParameters"]["properties"].items()
               if "Not honoured" in schema.get("description", "")]  # fmt: skip
    assert len(ignored) > 10
    for name in ignored:
        body = {"messages": [{"role": "user", "content": "x"}], name: values[type_of(api, name)]}
        r = send(d, "POST", CHAT, body)
        assert (r.status, r.headers["x-ccapi-ignored-params"]) == (200, name), r.body
        api.check("POST", CHAT, r)
        strict = send(d, "POST", CHAT, body, {"x-ccapi-strict": "true"})
        expect(api, "POST", CHAT, strict, 400, None)
        assert strict.error["param"] == name


# -- WebSocket


def test_the_messages_of_a_websocket_are_as_described(keyed: Daemon, api: Api) -> None:
    schemas = api.root["components"]["schemas"]
    server = {"$ref": "#/components/schemas/StreamServerMessage"}
    mine = [api.follow(one)["examples"][0] for one in schemas["StreamClientMessage"]["oneOf"]]
    got: List[Dict[str, Any]] = []
    key = keyed.new_key("stream")
    with keyed.websocket() as ws:
        for message in mine:
            if message["type"] == "auth":
                message = {**message, "api_key": key}
            if message["type"] == "chat":
                message = {**message, "messages": [{"role": "user", "content": "[[sim:pace=100]] a few words"}]}
            ws.send(message)
        ws.send({"type": "cancel", "id": "nobody"})
        ws.send({"type": "chat", "id": "b", "model": "haiku", "session_id": "new", "messages": [{"role": "user", "content": "Hi"}]})
        while not {"a", "b"} <= {m.get("id") for m in got if m["type"] in ("done", "error")}:
            got.append(ws.next())
    for m in got:
        api.check_value(server, m, "a message of the server")
    told = {api.follow(one)["properties"]["type"]["const"] for one in schemas["StreamServerMessage"]["oneOf"]}
    assert told == {m["type"] for m in got}


def test_an_ordinary_request_to_the_stream_is_told_to_upgrade(d: Daemon, api: Api) -> None:
    expect(api, "GET", STREAM, d.request("GET", STREAM), 426, None)


def test_the_index_lists_what_the_document_has(d: Daemon, api: Api) -> None:
    listed = {(row["method"], row["path"]) for row in d.request("GET", "/").json["routes"]}
    assert listed == {(method, path) for method, path, _ in api.operations()}
    assert json.dumps(api.root)  # it is plain JSON
